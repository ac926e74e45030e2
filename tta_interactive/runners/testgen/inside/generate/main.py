"""One run of the generator: a job in, a file of tests out, and a journal on the way.

The journal and the heart beat are how a run that the module ends (`os._exit`, a crash in C, an
endless loop in C) is continued: the next run replays the journal and leaves out the target that
was being called.
"""

import ast
import importlib
import inspect
import json
import os
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, cast

from ..guard import Guard
from ..place import limit_resources, put_on_path
from .asynchronous import HELPERS
from .attempt import Attempts
from .calls import Caller
from .candidate import Candidate
from .changes import Changes
from .clocks import Clocks
from .expect import Expectations
from .fitting import Fitting
from .handing import hand_over, rows_of
from .hints import names_for_hints
from .laws import Laws
from .leftovers import Leftovers
from .mining import is_special, module_doctests, of_module, patterns_in
from .names import Names
from .plain import Plainness
from .restoring import Restoring
from .search import Found, Search
from .sharpen import Sharpener
from .surroundings import classes_named, imported, instances
from .suspect import sifted
from .targets import Target, add_helpers, enum_members, find_targets
from .trace import Arc, Runner, traced
from .uses import usages
from .values import Values
from .work import Work

BEAT = 256  # bytes: one record, written over and over
TABLES = (tuple, list, set, frozenset, dict)
MAX_NUMBERS = 5000
MAX_ARGUMENTS = 40
MAX_EXAMPLE = 16  # statements of one example; what the last does not need goes again
PER_TABLE = 12
CALL_LIMIT = 0.6  # seconds
# Shares of the budget; the rest makes tests that notice more, in the first round.
SEARCHING, LATER, SIMPLIFYING = 0.45, 0.9, 0.1


def run(job: dict[str, Any]) -> None:
    """Report `source` (a file of tests), `steps`, `tests`."""
    limit_resources()
    guard = Guard(job["writable"], commands=job["commands"])
    guard.install()
    put_on_path(job["root"])
    journal = _out_of_reach(700, job["journal"], os.O_RDWR | os.O_CREAT | os.O_APPEND)
    beat = _out_of_reach(701, job["beat"], os.O_WRONLY | os.O_CREAT)
    module, at_import = _imported(job)
    guard.writable_in_a_call = False
    tree = ast.parse(Path(job["file"]).read_bytes())
    draw = random.Random(job["seed"])  # noqa: S311 (tests, not secrets)

    names = Names(module)
    targets, known = find_targets(module, names, set(_defined(tree)))
    for name in _constants(module, tree):
        names.own(name)
    for name, source in HELPERS.items():
        names.support(name, source)
    banned = set(job["banned"])
    targets = [target for target in targets if target.key not in banned]
    hint_names, uses = names_for_hints(module, tree), usages(tree)
    own, work, clocks = (
        Path(job["writable"][0]) / "own",
        Work(job["seconds"]),
        Clocks(tree, module, names, draw),
    )
    targets += add_helpers(classes_named(targets, uses, hint_names), names, known)
    values = Values(
        tree, [*_patterns(module), *patterns_in(tree)], _characters(module), names, draw
    )
    values.objects.update(enum_members(known))
    _offer_instances(values, instances(module, known), names)
    caller = Caller(targets, known, names, values, uses, hint_names, draw, clocks)
    leftovers = Leftovers(module, _assigned_by_functions(tree))
    runner = Runner(
        str(module.__file__),
        names.space,
        guard,
        _raise_lines(tree),
        CALL_LIMIT,
        own,
        work,
        leftovers,
    )
    expectations = Expectations(module.__name__, names, known, _hidden(job))
    every_line = _lines_of_functions(compile(tree, "", "exec"))

    def report_beat(step: int, target: str, lines: set[int]) -> None:
        reached, every = len(lines & every_line), len(every_line)
        record = json.dumps([step, target[:100], reached, every, round(work.now, 3)])
        os.pwrite(beat, record.encode().ljust(BEAT)[:BEAT], 0)

    def keep(found: Found) -> None:
        used = names.support_in(found.test.statements)
        record = [found.candidate.target, used, *found.test.statements]
        os.write(journal, json.dumps(record).encode() + b"\n")

    first = [*_replayed(job["journal"], banned, names), *_examples(tree, names)]
    search = Search(
        targets,
        caller,
        runner,
        expectations,
        names,
        values,
        draw,
        work,
        focus=set(job["focus"]),
        beat=report_beat,
        keep=keep,
        clocks=clocks,
    )
    if targets:
        search.run(first, (LATER if job["reached"] else SEARCHING) * job["seconds"])
    # From here on the same is drawn, whether the search ended a little earlier or later.
    draw.seed(f"{job['seed']} after the search")
    laws = Laws(targets, runner, _arguments_of(caller, search.attempts), values.objects)
    search.found = [one for one in search.found if laws.let_pass(one.test)]
    # In a later round the replayed ones are in the caller's hands already.
    reached = at_import | {(before, line) for before, line in job["reached"]}
    chosen = search.chosen(job["most"], reached, skip=len(first) if job["round"] else 0)
    suspicious, chosen = sifted(list(search.accidents.values()), chosen, tree, runner, hint_names)
    tests = search.simplified(chosen, SIMPLIFYING * job["seconds"])
    hand_over(
        job,
        search,
        rows_of(chosen, tests),
        Sharpener(
            Changes(tree, module, str(module.__file__), draw, leftovers),
            search.attempts,
            caller,
            targets,
            draw,
            lambda: report_beat(search.steps, "", search.lines),
            work,
        ),
        names,
        {
            "targets": len(targets),
            "missing": sorted(every_line - search.lines),
            "suspicious": [*laws.broken, *suspicious],
        },
        reached,
        work,
        laws.let_pass,
        Restoring(leftovers, search.attempts, names),
        Plainness(of_module(tree).texts, lambda cls: values.objects.get(cls, ()), Fitting(tree)),
    )
    sys.stdout.flush()
    os._exit(0)  # threads and exit hooks of the module have no say


