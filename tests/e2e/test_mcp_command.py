"""The command `tta-mcp`: its options, what it says when it cannot serve, what it loads."""

import re
import subprocess
import sys

import pytest

from tests.e2e.mcp_agent import REPOSITORY, Place, environment, options


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--allow", "call"], "never taken from an agent"),
        (["--allow", "shel"], "There is no kind 'shel'"),
        (["--root", "/nowhere"], "is no directory"),
        (["--root", "/"], "more than one project"),
        (["--alow", "shell"], "unrecognized arguments"),
        (["--share"], "unrecognized arguments"),
    ],
)
def test_a_wrong_command_line_is_refused_in_words(
    place: Place, flags: list[str], words: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mcp_server", *options(place), *flags],
        cwd=place.project,
        env=environment(place),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


NO_SDK = """
import sys
sys.modules["mcp"] = None
from mcp_server.__main__ import main
sys.exit(main())
"""


def test_without_the_sdk_the_words_say_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", NO_SDK],
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert 'pip install "tta-interactive[mcp]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_that_of_the_package(place: Place) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mcp_server", "--version"],
        env=environment(place),
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"tta-mcp \d[\w.]*\n", done.stdout)


HEAVY = """
import sys
from mcp_server.__main__ import main
try:
    main(["--home", sys.argv[1], "--root", sys.argv[2]])
finally:
    print([name for name in ("IPython", "ipywidgets", "numpy", "jupyter_client")
           if name in sys.modules], file=sys.stderr)
"""


def test_the_server_imports_nothing_of_the_notebook(place: Place) -> None:
    frame = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    done = subprocess.run(
        [sys.executable, "-P", "-c", HEAVY, str(place.home), str(place.project)],
        env=environment(place),
        input=frame,
        capture_output=True,
        check=False,
    )
    assert b'"result":{}' in done.stdout
    assert done.stderr.splitlines()[-1] == b"[]"
