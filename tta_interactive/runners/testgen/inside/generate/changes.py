"""Small changes of the module's functions, made while it is loaded: would a test notice?

A change is compiled with the class or function around it and its code object is put into the
live function; taking it back is one assignment. Nothing is imported twice and nothing is run to
make a change. What runs at import alone (constants, defaults, decorators) is not changed.
"""

import __future__

import ast
import contextlib
import gc
import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, cast

Function = ast.FunctionDef | ast.AsyncFunctionDef
COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq, ast.LtE),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Add, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One thing put in the place of another."""

    line: int
    around: "Around"
    holder: Any
    """A node, or a list of nodes."""
    place: str | int
    new: Any


@dataclass(frozen=True)
class Around:
    """A function with the classes that it stands in."""

    function: Function
    tree: ast.Module
    """Only that function, in only those classes."""


class Changes:
    """All small changes of one module's functions.

    Args:
        tree: The module.
        file: As its code objects name it.
    """

    def __init__(self, tree: ast.Module, file: str) -> None:
        self._tree, self._file = tree, file
        marks = [name for name in ("annotations",) if _asks_for(tree, name)]
        self._flags = sum(getattr(__future__, name).compiler_flag for name in marks)
        self._live = _functions(file)
        self._caches = [value for value in _objects() if _is_cache(value, file)]

    def sample(self, most: int, draw: random.Random) -> list[Change]:
        """Some of them, spread over the module, in the order of its lines."""
        found = [
            Change(getattr(one[0], "lineno", around.function.lineno), around, *one[1:])
            for around in _arounds(self._tree.body, [])
            for one in _in_function(around.function)
        ]
        picked = found if len(found) <= most else draw.sample(found, most)
        return sorted(picked, key=lambda one: one.line)

    @contextlib.contextmanager
    def made(self, change: Change) -> Generator[bool]:
        """The module with the change; False if it cannot be made."""
        before = [(function, function.__code__) for function in self._find(change)]
        codes = self._codes(change)
        for function, old in before:
            new = codes.get((old.co_qualname, old.co_firstlineno))
            if new is not None and new.co_freevars == old.co_freevars:
                function.__code__ = new
        self.forget()
        try:
            yield any(function.__code__ is not old for function, old in before)
        finally:
            for function, old in before:
                function.__code__ = old
            self.forget()

    def _find(self, change: Change) -> list[FunctionType]:
        first, last = change.around.function.lineno, change.around.function.end_lineno or 0
        marks = [mark.lineno for mark in change.around.function.decorator_list]
        first = min([first, *marks])
        return [one for one in self._live if first <= one.__code__.co_firstlineno <= last]

    def _codes(self, change: Change) -> dict[tuple[str, int], CodeType]:
        old = _exchanged(change.holder, change.place, change.new)
        try:
            code = compile(
                change.around.tree, self._file, "exec", flags=self._flags, dont_inherit=True
            )
        except (SyntaxError, ValueError, TypeError, RecursionError):
            return {}
        finally:
            _exchanged(change.holder, change.place, old)
        return {(one.co_qualname, one.co_firstlineno): one for one in _nested(code)}

    def forget(self) -> None:
        """What a cache remembers was said by other code."""
        for cache in self._caches:
            with contextlib.suppress(Exception):  # boundary: any object may call a method so
                cache.cache_clear()


def _objects() -> list[Any]:
    return gc.get_objects()


def _is_cache(value: Any, file: str) -> bool:
    """Whether it remembers the results of one of the module's functions."""
    is_one = hasattr(cast("type[Any]", type(value)), "cache_clear")
    code = getattr(getattr(value, "__wrapped__", None), "__code__", None) if is_one else None
    return isinstance(code, CodeType) and code.co_filename == file


def _functions(file: str) -> list[FunctionType]:
    return [
        one
        for one in _objects()
        if isinstance(one, FunctionType) and one.__code__.co_filename == file
    ]


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _asks_for(tree: ast.Module, feature: str) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(one.name == feature for one in node.names)
        for node in tree.body
    )


def _arounds(body: list[ast.stmt], classes: list[ast.ClassDef]) -> Iterator[Around]:
    for node in body:
        if isinstance(node, Function):
            inner: ast.stmt = node
            for cls in reversed(classes):
                # The name matters: private names and `super()` know their class.
                inner = ast.copy_location(
                    ast.ClassDef(cls.name, bases=[], keywords=[], body=[inner], decorator_list=[]),
                    cls,
                )
            yield Around(node, ast.Module([inner], type_ignores=[]))
        elif isinstance(node, ast.ClassDef):
            yield from _arounds(node.body, [*classes, node])
        elif isinstance(node, ast.If | ast.Try):
            yield from _arounds([*node.body, *node.orelse], classes)


def _exchanged(holder: Any, place: str | int, new: Any) -> Any:
    if isinstance(place, int):
        old, holder[place] = holder[place], new
        return old
    old = getattr(holder, place)
    setattr(holder, place, new)
    return old


Found = tuple[ast.AST, Any, str | int, Any]


def _in_function(function: Function) -> Iterator[Found]:
    """(where it is, what holds it, where in there, what to put there)."""
    for statement in function.body:
        for node in _code_below(statement):
            for make in (_of_operators, _of_values, _of_flow, _of_statements):
                yield from make(node)


def _code_below(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below but annotations and docstrings."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return
        case ast.AnnAssign(value=None):
            return
        case _:
            yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for part in _listed(value):
            if isinstance(part, ast.AST):
                yield from _code_below(part)


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _of_operators(node: ast.AST) -> Iterator[Found]:
    match node:
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                yield from ((node, ops, at, new()) for new in COMPARED[type(op)])
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in CALCULATED:
            yield node, node, "op", CALCULATED[type(op)]()
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