def _arguments_of(caller: Caller, attempts: Attempts) -> Callable[[Target], list[str]]:
    """Makes single arguments that a function takes, the shortest first."""

    def made(target: Target) -> list[str]:
        found: set[str] = set()
        for _ in range(MAX_ARGUMENTS):
            candidate = caller.new(target)
            use = candidate.last if candidate else None
            if candidate is None or use is None or len(use.arguments) != 1:
                continue
            seen = attempts.seen(candidate)
            if seen is not None and seen.outcome.error is None:
                found.add(use.arguments[0].text)
        return sorted(found, key=lambda text: (len(text), text))[:MAX_EXAMPLE]

    return made


def _imported(job: dict[str, Any]) -> tuple[ModuleType, set[Arc]]:
    """The module, and what of it the import runs."""
    with traced(job["file"]) as arcs:
        return importlib.import_module(job["module"]), arcs


def _raise_lines(tree: ast.AST) -> set[int]:
    """Every line of every `raise` statement: the traceback may name any of them."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _offer_instances(values: Values, found: Iterable[tuple[str, str]], names: Names) -> None:
    for written, name in found:
        values.objects.setdefault(written, []).append(names.own(name))


def _hidden(job: dict[str, Any]) -> list[str]:
    """Paths of this machine, which no test may hold."""
    return [job["root"], os.getcwd(), sys.prefix, sys.base_prefix, *job["writable"]]


def _assigned_by_functions(tree: ast.Module) -> set[str]:
    """The names of the module that functions assign."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Global))
    return {name for node in nodes for name in node.names}


def _defined(tree: ast.Module) -> Iterator[str]:
    """Names of the functions and classes at the module's top, also below an `if` or `try`."""
    inner: list[ast.stmt] = list(tree.body)
    while inner:
        node = inner.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        else:
            inner += [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]


