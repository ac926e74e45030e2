"""Put verified tests in the form in which people read them.

Tests that differ only in values become one table, tests stand in the order of the module, and
names say what is checked. Functions, not classes: the name of each begins with its class, each can
fail and be dropped alone, and plain functions are what pytest's own documentation shows first.

A test whose backend did not say what it is about stays as it is, at the end.
"""

import ast
import builtins
import keyword
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tta_interactive.runners.testgen.reads.acts import acts_of
from tta_interactive.runners.testgen.reads.imports import by_name
from tta_interactive.runners.testgen.reads.outline import Function, Outline
from tta_interactive.runners.testgen.reads.polish import polished
from tta_interactive.runners.testgen.reads.saying import docstring
from tta_interactive.runners.testgen.reads.shape import Hole, Shape, filled, shape_of
from tta_interactive.runners.testgen.reads.subject import renamed, resolved
from tta_interactive.runners.testgen.reads.telling import OUTPUTS, Told, names, row_id
from tta_interactive.runners.testgen.split import Imported, Suite, Unit, names_in

MAX_COLUMNS = 5  # a wider table is harder to read than the tests themselves
MAX_ROWS = 100
RESERVED = {"request", "result", "pytest"}
FIXTURES = ("capsys", "monkeypatch", "tmp_path")


def arranged(tests: Suite, module_text: str) -> Suite:
    """The same tests, as one would hand them in.

    Args:
        tests: Each checks one thing.
        module_text: The source of the module that they test.
    """
    outline = Outline(module_text)
    ours = [(unit, node) for unit in tests.units if (node := _plain(unit)) is not None]
    rest = [unit for unit in tests.units if _plain(unit) is None]
    groups: dict[str, list[tuple[Shape, Function, str]]] = {}
    imports = list(dict.fromkeys((*tests.imports, Imported("", "pytest", "pytest"))))
    for _, found in ours:
        imports += _hoisted(found, imports)
    taken = set[str]().union(*map(names_in, (*tests.helpers, *(unit.source for unit in rest))))
    imports += by_name([found for _, found in ours], imports, taken)
    for unit, found in ours:
        subject = resolved(unit.subject, found, outline)
        node = renamed(found, outline)
        shape = shape_of(node, outline)
        marks = f"{type(node).__name__} {ast.dump(node.args)}"
        groups.setdefault(f"{subject} {marks}\n{shape.key()}", []).append((shape, node, subject))
    told = [test for group in groups.values() for test in _tables(group, imports)]
    told.sort(
        key=lambda test: (
            _is_private(test.subject),
            *outline.place(test.subject),
            bool(test.acts.error),
        )
    )
    firsts: set[str] = set()
    units: list[Unit] = []
    taken = {unit.name for unit in rest}
    for test, name in zip(told, names(told), strict=True):
        is_first = test.subject not in firsts and not test.acts.error
        if is_first:
            firsts.add(test.subject)
        free = name if name not in taken else f"{name}_2"
        units.append(_unit(test, free, docstring(test, outline, is_first)))
    return replace(tests, imports=tuple(imports), units=(*units, *rest))


def _is_private(subject: str) -> bool:
    """Whether only the module itself is meant to use it: such tests come last."""
    parts = [part for part in subject.split(".") if not part.endswith("__")]
    return any(part.startswith("_") for part in parts)


def _plain(unit: Unit) -> Function | None:
    """The function of a test that may be rearranged."""
    if not unit.subject:
        return None
    node = ast.parse(unit.source).body[0]
    is_plain = isinstance(node, Function) and not node.decorator_list
    return node if is_plain and isinstance(node, Function) else None


def _hoisted(node: Function, known: Sequence[Imported]) -> list[Imported]:
    """Take the imports out of a test, to stand at the top; those whose name is taken stay."""
    taken = {one.here for one in known}
    found: list[Imported] = []
    for part in list(node.body):
        if isinstance(part, ast.ImportFrom) and part.module and not part.level:
            new = [Imported(part.module, one.name, one.asname or one.name) for one in part.names]
            fresh = [one for one in new if one not in known]
            if not any(one.here in taken or one.here == "*" for one in fresh):
                found += fresh
                taken |= {one.here for one in fresh}
                node.body.remove(part)
    return found


def _tables(
    group: Sequence[tuple[Shape, Function, str]], imports: Sequence[Imported]
) -> list[Told]:
    """One table of the whole group; or the tests as they are, if it would be too wide."""
    rows: dict[str, tuple[Shape, Function, str]] = {}
    for one in group:
        rows.setdefault(" ".join(hole.text for hole in one[0].holes), one)
    unique = sorted(rows.values(), key=lambda one: sum(len(hole.text) for hole in one[0].holes))
    shapes = [shape for shape, _, _ in unique]
    columns = _columns(shapes)
    if len(unique) < 2 or len(columns) > MAX_COLUMNS:
        return [_told([one], [], imports) for one in unique]
    return [
        _told(unique[at : at + MAX_ROWS], columns, imports)
        for at in range(0, len(unique), MAX_ROWS)
    ]


