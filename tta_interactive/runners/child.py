"""The Python side of a task: runs text, a function or a kind, and leaves `result.json`.

Runs by path in any Python from 3.9 on, standard library only (the mode `kind` needs the
package), or is called in a fork of the zygote. It reads nothing from its arguments but the
name of a 0600 file, and says nothing in-band: what the task prints is never a verdict.
It is longer than our other files because it must be one file: by path it has no package.

    <io>/spec.json      in: {"mode": "python" | "call" | "kind", ...}
    <io>/result.json    out: {"result": ...} or {"error": {code, message, remedy, detail}}

Variables and pictures of a notebook's cell are the matter of `cell.py`, in the same directory.
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
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

RESULT_FILE = "result.json"
MAX_REPR_CHARACTERS = 10_000
MAX_DETAIL_BYTES = 64 * 1024
MAX_DEPTH = 100  # deeper values break the JSON readers of others
REPR_SECONDS = 2.0
MANY_ITEMS = 1_000
SOURCE_NAME = "<task>"
SHOW_SECONDS = 10.0
MANY_DISPLAYS = 200
PLAIN = (type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set)


class Failed(Exception):  # noqa: N818  (a verdict to return by raising)
    """The task ends as failed, with these words."""

    def __init__(self, code: str, message: str, remedy: str = "", detail: str = "") -> None:
        super().__init__(code, message, remedy, detail)
        self.error = {"code": code, "message": message, "remedy": remedy, "detail": detail}


class _ReprTooSlowError(Exception):
    pass


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
        inputs = _carried(_cell().bring_in, payload["inputs"], spec["values"])
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
            _carried(_cell().carry_out, payload["outputs"], module.__dict__, where, limit)
    finally:
        if spec.get("shows", True):
            shown.leave(value, spec["io"])
    return value


class _Shown:
    """What a cell shows: its text goes to the log at once, its other forms to a file."""

    def __init__(self) -> None:
        self._displays: list[Any] = []
        self._figures: list[int] = []

    def display(self, *values: Any, **_: Any) -> None:
        """What a cell calls; in a notebook the value is then seen in its richest form."""
        for value in values:
            text = bounded_repr(value)
            sys.stdout.write(text + "\n")
            self._figures.append(id(value))
            if len(self._displays) < MANY_DISPLAYS:
                self._displays.append(_cell().bundle_of(value, text, _in_time_or_none))

    def leave(self, value: Any, io: str) -> None:
        """Write everything down, with the open figures and the forms of the last value."""
        # Boundary: what is shown comes on top; its code and a full disk fail no task.
        try:
            result = None
            if not isinstance(value, PLAIN):
                forms = _cell().bundle_of(value, bounded_repr(value), _in_time_or_none)
                result = forms if len(forms) > 1 else None
                self._figures.append(id(value))
            if "matplotlib.pyplot" in sys.modules:
                figures = _cell().open_figures()
                self.display(*[one for one in figures if id(one) not in self._figures])
            if self._displays or result:
                _cell().write_shown(io, self._displays, result)
        except Exception as error:
            _say(f"What the cell showed was not kept: {_text_of(error)[:500]}\n")


def _cell() -> ModuleType:
    """The module beside this one, under a name that hides none of the task's."""
    name = "_tta_cell"
    if name not in sys.modules:
        import importlib.util

        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cell.py")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
    return sys.modules[name]


def _carried(call: Callable[..., Any], *args: Any) -> Any:
    """The cell's module speaks of variables; its complaint is the task's failure."""
    try:
        return call(*args)
    except _cell().CarryError as error:
        raise Failed("error", error.message, error.remedy) from error.__cause__


def _run_call(spec: dict[str, Any]) -> Any:
    """Call an importable function, or an unpickled one."""
    payload = _payload(spec)
    if payload.get("pickle") is not None:
        function, args, kwargs = _unpickled(str(payload["pickle"]))
    else:
        function = _imported(str(payload["function"]))
        args, kwargs = payload.get("args", ()), payload.get("kwargs", {})
    return _finished(function(*args, **kwargs))


