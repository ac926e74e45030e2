"""What a module's source says of its functions: their order, parameters and first sentences."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_DOC = 88
ROLE = re.compile(r":[\w:.+-]+:`~?([^`<]*?)(?:\s*<[^>`]*>)?`")
Function = ast.FunctionDef | ast.AsyncFunctionDef
END = re.compile(r"(?<=[\w`][.])(?<!\bi\.e\.)(?<!\be\.g\.)(?<!\betc\.)(?<!\bvs\.)\s")
"""Of a sentence."""
LAST = 10**9


@dataclass(frozen=True)
class Entry:
    """One function, method or class."""

    line: int
    parameters: tuple[str, ...]
    """As a caller writes them: without `self`."""
    doc: str
    """The first sentence of its docstring, if that is short and plain."""


class Outline:
    """The functions and classes of one module, by `name` or `Class.method`."""

    def __init__(self, text: str) -> None:
        self._entries: dict[str, Entry] = {}
        self._bases: dict[str, tuple[str, ...]] = {}
        self._read(ast.parse(text).body, "")

    def _read(self, body: list[ast.stmt], owner: str) -> None:
        for node in _definitions(body):
            name = f"{owner}.{node.name}" if owner else node.name
            if isinstance(node, ast.ClassDef):
                fields = tuple(
                    part.target.id
                    for part in node.body
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                )
                self._entries[name] = Entry(node.lineno, fields, _doc(node))
                self._bases[name] = tuple(ast.unparse(base) for base in node.bases)
                self._read(node.body, name)
            else:
                parameters = _parameters(node, is_method=bool(owner))
                self._entries.setdefault(name, Entry(node.lineno, parameters, _doc(node)))
        for node in body:
            match node:
                case ast.Assign(targets=targets, value=ast.Name(id=first)):  # __or__ = union
                    if known := self._entries.get(f"{owner}.{first}" if owner else first):
                        for name in map(ast.unparse, targets):
                            self._entries.setdefault(f"{owner}.{name}" if owner else name, known)
                case _:
                    pass

    def find(self, subject: str) -> Entry | None:
        """The entry; a method is looked for in the bases of its class too."""
        if subject in self._entries:
            return self._entries[subject]
        owner, _, method = subject.rpartition(".")
        seen = [owner] if owner else []
        for cls in seen:
            seen += [base for base in self._bases.get(cls, ()) if base not in seen]
            if f"{cls}.{method}" in self._entries:
                return self._entries[f"{cls}.{method}"]
        return None

    def is_class(self, name: str) -> bool:
        return name in self._bases

    def methods_called(self, name: str) -> list[str]:
        """Every `Class.name` of the module."""
        return [key for key in self._entries if key.rpartition(".")[2] == name and "." in key]

    def place(self, subject: str) -> tuple[int, int]:
        """Sorts like the module: the line of the class or function, and of the method."""
        top = self._entries.get(subject.partition(".")[0])
        found = self.find(subject)
        return (top.line if top else LAST, found.line if found else LAST)

    def parameters(self, callee: str) -> tuple[str, ...]:
        """The parameters of what a test calls: `parse`, `Version`, or a method's bare name."""
        if self.is_class(callee):
            maker = self.find(f"{callee}.__init__") or self.find(f"{callee}.__new__")
            return maker.parameters if maker else self._entries[callee].parameters
        found = self.find(callee)
        if found is None:
            same = {self._entries[key].parameters for key in self.methods_called(callee)}
            return same.pop() if len(same) == 1 else ()
        return found.parameters


def _definitions(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """Also those below `if` and `try`."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef):
            yield node
        elif isinstance(node, ast.If):
            yield from _definitions([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            rest = [part for handler in node.handlers for part in handler.body]
            yield from _definitions([*node.body, *node.orelse, *rest])


def _parameters(node: Function, *, is_method: bool) -> tuple[str, ...]:
    marks = {ast.unparse(mark) for mark in node.decorator_list}
    names = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    return tuple(names[1:] if is_method and "staticmethod" not in marks else names)


def _doc(node: Function | ast.ClassDef) -> str:
    text = ast.get_docstring(node) or ""
    first = " ".join(text.split("\n\n")[0].split())
    first = END.split(ROLE.sub(r"`\1`", first).replace("``", "`"))[0].rstrip(".: ")
    is_plain = first.isprintable() and "\\" not in first and '"' not in first and "->" not in first
    is_plain = is_plain and not re.match(r"[\w.]+\(", first)
    if not is_plain or len(first) > MAX_DOC or len(first.split()) < 3 or first[:1] in "@:>`(":
        return ""
    return first[0].upper() + first[1:] + "."
