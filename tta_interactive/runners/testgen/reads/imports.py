"""One form of import for each thing that the tests use: `Decimal`, not also `decimal.Decimal`."""

import ast
import builtins
from collections.abc import Collection, Sequence

from tta_interactive.runners.testgen.reads.outline import Function
from tta_interactive.runners.testgen.split import Imported


def by_name(
    tests: Sequence[Function], imports: Sequence[Imported], taken: Collection[str]
) -> list[Imported]:
    """Let the tests name the classes of a module of which they use nothing else.

    Args:
        tests: They are changed.
        imports: What is imported already.
        taken: Other names of the file.

    Returns:
        What must be imported besides.
    """
    modules = {one.here for one in imports if not one.module and one.here == one.there}
    used: dict[str, set[str]] = {}
    names = {*taken, *dir(builtins)}
    for test in tests:
        for node in ast.walk(test):
            match node:
                case ast.Attribute(value=ast.Name(id=module), attr=name) if module in modules:
                    used.setdefault(module, set()).add(name)
                case ast.Name(id=name) if name not in modules:
                    names.add(name)
                case _:
                    pass
    known = {one.here: one for one in imports}
    wanted: dict[tuple[str, str], Imported] = {}
    for module, parts in sorted(used.items()):
        for name in sorted(parts):
            one = Imported(module, name, name)
            if name not in names or known.get(name) == one:
                wanted[module, name] = one
        if not all(_is_class(name) and (module, name) in wanted for name in parts):
            wanted = {key: one for key, one in wanted.items() if key[0] != module}
    for test in tests:
        _Named(wanted).visit(test)
    return [one for one in wanted.values() if one not in imports]


def _is_class(name: str) -> bool:
    return name[:1].isupper() and not name.isupper()


class _Named(ast.NodeTransformer):
    def __init__(self, wanted: Collection[tuple[str, str]]) -> None:
        self._wanted = wanted

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (
                module,
                name,
            ) in self._wanted:
                return ast.Name(name, node.ctx)
            case _:
                return node
