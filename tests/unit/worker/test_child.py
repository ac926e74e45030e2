"""What a Python task may return, raise and do to its result."""

import base64
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from attempt_tools import Attempt, Attempts

from tta_interactive.worker.attempt import Outcome

Run = Callable[..., Attempt]


def error(outcome: Outcome) -> dict[str, str]:
    assert outcome.status == "failed"
    assert outcome.error is not None
    return dict(outcome.error)


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("1 + 1", 2),
        ("x = 3", None),
        ("", None),
        ("{'a': [1, 2.5, None, True, 'ü\\0']}", {"a": [1, 2.5, None, True, "ü\0"]}),
        ("(1, 2)", [1, 2]),
        ("import sys; sys.exit()", None),
        ("import sys; sys.exit(0)", None),
        ("if __name__ == '__main__': found = 7\nfound", 7),
        ("async def f(): return 5\nf()", 5),
        ("import sys; sys.modules['__main__'].__dict__['x'] = 1\nx", 1),
    ],
)
def test_the_last_expression_is_the_result(python: Run, code: str, result: object):
    outcome = python(code).outcome()
    assert outcome.status == "completed", outcome
    assert outcome.result == result


@pytest.mark.parametrize(
    ("code", "type_name"),
    [
        ("{1, 2}", "set"),
        ("float('nan')", "float"),
        ("{1: 2}", "dict"),
        ("'\\ud800'", "str"),
        ("10 ** 5000", "int"),
        ("b'x' * 10**6", "bytes"),
        ("print", "builtin_function_or_method"),
        ("a = []; a.append(a); a", "list"),
        ("d = []\nfor _ in range(100_000): d = [d]\nd", "list"),
        ("[{i} for i in range(10**6)]", "list"),
    ],
)
def test_what_json_cannot_say_becomes_a_bounded_repr(attempts: Attempts, code: str, type_name: str):
    outcome = attempts.python(code).outcome()
    assert outcome.status == "completed", outcome
    assert outcome.result["type"] == type_name
    assert len(outcome.result["repr"]) <= 10_000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise RuntimeError", "its repr raised RuntimeError"),
        ("import time; time.sleep(60)", "its repr took over 2 s"),
        ("\n  while True: pass", "its repr took over 2 s"),
        ("return 'y' * 10**9", ""),
        ("return 3", "its repr raised TypeError"),
        ("raise SystemExit", "its repr raised SystemExit"),
    ],
)
def test_a_repr_that_misbehaves_does_not_fail_the_task(attempts: Attempts, body: str, words: str):
    outcome = attempts.python(f"class R:\n def __repr__(self): {body}\nR()").outcome()
    assert outcome.status == "completed", outcome
    assert words in outcome.result["repr"]
    assert len(outcome.result["repr"]) <= 10_000
    assert outcome.duration < 10


def test_an_exception_becomes_an_error_with_its_traceback(python: Run):
    attempt = python("def f():\n    raise ValueError('no good')\nf()")
    found = error(attempt.outcome())
    assert found["code"] == "error"
    assert found["message"] == "ValueError: no good"
    assert "raise ValueError('no good')" in found["detail"]
    assert "child.py" not in found["detail"]
    assert b"ValueError: no good" in attempt.log()


def test_a_traceback_is_bounded(attempts: Attempts):
    found = error(attempts.python("raise ValueError('x' * 10**7)").outcome())
    assert len(found["detail"].encode()) <= 64 * 1024
    assert len(found["message"]) <= 2000


@pytest.mark.parametrize(
    ("code", "message", "exit_code"),
    [
        ("import sys; sys.exit(3)", "exited with 3", 3),
        ("import sys; sys.exit(256)", "exited with 256", 1),
        ("import sys; sys.exit('bye')", "exited: bye", 1),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
        ("import os; os._exit(4)", "exited with 4", 4),
    ],
)
def test_leaving_with_trouble_is_a_failure(python: Run, code: str, message: str, exit_code: int):
    outcome = python(code).outcome()
    assert error(outcome)["message"] == message
    assert outcome.exit_code == exit_code


def test_ending_without_a_result_is_no_success(python: Run):
    assert error(python("import os; os._exit(0)").outcome())["code"] == "bad_result"


def test_dying_after_the_result_is_no_success(python: Run):
    code = "import atexit, os\natexit.register(os._exit, 9)\n'fine'"
    assert "exited with 9" in error(python(code).outcome())["message"]


def test_there_is_no_keyboard(python: Run):
    found = error(python("input('name? ')").outcome())
    assert found["message"].startswith("EOFError")
    assert found["remedy"]


def test_threads_and_exit_functions_run_to_their_end(python: Run):
    attempt = python(
        "import atexit, threading, time\n"
        "atexit.register(print, 'exit function')\n"
        "threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\n"
    )
    assert attempt.outcome().status == "completed"
    assert attempt.log() == b"thread\nexit function\n"


