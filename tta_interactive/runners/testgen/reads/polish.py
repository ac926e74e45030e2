"""Small things in the text of a test that a reviewer would ask for."""

import ast
import copy
import re

MAX_ONE_LINE = 88


def polished(body: list[ast.stmt], yes_no: set[str]) -> list[ast.stmt]:
    """The statements as one would write them by hand.

    Args:
        body: Statements of a test.
        yes_no: Parameters that are only ever True, False or None.
    """
    body = [_Small(yes_no).visit(copy.deepcopy(part)) for part in body]
    body = _without_alias([_without_underscore(part) for part in body])
    return _inlined(_without_nothing(body))


class _Small(ast.NodeTransformer):
    def __init__(self, yes_no: set[str]) -> None:
        self._yes_no = yes_no

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        match node.test:
            case ast.Compare(ops=[ast.Eq()], comparators=[ast.Constant(value=bool() | None)]):
                node.test.ops = [ast.Is()]
            case ast.Compare(ops=[ast.Eq()], comparators=[ast.Name(id=name)]) if (
                name in self._yes_no
            ):
                node.test.ops = [ast.Is()]
            case _:
                pass
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr="escape"),
                args=[ast.Constant(value=str(text))],
            ) if re.escape(text).replace("\\ ", " ") == text:
                return ast.Constant(text)
            case _:
                return node


def _without_underscore(node: ast.stmt) -> ast.stmt:
    """`_ = box.close()` is `box.close()`."""
    match node:
        case ast.Assign(targets=[ast.Name(id="_")], value=value):
            return ast.Expr(value)
        case _:
            return node


def _without_alias(body: list[ast.stmt]) -> list[ast.stmt]:
    """`result = box` needs no second name."""
    for at, node in enumerate(body):
        match node:
            case ast.Assign(targets=[ast.Name(id="result")], value=ast.Name(id=name)):
                rest = [_Named({"result": ast.Name(name)}).visit(part) for part in body[at + 1 :]]
                return [*body[:at], *rest]
            case _:
                pass
    return body


def _without_nothing(body: list[ast.stmt]) -> list[ast.stmt]:
    """That `box.add(3)` returns None is not worth a line where what it did is looked at."""
    for at in range(len(body) - 2):
        match body[at : at + 2]:
            case [
                ast.Assign(targets=[ast.Name(id="result")], value=ast.Call() as value),
                ast.Assert(
                    test=ast.Compare(
                        left=ast.Name(id="result"),
                        ops=[ast.Is()],
                        comparators=[ast.Constant(value=None)],
                    )
                ),
            ]:
                return [*body[:at], ast.Expr(value), *body[at + 2 :]]
            case _:
                pass
    return body


def _inlined(body: list[ast.stmt]) -> list[ast.stmt]:
    """`result = f(1)`, looked at once and at once, as one line if that is short."""
    for at in range(len(body) - 1):
        match body[at : at + 2]:
            case [ast.Assign(targets=[ast.Name(id="result")], value=value), ast.Assert() as check]:
                rest = body[at + 1 :]
                if sum(_is_result(node) for part in rest for node in ast.walk(part)) != 1:
                    return body
                if not any(map(_is_result, ast.walk(check))):
                    return body
                line = _told_shorter(_Named({"result": value}).visit(copy.deepcopy(check)), value)
                if len(ast.unparse(line)) + 4 <= MAX_ONE_LINE:
                    return [*body[:at], line, *body[at + 2 :]]
                return body
            case _:
                pass
    return body


def _is_result(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "result"


def _told_shorter(check: ast.Assert, value: ast.expr) -> ast.Assert:
    """`assert (a < b) is True` is `assert a < b`."""
    match check.test:
        case ast.Compare(
            left=left, ops=[ast.Is()], comparators=[ast.Constant(value=bool(said))]
        ) if isinstance(value, ast.Compare):
            return ast.Assert(left if said else ast.UnaryOp(ast.Not(), left))
        case _:
            return check


class _Named(ast.NodeTransformer):
    def __init__(self, named: dict[str, ast.expr]) -> None:
        self._named = named

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self._named.get(node.id, node))
