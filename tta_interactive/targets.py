"""What people type after `submit`, turned into a request: pure, shared by magics and CLI.

    tests src/auth.py coverage_threshold=90      a kind, its target, its params
    shell -- pytest -q                           after `--` every word is taken as it is
    shell 'ls | wc -l'                           one word: a script for `sh`
    python 'print(1)'
    mypkg.train:fit 3 lr=0.1 cfg='{"a": 1}'      a function: kind `call`

The first bare word after a kind sets the kind's target. A value is JSON, else a Python
literal, else text. Words need not be texts: the notebook passes Python objects, and those
that are no JSON travel as a pickle, if the door brings a pickler.
"""

import ast
import json
import math
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, NoReturn, Union, cast, get_args, get_origin

from pydantic import ValidationError

from tta_interactive.errors import InvalidRequestError
from tta_interactive.kinds import Kind, Params, checked_params, get_kind, is_kind, kind_names
from tta_interactive.request import TaskRequest

Pickler = Callable[[object, Sequence[object], Mapping[str, object]], str]
"""(callable or `module:function`, args, kwargs) -> the `pickle` param of kind `call`."""

FUNCTION: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
NAMED: Final = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)
MAX_DEPTH: Final = 200  # of a nested value; JSON of pydantic's gives up at 255


class Named(NamedTuple):
    """A value that is an object already and is not read again: `cfg={cfg}` in a notebook."""

    name: str
    """Empty: a bare word."""
    value: object


@dataclass(frozen=True)
class _Words:
    bare: list[object]
    named: dict[str, object]
    raw: dict[str, str]
    """The text that a named value was read from."""
    verbatim: Sequence[object] | None
    """The words after `--`; None: there was none."""

    @property
    def all_bare(self) -> list[object]:
        bare = (word.value if isinstance(word, Named) else word for word in self.bare)
        return [*map(_path_as_text, bare), *(self.verbatim or ())]


def request_from_words(
    words: Sequence[object], *, pickler: Pickler | None = None, **options: object
) -> TaskRequest:
    """The request that the words ask for.

    Args:
        words: Texts, `Named` values, or objects (a callable, a path, an argument). A word
            `--` makes all that follow bare words.
        pickler: Carries values that are no JSON to a function; None: they are an error.
        options: Fields of `TaskRequest`; None means not given.

    Raises:
        InvalidRequestError: With one sentence; an unknown param names the known ones.
    """
    if not words:
        _refuse(
            "There is nothing to submit. Give a kind and its target, such as "
            "tests src/auth.py, or a function, such as mypkg.train:fit epochs=3."
        )
    first = words[0]
    if isinstance(first, Named):
        first = f"{first.name}=..." if first.name else first.value
    if isinstance(first, str) and is_kind(first):
        kind = get_kind(first)
        name, params = kind.name, _params_of_kind(kind, _sorted_out(words[1:]))
    elif callable(first) or (isinstance(first, str) and FUNCTION.fullmatch(first)):
        name, params = "call", _params_of_call(first, _sorted_out(words[1:]), pickler)
    else:
        _refuse(
            f"{_shown(first)} is neither a kind nor a function. Kinds: "
            f"{', '.join(kind_names())}. A function is written module:name."
        )
    given = {key: value for key, value in options.items() if value is not None}
    return TaskRequest.checked(kind=name, params=params, **given)


def value_of(text: str) -> object:
    """The JSON value that a text means: JSON, else a Python literal, else the text itself."""
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        try:
            value = _as_json(ast.literal_eval(text))
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return text
    # 1e999 is infinite and a JSON document may be too deep for the store: text then.
    return value if is_json(value) else text


