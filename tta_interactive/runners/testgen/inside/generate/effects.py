"""What a test leaves outside of objects: files under `tmp_path`, and what it printed."""

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import cast

MAX_TEXT = 240
MAX_FILES = 3
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
