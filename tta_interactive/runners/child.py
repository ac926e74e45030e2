"""The Python side of a task: runs text, a function or a kind, and leaves `result.json`.

Runs by path in any Python from 3.9 on, standard library only (the mode `kind` needs the
package), or is called in a fork of the zygote. It reads nothing from its arguments but the
name of a 0600 file, and says nothing in-band: what the task prints is never a verdict.

    <io>/spec.json      in: {"mode": "python" | "call" | "kind", ...}
    <io>/result.json    out: {"result": ...} or {"error": {code, message, remedy, detail}}

What not every task needs stands in files beside this one, loaded when it is needed: `cell.py` for
the variables and pictures of a notebook's cell, `function.py` for `call`, `kind.py` for `kind`,
and `bounded.py` for values that are not JSON. What runs by path is compiled at each start.
"""

# ruff: noqa: PLC0415  (start-up time: imports stand where they are needed)

from __future__ import annotations

import sys

if __name__ == "__main__":
    # Run by path: our own directory must not offer modules to the task.
    del sys.path[0]

import json
import os

TYPE_CHECKING = False  # `typing` takes longer to import than a small task runs
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any

BESIDE = ("bounded", "function")  # what many tasks need beside this file
RESULT_FILE = "result.json"
MAX_TEXT_CHARACTERS = 10_000
MAX_DETAIL_BYTES = 64 * 1024
MAX_DEPTH = 100  # deeper values break the JSON readers of others
SOURCE_NAME = "<task>"
_HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = (type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set)


class Failed(Exception):  # noqa: N818  (a verdict to return by raising)
    """The task ends as failed, with these words."""

    def __init__(self, code: str, message: str, remedy: str = "", detail: str = "") -> None:
        super().__init__(code, message, remedy, detail)
        self.error = {"code": code, "message": message, "remedy": remedy, "detail": detail}


def main(spec: dict[str, Any], io: str) -> int:
    """Run one task in this process, which is its own.

    Args:
        spec: What to run; see `_MODES`.
        io: The directory for the result.

    Returns:
        The exit code.
    """
    try:
        record, code = record_of({**spec, "io": io})
        write_result(io, record, int(str(spec.get("max_result_bytes", 1 << 24))))
    finally:
        flush()
    return code