def _run_kind(spec: dict[str, Any]) -> Any:
    """Run a kind of the package, and let it verify what came out."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if root not in sys.path:
        sys.path.append(root)
    from pathlib import Path

    from tta_interactive.errors import RequestError
    from tta_interactive.kinds import RunContext, checked_params, get_kind
    from tta_interactive.progress import progress
    from tta_interactive.task import SandboxLevel

    try:
        kind = get_kind(str(spec["kind"]))
        params = checked_params(kind, spec["params"])
    except RequestError as error:
        raise Failed("invalid", str(error)) from None
    context = RunContext(
        task_id=str(spec["task_id"]),
        attempt=int(str(spec["attempt"])),
        workspace=Path(str(spec["workspace"])),
        scratch=Path(str(spec["scratch"])),
        state=Path(str(spec["state"])),
        sandbox=SandboxLevel(int(str(spec["sandbox"]))),
        progress=progress,
    )
    result = kind.verify(params, kind.run(params, context), context)
    if not is_json(result):
        raise Failed("bad_result", f"Kind {kind.name!r} returned a value that is not JSON.")
    return result


_MODES = {"python": _run_python, "call": _run_call, "kind": _run_kind}


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


def _imported(name: str) -> Callable[..., Any]:
    import importlib

    module_name, _, path = name.partition(":")
    try:
        found = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name + ".").startswith(error.name + "."):
            raise Failed(
                "error",
                f"Module {module_name!r} cannot be found from {os.getcwd()!r} by {sys.executable}.",
                "Check the name, the workspace and the interpreter.",
            ) from None
        raise
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise Failed("error", f"Module {module_name!r} has no {path!r}.") from None
    if not callable(found):
        raise Failed("error", f"{name!r} is a {type(found).__name__}, which cannot be called.")
    return found


def _unpickled(text: str) -> tuple[Callable[..., Any], Any, Any]:
    import base64
    import pickle

    try:
        # Only trusted doors accept a pickle, and it is opened only here, in the task's process.
        function, args, kwargs = pickle.loads(base64.b64decode(text))  # noqa: S301
    except ModuleNotFoundError as error:
        raise Failed(
            "error",
            f"The pickled function needs the module {error.name!r}, which {sys.executable} "
            "does not have.",
            "Install it there, or submit with the interpreter that has it.",
        ) from None
    except Exception as error:  # boundary: opening a pickle runs foreign code
        raise Failed(
            "error", f"The pickled function cannot be loaded: {_text_of(error)[:1000]}"
        ) from error
    return function, args, kwargs


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
    return {"repr": bounded_repr(value), "type": type(value).__name__}


def bounded_repr(value: Any) -> str:
    """At most 10,000 characters about `value`, in at most 2 seconds, whatever it does."""
    name = type(value).__name__
    text, problem = _in_time(lambda: _repr_of(value), REPR_SECONDS)
    if text is None:
        text = f"<{name}: its repr {problem}>"
    text = text.encode("utf-8", "backslashreplace").decode()
    if len(text) > MAX_REPR_CHARACTERS:
        return text[: MAX_REPR_CHARACTERS - 1] + "…"
    return text


def _in_time_or_none(call: Callable[[], Any]) -> Any:
    return _in_time(call, SHOW_SECONDS)[0]


def _in_time(call: Callable[[], Any], seconds: float) -> tuple[Any, str]:
    """What foreign code gives; or None, and what was wrong with it."""
    import signal

    def too_slow(*_: object) -> None:
        raise _ReprTooSlowError

    old = signal.signal(signal.SIGALRM, too_slow)
    made, problem = None, f"took over {seconds:g} s"
    try:
        try:
            # It comes again, in case the value's code swallows the first one.
            signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
            made = call()
        except _ReprTooSlowError:
            pass
        except BaseException as error:  # boundary: the value's own code
            problem = f"raised {type(error).__name__}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _ReprTooSlowError:  # the next one, while the first was being caught
        signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)
    return made, problem


def _repr_of(value: Any) -> str:
    many: Any = value
    if isinstance(value, (str, bytes, bytearray)):
        return repr(value[:MAX_REPR_CHARACTERS])
    if isinstance(value, (list, tuple, set, frozenset, dict)) and len(many) > MANY_ITEMS:
        # The alarm cannot end a loop in C: large containers are shortened before.
        import reprlib

        short = reprlib.Repr()
        short.maxlist = short.maxtuple = short.maxset = short.maxfrozenset = MANY_ITEMS
        short.maxdict = MANY_ITEMS
        return short.repr(many)
    return repr(many)[: MAX_REPR_CHARACTERS + 1]


def _text_of(value: Any) -> str:
    try:
        text = str(value)
    except Exception as error:  # boundary: the value's own code
        text = f"<its text raised {type(error).__name__}>"
    return text[:MAX_REPR_CHARACTERS].encode("utf-8", "backslashreplace").decode()


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
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
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

    del ast, atexit, base64, importlib, linecache, pickle, reprlib, signal, traceback, types
    os.environ.setdefault("MPLBACKEND", "Agg")  # no window: the figures go to the notebook
    streams: Any = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    if spec["mode"] != "kind":  # a kind is trusted code: the workspace offers it no modules
        sys.path.insert(0, str(spec["workspace"]))


def leave(code: int) -> None:
    """End a forked process as an interpreter would: threads, exit functions, streams."""
    import atexit

    try:
        threading = sys.modules.get("threading")
        if threading is not None:  # else there can be no other thread
            for thread in threading.enumerate():
                if thread is not threading.current_thread() and not thread.daemon:
                    thread.join()
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  (no public way)
    except BaseException:  # boundary: the task's own exit functions
        code = code or 1
    flush()
    os._exit(code)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as _file:
        _spec = json.load(_file)
    _io = os.path.dirname(os.path.abspath(sys.argv[1]))
    sys.argv = [""]
    prepare(_spec)
    _code = main(_spec, _io)
    del _spec
    sys.exit(_code)
