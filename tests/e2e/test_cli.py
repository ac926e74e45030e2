"""Every command of `tta` against a real store and a real worker.

Most tests call `main` in this process, where a coverage tool sees it; what is about signals,
pipes and terminals is in `test_cli_process.py`.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import until
from tta_interactive.cli.main import main
from tta_interactive.task import Task
from tta_interactive.worker.start import stop_worker, worker_pid

HOSTILE = "a\x1b]52;c;aGk=\x07\x1b[2J\u202eb"
PRINT_HOSTILE = r"printf 'one\n\033]0;owned\007\033[2J\033[31mred\033[0m\rover\nlast\n'"


class Tta:
    """Runs the command in this process and keeps what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *argv: str) -> int:
        self._capsys.readouterr()
        code = main(argv)
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *argv: str, code: int = 0) -> Any:
        """The one JSON value that the command prints."""
        assert self(*argv, "--json") == code
        assert self.err == ""
        return json.loads(self.out)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="tta-cli-"))
    yield place
    assert stop_worker(place)
    shutil.rmtree(place)


@pytest.fixture
def tta(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Tta:
    monkeypatch.setenv("TTA_HOME", str(home))
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)
    return Tta(capsys)


def submitted(tta: Tta, *argv: str) -> str:
    assert tta("submit", *argv) == 0
    return tta.out.strip()


# ---- submit and wait


def test_submit_prints_the_id_and_nothing_else(tta: Tta) -> None:
    task_id = submitted(tta, "shell", "--", "true")
    assert task_id.startswith("t_")
    assert len(task_id) == 24
    assert tta("wait", task_id) == 0


def test_c3_a_command_after_two_dashes_is_kept_word_by_word(tta: Tta) -> None:
    words = ["printf", "%s|", "a b", "$HOME", "*", "'q'", "--json", "--", ""]
    assert tta("submit", "--wait", "--", *words) == 0
    assert tta.out.splitlines()[-1] == "a b|$HOME|*|'q'|--json|--||"
    task = tta.json("list", "--limit", "1")[0]
    assert (task["kind"], task["params"]) == ("shell", {"argv": words})


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["shell", "--", "true"], 0),
        (["shell", "--", "false"], 1),
        (["os.path:join", "a", "b"], 0),
        (["no.such:thing"], 1),
        (["shell", "--timeout", "0.2", "--", "sleep", "60"], 1),
    ],
)
def test_submit_and_wait_ends_as_the_task_ends(tta: Tta, words: list[str], code: int) -> None:
    assert tta("submit", "--wait", *words) == code


def test_the_result_of_a_function_is_printed(tta: Tta) -> None:
    assert tta("submit", "os.path:join", "a", "b", "--wait") == 0
    assert tta.out.splitlines()[-1] == "a/b"


def test_a_failure_shows_the_reason_and_the_last_output(tta: Tta) -> None:
    assert tta("submit", "shell", "echo why; exit 3", "--wait") == 1
    assert "exited with 3" in tta.out
    assert tta.out.splitlines()[-1] == "why"


def test_options_of_submit_reach_the_task(tta: Tta) -> None:
    first = submitted(tta, "shell", "--", "true")
    task = tta.json(
        "submit", "shell", "true", "--name", "n", "--priority", "high", "--timeout", "2m",
        "--retries", "2", "--key", f"k-{first}", "--after", first, "--sandbox", "limits",
    )  # fmt: skip
    assert task["label"] == "n"
    assert task["priority"] == 1
    assert task["timeout"] == 120
    assert task["max_attempts"] == 3
    assert task["request_key"] == f"k-{first}"
    assert task["after"] == [first]
    assert task["sandbox"] == 1
    assert task["owner"] == "cli"
    assert task["workspace"] == os.getcwd()


def test_the_same_key_gives_the_same_task_and_another_request_is_refused(tta: Tta) -> None:
    first = submitted(tta, "shell", "true", "--key", "same")
    assert submitted(tta, "shell", "true", "--key", "same") == first
    assert tta("submit", "shell", "false", "--key", "same") == 2
    assert "already belongs to task" in tta.err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nothing-like-it"],
        ["shell"],
        ["shell", "true", "--retries", "-1"],
        ["shell", "true", "--timeout", "0"],
        ["shell", "true", "--nmae", "x"],
        ["python", "def"],
        ["shell", "true", "wrong=1"],
    ],
)
def test_a_wrong_submit_exits_with_2_and_one_line(tta: Tta, words: list[str]) -> None:
    assert tta("submit", *words) == 2
    assert tta.out == ""
    assert len(tta.err.splitlines()) == 1