def record_of(spec: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """What came of running `spec`: the content of the result file, and the exit code."""
    # The task's own boundary: whatever its code raises, SystemExit too, becomes its record.
    try:
        return {"result": as_json(_MODES[str(spec["mode"])](spec))}, 0
    except SystemExit as leaving:
        return _left(leaving)
    except BaseException as error:
        return {"error": _described(error)}, 1


def _left(leaving: SystemExit) -> tuple[dict[str, Any], int]:
    wanted = leaving.code
    if wanted is None or wanted == 0:
        return {"result": None}, 0
    if isinstance(wanted, int):
        number = wanted & 0xFF
        if number == 0:
            number = 1  # sys.exit(256) means trouble, but would look like success
        return {"error": _error("error", f"exited with {wanted}")}, number
    words = _text_of(wanted)
    _say(words + "\n")
    return {"error": _error("error", f"exited: {words}"[:2000])}, 1


def _error(code: str, message: str, remedy: str = "", detail: str = "") -> dict[str, str]:
    return {"code": code, "message": message, "remedy": remedy, "detail": detail}


# ---------------------------------------------------------------- the three modes


def _run_python(spec: dict[str, Any]) -> Any:
    """Execute text as a fresh `__main__`; the value of a last expression is the result."""
    import ast
    import linecache
    import types

    payload = _payload(spec)
    source = str(payload["code"])
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    # Tracebacks can then show the lines.
    linecache.cache[SOURCE_NAME] = (len(source), None, source.splitlines(True), SOURCE_NAME)
    try:
        tree = ast.parse(source, SOURCE_NAME)
    except SyntaxError as error:
        raise Failed("error", f"SyntaxError: line {error.lineno}: {error.msg}") from None
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    if payload.get("inputs"):
        inputs = _asked(beside("cell"), "bring_in", payload["inputs"], spec["values"])
        module.__dict__.update(inputs)
    shown = _Shown()
    module.__dict__["display"] = shown.display
    value = None
    try:
        exec(compile(tree, SOURCE_NAME, "exec"), module.__dict__)  # noqa: S102  (the job)
        if isinstance(last, ast.Expr):
            code = compile(ast.Expression(last.value), SOURCE_NAME, "eval")
            value = _finished(eval(code, module.__dict__))  # noqa: S307  (the job)
        if payload.get("outputs"):
            where, limit = os.path.join(spec["io"], "out"), int(spec["max_value_bytes"])
            names = payload["outputs"]
            _asked(beside("cell"), "carry_out", names, module.__dict__, where, limit)
    finally:
        if spec.get("shows", True):
            shown.leave(value, spec["io"])
    return value


class _Shown:
    """What a cell shows. Most tasks show nothing: what keeps it is loaded at the first thing."""

    def __init__(self) -> None:
        self._kept: Any = None

    def _begun(self) -> Any:
        if self._kept is None:
            bounded = beside("bounded")
            self._kept = beside("cell").Shown(bounded.bounded_repr, bounded.in_time_or_none)
        return self._kept

    def display(self, *values: Any, **_: Any) -> None:
        """What a cell calls; in a notebook the value is then seen in its richest form."""
        self._begun().display(*values)

    def leave(self, value: Any, io: str) -> None:
        """Write everything down, with the open figures and the forms of the last value."""
        # Boundary: what is shown comes on top; its code and a full disk fail no task.
        try:
            last = None if isinstance(value, PLAIN) else value
            if self._kept or last is not None or "matplotlib.pyplot" in sys.modules:
                self._begun().leave(last, io)
        except Exception as error:
            _say(f"What the cell showed was not kept: {_text_of(error)[:500]}\n")


def _run_call(spec: dict[str, Any]) -> Any:
    """Call an importable function, or an unpickled one."""
    function, args, kwargs = _asked(beside("function"), "function_of", _payload(spec), _text_of)
    return _finished(function(*args, **kwargs))


def _run_kind(spec: dict[str, Any]) -> Any:
    """Run a kind of the package, which is then found behind all that the task has."""
    root = os.path.dirname(os.path.dirname(_HERE))
    if root not in sys.path:
        sys.path.append(root)
    from tta_interactive.runners.kind import run_kind

    result = run_kind(spec)
    if not is_json(result):
        raise Failed("bad_result", f"Kind {spec['kind']!r} returned a value that is not JSON.")
    return result


_MODES = {"python": _run_python, "call": _run_call, "kind": _run_kind}


def beside(name: str) -> ModuleType:
    """A module of this directory, under a name that hides none of the task's."""
    known = "_tta_" + name
    if known not in sys.modules:
        import types
        from importlib.machinery import SourceFileLoader

        loader = SourceFileLoader(known, os.path.join(_HERE, name + ".py"))
        code = loader.get_code(known)
        assert code is not None
        module = types.ModuleType(known)
        exec(code, module.__dict__)  # noqa: S102  (our own file)
        sys.modules[known] = module
    return sys.modules[known]


def _asked(module: ModuleType, function: str, *args: Any) -> Any:
    """What a function of such a module gives; its complaint is the task's failure."""
    try:
        return getattr(module, function)(*args)
    except module.RefusedError as error:
        raise Failed("error", error.message, error.remedy) from error.__cause__


def _payload(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    payload: Mapping[str, Any] = spec["payload"]
    return payload


def _finished(value: Any) -> Any:
    """The value; of an async function, what it returns when it is run."""
    import types

    if not issubclass(type(value), types.CoroutineType):
        return value
    import asyncio

    return asyncio.run(value)


# ---------------------------------------------------------------- what came out


def is_json(value: Any, depth: int = 0) -> bool:
    """Whether `value` is exactly what JSON can say: it comes back as it went in."""
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, str):
        return not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, int):
        return value.bit_length() < 10_000  # longer ones cannot be read back: 4300 digits
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor NaN
    if depth >= MAX_DEPTH:
        return False
    items: Any = value
    if isinstance(value, (list, tuple)):
        return all(is_json(item, depth + 1) for item in items)
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_json(key) for key in items) and all(
            is_json(item, depth + 1) for item in items.values()
        )
    return False


