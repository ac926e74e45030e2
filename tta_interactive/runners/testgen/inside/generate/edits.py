"""What small edits of a function there are, each as one thing put in the place of another. Pure.

Of the comparisons that could stand in the place of one, those are taken that no test can tell
from the others: who notices `<=` and `!=` for `<` has met all three sides of the boundary.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from .mining import is_special

Function = ast.FunctionDef | ast.AsyncFunctionDef
COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.NotEq),
    ast.LtE: (ast.Lt, ast.Eq),
    ast.Gt: (ast.GtE, ast.NotEq),
    ast.GtE: (ast.Gt, ast.Eq),
    ast.Eq: (ast.NotEq, ast.LtE, ast.GtE),
    ast.NotEq: (ast.Eq, ast.Lt, ast.Gt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
CALCULATED: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.BitOr),
    ast.Sub: (ast.Add, ast.BitXor),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Mult, ast.Mod),
    ast.Mod: (ast.Add, ast.BitXor),
    ast.Pow: (ast.Mult, ast.Add),
    ast.BitAnd: (ast.BitOr, ast.BitXor),
    ast.BitOr: (ast.BitAnd, ast.BitXor),
    ast.BitXor: (ast.BitAnd, ast.BitOr),
    ast.LShift: (ast.RShift, ast.Mult),
    ast.RShift: (ast.LShift, ast.Sub),
}
MAX_NEAR = 12
MAX_NUMBER, MAX_TEXT = 10**6, 40


@dataclass(frozen=True, eq=False)
class Edit:
    """One thing put in the place of another."""

    line: int
    head: int
    """The first line of the statement that it is in."""
    holder: Any
    """A node, or a list of nodes."""
    place: str | int
    new: Any
    near: tuple[str, ...] = ()
    """Values, as source, with which the difference may show: those on both sides of a constant."""


Found = tuple[ast.AST, Any, str | int, Any]


def edits_of(function: Function) -> Iterator[Edit]:
    """Every small edit of a function's body, those of inner functions too."""
    for statement in function.body:
        for node, head in _code_below(statement, statement.lineno):
            near = tuple(_near(node))
            for make in (_of_operators, _of_values, _of_flow, _of_statements):
                for at, holder, place, new in make(node):
                    yield Edit(getattr(at, "lineno", head), head, holder, place, new, near)


def exchanged(holder: Any, place: str | int, new: Any) -> Any:
    """Put one thing in the place of another, which is given back."""
    if isinstance(place, int):
        old, holder[place] = holder[place], new
        return old
    old = getattr(holder, place)
    setattr(holder, place, new)
    return old


def values_near(value: object) -> Iterator[str]:
    """The value and its neighbours, as source."""
    if isinstance(value, bool):
        return
    if isinstance(value, int) and abs(value) < MAX_NUMBER:
        yield from (repr(value), repr(value - 1), repr(value + 1))
        if is_special(value):
            yield from (repr(chr(value)), repr(chr(value + 1)))
    elif isinstance(value, str) and 0 < len(value) < MAX_TEXT:
        yield from (repr(value), repr(value + value[0]), repr(value[:-1]))
    elif isinstance(value, bytes) and 0 < len(value) < MAX_TEXT:
        yield from (repr(value), repr(value + value[:1]), repr(value[:-1]))
    elif isinstance(value, float) and abs(value) < MAX_NUMBER:
        yield from (repr(value), repr(value - 0.5), repr(value + 0.5))


def _near(node: ast.AST) -> Iterator[str]:
    parts: list[ast.expr] = []
    match node:
        case ast.Compare(left=left, comparators=others):
            parts = [left, *others]
        case ast.BinOp(left=left, right=right):
            parts = [left, right]
        case ast.Constant():
            parts = [node]
        case _:
            pass
    found: dict[str, None] = {}
    for part in parts:
        for inner in part.elts if isinstance(part, ast.Tuple | ast.List | ast.Set) else (part,):
            if isinstance(inner, ast.Constant):
                found |= dict.fromkeys(values_near(inner.value))
    yield from list(found)[:MAX_NEAR]


def _code_below(node: ast.AST, head: int) -> Iterator[tuple[ast.AST, int]]:
    """Every node below but annotations and docstrings, with the line of its statement."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return
        case ast.AnnAssign(value=None):
            return
        case ast.stmt(lineno=line):
            head = line
        case _:
            pass
    yield node, head
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for part in _listed(value):
            if isinstance(part, ast.AST):
                yield from _code_below(part, head)


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _of_operators(node: ast.AST) -> Iterator[Found]:
    match node:
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                yield from ((node, ops, at, new()) for new in COMPARED[type(op)])
        case ast.BinOp(op=op) | ast.AugAssign(op=op):
            yield from ((node, node, "op", new()) for new in CALCULATED.get(type(op), ()))
        case ast.BoolOp(op=op):
            yield node, node, "op", ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.USub()):
            yield node, node, "op", ast.UAdd()
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            twice = ast.copy_location(ast.UnaryOp(ast.Not(), operand), operand)
            yield node, node, "operand", twice
        case _:
            pass


def _of_values(node: ast.AST) -> Iterator[Found]:
    match node:
        case ast.Constant(value=bool(value)):
            yield node, node, "value", not value
        case ast.Constant(value=int(value) | float(value)):
            yield node, node, "value", value + 1
            yield node, node, "value", value - 1
        case ast.Constant(value=str(text)):
            yield node, node, "value", f"{text}!" if text else "!"
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield node, node, "value", ast.copy_location(ast.Constant(None), value)
        case _:
            pass


def _of_flow(node: ast.AST) -> Iterator[Found]:
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield node, node, "test", ast.copy_location(ast.UnaryOp(ast.Not(), test), test)
        case ast.For(iter=items):
            yield node, node, "iter", ast.copy_location(ast.Tuple([], ast.Load()), items)
        case ast.ExceptHandler(type=ast.expr() as caught):
            yield node, node, "type", ast.copy_location(ast.Tuple([], ast.Load()), caught)
        case _:
            pass


def _of_statements(node: ast.AST) -> Iterator[Found]:
    """Statements left out; `break` and `continue` exchanged."""
    for name in ("body", "orelse", "finalbody"):
        body = getattr(node, name, None)
        for at, part in enumerate(_listed(body) if body.__class__ is list else ()):
            match part:
                case ast.Break() | ast.Continue():
                    other = ast.Continue() if isinstance(part, ast.Break) else ast.Break()
                    yield part, body, at, ast.copy_location(other, part)
                case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Delete():
                    yield part, body, at, ast.copy_location(ast.Pass(), part)
                case _:
                    pass
