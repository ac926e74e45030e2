"""The first line of a test: the behaviour that it holds, in one sentence."""

import ast
import re
from collections.abc import Iterator

from tta_interactive.runners.testgen.reads.acts import Acts
from tta_interactive.runners.testgen.reads.outline import Outline
from tta_interactive.runners.testgen.reads.telling import OUTPUTS, Told

# What a special method means, for a class.
MEANT = {
    "__eq__": "When a `{}` equals another value", "__ne__": "When a `{}` differs from a value",
    "__lt__": "When a `{}` is less than another", "__le__": "When a `{}` is at most another",
    "__gt__": "When a `{}` is greater than another", "__ge__": "When a `{}` is at least another",
    "__len__": "How long a `{}` is", "__bool__": "When a `{}` counts as true",
    "__iter__": "What a `{}` yields", "__reversed__": "What a `{}` yields, last first",
    "__contains__": "What is in a `{}`", "__getitem__": "What stands where in a `{}`",
    "__setitem__": "A `{}` takes a new item", "__delitem__": "A `{}` lets an item go",
    "__str__": "A `{}` as text", "__repr__": "A `{}` as it is shown",
    "__hash__": "A `{}` keeps its hash", "__copy__": "A copy of a `{}` holds the same",
    "__reduce__": "A copy of a `{}` holds the same",
    "__getstate__": "A copy of a `{}` holds the same",
    "__setstate__": "A copy of a `{}` holds the same",
    "__deepcopy__": "A deep copy of a `{}` holds the same",
}  # fmt: skip
MAX_LINE = 82  # four blanks and two times three quotes beside it are 92
MAX_VALUE = 32
MAX_START = 24  # signs of a longer text
ARTICLE = re.compile(r"\b([Aa]) `(?=[AEIOaeio])")
KINDS = {ast.List: "a list", ast.Dict: "a dict", ast.Tuple: "a tuple", ast.Set: "a set"}


def docstring(test: Told, outline: Outline, is_first: bool) -> str:
    """One line that says the behaviour.

    Args:
        test: What is described.
        outline: The module's own words.
        is_first: Whether it is the first plain test of its subject, which takes those words.
    """
    entry = outline.find(test.subject)
    is_class = outline.is_class(test.subject)
    is_plain = is_first and not is_class and not test.setup and not test.acts.error
    if is_plain and entry and entry.doc and not _says_other(entry.doc, test.acts):
        return entry.doc
    tries = [sentence for sentence in _sentences(test, is_class) if _is_plain(sentence)]
    fitting = (sentence for sentence in tries if len(sentence) <= MAX_LINE)
    said = next(fitting, min(tries, key=len, default=f"`{test.subject}` is called."))
    return ARTICLE.sub(r"\1n `", said)


def _sentences(test: Told, is_class: bool) -> Iterator[str]:
    """What could be said, the most telling first."""
    acts = test.acts
    owner, _, name = test.subject.rpartition(".")
    each = _each(test.parameters)
    after = f" after `{'` and `'.join(dict.fromkeys(test.setup))}`" if test.setup else ""
    full = acts.in_full()
    whole = ast.unparse(full) if full is not None else ""
    subject = test.subject.removesuffix(" = ")
    if acts.error:
        said = _message(acts)
        for end in (f": {said}", "") if said else ("",):
            if whole:
                yield f"`{whole}` raises `{acts.error}`{each}{end}."
            yield f"`{subject}` raises `{acts.error}`{each}{after}{end}."
        yield f"`{subject}` raises `{acts.error}`{after}."
        yield f"`{subject}` raises `{acts.error}`."
        return
    answers = list(_answers(acts, full, test.parameters, is_whole=bool(whole)))
    effects = list(_effects(acts))
    for effect in effects or [""]:
        for answer in answers or [""]:
            said = " and ".join(part for part in (answer, effect) if part)
            if said and whole:
                yield f"`{whole}` {said}{each}."
            if said and not (name in MEANT and owner):
                yield f"`{subject}` {said}{each}{after}."
                yield f"`{subject}` {said}{after}."
                yield f"`{subject}` {said}."
    if name in MEANT and owner:
        yield f"{MEANT[name].format(owner)}{after}."
        yield f"{MEANT[name].format(owner)}."
    if is_class:
        parts = [one.name for one in acts.found if one.kind == "part"]
        if 0 < len(parts) < 4:
            yield f"A new `{test.subject}` has {_listed(parts)}."
        yield f"A new `{test.subject}` holds what it is given."
    yield f"`{subject}` does the same each time{after}."
    yield f"`{subject}` does the same each time."