def as_json(value: Any) -> Any:
    """The value if it is JSON, else its type and a bounded `repr`."""
    if is_json(value):
        return value
    return {"repr": beside("bounded").bounded_repr(value), "type": type(value).__name__}


def _text_of(value: Any) -> str:
    try:
        text = str(value)
    except Exception as error:  # boundary: the value's own code
        text = f"<its text raised {type(error).__name__}>"
    return text[:MAX_TEXT_CHARACTERS].encode("utf-8", "backslashreplace").decode()


def _described(error: BaseException) -> dict[str, str]:
    """An exception as the task's error; also printed, so that the log tells it."""
    if isinstance(error, Failed):
        return error.error
    base = sys.modules.get("tta_interactive.kinds.base")
    if base is not None and isinstance(error, base.TaskFailure):
        verdict: Any = error
        facts: tuple[Any, ...] = (verdict.code, verdict.message, verdict.remedy, verdict.detail)
        return _error(*map(_text_of, facts))
    import traceback

    frames = error.__traceback__
    while frames is not None and os.path.dirname(frames.tb_frame.f_code.co_filename) == _HERE:
        frames = frames.tb_next  # our own frames tell the reader nothing
    try:
        detail = "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # boundary: the exception's own code
        detail = "".join(traceback.format_tb(frames))
    data = detail.encode("utf-8", "backslashreplace")
    if len(data) > MAX_DETAIL_BYTES:
        half = MAX_DETAIL_BYTES // 2 - 20
        data = data[:half] + b"\n[...]\n" + data[-half:]
    detail = data.decode("utf-8", "replace")
    _say(detail)
    message = f"{type(error).__name__}: {_text_of(error)}".rstrip(": ")
    remedy = ""
    if isinstance(error, EOFError) and "reading a line" in message:
        remedy = "A task has no keyboard: pass the answer as a parameter."
    return _error("error", message[:2000], remedy, detail)


def text_of_record(record: dict[str, Any], limit: int) -> str:
    """The record as JSON; one that is too large becomes an error that says so."""
    text = json.dumps(record, allow_nan=False)
    if len(text) <= limit:
        return text
    words = f"The result has {len(text):,} bytes as JSON; allowed are {limit:,}."
    return json.dumps({"error": _error("bad_result", words, "Write large data to a file.")})


def _say(text: str) -> None:
    """To the log."""
    try:
        sys.stderr.write(text)
    except (OSError, ValueError, AttributeError):
        pass  # the task closed it


def write_result(io: str, record: dict[str, Any], limit: int) -> None:
    """Leave the record, whole or not at all."""
    text = text_of_record(record, limit)
    path = os.path.join(io, RESULT_FILE)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    fd = os.open(path + ".tmp", flags, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(text.encode())
    os.rename(path + ".tmp", path)


def flush() -> None:
    """What the task printed reaches the log."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # the task closed it


def prepare(spec: dict[str, Any]) -> None:
    """Make the interpreter ready: where modules are found, and prints that are seen at once."""
    # Before the workspace can offer modules of these names.
    import ast
    import atexit
    import base64
    import importlib
    import linecache
    import pickle
    import reprlib
    import signal
    import traceback
    import types
    from importlib import machinery

    del (
        ast,
        atexit,
        base64,
        importlib,
        linecache,
        machinery,
        pickle,
        reprlib,
        signal,
        traceback,
        types,
    )
    os.environ.setdefault("MPLBACKEND", "Agg")  # no window: the figures go to the notebook
    streams: Any = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    if spec["mode"] != "kind":  # a kind is trusted code: the workspace offers it no modules
        sys.path.insert(0, str(spec["workspace"]))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as _file:
        _spec = json.load(_file)
    _io = os.path.dirname(os.path.abspath(sys.argv[1]))
    sys.argv = [""]
    prepare(_spec)
    _code = main(_spec, _io)
    del _spec
    sys.exit(_code)