def test_prints_are_seen_at_once_and_in_any_encoding(python: Run):
    attempt = python("import time\nprint('ü \\ud800')\ntime.sleep(60)", timeout=20.0)
    while b"ud800" not in attempt.log():
        assert not attempt.is_over
        time.sleep(0.01)
    attempt.cancel()
    assert attempt.outcome().status == "cancelled"
    assert attempt.log().startswith("ü \\ud800\n".encode())


def test_closed_streams_do_not_lose_the_result(python: Run):
    outcome = python(
        "import sys, os\nsys.stdout.close(); sys.stderr.close(); os.close(2)\n5"
    ).outcome()
    assert outcome.result == 5


def test_the_workspace_offers_modules_to_python_and_call(attempts: Attempts):
    (attempts.workspace / "mine.py").write_text("def f(a, b=1): return [a, b]")
    assert attempts.python("import mine\nmine.f(3)").outcome().result == [3, 1]
    outcome = attempts.start(
        child="call", payload={"function": "mine:f", "args": [1], "kwargs": {"b": 2}}
    ).outcome()
    assert outcome.result == [1, 2]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("no_such_module:f", "'no_such_module' cannot be found"),
        ("os:nothing", "has no 'nothing'"),
        ("os:sep", "is a str, which cannot be called"),
    ],
)
def test_a_function_that_is_not_there_is_explained(attempts: Attempts, function: str, words: str):
    outcome = attempts.start(child="call", payload={"function": function}).outcome()
    assert words in error(outcome)["message"]


def test_a_pickled_function_is_called_in_the_task(attempts: Attempts):
    text = base64.b64encode(pickle.dumps((divmod, (7, 2), {}))).decode()
    outcome = attempts.start(child="call", payload={"pickle": text, "function": None}).outcome()
    assert outcome.result == [3, 1]


def test_a_pickle_that_cannot_be_opened_is_explained(attempts: Attempts):
    for data in (b"garbage", b"cno_such_module\nf\n."):
        text = base64.b64encode(data).decode()
        found = error(attempts.start(child="call", payload={"pickle": text}).outcome())
        assert "pickled function" in found["message"]


def test_a_result_that_is_too_large_is_a_failure(python: Run):
    found = error(python("'x' * 2000", max_result_bytes=1000).outcome())
    assert found["code"] == "bad_result"
    assert "2,0" in found["message"]


PLACE = "import os\np = os.path.join(os.path.dirname(os.environ['TMPDIR']), 'io', 'result.json')\n"


@pytest.mark.parametrize(
    "act",
    [
        "os.symlink('/etc/passwd', p)",
        "os.symlink('/dev/zero', p)",
        "open(p + 'x', 'w').write('{\"result\": 1}'); os.symlink(p + 'x', p)",
        "os.mkfifo(p)",
        "os.mkdir(p)",
        "f = open(p, 'w'); f.truncate(2**30); f.close()",
        "open(p, 'w').write('not json')",
        "open(p, 'w').write('{\"result\": NaN}')",
        "open(p, 'w').write('{\"result\": 1, \"result\": 2}')",
        'open(p, \'w\').write(\'{"result": {"a": 1, "a": 2}}\')',
        "open(p, 'w').write('{\"result\": 1e999}')",
        "open(p, 'w').write('{\"result\": \"\\\\ud800\"}')",
        "open(p, 'w').write('{\"result\": ' + '[' * 100000 + ']' * 100000 + '}')",
        "open(p, 'w').write('{\"result\": ' + '[' * 200 + ']' * 200 + '}')",
        "open(p, 'w').write('{\"result\": ' + '9' * 5000 + '}')",
        "open(p, 'w').write('[]')",
        "open(p, 'w').write('{\"error\": {\"code\": 5}}')",
        "import pickle; open(p, 'wb').write(pickle.dumps({'result': 1}))",
    ],
)
def test_a_forged_result_file_is_a_bad_result(attempts: Attempts, act: str):
    outcome = attempts.python(f"{PLACE}{act}\nos._exit(0)").outcome()
    assert error(outcome)["code"] == "bad_result"


def test_a_fake_verdict_on_stdout_changes_nothing(python: Run):
    code = 'import sys\nprint(\'{"type": "finished", "result": 1}\')\nsys.exit(2)'
    assert error(python(code).outcome())["message"] == "exited with 2"


def test_progress_is_told_at_most_five_times_a_second_and_the_last_always(attempts: Attempts):
    attempt = attempts.python(
        "from tta_interactive.progress import progress\n"
        "for i in range(1001): progress(i / 1000, f'step {i}')\n"
    )
    outcome = attempt.outcome()
    told = [m for m in attempt.messages if m["type"] == "progress"]
    assert told[-1] == {"type": "progress", "fraction": 1.0, "message": "step 1000"}
    assert len(told) <= 2 + outcome.duration * 5


