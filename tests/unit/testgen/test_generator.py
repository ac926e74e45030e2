"""The parts of the native generator: values, shapes, what is asserted, how it is written."""

import ast
import enum
import inspect
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest

from tta_interactive.runners.testgen.inside.generate.calls import Caller
from tta_interactive.runners.testgen.inside.generate.evidence import weights
from tta_interactive.runners.testgen.inside.generate.mining import module_doctests
from tta_interactive.runners.testgen.inside.generate.names import Names
from tta_interactive.runners.testgen.inside.generate.regexes import strings_of
from tta_interactive.runners.testgen.inside.generate.shapes import shapes_of
from tta_interactive.runners.testgen.inside.generate.targets import find_targets
from tta_interactive.runners.testgen.inside.generate.uses import usages
from tta_interactive.runners.testgen.inside.generate.values import Values

DRAW = random.Random(1)


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "pattern",
    [
        r"v?(\d+)(\.\d+){0,2}(a|b|rc)?",
        r"(?P<quote>['\"]).*?(?P=quote)",
        r"[^a-z]{2,3}x",
        r"(?i:abc)\s+\w+$",
        r"\A(?=a)a+\Z",
    ],
)
def test_strings_made_from_a_pattern_match_it(pattern: str) -> None:
    compiled = re.compile(pattern)
    made = strings_of(compiled, random.Random(1))
    assert made
    assert all(compiled.match(text) for text in made)
    assert made == strings_of(compiled, random.Random(1))


@pytest.mark.parametrize(
    ("annotation", "shapes"),
    [
        (int, [("int",)]),
        (str | None, [("str",), ("none",)]),
        (Literal["a", 1], [("literal", "'a'"), ("literal", "1")]),
        (list[str], [("list", ("str",))]),
        (tuple[int, ...], [("many", ("int",))]),
        (tuple[str, int], [("tuple", ("str",), ("int",))]),
        (dict[str, list[int]], [("dict", ("str",), ("list", ("int",)))]),
        (Colour, [("object", "Colour")]),
        (Any, []),
    ],
)
def test_an_annotation_becomes_the_shapes_it_allows(
    annotation: Any, shapes: list[tuple[Any, ...]]
) -> None:
    assert shapes_of(annotation, {Colour: "Colour"}) == shapes


def test_how_a_parameter_is_used_says_what_it_may_be() -> None:
    tree = ast.parse("def f(thing):\n    return thing.split() + [thing.upper()]\n")
    used = usages(tree)[1, "thing"]
    assert set(used.attributes) == {"split", "upper"}
    parameter = inspect.Parameter("thing", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = weights(parameter, parameter.empty, {}, used, lambda _: None)
    assert max(found, key=lambda shape: found[shape]) == ("str",)


def test_parameters_that_are_compared_with_each_other_are_mostly_of_one_sort() -> None:
    tree = ast.parse("def span(lower, upper, step):\n    return step if lower < upper else 0\n")
    found = usages(tree)
    peers = {name: found[1, name].peers for name in ("lower", "upper", "step")}
    assert peers == {"lower": ["upper"], "upper": ["lower"], "step": []}
    module = ModuleType("spans")
    exec(compile(tree, "spans.py", "exec"), vars(module))
    names, draw = Names(module), random.Random(1)
    targets, known = find_targets(module, names, {"span"})
    values = Values(tree, [], [], names, draw)
    caller = Caller(targets, known, names, values, found, vars(module), draw)
    drawn = [caller.new(targets[0]) for _ in range(300)]
    pairs = [one.last.arguments[:2] for one in drawn if one and one.last]
    assert sum(low.shape == high.shape for low, high in pairs) > 100


def test_values_are_mined_from_code_and_documentation_and_follow_the_seed() -> None:
    tree = ast.parse(
        '"""Takes `half-done`."""\nLIMIT = 4711\ndef f(x):\n    return x == "secret"\n'
    )

    def drawn(shape: tuple[str]) -> list[str]:
        values = Values(tree, [], [], Names(ModuleType("m")), random.Random(7))
        return [values.make(shape) for _ in range(400)]

    texts, numbers = drawn(("str",)), drawn(("int",))
    assert "'secret'" in texts
    assert "'half-done'" in texts
    assert {"4710", "4711", "4712"} <= set(numbers)
    assert texts == drawn(("str",))
    assert all(isinstance(ast.literal_eval(text), str) for text in texts)


def test_examples_of_the_documentation_are_found() -> None:
    tree = ast.parse(
        'def f(x):\n    """Doc.\n\n    >>> f(1)\n    2\n    >>> f(2)\n    3\n    """\n'
    )
    assert module_doctests(tree) == [["f(1)", "f(2)"]]


def test_names_of_the_module_that_hide_builtins_are_imported_under_another() -> None:
    module = ModuleType("shop")
    exec(compile("def list(x): return x\n", "shop.py", "exec"), vars(module))
    names = Names(module)
    (target,), _ = find_targets(module, names)
    assert target.ref == "module_list"
    assert names.imports({"module_list"}) == [("shop", "list", "module_list")]


GUARDED = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from guard import Guard, Refused
guard = Guard([sys.argv[2]], commands=True)
guard.install()
guard.in_a_call = sys.argv[4] == "call"
try:
    exec(sys.argv[3])
except Refused as why:
    print("refused", why)
else:
    print("done")
"""


@pytest.mark.parametrize(
    ("code", "phase", "outcome"),
    [
        ("open(sys.argv[2] + '/new', 'w')", "import", "done"),
        ("open(sys.argv[2] + '/../outside', 'w')", "import", "refused"),
        ("os.remove(sys.argv[2] + '/../there')", "import", "refused"),
        (
            "os.unlink('there', dir_fd=os.open(sys.argv[2] + '/..', os.O_RDONLY))",
            "import",
            "refused",
        ),
        ("os.rename(sys.argv[2] + '/../there', sys.argv[2] + '/x')", "import", "refused"),
        ("os.symlink('/etc/passwd', sys.argv[2] + '/../link')", "import", "refused"),
        ("__import__('shutil').rmtree(sys.argv[2] + '/..')", "import", "refused"),
        ("os.fork()", "import", "refused"),
        ("os.kill(os.getpid(), 0)", "import", "refused"),
        ("__import__('subprocess').run(['true'])", "import", "done"),
        ("__import__('subprocess').run(['true'])", "call", "refused"),
        ("os.system('true')", "call", "refused"),
        ("os.environ.update(A='1')", "call", "refused"),
        ("__import__('pytest').MonkeyPatch().setenv('A', '1')", "call", "done"),
        ("__import__('socket').create_connection(('127.0.0.1', 9))", "call", "refused"),
        ("open('/dev/null', 'w')", "call", "done"),
        ("open(sys.argv[2] + '/../there')", "call", "done"),
    ],
)
def test_the_guard_refuses_what_a_test_must_not_do(
    tmp_path: Path, code: str, phase: str, outcome: str
) -> None:
    inside = Path(inspect.getfile(Names)).parent.parent
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (tmp_path / "there").write_text("kept")
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, str(inside), str(allowed), code, phase],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PATH": os.defpath},
    )
    assert done.stdout.split()[0] == outcome
    assert (tmp_path / "there").read_text() == "kept"
