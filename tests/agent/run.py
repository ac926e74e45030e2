"""A coding agent that others wrote has tests made, and knows nothing of us but the tool list.

    python -m tests.agent.run

The agent is Qwen Code, from npm, configured by `tta mcp install`. Its model is a function on
loopback (`model.py`): it makes one first call, and then only does what each answer says is next. So
what is tried is whether our words lead an agent to the end: what the server was asked is written
down, and no call may be in vain.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.agent.model import Asked, Call, Mind, serving
from tests.e2e.mcp_wire import REPOSITORY, Host, environment
from tests.node import NODE, installed

HERE: Final = Path(__file__).parent
PROGRAM: Final = "node_modules/@qwen-code/qwen-code/cli.js"
MODULE: Final = '''\
def area(width, height):
    """The area of a rectangle."""
    if width < 0 or height < 0:
        raise ValueError("no side is negative")
    return width * height


def is_square(width, height):
    return area(width, height) > 0 and width == height
'''
SETTINGS: Final = {
    "security": {"auth": {"selectedType": "openai"}},
    "model": {"name": "scripted"},
    "general": {"enableAutoUpdate": False},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    # Our tools are shown to the model as they are, beside one that reads files.
    "tools": {"core": ["read_file"], "toolSearch": {"enabled": False}},
}
FIRST: Final = {
    "tta_submit": {"kind": "tests", "params": {"module_path": "shapes.py"}},
    "tta_generate_tests": {"module_path": "shapes.py", "wait_seconds": 50},
}
WAIT: Final = re.compile(r"call tta_wait with task_ids \[\\?\"(t_[\w-]+)\\?\"\]")
READ: Final = re.compile(r"The kept tests are in '([^']+)': read that file\.")
PATIENCE: Final = 180.0


def mind(first: str, project: Path) -> Mind:
    """A model that calls this tool first, and then does what each answer says is next."""

    def next_step(asked: Asked) -> Call | str:
        named = {tool.rpartition("__")[2]: tool for tool in asked.tools}
        if not asked.answers:
            return Call(named[first], FIRST[first])
        last = asked.answers[-1]
        if found := WAIT.search(last):
            return Call(named["tta_wait"], {"task_ids": [found[1]], "timeout_seconds": 50})
        if found := READ.search(last):
            return Call("read_file", {"file_path": str(project / found[1])})
        if len(asked.answers) > 1 and (found := READ.search(asked.answers[-2])):
            return f"Verified tests: {found[1]}"
        return f"I do not know what to do with this: {last}"

    return next_step


def drive(first: str, host: Host, place: Path) -> dict[str, Any]:
    """What the server was asked, what the agent said at last, and whether it is true."""
    project, home = host.project, host.home / first
    shutil.rmtree(project / "tests", ignore_errors=True)
    (project / "shapes.py").write_text(MODULE)
    calls = host.home / f"{first}.jsonl"
    configure(host, home, calls)
    with serving(mind(first, project)) as url:
        done = subprocess.run(
            [NODE, place / PROGRAM, "--yolo", "-o", "json", "Write verified tests for shapes.py."],
            cwd=project,
            env={
                **environment(home),
                "OPENAI_API_KEY": "none",
                "OPENAI_BASE_URL": url,
                "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    try:
        said = json.loads(done.stdout)[-1]["result"]
    except (ValueError, LookupError):
        return {"agent": f"{done.stdout[-2000:]}{done.stderr}"}
    return {
        "asked": asked_of(calls),
        "said": said,
        "passes": pytest_passes(project, said.removeprefix("Verified tests: ")),
    }


def configure(host: Host, home: Path, calls: Path) -> None:
    """The agent's own settings, and ours as `tta mcp install` writes them, behind the relay."""
    (home / ".qwen").mkdir(parents=True)
    (home / ".qwen/settings.json").write_text(json.dumps(SETTINGS))
    settings = host.project / ".qwen/settings.json"
    settings.unlink(missing_ok=True)
    subprocess.run(
        [sys.executable, "-P", "-m", "tta_interactive", "mcp", "install", "qwen", "--write"],
        cwd=host.project,
        env=environment(home),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    written = json.loads(settings.read_text())
    entry = written["mcpServers"]["tta"]
    entry["args"] = [str(HERE / "relay.py"), str(calls), entry["command"], *entry["args"]]
    entry["command"] = sys.executable
    entry["env"] = {"TTA_HOME": str(host.home), "PYTHONPATH": str(REPOSITORY)}
    settings.write_text(json.dumps(written))


def asked_of(calls: Path) -> list[str]:
    """The tools that the server was asked to call."""
    messages = [json.loads(line) for line in calls.read_text().splitlines()]
    return [each["params"]["name"] for each in messages if each.get("method") == "tools/call"]


def pytest_passes(project: Path, path: str) -> bool:
    if not (project / path).is_file():
        return False
    command = [sys.executable, "-P", "-m", "pytest", "-q", path]
    done = subprocess.run(
        command, cwd=project, env={**os.environ, "PYTHONPATH": str(project)}, check=False,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode == 0


def main() -> int:
    place = installed(HERE)
    wrong = 0
    with Host.made() as host:
        for first in FIRST:
            seen = drive(first, host, place)
            # The first call, and one wait for as long as the work takes: nothing in vain.
            calls = [first, "tta_wait"] if first == "tta_submit" else [first]
            expected = {
                "asked": calls,
                "said": "Verified tests: tests/test_shapes.py",
                "passes": True,
            }
            wrong += seen != expected
            verdict = "as expected" if seen == expected else seen
            print(f"agent {first}: {verdict}", flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