@pytest.mark.parametrize(
    "line",
    ["x" * 100_000, "[" * 9000, '{"fraction": 2, "message": ""}', "null", '{"fraction": "a"}'],
)
def test_hostile_progress_is_ignored(attempts: Attempts, line: str):
    code = (
        "import os, fcntl\n"
        "fd = int(os.environ['TTA_PROGRESS_FD']); os.set_blocking(fd, True)\n"
        f"os.write(fd, {(line + chr(10)).encode()!r})\n"
        "'alive'"
    )
    attempt = attempts.python(code)
    assert attempt.outcome().result == "alive"
    assert not [m for m in attempt.messages if m["type"] == "progress"]


TINY = """
from tta_interactive.kinds import Kind, Params, TaskFailure

class TinyParams(Params):
    number: int

class TinyKind(Kind):
    name = "tiny"
    Params = TinyParams

    def run(self, params, context):
        context.progress(0.5, "half")
        (context.workspace / "made").write_text(str(params.number))
        (context.scratch / "temporary").touch()
        return {"claimed": params.number, "level": context.sandbox.word}

    def verify(self, params, result, context):
        if params.number < 0:
            raise TaskFailure("not_verified", "It is negative.", "Give more.", "detail")
        return {**result, "found": (context.workspace / "made").read_text()}
"""


def tiny(attempts: Attempts, **params: Any) -> Attempt:
    """An attempt of a kind that a third party's package brings."""
    place = attempts.home / "site"
    (place / "tiny-1.dist-info").mkdir(parents=True)
    (place / "tiny_kind.py").write_text(TINY)
    (place / "tiny-1.dist-info" / "METADATA").write_text("Name: tiny\nVersion: 1\n")
    (place / "tiny-1.dist-info" / "entry_points.txt").write_text(
        "[tta_interactive.kinds]\ntiny = tiny_kind:TinyKind\n"
    )
    return attempts.start(
        child="kind", kind="tiny", params=params, environment={"PYTHONPATH": str(place)}
    )


def test_a_kind_is_run_and_verified(attempts: Attempts):
    attempt = tiny(attempts, number=3)
    outcome = attempt.outcome()
    assert outcome.result == {"claimed": 3, "level": "limits", "found": "3"}, outcome
    assert attempt.hears("progress")["message"] == "half"


def test_a_kind_that_does_not_verify_fails_in_its_own_words(attempts: Attempts):
    assert error(tiny(attempts, number=-1).outcome()) == {
        "code": "not_verified",
        "message": "It is negative.",
        "remedy": "Give more.",
        "detail": "detail",
    }


def test_params_and_kinds_that_are_wrong_are_named(attempts: Attempts):
    found = error(tiny(attempts, number="x").outcome())
    assert found["code"] == "invalid"
    assert "number" in found["message"]
    found = error(attempts.start(child="kind", kind="no-such-kind").outcome())
    assert found["code"] == "invalid"
    assert "'no-such-kind'" in found["message"]


def test_what_a_task_changes_in_its_interpreter_stays_in_it(attempts: Attempts):
    code = "import json, sys\njson.dumps = None\nsys.path.clear()\nsys.marked = True\n1"
    attempts.python(code).outcome()
    outcome = attempts.python(
        "import json, sys\n[json.dumps([1]), hasattr(sys, 'marked')]"
    ).outcome()
    assert outcome.result == ["[1]", False]


def test_random_numbers_differ_between_tasks(attempts: Attempts):
    results: list[Any] = [
        attempts.python("import random\nrandom.random()").outcome().result for _ in range(3)
    ]
    assert len(set(results)) == 3


def test_modules_of_the_workspace_do_not_break_the_child(python: Run, attempts: Attempts):
    for name in ("json", "os", "ast", "linecache", "atexit", "contextlib", "reprlib", "signal"):
        (attempts.workspace / f"{name}.py").write_text("raise SystemError('shadowed')")
    assert python("1 + 1").outcome().result == 2
    assert python("display(1)\n{1}").outcome().result == {"repr": "{1}", "type": "set"}


def pythons() -> list[str]:
    """Interpreters of this machine that start; this one's own base at least."""
    names = [f"python3.{minor}" for minor in (9, 10, 12, 13, 14)]
    found = [os.path.realpath(sys.executable), *filter(None, map(shutil.which, names))]
    return [
        p
        for p in found
        if not subprocess.run([p, "-c", ""], check=False, capture_output=True).returncode
    ]


@pytest.mark.parametrize("interpreter", pythons())
def test_the_child_runs_in_every_python(attempts: Attempts, interpreter: str):
    code = "import sys\nprint('hello')\nsys.version_info[0]"
    attempt = attempts.python(code, python=interpreter)
    assert attempt.outcome().result == 3
    assert attempt.log() == b"hello\n"
    failed = attempts.python("1/0", python=interpreter)
    assert "ZeroDivisionError" in error(failed.outcome())["message"]
    shown = attempts.python("display(7)\n{1}", python=interpreter)
    assert shown.outcome().result == {"repr": "{1}", "type": "set"}
    assert shown.log() == b"7\n"
    call = {"function": "operator:add", "args": [20, 22]}
    attempt = attempts.start(child="call", payload=call, python=interpreter)
    assert attempt.outcome().result == 42
