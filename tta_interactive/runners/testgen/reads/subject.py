"""What a test is about, and its local names: found in its own text."""

import ast
import builtins
import copy
import keyword
import re
from collections.abc import Iterator

from tta_interactive.runners.testgen.reads.outline import Function, Outline

COMPARISONS: dict[type[ast.AST], str] = {
    ast.Eq: "__eq__", ast.NotEq: "__ne__", ast.Lt: "__lt__", ast.LtE: "__le__",
    ast.Gt: "__gt__", ast.GtE: "__ge__", ast.In: "__contains__", ast.NotIn: "__contains__",
}  # fmt: skip
SUBSCRIPTS: dict[type[ast.AST], str] = {
    ast.Load: "__getitem__",
    ast.Store: "__setitem__",
    ast.Del: "__delitem__",
}
WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
ASKED = {"len": "__len__", "str": "__str__", "repr": "__repr__", "hash": "__hash__",
         "bool": "__bool__", "list": "__iter__", "reversed": "__reversed__"}  # fmt: skip


def snake(name: str) -> str:
    """`SortedSet` -> `sorted_set`, `LRUCache` -> `lru_cache`."""
    return WORDS.sub("_", name.strip("_")).lower()


def renamed(node: Function, outline: Outline) -> Function:
    """The test with each local object called after its class: `v1` and `v2` become `version`s."""
    node = copy.deepcopy(node)
    used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    used |= {one.arg for one in node.args.args}
    named: dict[str, str] = {}
    objects = _objects(node, outline)
    for local, cls in (_numbered(node) | objects).items():
        last = cls.rpartition(".")[2]
        wish = snake(last)
        wishes = [wish, f"other_{wish}", f"third_{wish}", f"an_{wish}", local]
        if wish == last and local in objects:  # the class itself is called so
            wishes[0] = f"{'an' if wish[0] in 'aeio' else 'a'}_{wish}"
        free = [name for name in wishes if name == local or name not in used]
        if free[0].isidentifier() and not keyword.iskeyword(free[0]):
            named[local] = free[0] if not hasattr(builtins, free[0]) else local
            used.add(named[local])
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            part.id = named.get(part.id, part.id)
    return node


def resolved(said: str, node: Function, outline: Outline) -> str:
    """What the test is about, as `Class.method`; `said` if the text knows no better."""
    owner = said.rpartition(".")[0]
    if outline.is_class(owner) and _makes_only(node, owner):
        return owner
    is_class = outline.is_class(said)
    is_member = outline.is_class(said.rpartition(".")[0])
    if not is_class and (is_member or outline.find(said) is not None):
        return said
    objects = _objects(node, outline)
    for one in reversed(list(_acts(node, objects))):
        if is_class and not one.startswith(f"{said}."):
            continue
        owner, _, name = one.rpartition(".")
        is_operator = outline.is_class(owner) and name.startswith("__")
        if is_operator or outline.find(one) is not None:
            return one
        owners = outline.methods_called(one.rpartition(".")[2])
        if len(owners) == 1:
            return owners[0]
    return said


def _makes_only(node: Function, cls: str) -> bool:
    """Whether all that a test tries is to make an object, and that fails."""
    match node.body[-1]:
        case ast.With(body=[ast.Expr(value=ast.Call(func=func))]):
            return ast.unparse(func) == cls
        case _:
            return False


def _objects(node: Function, outline: Outline) -> dict[str, str]:
    """Local variable -> the class of the module that it was made with."""
    found: dict[str, str] = {}
    for part in node.body:
        match part:
            case ast.Assign(targets=[ast.Name(id=local)], value=ast.Call(func=func)):
                name = ast.unparse(_root(func))
                maker = name if outline.is_class(name) else name.rpartition(".")[0]
                if outline.is_class(maker) and local != "result":
                    found[local] = maker
            case _:
                pass
    return found


def _numbered(node: Function) -> dict[str, str]:
    """Local variable -> its name without the number that a search gave it."""
    bound = [
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    ]
    return {name: found[1] for name in bound if (found := re.fullmatch(r"(.*[a-z])_\d+", name))}


def _root(func: ast.expr) -> ast.expr:
    """`Box` of `Box(1).opened(2).opened`: such chains mostly give what they began with."""
    match func:
        case ast.Attribute(value=ast.Call(func=inner)):
            return _root(inner)
        case _:
            return func


def _acts(node: Function, objects: dict[str, str]) -> Iterator[str]:
    """Every call, operator and subscript of the test, as `Class.method` where that is known."""
    # The outermost of a statement is met last, as it is what happens last.
    acts = [one for one in node.body if not isinstance(one, ast.Assert)]
    for part in (inner for one in acts for inner in reversed(list(ast.walk(one)))):
        match part:
            case ast.Attribute(value=ast.Name(id=local), attr=name) if local in objects:
                yield f"{objects[local]}.{name}"
            case ast.Attribute(value=ast.Call(func=ast.Name(id=cls)), attr=name):
                yield f"{cls}.{name}"
            case ast.Subscript(value=ast.Name(id=local), ctx=ctx) if local in objects:
                yield f"{objects[local]}.{SUBSCRIPTS[type(ctx)]}"
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                owner = right if isinstance(op, ast.In | ast.NotIn) else left
                if isinstance(owner, ast.Name) and owner.id in objects:
                    yield f"{objects[owner.id]}.{COMPARISONS.get(type(op), '')}"
            case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=local)]) if (
                name in ASKED and local in objects
            ):
                yield f"{objects[local]}.{ASKED[name]}"
            case ast.Call(func=func):
                yield ast.unparse(func)
            case _:
                pass
