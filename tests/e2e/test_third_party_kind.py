"""A kind from another package, installed in an environment of its own, works like ours."""

import json
import os
import site
import subprocess
import sys
from pathlib import Path

import pytest

import tta_interactive
from tta_interactive.worker.start import stop_worker

PACKAGE = Path(__file__).with_name("shouting")
PROGRAM = """
import json, tta_interactive as tta
good = tta.wait(tta.submit("shout", {"text": "hey", "times": 2}), 30)
quiet = tta.wait(tta.submit("shout", {"text": "42"}), 30)
try:
    tta.submit("shout", {"txt": "hey"})
except tta.TTAError as error:
    refused = str(error)
print(json.dumps([good.label, good.status, good.result, tta.logs(good.id), good.error,
                  quiet.status, quiet.error.model_dump(), refused]))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has our package, and the third party's."""
    venv = tmp_path_factory.mktemp("env")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    folder = next((venv / "lib").glob("python*")) / "site-packages"
    ours = [*site.getsitepackages(), str(Path(tta_interactive.__file__).parent.parent)]
    (folder / "ours.pth").write_text("\n".join(ours) + "\n")
    source = tmp_path_factory.mktemp("source")
    for file in PACKAGE.glob("*.*"):
        (source / file.name).write_text(file.read_text())
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command = [sys.executable, "-m", "pip", "--python", str(python), *install, str(source)]
    subprocess.run(command, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return python


def test_a_kind_from_another_package_is_submitted_run_and_verified(
    python: Path, home: Path
) -> None:
    env = {**os.environ, "TTA_HOME": str(home)}
    try:
        done = subprocess.run(
            [str(python), "-c", PROGRAM], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    finally:
        stop_worker(home)
    label, status, result, log, error, quiet, why, refused = json.loads(done.stdout)
    assert (label, status, result, error) == ("shout hey", "completed", {"said": "HEY HEY"}, None)
    assert log == "shouting\n"
    assert (quiet, why["code"]) == ("failed", "not_verified")
    assert why["message"] == "'42' is not loud."
    assert "'shout' cannot take these params" in refused
    assert "It knows: text, times." in refused