def is_json(value: object, depth: int = MAX_DEPTH) -> bool:
    """Whether a value comes back from JSON as it was: same types, all numbers finite."""
    if value is None or type(value) in (str, bool, int):
        return True
    if type(value) is float:
        return math.isfinite(value)
    if depth <= 0:
        return False
    if type(value) is list:
        return all(is_json(item, depth - 1) for item in cast("list[object]", value))
    if type(value) is dict:
        items = cast("dict[object, object]", value).items()
        return all(type(key) is str and is_json(item, depth - 1) for key, item in items)
    return False


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _as_json(value: object) -> object:
    """A typed-in literal as JSON: tuples become lists, sets and bytes are refused."""
    if isinstance(value, (list, tuple)):
        return [_as_json(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {_key(key): _as_json(item) for key, item in items}
    return value  # a set or bytes: is_json refuses it


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{key!r} is no text")
    return key


def _sorted_out(words: Sequence[object]) -> _Words:
    """Bare and named words apart; a name may come once."""
    cut = words.index("--") if "--" in words else len(words)
    found = _Words([], {}, {}, words[cut + 1 :] if cut < len(words) else None)
    for word in words[:cut]:
        if isinstance(word, Named) and word.name:
            _add(found, word.name, word.value)
        elif isinstance(word, str) and (match := NAMED.fullmatch(word)):
            _add(found, match[1], value_of(match[2]))
            found.raw[match[1]] = match[2]
        else:
            found.bare.append(word)
    return found


def _path_as_text(value: object) -> object:
    if isinstance(value, os.PathLike):
        return os.fspath(cast("os.PathLike[str]", value))
    return value


def _add(found: _Words, name: str, value: object) -> None:
    if name in found.named:
        _refuse(f"{name!r} is given twice. Give it once.")
    found.named[name] = value


def _params_of_kind(kind: Kind, words: _Words) -> dict[str, Any]:
    params = {name: _path_as_text(value) for name, value in words.named.items()}
    if words.all_bare:
        name, value = _target(kind, words)
        if name in params:
            _refuse(f"{name!r} is given twice: as {name}=... and as a bare word. Give it once.")
        params[name] = value
    for name, value in params.items():
        if not is_json(value):
            _refuse(
                f"{name!r} is {_shown(value)}, which is no JSON, and kind {kind.name!r} takes "
                "nothing else. Pass numbers, texts, lists or dictionaries, or a file's path."
            )
    return _checked(kind, params, words.raw)


def _target(kind: Kind, words: _Words) -> tuple[str, object]:
    """The param that the bare words set, and its value."""
    bare = words.all_bare
    if kind.name == "shell" and len(bare) == 1 and words.verbatim is None:
        return "script", bare[0]  # 'ls | wc -l' is a line for a shell, not a program's name
    if kind.target is None:
        _refuse(
            f"Kind {kind.name!r} takes no bare word, but got {_shown(bare[0])}. "
            f"It knows: {_known(kind)}."
        )
    if _takes_many(kind.Params, kind.target):
        return kind.target, [str(word) if type(word) in (int, float) else word for word in bare]
    if len(bare) > 1:
        _refuse(
            f"Kind {kind.name!r} takes one bare word, its {kind.target}, but got a second: "
            f"{_shown(bare[1])}. Write params as name=value; it knows: {_known(kind)}."
        )
    return kind.target, bare[0]


@cache
def _takes_many(model: type[Params], field: str) -> bool:
    return _is_of_many(model.model_fields[field].annotation)


def _is_of_many(annotation: Any) -> bool:
    """Whether values of this type are JSON arrays: a schema would say so too, 5 ms later."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _is_of_many(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return any(map(_is_of_many, get_args(annotation)))
    known = origin or annotation
    return (
        isinstance(known, type)
        and issubclass(known, Collection)
        and not issubclass(known, (str, bytes, Mapping))
    )


def _checked(kind: Kind, params: dict[str, Any], raw: Mapping[str, str]) -> dict[str, Any]:
    """The params; where the kind wants a text, the text that was typed: `name=12`."""
    try:
        kind.Params.model_validate(params)
    except ValidationError as error:
        wrong = {
            str(e["loc"][0]) for e in error.errors() if e["loc"] and e["type"] == "string_type"
        }
        params = params | {name: raw[name] for name in wrong if name in raw}
        checked_params(kind, params)
    return params


def _params_of_call(function: object, words: _Words, pickler: Pickler | None) -> dict[str, Any]:
    args = [_argument(word) for word in words.bare]
    args.extend(words.verbatim or ())
    strange = {f"argument {number}": value for number, value in enumerate(args, 1)} | words.named
    strange = {name: value for name, value in strange.items() if not is_json(value)}
    if isinstance(function, str) and not strange:
        return {"function": function, "args": args, "kwargs": words.named}
    if pickler is None:
        name, value = next(iter(strange.items()), ("the function", function))
        _refuse(f"{name!r} is {_shown(value)}, which is no JSON. Only a notebook can send it.")
    name = function if isinstance(function, str) else getattr(function, "__qualname__", "function")
    return {"pickle": pickler(function, args, words.named), "name": str(name)[:200]}


def _argument(word: object) -> object:
    if isinstance(word, Named):
        return word.value
    return value_of(word) if isinstance(word, str) else word


def _known(kind: Kind) -> str:
    return ", ".join(kind.Params.model_fields) or "none"


def _shown(value: object) -> str:
    """A value for a sentence: texts quoted and capped, of others only the type."""
    if isinstance(value, str):
        return repr(value[:80])
    return f"an object of type {type(value).__name__}"


def _refuse(sentence: str) -> NoReturn:
    raise InvalidRequestError(sentence)