def test_a_wait_that_runs_out_exits_with_4_and_the_task_goes_on(tta: Tta) -> None:
    task_id = submitted(tta, "shell", "--", "sleep", "60")
    assert tta("wait", task_id, "--timeout", "0.3") == 4
    assert tta.json("status", task_id)["status"] == "running"
    assert tta("cancel", task_id) == 0
    assert tta("wait", task_id, "--timeout", "20") == 3
    assert tta.json("status", task_id)["status"] == "cancelled"


def test_wait_any_is_content_with_the_first(tta: Tta) -> None:
    slow = submitted(tta, "shell", "--", "sleep", "60")
    quick = submitted(tta, "shell", "--", "true")
    found = tta.json("wait", slow, quick, "--any", "--timeout", "20")
    assert [task["id"] for task in found] == [quick]
    assert tta("cancel", slow) == 0


def test_wait_knows_names_and_prefixes(tta: Tta) -> None:
    task_id = submitted(tta, "shell", "true", "--name", "named by me")
    assert tta("wait", "named by me") == 0
    assert tta.json("wait", task_id[:12])["id"] == task_id


def test_waiting_for_several_reports_each_and_the_worst_decides(tta: Tta) -> None:
    good, bad = submitted(tta, "shell", "true"), submitted(tta, "shell", "false")
    found = tta.json("wait", good, bad, code=1)
    assert [task["status"] for task in found] == ["completed", "failed"]


# ---- status, list, cancel, retry


def test_status_without_an_id_counts_and_shows_what_is_unfinished(tta: Tta) -> None:
    task_id = submitted(tta, "shell", "--", "sleep", "60")
    assert tta("status") == 0
    assert " running" in tta.out or " queued" in tta.out
    assert task_id in tta.out
    assert [task["id"] for task in tta.json("status")] == [task_id]
    assert tta("cancel", task_id) == 0


def test_status_shows_why_a_task_failed_and_the_traceback_on_request(tta: Tta) -> None:
    task_id = submitted(tta, "json:loads", "{")
    assert tta("wait", task_id) == 1
    assert tta("status", task_id) == 0
    assert "JSONDecodeError" in tta.out
    assert "Traceback" not in tta.out
    assert tta("status", task_id, "--traceback") == 0
    assert "Traceback" in tta.out


def test_list_filters_by_state_kind_and_owner(tta: Tta) -> None:
    call = submitted(tta, "os.path:join", "a")
    assert tta("wait", call) == 0
    found = tta.json("list", "--state", "completed", "--kind", "call", "--limit", "1")
    assert [task["id"] for task in found] == [call]
    assert tta.json("list", "--owner", "nobody") == []


def test_cancel_all_ends_every_unfinished_task(tta: Tta) -> None:
    ids = [submitted(tta, "shell", "--", "sleep", "60") for _ in range(4)]
    assert tta("cancel", "--all") == 0
    assert all(task_id in tta.out for task_id in ids)
    assert tta("wait", *ids, "--timeout", "20") == 3
    assert tta.json("status") == []


def test_cancelling_what_is_over_says_so_and_changes_nothing(tta: Tta) -> None:
    task_id = submitted(tta, "shell", "true")
    assert tta("wait", task_id) == 0
    assert tta("cancel", task_id) == 0
    assert "was over already: completed" in tta.out
    assert tta("cancel") == 2


def test_retry_submits_the_same_again_as_a_new_task(tta: Tta) -> None:
    task_id = submitted(tta, "shell", "--", "false")
    assert tta("wait", task_id) == 1
    assert tta("retry", task_id, "--wait") == 1
    new = tta.json("list", "--limit", "1")[0]
    assert new["id"] != task_id
    assert new["params"] == {"argv": ["false"]}


@pytest.mark.parametrize("wanted", ["--help-me", "-rf", "*", "t_nonesuch", "", "%", "t_\x1b[2J"])
@pytest.mark.parametrize("command", ["status", "wait", "cancel", "logs", "retry"])
def test_c2_an_id_is_exact_or_a_unique_prefix_and_never_a_pattern(
    tta: Tta, command: str, wanted: str
) -> None:
    running = submitted(tta, "shell", "--", "sleep", "60")
    try:
        assert tta(command, "--", wanted) == 5
        assert "No task has the id" in tta.err
        assert "\x1b" not in tta.err
        if wanted.startswith("-"):
            assert tta(command, wanted) == 2
        assert tta.json("status", running)["status"] in ("queued", "running")
    finally:
        assert tta("cancel", running) == 0


