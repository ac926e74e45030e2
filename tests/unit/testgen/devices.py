"""One small module a device: what the native generator must be able to reach whole."""

from tests.unit.testgen.object_devices import OBJECTS

DEVICES: dict[str, str] = {
    **OBJECTS,
    "constants that a parameter is compared with": """
        def spell(word):
            if word == "open-sesame" or word in ("alohomora",):
                return 1
            if word.lower().startswith("accio "):
                return 2
            return 3
    """,
    "keys of a table that a parameter is looked up in": """
        TABLE = {"alpha": 1, "beta": 2}

        def rank(letter):
            if letter in TABLE:
                return TABLE[letter]
            return None
    """,
    "keys and attributes that the body reads from a parameter": """
        def describe(thing, settings):
            if thing.kind == "box" and thing.parts(2):
                if settings["deep"]["level"] == 7:
                    return "deep"
                return "box"
            return thing.owner.name
    """,
    "types of the standard library": """
        import datetime as dt
        from decimal import Decimal
        from typing import TYPE_CHECKING, NamedTuple, NewType, TypedDict

        if TYPE_CHECKING:
            from fractions import Fraction
            from uuid import UUID

        class Place(TypedDict):
            name: str
            floor: int

        Code = NewType("Code", int)

        def year(day: dt.date, price: Decimal, part: "Fraction", key: "UUID") -> object:
            digits = price.as_tuple().digits
            return day.year, digits, part.numerator, key.version

        def where(place: Place, code: Code) -> str:
            if place["floor"] < code.bit_length():
                return place["name"]
            return "up"
    """,
    "functions as arguments, with the right number of parameters": """
        from collections.abc import Callable

        def twice(step: Callable[[int, str], bool]) -> str:
            if step(1, "a"):
                return "yes"
            return "no"

        def each(items, convert):
            found = []
            for item in items:
                found.append(convert(item, 1, None))
            return found
    """,
    "files": """
        import os
        from pathlib import Path

        def first_line(path: Path) -> str:
            if not path.exists():
                return "missing"
            if path.is_dir():
                return "directory"
            with path.open() as file:
                for line in file:
                    return line
            return "empty"

        def save(filename, text: str):
            with open(filename, "w") as file:
                return file.write(text)

        def lines(stream):
            return stream.readlines()
    """,
    "matches and bytes of the module's own patterns": """
        import re

        HEAD = re.compile(rb"([A-Z]{3,5})?=([0-9]+);")

        def head(line: bytes) -> int:
            found = HEAD.match(line)
            if found:
                return int(found[2])
            return -1

        def quoted(text):
            if re.fullmatch("<<[a-f]{3}>>", text):
                return text
            return ""

        def size(match: re.Match[bytes]) -> int:
            if match.group(1):
                return match.end()
            return 0
    """,
    "paths in aliases of types": """
        import os
        from typing import Union

        StrPath = Union[str, "os.PathLike[str]"]

        def read(source: StrPath) -> str:
            with open(source) as file:
                text = file.read()
            return text

        def tail(log_path: str) -> str:
            with open(log_path) as file:
                return file.read()[-1:]
    """,
    "variables of the environment": """
        import os

        def colour():
            if "NO_COLOUR" in os.environ:
                return "none"
            if os.environ.get("TERM_COLOUR") == "deep":
                return "deep"
            return os.getenv("TERM_NAME", "plain")
    """,
    "constants of the function itself before those of the rest": """
        NOISE = [{}]

        def pick(word: str, other: str):
            if word == "needle" and other == "haystack":
                return 1
            return 0
    """.format(", ".join(f"'noise {number}'" for number in range(400))),
    "calls that never end, beside others": """
        def spin(number: int) -> int:
            while number:
                number += 1
            return number

        def half(number: int) -> int:
            if number > 9:
                return number // 2
            return 0
    """,
    "private functions that no public one reaches": """
        def outer(x: int) -> int:
            return x

        def _hidden(x: int) -> int:
            if x > 2:
                return 1
            return 2
    """,
    "options that the body takes out of its keywords": """
        def draw(**options):
            if options.get("colour") == "red":
                return 1
            if options.pop("size", 0) > 5:
                return 2
            return 3
    """,
    "what one function gives, given to another": """
        import hashlib

        def make_token(name: str, key: bytes) -> str:
            return name + ":" + hashlib.sha256(key + name.encode()).hexdigest()

        def check_token(token: str, key: bytes) -> str:
            name, _, seal = token.rpartition(":")
            if hashlib.sha256(key + name.encode()).hexdigest() != seal:
                raise ValueError("not sealed with this key")
            return name
    """,
    "numbers where they are compared and counted with": """
        def fee(one, two, three, four, five, six, seven, eight, nine, ten):
            if one <= 0 or -two - three * four - five / 8 > six:
                raise ValueError("nothing to pay")
            if seven - eight * nine < ten + 1:
                return seven
            return 0
    """,
    "what a call leaves in the module, for calls after it": """
        PRICES = {}
        _count = 0

        def register(article: str, price: int) -> None:
            if article in PRICES:
                raise ValueError(f"twice: {article}")
            PRICES[article] = price

        def price_of(article: str) -> int:
            if article not in PRICES:
                raise LookupError(article)
            return PRICES[article]

        def next_number() -> int:
            global _count
            _count += 1
            if _count == 2:
                return 20
            return _count
    """,
    "annotations as values": """
        import typing

        def words(hint: type) -> str:
            if typing.get_origin(hint) is typing.Union and type(None) in typing.get_args(hint):
                return "perhaps"
            if typing.get_origin(hint) is typing.Literal:
                return "one of"
            if hasattr(hint, "__supertype__"):
                return hint.__name__
            if typing.get_origin(hint) is tuple and typing.get_args(hint)[-1] is ...:
                return "many"
            return "one"

        T = typing.TypeVar("T")

        def item(hint: type[T]) -> object:
            for part in typing.get_args(hint):
                return part
            return hint
    """,
    "clocks that are read, and waiting": """
        import time
        from datetime import date, datetime

        class Session:
            def __init__(self, seconds: float = 60.0, clock=time.monotonic):
                self.ends = clock() + seconds
                self.clock = clock

            def is_over(self):
                if self.clock() > self.ends:
                    return "over"
                return "goes on"

        def lasted(limit: int) -> str:
            begun = time.time()
            if time.time() - begun > limit > 10:
                return "long"
            return "short"

        def stamp() -> str:
            now = datetime.now()
            if isinstance(now, datetime) and now > datetime(2024, 1, 1):
                now = datetime.combine(now.date(), now.time())
            return f"{date.today().isoformat()} {now.hour}"

        def retry(times: int) -> int:
            for attempt in range(times):
                time.sleep(3)
                if attempt > 3:
                    return attempt
            return -1
    """,
    "texts in quotes": """
        def unquoted(text: str) -> str:
            '''As for "telephone".'''
            if text.isalpha() and len(text) > 6:
                return text
            if len(text) > 8 and text[0] == text[-1] and text[1:-1].isalpha():
                return text[1:-1]
            return ""
    """,
    "lines that come twice": """
        NOISE = [{}]

        def firsts(text: str) -> set:
            seen = set()
            for line in text.splitlines():
                if line.isalpha() and len(line) > 6:
                    if line in seen:
                        raise ValueError(line)
                    seen.add(line)
            return seen
    """.format(", ".join(f"'noise {number}'" for number in range(120)) + ", 'telephone'"),
    "methods that ask for the loop that runs": """
        import asyncio

        class Bucket:
            def __init__(self, size: int) -> None:
                self.size, self.level = size, 0

            async def fill(self, amount: int) -> None:
                self.level += amount

            def has_room(self) -> bool:
                asyncio.get_running_loop()
                if self.level > self.size:
                    return False
                return True
    """,
    "objects that are made inside of a loop": """
        import asyncio

        class Mailbox:
            def __init__(self) -> None:
                self.loop, self.letters = asyncio.get_running_loop(), []

            async def put(self, letter: str) -> None:
                self.letters.append(letter)

            async def take(self) -> str:
                if self.letters:
                    return self.letters.pop()
                return "nothing"
    """,
    "decorators that take options": """
        import functools

        def repeated(times: int):
            def decorate(function):
                @functools.wraps(function)
                def inner(*args):
                    answers = [function(*args) for _ in range(times)]
                    if len(answers) > 1:
                        return answers
                    return answers[:1]
                return inner
            return decorate
    """,
}
