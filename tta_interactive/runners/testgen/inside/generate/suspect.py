"""Behaviour that looks like a bug: told to the user, and held by no test."""

import ast
import doctest
import inspect
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, cast

from .attempt import Seen
from .fitting import Fitting
from .hints import hints_of
from .search import Found
from .trace import Runner

MOST = 20
MAX_SHOWN = 300
# What a caller who passes what was asked for does not expect.
ACCIDENTS = (
    AttributeError,
    TypeError,
    IndexError,
    KeyError,
    NameError,
    ZeroDivisionError,
    AssertionError,
    UnicodeError,
)
SIMPLE = (str, int, float, bool, bytes, list, dict, tuple, set, frozenset, type(None))
CHECKER = doctest.OutputChecker()
LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


def sifted(
    accidents: Sequence[Seen],
    chosen: Sequence[Found],
    tree: ast.Module,
    runner: Runner,
    names: dict[str, Any],
) -> tuple[list[dict[str, Any]], list[Found]]:
    """(what is suspicious, the most telling first; the chosen without what is)."""
    examples, fitting = list(failing_examples(tree, runner)), Fitting(tree)
    wrong = {one["call"] for one in examples}
    odd = [told for one in accidents if (told := accident(one, names, runner.file, fitting))]
    first: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in [*examples, *sorted(odd, key=lambda one: len(one["call"]))]:
        first.setdefault((one["kind"], one["subject"], one["line"], one["said"]), one)
    kept = [
        one
        for one in chosen
        if accident(one.seen, names, runner.file, fitting) is None and _shows(one) not in wrong
    ]
    return list(first.values())[:MOST], kept


def _shows(found: Found) -> str:
    """The example that a test repeats; empty if it is none."""
    return found.test.statements[-1] if found.candidate.last is None else ""


def accident(
    seen: Seen, names: dict[str, Any], file: str, fitting: Fitting
) -> dict[str, Any] | None:
    """An error that nobody raised on purpose, from arguments that the hints allow."""
    error, last = seen.outcome.error, seen.candidate.last
    on_purpose = seen.outcome.raised_by_module
    if error is None or on_purpose or last is None or last.target.function is None:
        return None
    line = _line(error, file)
    doc = inspect.getdoc(last.target.function) or ""
    kind = type(error).__name__
    if not isinstance(error, ACCIDENTS) or not line or kind in doc:
        return None
    hints = hints_of(last.target.function, names)
    passed = [(one.slot[1], one.text) for use in (last,) for one in use.arguments]
    if not passed or not all(_fits(text, hints.get(name)) for name, text in passed):
        return None
    if not all(fitting.fits(text) for text in seen.statements):
        return None  # the object was made of what it does not take
    return {
        "kind": "undocumented exception",
        "subject": last.target.key,
        "call": "; ".join(seen.statements)[:MAX_SHOWN],
        "said": "a result: the arguments are of the types that the signature names",
        "seen": f"{kind}: {error}"[:MAX_SHOWN],
        "line": line,
    }


def _line(error: BaseException, file: str) -> int:
    """The line of the module that the error came from; 0 if it came from elsewhere."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        is_here = trace.tb_frame.f_code.co_filename == file
        line = trace.tb_lineno if is_here else 0
        trace = trace.tb_next
    return line


def _fits(text: str, hint: Any) -> bool:
    """Whether a literal surely is of the type; what is not plain to see does not count."""
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return False
    return _is_of(value, hint)


def _is_of(value: object, hint: Any) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_is_of(value, one) for one in inner)
    if hint is None:
        return False
    if origin is None:
        return hint in SIMPLE and type(value) is hint
    if origin is list and isinstance(value, list):
        return all(_is_of(one, inner[0]) for one in cast("list[object]", value))
    return False


def failing_examples(tree: ast.Module, runner: Runner) -> Iterator[dict[str, Any]]:
    """Examples of the documentation whose answer is another one."""
    for owner in ast.walk(tree):
        if not isinstance(owner, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        try:
            examples = doctest.DocTestParser().get_examples(ast.get_docstring(owner) or "")
        except ValueError:
            continue
        before: list[str] = []
        for example in examples[:MOST]:
            source = example.source.strip()
            seen = _answer([*before, source], runner)
            if example.want and seen is not None and not _agree(example.want, seen):
                name = getattr(owner, "name", "the module")
                yield {
                    "kind": "example fails",
                    "subject": name,
                    "call": source[:MAX_SHOWN],
                    "said": f"its documentation: {example.want.strip()}"[:MAX_SHOWN],
                    "seen": seen.strip()[:MAX_SHOWN],
                    "line": getattr(owner, "lineno", 0),
                }
            before.append(source)


def _answer(statements: Sequence[str], runner: Runner) -> str | None:
    """What an interpreter would show; None if that cannot be told."""
    outcome = runner.run(statements, traced=False)
    if outcome is None or outcome.done < len(statements) - 1 or outcome.printed:
        return None
    if isinstance(outcome.error, NameError | ImportError):
        return None  # it needs names that are not here
    if outcome.error is not None:
        return f"{type(outcome.error).__name__}: {outcome.error}"
    if outcome.value is None:
        return None
    try:
        return f"{outcome.value!r}\n"
    except Exception:  # boundary: code under test, asked for its text
        return None


def _agree(want: str, seen: str) -> bool:
    if want.startswith("Traceback"):
        last = want.strip().splitlines()[-1].partition(":")[0].rpartition(".")[2]
        return seen.startswith(last)
    return " at 0x" in seen or CHECKER.check_output(want, seen, LENIENT)