def _constants(module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """Public names that the module assigns at its top: examples may use them."""
    for node in tree.body:
        parts = node.targets if isinstance(node, ast.Assign) else []
        names = [part.id for part in parts if isinstance(part, ast.Name)]
        yield from (name for name in names if not name.startswith("_") and hasattr(module, name))


def _patterns(module: ModuleType) -> list["re.Pattern[Any]"]:
    """The regular expressions that the module and its classes hold, in a fixed order."""
    found: dict[str, re.Pattern[Any]] = {}
    holders = [module, *(value for value in vars(module).values() if isinstance(value, type))]
    for holder in holders:
        for name, value in sorted(vars(holder).items(), key=lambda item: item[0]):
            if isinstance(value, re.Pattern):
                pattern = cast("re.Pattern[Any]", value)
                found.setdefault(f"{pattern.pattern}/{pattern.flags}/{name}", pattern)
    return list(found.values())


def _characters(module: ModuleType) -> Iterator[str]:
    """Characters that the module's tables of numbers name: parsers of text have such tables."""
    for value in list(vars(module).values()):
        if not isinstance(value, TABLES):
            continue
        found: list[int] = []
        _numbers(value, found)
        found = [number for number in found if is_special(number)]
        for number in found[:: max(1, len(found) // PER_TABLE)]:
            yield chr(number)


def _numbers(value: Any, found: list[int], depth: int = 0) -> None:
    if isinstance(value, int) and not isinstance(value, bool):
        found.append(value)
    elif isinstance(value, str) and len(value) == 1:
        found.append(ord(value))
    elif isinstance(value, TABLES) and depth < 4 and len(found) < MAX_NUMBERS:
        try:
            items = sorted(cast("Any", value))
        except TypeError:
            return
        for item in items:
            _numbers(item, found, depth + 1)


def _lines_of_functions(code: CodeType) -> set[int]:
    """The lines of all functions below a code object: what an import alone does not run."""
    found: set[int] = set()
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            # CO_OPTIMIZED marks functions; a class body runs at import.
            if inner.co_flags & inspect.CO_OPTIMIZED:
                lines = {line for _, _, line in inner.co_lines() if line}
                found |= lines - {inner.co_firstlineno}
            found |= _lines_of_functions(inner)
    return found


def _out_of_reach(number: int, path: str, flags: int) -> int:
    """The opened file, under a number that code under test does not close by accident."""
    file = os.open(path, flags, 0o600)
    os.dup2(file, number, inheritable=False)
    os.close(file)
    return number


def _replayed(journal: str, banned: set[str], names: Names) -> Iterator[Candidate]:
    """What an earlier run kept."""
    for line in Path(journal).read_text(encoding="utf-8").splitlines():
        target, support, *statements = json.loads(line)
        if target not in banned:
            for name, source in support.items():
                names.support(name, source)
            yield Candidate(last=None, raw=tuple(statements), label=target)


def _examples(tree: ast.Module, names: Names) -> Iterator[Candidate]:
    """Each doctest up to each of its expressions."""
    for group in module_doctests(tree):
        statements: list[str] = []
        for source in group:
            if "\n" in source or len(statements) > MAX_EXAMPLE:
                break
            body = ast.parse(source).body
            if len(body) != 1:
                break
            node = body[0]
            if isinstance(node, ast.Expr):
                shown = _unprinted(node.value)
                yield Candidate(None, raw=(*statements, ast.unparse(shown)), label=_called(shown))
            if isinstance(node, ast.Import | ast.ImportFrom) and imported(node, names):
                continue
            if not isinstance(node, ast.Expr) or _may_change(node.value):
                statements.append(source)


def _may_change(node: ast.expr) -> bool:
    """Whether an example's expression can matter to those after it: `thing.add(3)` can."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
            return name.islower()
        case _:
            return False


def _unprinted(node: ast.expr) -> ast.expr:
    """`print(x)` prints, `x` can be compared."""
    match node:
        case ast.Call(func=ast.Name(id="print"), args=[shown], keywords=[]):
            return shown
        case _:
            return node


def _called(node: ast.expr) -> str:
    """What an example shows: the function or method that it calls first."""
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute)]
    if not names:
        return "example"
    return names[0].id if isinstance(names[0], ast.Name) else names[0].attr
