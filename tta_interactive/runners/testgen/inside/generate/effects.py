"""What a test leaves outside of objects: files, what it printed, and state of the module."""

import ast
from collections.abc import Callable, Iterator, Sequence
from operator import is_
from typing import Any, cast

MAX_TEXT = 240
MAX_FILES = 3
MAX_ENTRIES = 3  # of a container, told one by one
FEW = 4  # items of a container that is shown whole
READ = "{one.name: one.read_bytes() for one in sorted(tmp_path.iterdir()) if one.is_file()}"
"""Evaluated after the statements of a test: the files that are there then."""


def of_files(
    statements: Sequence[str], found: object, literal: Callable[[str], str | None]
) -> list[str]:
    """Assertions about the files that are others than those that the test wrote itself.

    Args:
        statements: Of the test.
        found: What `READ` gave: name -> content.
        literal: The text as source; None if it is not the same in every run.
    """
    if not isinstance(found, dict):
        return []
    files, written = cast("dict[str, bytes]", found), dict(_written(statements))
    variables = {name: variable for name, (variable, _) in written.items()}
    lines: list[str] = []
    for name, content in files.items():
        text = _text(content)
        if text is None or (name in written and written[name][1] == text):
            continue
        shown = literal(text)
        if shown is not None:
            path = variables.get(name) or f"(tmp_path / {name!r})"
            lines.append(f"assert {path}.read_text(encoding='utf-8') == {shown}")
    gone = [variable for name, (variable, _) in written.items() if name not in files]
    lines += [f"assert not {variable}.exists()" for variable in gone]
    return lines[:MAX_FILES]


def of_output(printed: str, literal: Callable[[str], str | None]) -> list[str]:
    """The assertion about what was printed; none if nothing was, or not always the same."""
    shown = literal(printed) if printed and len(printed) <= MAX_TEXT else None
    return [f"assert capsys.readouterr().out == {shown}"] if shown is not None else []


def of_module(
    subject: str, before: Any, now: Any, literal: Callable[[Any], str | None]
) -> list[str]:
    """Assertions about a name of the module that stands for something else than before.

    Args:
        subject: The name as a test writes it.
        before: What it stood for: of a set and a list the items.
        now: What it stands for.
        literal: As for files.
    """
    kind = cast("type[Any]", type(now))
    if kind not in (dict, list, set) or len(now) <= FEW:
        shown = literal(now)
        same = "is" if now is None or kind is bool else "=="
        return [f"assert {subject} {same} {shown}"] if shown is not None else []
    if kind is set:
        return [f"assert {one} in {subject}" for one in _literals(now.difference(before), literal)]
    parts = _rows(subject, before, now) if kind is list else _entries(subject, before, now)
    found = [(place, literal(value)) for place, value in parts]
    return [f"assert {place} == {shown}" for place, shown in found if shown is not None]


def _literals(items: set[Any], literal: Callable[[Any], str | None]) -> list[str]:
    return sorted(shown for one in items if (shown := literal(one)) is not None)[:MAX_ENTRIES]


def _rows(subject: str, before: list[Any], now: list[Any]) -> Iterator[tuple[str, Any]]:
    """What came to the front of a list, or to its end."""
    more = len(now) - len(before)
    if 0 < more <= FEW and all(map(is_, now[more:], before)):
        yield (f"{subject}[0]", now[0]) if more == 1 else (f"{subject}[:{more}]", now[:more])
    elif 0 < more <= FEW and all(map(is_, now, before)):
        yield (f"{subject}[-1]", now[-1]) if more == 1 else (f"{subject}[-{more}:]", now[-more:])


def _entries(
    subject: str, before: dict[Any, Any], now: dict[Any, Any]
) -> Iterator[tuple[str, Any]]:
    """Those that are new, or other than before."""
    keys = [key for key in now if type(key) in (str, int)]
    other = [key for key in keys if key not in before or before[key] is not now[key]]
    yield from ((f"{subject}[{key!r}]", now[key]) for key in other[:MAX_ENTRIES])


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    # `read_text` reads other ends of lines as `\n`.
    return text if len(text) <= MAX_TEXT and "\r" not in text else None


def _written(statements: Sequence[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """File -> (its variable, the text that the test gives it)."""
    places: dict[str, str] = {}
    for text in statements:
        match ast.parse(text).body:
            case [
                ast.Assign(
                    targets=[ast.Name(id=variable)],
                    value=ast.BinOp(
                        left=ast.Name(id="tmp_path"),
                        right=ast.Constant(value=str() as name),
                    ),
                )
            ]:
                places[variable] = name
            case [
                ast.Expr(
                    value=ast.Call(
                        func=ast.Attribute(value=ast.Name(id=variable), attr="write_text"),
                        args=[ast.Constant(value=str() as content)],
                    )
                )
            ] if variable in places:
                yield places[variable], (variable, content)
            case _:
                pass
