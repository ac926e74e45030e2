"""What tests have in common and where they differ: their statements without the literals.

`assert price("tea") == 3` and `assert price("milk") == 2` have one shape with two holes.
"""

import ast
import copy
from dataclasses import dataclass, field

from tta_interactive.runners.testgen.reads.outline import Function, Outline

HOLE = "_hole_{}_"
# What a test asks of `result` -> what to call the answer.
ANSWERS = {"str": "text", "repr": "shown", "len": "length", "list": "items", "type": "cls"}


@dataclass(frozen=True)
class Hole:
    """A literal of one test, and what to call it."""

    name: str
    value: ast.expr

    @property
    def text(self) -> str:
        return ast.unparse(self.value)


@dataclass
class Shape:
    """A test without its literals."""

    body: list[ast.AST]
    holes: list[Hole] = field(default_factory=list[Hole])

    def key(self) -> str:
        """The same for tests that differ only in values."""
        # Yes and no are told apart from other answers: `is True` must stay what it is.
        answers = [isinstance(hole.value, ast.Constant) and hole.value.value in (True, False)
                   and isinstance(hole.value.value, bool) and hole.name == "expected"
                   for hole in self.holes]  # fmt: skip
        return "\n".join([*(ast.dump(node) for node in self.body), str(answers)])


def shape_of(node: Function, outline: Outline) -> Shape:
    """The shape of a test function; its docstring is no part of it."""
    body = [copy.deepcopy(part) for part in node.body if not is_docstring(part)]
    shape = Shape([])
    puncher = _Puncher(shape, outline, sum(isinstance(part, ast.Assert) for part in body))
    shape.body = [puncher.visit(part) for part in body]
    return shape


def filled(shape: Shape, values: list[ast.expr]) -> list[ast.stmt]:
    """The statements with these expressions in the holes."""
    named = {HOLE.format(at): value for at, value in enumerate(values)}
    filler = _Filler(named)
    made = [filler.visit(copy.deepcopy(part)) for part in shape.body]
    return [part for part in made if isinstance(part, ast.stmt)]


def is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def is_literal(node: ast.expr) -> bool:
    """Whether a table can hold it: it means the same wherever it stands."""
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant()):
            return True
        case ast.List() | ast.Tuple() | ast.Set():
            return all(is_literal(item) for item in node.elts)
        case ast.Dict():
            return all(key is not None and is_literal(key) for key in node.keys) and all(
                is_literal(value) for value in node.values
            )
        case ast.Call(func=ast.Name(id="set" | "frozenset"), args=args, keywords=[]):
            return all(is_literal(item) for item in args)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="pytest"), attr="approx"), args=[item]):
            return is_literal(item)
        case _:
            return False


class _Filler(ast.NodeTransformer):
    def __init__(self, named: dict[str, ast.expr]) -> None:
        self._named = named

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return copy.deepcopy(self._named.get(node.id, node))


class _Puncher(ast.NodeTransformer):
    """Takes the literals out, from the outside in, and names each by where it stood."""

    def __init__(self, shape: Shape, outline: Outline, asserts: int) -> None:
        self._shape, self._outline = shape, outline
        self._asserts = asserts
        self._role = "value"

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and is_literal(node):
            at = len(self._shape.holes)
            self._shape.holes.append(Hole(self._role, node))
            return ast.Name(HOLE.format(at), ast.Load())
        return super().visit(node)

    def _as(self, role: str, node: ast.expr) -> ast.expr:
        before, self._role = self._role, role
        try:
            return self.visit(node)  # pyright: ignore[reportReturnType]  (of an expression)
        finally:
            self._role = before

    def visit_Call(self, node: ast.Call) -> ast.expr:
        callee = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        if callee == "escape":
            known: tuple[str, ...] = ("message",)
        else:
            # A static method is found under its whole name, any other under its bare one.
            whole = self._outline.find(ast.unparse(node.func))
            known = whole.parameters if whole and "." in ast.unparse(node.func) else ()
            known = known or self._outline.parameters(callee)
        node.func = self._as("value", node.func)
        node.args = [
            self._as(known[at] if at < len(known) else self._role, one)
            for at, one in enumerate(node.args)
        ]
        for keyword in node.keywords:
            keyword.value = self._as(keyword.arg or self._role, keyword.value)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        target = node.targets[0]
        named = isinstance(target, ast.Name) and target.id != "result"
        node.targets = [self._as("key", one) for one in node.targets]
        node.value = self._as(target.id if isinstance(target, ast.Name) and named else "value",
                              node.value)  # fmt: skip
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        match node.test:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[answer]) if (
                is_literal(answer)
            ):
                left = self._as("value", left)
                node.test = ast.Compare(left, [ast.Eq()], [self._as(self._answer(left), answer)])
            case _:
                node.test = self._as("value", node.test)
        return node

    def _answer(self, asked: ast.expr) -> str:
        is_of_error = ast.unparse(asked).startswith("caught.")
        if self._asserts == 1 and not is_of_error:
            return "expected"
        match asked:
            case ast.Attribute(attr="__name__"):
                return "type_name"
            case ast.Attribute(attr=name):
                return name.strip("_")
            case ast.Call(func=ast.Name(id=name)) if name in ANSWERS:
                return ANSWERS[name]
            case ast.Call(func=ast.Attribute(attr="read_text" | "read_bytes")):
                return "content"
            case _:
                return "expected"

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        is_in = isinstance(node.ops[0], ast.In | ast.NotIn)
        node.left = self._as("item" if is_in else self._role, node.left)
        node.comparators = [self._as("other", one) for one in node.comparators]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        node.left = self._as("other" if is_literal(node.left) else self._role, node.left)
        node.right = self._as("other", node.right)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        node.value = self._as(self._role, node.value)
        is_number = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int)
        node.slice = self._as("index" if is_number else "key", node.slice)
        return node

    def visit_Slice(self, node: ast.Slice) -> ast.expr:
        for part in ("lower", "upper", "step"):
            value = getattr(node, part)
            if value is not None:
                name = {"lower": "start", "upper": "stop", "step": "step"}[part]
                setattr(node, part, self._as(name, value))
        return node
