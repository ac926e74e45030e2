"""What sorts of plain values the parameters of a module take, as its text says. Pure."""

import ast
from collections.abc import Iterator

PLAIN_OF = {
    "str": "'a'", "int": "1", "float": "1.5", "bytes": "b'a'", "bool": "True",
    "dict": "{}", "list": "[]", "tuple": "()", "set": "set()",
}  # fmt: skip
SAME = {"Dict": "dict", "List": "list", "Tuple": "tuple", "Set": "set"}
LITERALS: dict[type[ast.AST], str] = {
    ast.Dict: "dict", ast.List: "list", ast.Tuple: "tuple", ast.Set: "set",
}  # fmt: skip
Sorts = frozenset[str]
ANY: Sorts = frozenset()
Parameters = dict[str, Sorts]
"""Parameter -> what it takes, in order; nothing: that is not known."""


class Fitting:
    """Knows the parameters of every function, method and class of a module, by their bare names."""

    def __init__(self, tree: ast.Module) -> None:
        self._known: dict[str, Parameters] = {}
        for name, parameters in _callables(tree):
            if self._known.setdefault(name, parameters) != parameters:
                self._known[name] = {}  # two of one name

    def arguments(self, call: ast.Call) -> Iterator[tuple[ast.expr, Sorts]]:
        """Each argument, and the sorts that may stand there."""
        match call.func:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                known = self._known.get(name, {})
            case _:
                known = {}
        in_order = list(known.values())
        for at, one in enumerate(call.args):
            yield one, in_order[at] if at < len(in_order) else ANY
        for given in call.keywords:
            yield given.value, known.get(given.arg or "", ANY)

    def fits(self, statement: str) -> bool:
        """Whether no call in the statement passes what its parameter does not take."""
        calls = (node for node in ast.walk(ast.parse(statement)) if isinstance(node, ast.Call))
        return not any(True for call in calls for _ in self.misfits(call))

    def misfits(self, call: ast.Call) -> Iterator[tuple[ast.expr, Sorts]]:
        """The arguments of another sort than the parameter says, and what it says."""
        for one, sorts in self.arguments(call):
            sort = sort_of(one)
            if sort and sorts and sort not in sorts:
                yield one, sorts


def sort_of(node: ast.expr) -> str:
    """`str` of `'a'`; empty: that cannot be told from its text."""
    match node:
        case ast.Constant(value=value):
            return type(value).__name__
        case ast.UnaryOp(operand=ast.Constant(value=value)):
            return type(value).__name__
        case _:
            return LITERALS.get(type(node), "")


def _callables(tree: ast.Module) -> Iterator[tuple[str, Parameters]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            maker = next((one for one in node.body if _is_maker(one)), None)
            if isinstance(maker, ast.FunctionDef):
                yield node.name, _parameters(maker)
            else:
                yield (
                    node.name,
                    {
                        part.target.id: _sorts(part.annotation, part.value)
                        for part in node.body
                        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                    },
                )
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, _parameters(node)


def _is_maker(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Parameters:
    every = [*node.args.posonlyargs, *node.args.args]
    defaults = [*[None] * (len(every) - len(node.args.defaults)), *node.args.defaults]
    pairs = [*zip(every, defaults, strict=True)]
    pairs += zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    found = {one.arg: _sorts(one.annotation, default) for one, default in pairs}
    first = next(iter(found), "")
    return {name: sorts for name, sorts in found.items() if name != first or not _is_owner(first)}


def _is_owner(name: str) -> bool:
    return name in ("self", "cls")


def _sorts(annotation: ast.expr | None, default: ast.expr | None) -> Sorts:
    """What an annotation allows, else what the default is."""
    if annotation is None:
        sort = sort_of(default) if default is not None else ""
        return frozenset((sort,)) if sort in PLAIN_OF else ANY
    found = set(_allowed(annotation))
    return frozenset(found) if "" not in found else ANY


def _allowed(node: ast.expr) -> Iterator[str]:
    """The sorts; empty among them: something else too."""
    match node:
        case ast.Constant(value=None):
            yield "NoneType"
        case ast.Constant(value=str(text)):
            try:
                yield from _allowed(ast.parse(text, mode="eval").body)
            except SyntaxError:
                yield ""
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _allowed(left)
            yield from _allowed(right)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            yield "NoneType"
            yield from _allowed(inner)
        case ast.Subscript(value=ast.Name() as base):
            yield from _allowed(base)
        case ast.Name(id="float"):
            yield from ("float", "int")
        case ast.Name(id=name) if SAME.get(name, name) in PLAIN_OF:
            yield SAME.get(name, name)
        case _:
            yield ""
