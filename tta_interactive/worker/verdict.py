"""What an attempt came to, decided from the facts that the shim saw. Reads no clock."""

import json
import os
import signal
from typing import Any, Literal, cast

from tta_interactive.runners.child import is_json
from tta_interactive.worker.attempt import AttemptSpec, Status, failure, read_regular

Reason = Literal["cancel", "timeout", "disk"]
Verdict = tuple[Status, Any, dict[str, str] | None]
ERROR_FIELDS = ("code", "message", "remedy", "detail")
LONGEST_TEXT = 70_000  # characters; a traceback has at most 64 KiB


def exit_facts(status: int | None, wrapped: bool) -> tuple[int | None, int | None]:
    """(exit code, signal) of a wait status; one of them is None.

    Args:
        status: From waitpid(2); None: somebody else buried it.
        wrapped: Whether it is bubblewrap's, which says 128 + n when signal n ended the command.
    """
    if status is None:
        return None, None
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return None, -code
    if wrapped and 128 < code <= 128 + signal.NSIG:
        return None, code - 128
    return code, None


def sandbox_failure(status: int | None, spec: AttemptSpec) -> dict[str, str] | None:
    """Why bubblewrap never ran the command, if it did not.

    Args:
        status: Where it says what became of the command; None: there was no bubblewrap.
        spec: The attempt.
    """
    if status is None:
        return None
    os.set_blocking(status, False)
    try:
        said = os.read(status, 65536)
    except OSError:
        said = b""
    if b'"exit-code"' in said:
        return None
    if b'"child-pid"' in said and spec.argv is not None:
        words = f"The command {spec.argv[0]!r} cannot be run in the sandbox."
        return failure("error", words, "Is it in /usr, in the workspace, or in the venv?")
    return failure("sandbox", "Bubblewrap could not set up the sandbox.",
                   "Its words stand in the task's log; `tta doctor` shows more.")  # fmt: skip


def judge(
    spec: AttemptSpec,
    io: str,
    ended: tuple[int | None, int | None],
    reason: Reason | None,
    survivors: list[int],
) -> Verdict:
    """The status, result and error of an attempt whose processes are gone.

    Args:
        io: Where a child left its result.
        ended: Of `exit_facts`.
        reason: Why it was ended, if it was.
        survivors: What could not be ended.
    """
    exit_code, number = ended
    if reason is not None and survivors:
        pids = ", ".join(map(str, survivors[:20]))
        return _failed("cancel_failed", f"These processes could not be ended: {pids}.")
    if reason == "cancel":
        return "cancelled", None, None
    if reason == "timeout":
        words = f"It ran for longer than {spec.timeout:g} s and was stopped."
        return _failed("timeout", words, "Submit it again with a longer timeout.")
    if reason == "disk":
        left = f"fewer than {spec.min_free / 2**20:,.0f} MiB were free"
        words = f"The disk was nearly full ({left}), so it was stopped while it ran."
        remedy = (
            "Make room on the disk of its workspace or of the task store, or let it write less."
        )
        return _failed("disk", words, remedy)
    if spec.child is None:
        if exit_code == 0:
            return "completed", {"exit_code": 0}, None
        return _failed("error", _ending(exit_code, number))
    return _judge_child(spec, io, exit_code, number)


def _judge_child(spec: AttemptSpec, io: str, exit_code: int | None, number: int | None) -> Verdict:
    try:
        record = read_record(os.path.join(io, "result.json"), spec.max_result_bytes)
    except FileNotFoundError:
        if exit_code == 0:
            return _failed(
                "bad_result",
                "It ended without leaving a result.",
                "Does something in it call os._exit()?",
            )
        return _failed("error", _ending(exit_code, number))
    except (OSError, ValueError, RecursionError) as error:
        words = getattr(error, "strerror", None) or str(error) or "too deep"
        return _failed("bad_result", f"The result cannot be used: {words[:300]}.")
    if "error" in record:
        return "failed", None, record["error"]
    if exit_code != 0:
        return _failed("error", f"It returned a result, but then {_ending(exit_code, number)}")
    return "completed", record["result"], None


def _failed(code: str, message: str, remedy: str = "") -> Verdict:
    return "failed", None, failure(code, message, remedy)


def _ending(exit_code: int | None, number: int | None) -> str:
    if number is None:
        return f"exited with {exit_code}" if exit_code is not None else "ended, unknown how"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    words = f"was killed by signal {number} ({name})"
    return f"{words}, perhaps for want of memory" if number == signal.SIGKILL else words


def read_record(path: str, limit: int) -> dict[str, Any]:
    """`result.json`, believed in nothing.

    Raises:
        OSError: No regular file.
        ValueError, RecursionError: Not what a child writes.
    """
    # The record's own braces come on top of the limit that its result keeps.
    data = read_regular(path, limit + LONGEST_TEXT * 8)
    found: Any = json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    record = cast(dict[str, Any], found)
    if list(record) == ["result"]:
        if not is_json(record["result"]):
            raise ValueError("it is too deep, or holds text or numbers that JSON cannot carry")
        return record
    if list(record) == ["error"] and _is_error(record["error"]):
        return record
    raise ValueError("it has neither a result nor an error")


def _is_error(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    error = cast(dict[str, Any], value)
    return sorted(error) == sorted(ERROR_FIELDS) and all(
        isinstance(text, str) and is_json(text) and len(text) <= LONGEST_TEXT
        for text in error.values()
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it names a key twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"it holds {name}, which is not JSON")