def test_c2_a_prefix_of_two_tasks_is_refused_with_both(tta: Tta) -> None:
    ids = [submitted(tta, "shell", "true") for _ in range(2)]
    assert tta("wait", *ids) == 0
    assert tta("cancel", "t_") == 2
    assert "fits several tasks" in tta.err


# ---- logs


def test_c1_a_hostile_log_is_escaped_and_raw_only_on_request(tta: Tta) -> None:
    task_id = submitted(tta, "shell", PRINT_HOSTILE)
    assert tta("wait", task_id) == 0
    assert "\x1b" not in tta.out
    for follow in ([], ["-f"]):
        assert tta("logs", task_id, *follow) == 0
        assert tta.out == "one\n\\x1b]0;owned\\x07\\x1b[2Jred\nover\nlast\n"
        assert tta("logs", task_id, "--raw", *follow) == 0
        assert tta.out == "one\n\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[0m\rover\nlast\n"


def test_logs_shows_the_last_lines(tta: Tta) -> None:
    task_id = submitted(tta, "shell", "seq 100; printf end")
    assert tta("wait", task_id) == 0
    for follow in ([], ["-f"]):
        assert tta("logs", task_id, "-n", "2", *follow) == 0
        assert tta.out == "100\nend\n"
    assert tta.json("logs", task_id, "-n", "1")["log"] == "end"


def test_following_a_log_ends_with_the_task(tta: Tta) -> None:
    script = "import time\nfor i in range(5): print(i, flush=True); time.sleep(0.1)"
    task_id = submitted(tta, "shell", "--", sys.executable, "-c", script)
    assert tta("logs", "-f", task_id) == 0
    assert tta.out == "0\n1\n2\n3\n4\n"
    assert tta.json("status", task_id)["status"] == "completed"


# ---- JSON


def test_c10_json_with_hostile_text_is_valid_and_has_one_schema(tta: Tta) -> None:
    words = ["shell", PRINT_HOSTILE, "--name", HOSTILE]
    task = tta.json("submit", *words, "--wait")
    again = [task, tta.json("status", task["id"]), tta.json("wait", task["id"])]
    again += [tta.json("cancel", task["id"]), tta.json("list", "--limit", "1")[0]]
    for found in again:
        assert Task.model_validate(found).label == HOSTILE
        assert found.keys() == Task.model_fields.keys()
    assert tta.out.isascii()
    assert "\x1b" not in tta.out
    log = tta.json("logs", task["id"])
    assert log["log"].startswith("one\n\x1b]0;owned")
    assert tta.out.isascii()


def test_an_error_is_json_too(tta: Tta) -> None:
    found = tta.json("status", "nope", code=5)
    assert found["error"]["code"] == "task_not_found"
    assert found["error"]["exit_code"] == 5
    assert tta.json("status", "--wat", code=2)["error"]["code"] == "invalid_request"


# ---- worker and gc


def test_the_worker_can_be_stopped_looked_at_and_started(tta: Tta, home: Path) -> None:
    assert tta("worker", "stop") == 0
    assert tta.json("worker", "status") == {"running": False, "home": str(home)}
    assert tta("worker", "start") == 0
    found = tta.json("worker", "status")
    assert found["pid"] == worker_pid(home)
    assert found["memory_bytes"] > 2**20
    assert found["uptime_seconds"] < 60


def test_stopping_the_worker_says_what_that_ended(tta: Tta) -> None:
    task_id = submitted(tta, "shell", "--", "sleep", "60")
    until(lambda: tta.json("status", task_id)["status"] == "running", what="it runs")
    assert tta("worker", "stop") == 0
    assert "1 running task was ended" in tta.err
    assert tta.json("status", task_id)["error"]["code"] == "lost"


def test_c8_gc_removes_only_what_is_over_and_old_enough(tta: Tta) -> None:
    done = submitted(tta, "shell", "true")
    assert tta("wait", done) == 0
    running = submitted(tta, "shell", "--", "sleep", "60")
    assert done not in tta.json("gc", "--older-than", "1h")["ids"]
    assert done in tta.json("gc", "--older-than", "0s", "--dry-run")["ids"]
    assert tta.json("status", done)["id"] == done
    gone = tta.json("gc", "--older-than", "0s")
    assert done in gone["ids"]
    assert running not in gone["ids"]
    assert tta("status", done) == 5
    assert tta.json("status", running)["status"] in ("queued", "running")
    assert tta("cancel", running) == 0