def _columns(shapes: Sequence[Shape]) -> list[int]:
    """The holes whose values differ; what is expected comes last."""
    holes = shapes[0].holes
    found = [at for at in range(len(holes)) if len({shape.holes[at].text for shape in shapes}) > 1]
    return sorted(found, key=lambda at: holes[at].name in ("expected", "message"))


def _told(
    group: Sequence[tuple[Shape, Function, str]], columns: list[int], imports: Sequence[Imported]
) -> Told:
    shape, node, subject = group[0]
    busy = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    busy |= {one.here for one in imports} | {one.arg for one in node.args.args} | RESERVED
    parameters: list[str] = []
    for at in columns:
        parameters.append(_free(shape.holes[at].name, busy | set(parameters)))
    values = [hole.value for hole in shape.holes]
    for at, name in zip(columns, parameters, strict=True):
        values[at] = ast.Name(name, ast.Load())
    rows = [[one.holes[at] for at in columns] for one, _, _ in group]
    yes_no = {
        name for at, name in enumerate(parameters) if all(_is_yes_no(row[at].value) for row in rows)
    }
    acts = acts_of(filled(shape, values))
    body = polished(filled(shape, values), yes_no)
    setup = _setup(acts.before)
    return Told(
        subject,
        body,
        parameters,
        rows if columns else [shape.holes],
        [one.arg for one in node.args.args],
        isinstance(node, ast.AsyncFunctionDef),
        setup,
        [hole.name for hole in shape.holes if hole.name not in OUTPUTS],
        acts,
        acts_of(filled(shape, [hole.value for hole in shape.holes])),
    )


def _free(wish: str, busy: set[str]) -> str:
    def is_free(name: str) -> bool:
        return not (name in busy or hasattr(builtins, name) or keyword.iskeyword(name))

    base = wish if wish.isidentifier() else "value"
    tries = [base, f"given_{base}", f"other_{base}", *(f"{base}_{n}" for n in range(2, 99))]
    return next(name for name in tries if is_free(name))


def _is_yes_no(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool))


def _setup(before: Sequence[ast.stmt]) -> list[str]:
    """The methods that are called on the way, but those that only prepare files and variables."""
    prepared = set[str](FIXTURES)
    found: list[str] = []
    for node in before:
        match node:
            case ast.Assign([ast.Name(id=name)], ast.BinOp(left=ast.Name(id=folder))) if (
                folder in prepared
            ):
                prepared.add(name)
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(id=owner)))) if owner in prepared:
                pass
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))):
                found.append(name)
            case ast.Assign(targets=[ast.Name()], value=value):
                found += reversed(list(_chained(value)))
            case _:
                pass
    return found


def _chained(node: ast.expr) -> Iterator[str]:
    """The methods of `Order(3).do("pay")`, last first."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if isinstance(node.func.value, ast.Call):
            yield node.func.attr
        node = node.func.value


def _unit(test: Told, name: str, doc: str) -> Unit:
    decorators = [_table(test)] if test.parameters else []
    arguments = [ast.arg(one) for one in (*test.fixtures, *test.parameters)]
    kind = ast.AsyncFunctionDef if test.is_async else ast.FunctionDef
    node = kind(
        name=name,
        args=ast.arguments(
            posonlyargs=[], args=arguments, kwonlyargs=[], kw_defaults=[], defaults=[]
        ),
        body=[ast.Expr(ast.Constant(doc)), *test.body],
        decorator_list=decorators,
    )
    source = ast.unparse(ast.fix_missing_locations(node))
    return Unit(name, source, test.subject, rows=len(test.rows))


def _table(test: Told) -> ast.expr:
    """The decorator with the rows."""
    titles: list[ast.expr] = [ast.Constant(name) for name in test.parameters]
    ids: list[str] = []
    rows: list[ast.expr] = []
    for row in test.rows:
        told = row_id(row, ids.__contains__)
        if told:
            ids.append(told)
        rows.append(_row(row, told))
    return ast.Call(
        ast.Attribute(ast.Attribute(ast.Name("pytest"), "mark"), "parametrize"),
        [titles[0] if len(titles) == 1 else ast.Tuple(titles), ast.List(rows)],
        [],
    )


def _row(row: Sequence[Hole], told: str) -> ast.expr:
    values = [hole.value for hole in row]
    if told:
        mark = ast.keyword("id", ast.Constant(told))
        return ast.Call(ast.Attribute(ast.Name("pytest"), "param"), values, [mark])
    return values[0] if len(values) == 1 else ast.Tuple(values)
