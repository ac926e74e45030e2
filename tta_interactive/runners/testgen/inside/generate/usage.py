"""What one value is asked for: the attributes, keys, items and constants."""

from dataclasses import dataclass, field

Place = tuple[str, str]
"""(qualified function or class, parameter or attribute)."""
MAX_DEPTH = 4


@dataclass
class Usage:
    """What one value is asked for."""

    attributes: dict[str, "Usage"] = field(default_factory=dict[str, "Usage"])
    keys: dict[str, "Usage"] = field(default_factory=dict[str, "Usage"])
    """Constant keys, as source -> what is done with the value there."""
    item: "Usage | None" = None
    """What is done with each item of a loop over it."""
    unpacked: int = 0
    """How many names it is unpacked into."""
    returned: "Usage | None" = None
    """What is done with its result: it is called."""
    arity: int = 0
    literals: list[str] = field(default_factory=list[str])
    """Constants that it is compared with, as source."""
    names: list[str] = field(default_factory=list[str])
    """Containers of the module that it is looked up in, as source."""
    types: list[str] = field(default_factory=list[str])
    """Second arguments of isinstance and the like, as source."""
    taken_by: list[str] = field(default_factory=list[str])
    """Functions that take it, as source: `open`, `os.path.join`."""
    peers: list[str] = field(default_factory=list[str])
    """Parameters of the same function that it is compared with."""
    flows: list[Place] = field(default_factory=list[Place])
    is_number: bool = False
    is_key: bool = False
    """It is looked up in a dict."""
    is_shown: bool = False
    """It is a part of a formatted text."""
    awaited: bool = False
    looped_async: bool = False
    entered: bool = False
    """In a `with` statement."""

    def of(self, kind: str, name: str) -> "Usage":
        """The usage of an attribute or of the value at a key."""
        holder = self.attributes if kind == "attribute" else self.keys
        return holder.setdefault(name, Usage())

    def merge(self, other: "Usage", depth: int = 0) -> None:
        """Add what the other one asks for."""
        if depth > MAX_DEPTH or other is self:
            return
        for mine, theirs in ((self.attributes, other.attributes), (self.keys, other.keys)):
            for name, usage in list(theirs.items()):
                mine.setdefault(name, Usage()).merge(usage, depth + 1)
        if other.item is not None:
            self.item = self.item or Usage()
            self.item.merge(other.item, depth + 1)
        if other.returned is not None:
            self.returned = self.returned or Usage()
            self.returned.merge(other.returned, depth + 1)
        self.unpacked, self.arity = self.unpacked or other.unpacked, self.arity or other.arity
        for mine, theirs in (
            (self.literals, other.literals),
            (self.names, other.names),
            (self.types, other.types),
            (self.taken_by, other.taken_by),
        ):
            mine += [text for text in theirs if text not in mine]
        self.is_number = self.is_number or other.is_number
        self.is_key = self.is_key or other.is_key
        self.is_shown = self.is_shown or other.is_shown
        self.awaited = self.awaited or other.awaited
        self.looped_async = self.looped_async or other.looped_async
        self.entered = self.entered or other.entered