def _says_other(doc: str, acts: Acts) -> bool:
    """Whether the module says when it is true, and the test holds that it is false."""
    match acts.answer:
        case ast.Constant(value=False):
            return re.match(r"(Returns? )?`?True\b", doc) is not None
        case _:
            return False


def _is_plain(sentence: str) -> bool:
    return sentence.isprintable() and "\\" not in sentence and '"""' not in sentence


def _message(acts: Acts) -> str:
    """The words of the error, up to its first sentence."""
    match acts.message:
        case ast.Constant(value=str(text)):
            return text.split(". ")[0].rstrip(".: ")
        case _:
            return ""


def _answers(
    acts: Acts, full: ast.AST | None, parameters: list[str], *, is_whole: bool
) -> Iterator[str]:
    """`returns 3`, `is true`: what becomes of the act."""
    act = full if full is not None else acts.expression
    answer = acts.answer
    is_asked = isinstance(act, ast.Compare | ast.Attribute | ast.Subscript | ast.BinOp)
    verb = "is" if is_asked else "returns"
    match answer:
        case None:
            pass
        case ast.Constant(value=bool(value)) if isinstance(act, ast.Compare) and is_whole:
            yield "is true" if value else "is false"
        case _ if acts.is_silent:
            pass  # what it does is worth telling, not that nothing comes back
        case ast.Name(id=name) if any(name in _bound(node) for node in acts.before):
            yield f"{verb} itself"
        case ast.Name(id=name) if name in parameters:
            yield f"{verb} `{name}`"
        case _:
            text = _value(answer)
            if text and len(text) <= MAX_VALUE:
                yield f"{verb} {text}"
            if kind := _kind(answer):
                yield f"{verb} {kind}"
    for one in acts.found:
        if one.kind == "type" and one.value is not None and answer is None:
            yield f"{verb} a `{ast.unparse(one.value)}`"


def _kind(answer: ast.expr) -> str:
    """What sort of thing it is."""
    match answer:
        case ast.Constant(value=str() as text):
            start = re.split(r"[^ -~]|[`'\"\\]", text)[0][:MAX_START].strip()
            return f"a text that begins with `{start}`" if start else "a text"
        case (
            ast.Dict(keys=items)
            | ast.List(elts=items)
            | ast.Tuple(elts=items)
            | ast.Set(elts=items)
        ):
            count = "1 item" if len(items) == 1 else f"{len(items)} items"
            return f"{KINDS[type(answer)]} of {count}"
        case ast.Call(func=ast.Name(id=name)) if name[:1].isupper():
            return f"a `{name}`"
        case _:
            return ""


def _value(node: ast.expr | None) -> str:
    """A value as a sentence says it: `about `1.5``; empty: it cannot stand in one."""
    match node:
        case None:
            return ""
        case ast.Call(func=ast.Attribute(value=ast.Name(id="pytest"), attr="approx"), args=[inner]):
            about = _value(inner)
            return f"about {about}" if about else ""
        case _:
            text = ast.unparse(node)
            return f"`{text}`" if "`" not in text else ""


def _effects(acts: Acts) -> Iterator[str]:
    """`sets x to 3`, `writes a_file`: what is otherwise there afterwards; short and shorter."""
    sets: list[str] = []
    changed: list[str] = []
    others: list[str] = []
    for one in acts.found:
        value = _value(one.value)
        is_short = value and len(value) <= MAX_VALUE
        match one.kind:
            case "attribute" if is_short:
                sets.append(f"sets `{one.name}` to {value}")
            case "attribute":
                changed.append(one.name)
            case "file":
                others.append(f"writes `{one.name}`")
            case "gone":
                others.append(f"removes `{one.name}`")
            case "output":
                others.append(f"prints {value}" if is_short else "prints something")
            case "state" if is_short:
                others.append(f"leaves `{one.name}` as {value}")
            case "state":
                others.append(f"changes `{one.name}`")
            case _:
                pass
    changes = [f"changes {_listed(list(dict.fromkeys(changed)))}"] if changed else []
    done = [*sets, *changes, *others]
    if len(done) < 3:
        yield " and ".join(done)
    names = list(dict.fromkeys(one.name for one in acts.found if one.kind == "attribute"))
    if names:
        yield " and ".join([f"changes {_listed(names)}", *others])
        yield "changes its state"


def _bound(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {one.id for one in targets if isinstance(one, ast.Name)}


def _listed(names: list[str]) -> str:
    marked = [f"`{name}`" for name in names]
    return " and ".join([", ".join(marked[:-1]), marked[-1]] if marked[1:] else marked)


def _each(parameters: list[str]) -> str:
    inputs = [name for name in parameters if name not in OUTPUTS]
    return f" for each {_listed(inputs)}" if inputs and len(inputs) < 4 else ""
