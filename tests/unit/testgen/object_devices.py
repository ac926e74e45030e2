"""One small module a device: objects with states, methods and protocols of their own."""

OBJECTS = {
    "what methods do with what the constructor was given": """
        class Report:
            def __init__(self, source):
                self.source = source

            def title(self):
                if self.source.state == "draft":
                    return "Draft"
                return self.source.render("x")
    """,
    "several calls on one object": """
        class Machine:
            def __init__(self):
                self.state = 0

            def coin(self):
                if self.state in (0, 1):
                    self.state += 1

            def push(self):
                if self.state == 2:
                    self.state = 9
                    return "open"
                return "locked"

            def shut(self):
                if self.state == 9:
                    return "shut"
                return "was shut"
    """,
    "objects that methods give": """
        class Query:
            def __init__(self, *, _parts=()):
                self._parts = _parts

            def where(self, part: str):
                return Query(_parts=(*self._parts, part))

            def text(self):
                if len(self._parts) > 1:
                    return " and ".join(self._parts)
                return "".join(self._parts)
    """,
    "asynchronous functions, generators and managers": """
        class Session:
            def __init__(self, name: str) -> None:
                self.name = name

            async def __aenter__(self):
                return self.name

            async def __aexit__(self, cls, error, trace):
                if cls is not None:
                    return True
                return None

        async def double(value: int) -> int:
            return value * 2

        async def doubled(values):
            async for value in values:
                yield await double(value)
    """,
    "context managers and generators": """
        import contextlib

        @contextlib.contextmanager
        def opened(name: str):
            box = [name]
            yield box
            box.append("closed")

        class Lock:
            def __enter__(self):
                return 5

            def __exit__(self, cls, error, trace):
                if cls is KeyError:
                    return False
                return None

        def forever(start: int):
            while True:
                yield start
                start += 1
    """,
    "abstract classes": """
        from abc import ABC, abstractmethod

        class Shape(ABC):
            @abstractmethod
            def area(self) -> float:
                '''In square metres.'''

            def describe(self):
                return f"area {self.area()}"

        def compare(one: Shape, other: Shape) -> bool:
            return one.describe() == other.describe()
    """,
    "properties that can be set": """
        class Level:
            def __init__(self):
                self._value = 0

            @property
            def value(self):
                return self._value

            @value.setter
            def value(self, value):
                if value > 100:
                    raise ValueError("too much")
                self._value = value
    """,
    "calling objects, with all their parameters": """
        class Rule:
            def __init__(self, limit: int) -> None:
                self.limit = limit
                self.seen = 0

            def __call__(self, name: str, size: int, *, deep: bool = False) -> str:
                self.seen += 1
                if self.seen == 3:
                    return "third"
                if size > self.limit and deep:
                    return name
                return ""
    """,
    "classes that say they live elsewhere": """
        class Moved:
            def __init__(self) -> None:
                self.count = 0

            def more(self) -> int:
                self.count += 1
                return self.count

        Moved.__module__ = "elsewhere"
    """,
    "examples of the documentation, and what is near them": """
        class Basket:
            '''Things to buy.

            >>> from decimal import Decimal
            >>> basket = Basket()
            >>> basket.put("tea:3")
            >>> basket.put("milk:1")
            >>> basket.put("rice:2")
            >>> basket.put("salt:1")
            >>> basket.put("eggs:6")
            >>> basket.put("figs:9")
            >>> basket.put("plum:4")
            >>> basket.total("tea;milk")
            4
            '''

            def __init__(self):
                self.things = {}

            def put(self, text):
                name, _, count = text.partition(":")
                self.things[name] = int(count)

            def total(self, names):
                if len(self.things) < 7:
                    return 0
                found = [self.things.get(name) for name in names.split(";")]
                if None in found:
                    return -1
                return sum(found)
    """,
    "one value at two places": """
        class Stock:
            def __init__(self):
                self.counts = {}

            def put(self, article: str, count: int) -> None:
                self.counts[article] = self.counts.get(article, 0) + count

            def take(self, article: str) -> int:
                if article not in self.counts:
                    raise KeyError(article)
                self.counts[article] -= 1
                return self.counts[article]
    """,
    "a way through several states": """
        import datetime

        MOVES = {"new": {"pay": "paid"}, "paid": {"ship": "sent"}, "sent": {"lose": "lost"}}

        class Order:
            def __init__(self, at=None):
                self.state = "new"
                self.at = at or datetime.datetime.now()

            def do(self, move):
                if move not in MOVES.get(self.state, {}):
                    raise ValueError(move)
                self.state = MOVES[self.state][move]

            def left(self):
                if self.state == "lost":
                    return 0
                return 1
    """,
    "asynchronous methods of a protocol, which answer as they are said to": """
        from typing import Any, Protocol

        class Transport(Protocol):
            async def get(self, url: str) -> tuple[int, dict[str, Any]]: ...

        class Client:
            def __init__(self, transport: Transport) -> None:
                self.transport = transport

            async def fetch(self, url: str) -> object:
                for _ in range(2):
                    status, body = await self.transport.get(url)
                    if status == 200:
                        return body.get("items")
                raise OSError(status)
    """,
}
