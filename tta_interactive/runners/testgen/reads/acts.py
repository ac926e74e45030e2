"""What a test does and what it then finds, read off its statements before they are polished."""

import ast
import copy
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """One thing that a test asserts."""

    kind: str
    """`answer`, its `type`, a `part` of it, or of an object that is there an `attribute`, or its
    whole `state`; a `file`, whether it is `gone`, the `output`, or `other`."""
    name: str = ""
    """Of the attribute, of the file, or of the object."""
    value: ast.expr | None = None


@dataclass(frozen=True)
class Acts:
    """A test, taken apart."""

    before: tuple[ast.stmt, ...]
    """What sets it up."""
    act: ast.stmt | None
    """What the test is about; its value is the answer."""
    found: tuple[Found, ...]
    error: str = ""
    """The exception that the act ends with."""
    message: ast.expr | None = None
    """Words of it."""

    @property
    def expression(self) -> ast.expr | None:
        """The act, if it is an expression."""
        match self.act:
            case ast.Expr(value=value) | ast.Assign(targets=[ast.Name()], value=value):
                return value
            case _:
                return None

    @property
    def answer(self) -> ast.expr | None:
        """What the act returns, if the test says so."""
        return next((one.value for one in self.found if one.kind == "answer"), None)

    @property
    def is_silent(self) -> bool:
        """Whether it returns nothing, and the test looks at what it did."""
        answer = self.answer
        is_none = isinstance(answer, ast.Constant) and answer.value is None
        return is_none and len(self.found) > 1

    def in_full(self) -> ast.AST | None:
        """The act with the objects that it uses in the place of their names; None: it needs more."""
        made: dict[str, ast.expr] = {}
        for node in self.before:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    made[name] = _Filled(made).visit(copy.deepcopy(value))
                case _:
                    return None
        act = self.expression or self.act
        if act is None or isinstance(act, ast.With):
            return None
        used = [part.id for part in ast.walk(act) if isinstance(part, ast.Name)]
        if any(used.count(name) > 1 for name in made):
            return None
        return _Filled(made).visit(copy.deepcopy(act))


def acts_of(body: Sequence[ast.stmt]) -> Acts:
    """A test's statements, taken apart."""
    steps = [node for node in body if not isinstance(node, ast.Assert)]
    checks = [node.test for node in body if isinstance(node, ast.Assert)]
    alias = "result"
    match steps[-1:]:
        case [ast.Assign(targets=[ast.Name(id="result")], value=ast.Name(id=alias))]:
            del steps[-1]
        case _:
            pass
    if not steps:
        return Acts((), None, tuple(_found(one, alias) for one in checks))
    *before, act = steps
    error, message = _raised(act)
    if error and isinstance(act, ast.With):
        act = act.body[-1]
    found = [_found(one, alias) for one in checks]
    match act, found:
        case (
            ast.Assign(value=ast.Compare(left, [ast.Is()], [right])),
            [Found("answer", _, ast.Constant(value=True)), *rest],
        ):  # `clamp(None) is None` says what `clamp(None)` gives
            act, found = ast.Expr(left), [Found("answer", "", right), *rest]
        case _:
            pass
    return Acts(tuple(before), act, tuple(found), error, message)


def _raised(node: ast.stmt) -> tuple[str, ast.expr | None]:
    match node:
        case ast.With(items=[ast.withitem(context_expr=ast.Call(func, [error, *_], keywords))]):
            if ast.unparse(func) != "pytest.raises":
                return "", None
            match = next((one.value for one in keywords if one.arg == "match"), None)
            return ast.unparse(error), match.args[0] if isinstance(match, ast.Call) else match
        case _:
            return "", None


def _found(test: ast.expr, alias: str) -> Found:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[value]):
            pass
        case ast.UnaryOp(op=ast.Not(), operand=left):
            value = ast.Constant(False)
        case _:
            left, value = test, ast.Constant(True)
    match left:
        case ast.Name(id="result"):
            return Found("answer", "", value)
        case ast.Call(func=ast.Name(id="type"), args=[ast.Name(id="result")]):
            return Found("type", "", value)
        case ast.Call(func=ast.Attribute(value=owner, attr="read_text" | "read_bytes")):
            return Found("file", _file(owner), value)
        case ast.Call(func=ast.Attribute(value=owner, attr="exists")):
            return Found("gone", _file(owner), value)
        case ast.Attribute(value=ast.Call(func=ast.Attribute(value=ast.Name(id="capsys")))):
            return Found("output", "", value)
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            is_answer = owner == "result" == alias
            return Found("part" if is_answer else "attribute", name, value)
        case ast.Name(id=owner) | ast.Call(func=ast.Name(), args=[ast.Name(id=owner)]) if (
            owner != "result" and left is not test
        ):
            return Found("state", ast.unparse(left), value)
        case _:
            return Found("other", "", value)


def _file(owner: ast.expr) -> str:
    match owner:
        case ast.BinOp(right=ast.Constant(value=str(name))):
            return name
        case _:
            return ast.unparse(owner)


class _Filled(ast.NodeTransformer):
    def __init__(self, made: dict[str, ast.expr]) -> None:
        self._made = made

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self._made.get(node.id, node))
