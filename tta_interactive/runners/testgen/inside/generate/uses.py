"""What a function's body asks of its parameters, as its text says.

Flow does not matter here: `name = thing.name` makes `name` another word for that attribute from
then on, and `self.items = items` makes what all methods do with `self.items` count for `items`.
"""

import ast
from collections.abc import Iterable, Iterator

from .usage import Place, Usage

Function = ast.FunctionDef | ast.AsyncFunctionDef
MIRRORED = {"lower", "upper", "strip", "casefold", "lstrip", "rstrip", "title"}
"""Methods of a text whose result is compared as the text itself would be."""
ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
LOOKUPS = {"get", "pop", "setdefault", "index", "count", "keys", "values", "items"}
"""Methods that look something up in a table, or give parts of it."""


def usages(tree: ast.Module) -> dict[tuple[int, str], Usage]:
    """(first line of a function, parameter) -> what is asked of the argument."""
    places: dict[Place, Usage] = {}
    first_lines: dict[str, tuple[int, list[str]]] = {}
    for owner, function in _functions(tree):
        name = f"{owner}.{function.name}" if owner else function.name
        parameters = _parameters(function)
        first = min([function.lineno, *(mark.lineno for mark in function.decorator_list)])
        first_lines[f"{name} {first}"] = (first, parameters)
        reader = _Reader(owner, parameters, places, f"{name} {first}")
        places.setdefault((name, ""), Usage())
        for index, parameter in enumerate(parameters):
            # Where others say where their argument goes: by position and by name.
            usage = places.setdefault((f"{name} {first}", parameter), Usage())
            places[name, parameter] = places[name, str(index)] = usage
        reader.read(function)
    for _ in range(3):
        for usage in list(places.values()):
            for place in usage.flows:
                known = places.get(place)
                if known is not None:
                    usage.merge(known)
    return {
        (first, parameter): places[name, parameter]
        for name, (first, parameters) in first_lines.items()
        for parameter in parameters
    }


def _functions(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield owner, node
            yield from _functions(node)
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, node.name)
        else:
            yield from _functions(node, owner)


def _parameters(function: Function) -> list[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    names = [argument.arg for argument in every]
    return [*names, *(more.arg for more in (given.vararg, given.kwarg) if more)]


class _Reader:
    """Reads one function."""

    def __init__(
        self, owner: str, parameters: list[str], places: dict[Place, Usage], name: str
    ) -> None:
        self._owner, self._places = owner, places
        self._words: dict[str, Usage] = {
            parameter: places.setdefault((name, parameter), Usage()) for parameter in parameters
        }
        self._self = parameters[0] if owner and parameters else ""

    def read(self, function: Function) -> None:
        nodes = list(ast.walk(function))
        for node in nodes:
            self._bind(node)
        for node in nodes:
            self._look(node)

    def _usage(self, node: ast.AST | None) -> Usage | None:
        """What is known of the value that an expression has, if it is one that we follow."""
        match node:
            case ast.Name(id=name):
                return self._words.get(name) if name != self._self else None
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if (
                name and name == self._self
            ):
                return self._places.setdefault((self._owner, attribute), Usage())
            case ast.Attribute(value=inner, attr=attribute):
                usage = self._usage(inner)
                return usage.of("attribute", attribute) if usage else None
            case ast.Subscript(value=inner, slice=ast.Constant(value=str() as key)):
                usage = self._usage(inner)
                return usage.of("key", repr(key)) if usage else None
            case ast.Call(
                func=ast.Attribute(value=inner, attr="get" | "pop" | "setdefault"),
                args=[ast.Constant(value=str() as key), *_],
            ):
                usage = self._usage(inner)
                return usage.of("key", repr(key)) if usage else None
            case ast.Call(func=ast.Attribute(value=inner, attr=attribute)) if attribute in MIRRORED:
                return self._usage(inner)
            case ast.Call(func=function, args=arguments):
                usage = self._usage(function)
                if usage is None:
                    return None
                usage.returned = usage.returned or Usage()
                usage.arity = usage.arity or len(arguments)
                return usage.returned
            case ast.Await(value=inner):
                usage = self._usage(inner)
                if usage is not None:
                    usage.awaited = True
                return usage
            case ast.BoolOp(values=[first, *_]):
                return self._usage(first)
            case _:
                return None

    def _bind(self, node: ast.AST) -> None:
        match node:
            case (
                ast.Assign(targets=[target], value=value)
                | ast.AnnAssign(target=target, value=value)
            ) if value is not None:
                self._assign(target, value)
            case ast.For(target=target, iter=items) | ast.comprehension(target=target, iter=items):
                self._loop(target, items)
            case ast.AsyncFor(target=target, iter=items):
                usage = self._usage(items)
                if usage is not None:
                    usage.looped_async = True
                self._loop(target, items)
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                usage = self._usage(value)
                if usage is not None:
                    self._words.setdefault(name, usage)
            case _:
                pass

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        usage = self._usage(value)
        if usage is None:
            return
        match target:
            case ast.Name(id=name):
                self._words.setdefault(name, usage)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == self._self:
                usage.flows.append((self._owner, attribute))
            case ast.Tuple(elts=parts):
                usage.unpacked = len(parts)
            case _:
                pass

    def _loop(self, target: ast.expr, items: ast.expr) -> None:
        match items:
            case ast.Call(func=ast.Name(id="enumerate" | "sorted" | "reversed"), args=[inner, *_]):
                items = inner
            case ast.Call(func=ast.Attribute(value=inner, attr="items" | "values" | "keys")):
                usage = self._usage(inner)
                if usage is not None:
                    usage.of("attribute", items.func.attr)  # type: ignore[union-attr]  # it matched
                return
            case _:
                pass
        usage = self._usage(items)
        if usage is None:
            return
        usage.item = usage.item or Usage()
        match target:
            case ast.Name(id=name):
                self._words.setdefault(name, usage.item)
            case ast.Tuple(elts=parts):
                usage.item.unpacked = len(parts)
            case _:
                pass

    def _look(self, node: ast.AST) -> None:
        match node:
            case ast.Subscript(value=table, slice=key):
                self._usage(node)
                self._looked_up(key, table)
            case ast.Attribute() | ast.Await():
                self._usage(node)
            case ast.Call():
                self._usage(node)
                self._passed(node)
            case ast.Compare(left=left, ops=operators, comparators=others):
                for one, operator, other in zip(
                    [left, *others[:-1]], operators, others, strict=True
                ):
                    self._compared(one, operator, other)
            case ast.BinOp() | ast.UnaryOp():
                self._counted(node)
            case ast.FormattedValue(value=value):
                usage = self._usage(value)
                if usage is not None:
                    usage.is_shown = True
            case ast.Match(subject=subject, cases=cases):
                usage = self._usage(subject)
                if usage is not None:
                    usage.literals += _pattern_constants(cases)
            case ast.With(items=items) | ast.AsyncWith(items=items):
                self._enter(items)
            case _:
                pass

    def _counted(self, node: ast.BinOp | ast.UnaryOp) -> None:
        match node:
            case ast.BinOp(left=left, op=ast.Sub() | ast.Mult() | ast.Div(), right=right):
                self._number(left)
                self._number(right)
            case ast.BinOp(left=left, op=ast.Add(), right=ast.Constant(value=int() | float())):
                self._number(left)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self._number(operand)
            case _:
                pass

    def _enter(self, items: list[ast.withitem]) -> None:
        for item in items:
            usage = self._usage(item.context_expr)
            if usage is not None:
                usage.entered = True

    def _number(self, node: ast.AST) -> None:
        usage = self._usage(node)
        if usage is not None:
            usage.is_number = True

    def _compared(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> None:
        if isinstance(operator, ast.In | ast.NotIn):
            self._contained(left, right)
            return
        for one, other in ((left, right), (right, left)):
            usage = self._usage(one)
            if usage is not None:
                if isinstance(operator, ORDERS) and _is_number(other):
                    usage.is_number = True
                usage.literals += _constants([other])
                if isinstance(other, ast.Name | ast.Attribute) and self._usage(other) is None:
                    usage.names.append(ast.unparse(other))
                elif isinstance(one, ast.Name) and isinstance(other, ast.Name):
                    usage.peers.append(other.id)
            elif _is_call_on(one, "len") and isinstance(other, ast.Constant):
                inner = self._usage(one.args[0])  # type: ignore[attr-defined]  # it is a call
                if inner is not None:
                    inner.taken_by.append("len")

    def _contained(self, item: ast.expr, holder: ast.expr) -> None:
        if isinstance(item, ast.Constant):
            usage = self._usage(holder)
            if usage is not None:
                usage.keys.setdefault(repr(item.value), Usage())
        usage = self._usage(item)
        if usage is not None:
            if isinstance(holder, ast.Tuple | ast.List | ast.Set):
                usage.literals += _constants(holder.elts)
            else:
                usage.names += _table(holder)

    def _looked_up(self, key: ast.expr, table: ast.expr) -> None:
        usage = self._usage(key)
        if usage is not None:
            usage.is_key = True
            if self._usage(table) is None:
                usage.names += _table(table)

    def _passed(self, node: ast.Call) -> None:
        called = ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
        if called in ("isinstance", "issubclass") and len(node.args) == 2:
            usage = self._usage(node.args[0])
            if usage is not None:
                usage.types.append(ast.unparse(node.args[1]))
            return
        if called in ("hasattr", "getattr") and len(node.args) >= 2:
            usage = self._usage(node.args[0])
            name = node.args[1]
            if usage and isinstance(name, ast.Constant) and isinstance(name.value, str):
                usage.of("attribute", name.value)
            return
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("startswith", "endswith"):
            usage = self._usage(node.func.value)
            if usage is not None:
                found = node.args[0] if node.args else None
                parts = found.elts if isinstance(found, ast.Tuple) else node.args[:1]
                usage.literals += _constants(parts)
        if isinstance(node.func, ast.Attribute) and node.func.attr in LOOKUPS and node.args:
            self._looked_up(node.args[0], node.func.value)
        own = f"{self._self}."
        if self._self and called.startswith(own):
            called, shift = f"{self._owner}.{called.removeprefix(own)}", 1
        else:
            shift = 0
        by_place = [(str(at + shift), value) for at, value in enumerate(node.args)]
        by_name = [(part.arg or "", part.value) for part in node.keywords]
        for place, value in [*by_place, *by_name]:
            usage = self._usage(value)
            if usage is not None and called:
                usage.flows.append((called, place))
                if place.isdigit():
                    usage.flows.append((f"{called}.__init__", str(int(place) + 1)))
                usage.taken_by.append(called)


def _table(node: ast.expr) -> list[str]:
    """The name of the table that an expression reads: `MOVES` of `MOVES.get(state, {})[0]`."""
    match node:
        case ast.Name() | ast.Attribute():
            return [ast.unparse(node)]
        case ast.Subscript(value=inner):
            return _table(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr=attribute)) if attribute in LOOKUPS:
            return _table(inner)
        case _:
            return []


def _constants(nodes: Iterable[ast.expr]) -> list[str]:
    found: list[str] = []
    for node in nodes:
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(value, str | int | float | bytes) and len(repr(value)) < 60:
            found.append(repr(value))
    return found


def _pattern_constants(cases: list[ast.match_case]) -> list[str]:
    nodes = [node for case in cases for node in ast.walk(case.pattern)]
    return _constants(node.value for node in nodes if isinstance(node, ast.MatchValue))


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _is_call_on(node: ast.expr, name: str) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=called), args=[_]):
            return called == name
        case _:
            return False
