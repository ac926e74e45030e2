"""Values of the standard library's types (and of numpy and pandas) as one would write them.

Hypothesis knows more types, but its strategies give objects, not source, and it need not be
installed where the user's module lives; a test should read `datetime.date(2024, 2, 29)`.
"""

import re
import sys
from collections.abc import Sequence
from typing import Any

ARRAYS = (
    "numpy.array([1, 2, 3])",
    "numpy.array([1.5, -2.0, numpy.nan])",
    "numpy.array([[1.0, 2.0], [3.0, 4.0]])",
    "numpy.array([])",
    "numpy.arange(6).reshape(2, 3)",
    "numpy.array([True, False, True])",
)
FRAMES = (
    "pandas.DataFrame({'a': [1, 2, 3], 'b': ['x', 'y', 'z']})",
    "pandas.DataFrame()",
    "pandas.DataFrame({'a': [1.0, None]})",
)
TYPES = ("int", "str", "dict", "ValueError")
HINTS = (
    "list[int]",
    "dict[str, int]",
    "set[str]",
    "tuple[int, str]",
    "tuple[int, ...]",
    "tuple[()]",
    "type[int]",
    "int | None",
    "typing.Any",
    "typing.Dict",
    "typing.List[str]",
    "typing.Optional[int]",
    "typing.Union[int, str]",
    "typing.Union[str, None]",
    "typing.Literal['a', 1]",
    "typing.Callable[[int], str]",
    "typing.NewType('Number', int)",
    "typing.TypeVar('T')",
    "dataclasses.InitVar",
    "dataclasses.InitVar[int]",
    "type(None)",
    "float",
    "tuple",
)
"""For code that looks inside of annotations."""
_TEXTS: dict[str, Sequence[str]] = {
    "asyncio.locks.Lock": ("asyncio.Lock()",),
    "asyncio.queues.Queue": ("asyncio.Queue()", "asyncio.Queue(1)"),
    "builtins.memoryview": ("memoryview(b'abc')", "memoryview(b'')"),
    "builtins.object": ("object", "'a'", "1", "None", "[1, 2]"),
    "builtins.range": ("range(3)", "range(0)", "range(1, 10, 2)"),
    "builtins.slice": ("slice(None)", "slice(0, 2)", "slice(None, None, -1)"),
    "collections.ChainMap": ("collections.ChainMap({'a': 1}, {'a': 2, 'b': 3})",),
    "collections.Counter": ("collections.Counter('aab')", "collections.Counter()"),
    "collections.OrderedDict": ("collections.OrderedDict(a=1, b=2)", "collections.OrderedDict()"),
    "collections.defaultdict": ("collections.defaultdict(list)", "collections.defaultdict(int)"),
    "collections.deque": ("collections.deque([1, 2, 3])", "collections.deque([], 2)"),
    "datetime.date": (
        "datetime.date(2024, 2, 29)",
        "datetime.date(1999, 12, 31)",
        "datetime.date(2023, 1, 1)",
    ),
    "datetime.datetime": (
        "datetime.datetime(2024, 2, 29, 13, 30, 15)",
        "datetime.datetime(1999, 12, 31, 23, 59, 59, 999999)",
        "datetime.datetime(2023, 1, 1, tzinfo=datetime.timezone.utc)",
        "datetime.datetime(2023, 7, 1, 12)",
    ),
    "datetime.time": ("datetime.time(13, 30)", "datetime.time(0, 0)", "datetime.time(23, 59, 59)"),
    "datetime.timedelta": (
        "datetime.timedelta(0)",
        "datetime.timedelta(days=1, seconds=5)",
        "datetime.timedelta(hours=-3)",
        "datetime.timedelta(days=400)",
        "datetime.timedelta(microseconds=1)",
    ),
    "datetime.timezone": ("datetime.timezone.utc",),
    "datetime.tzinfo": (
        "datetime.timezone.utc",
        "datetime.timezone(datetime.timedelta(hours=2))",
    ),
    "decimal.Decimal": (
        "decimal.Decimal('1.5')",
        "decimal.Decimal('0')",
        "decimal.Decimal('-12.345')",
        "decimal.Decimal('NaN')",
        "decimal.Decimal('Infinity')",
    ),
    "fractions.Fraction": ("fractions.Fraction(1, 3)", "fractions.Fraction(-7, 2)"),
    "io.BytesIO": ("io.BytesIO(b'abc\\ndef\\n')", "io.BytesIO()"),
    "io.StringIO": ("io.StringIO('abc\\ndef\\n')", "io.StringIO()"),
    "ipaddress.IPv4Address": ("ipaddress.IPv4Address('127.0.0.1')",),
    "ipaddress.IPv6Address": ("ipaddress.IPv6Address('::1')",),
    "logging.Logger": ("logging.getLogger('a')",),
    "numbers.Number": ("1", "-2.5", "decimal.Decimal('1.5')", "fractions.Fraction(1, 3)"),
    "numpy.ndarray": ARRAYS,
    "pandas.DataFrame": FRAMES,
    "pandas.Series": ("pandas.Series([1, 2, 3])", "pandas.Series([], dtype=float)"),
    "random.Random": ("random.Random(1)",),
    "re.Pattern": ("re.compile('a+')", "re.compile('(?P<name>[a-z]+)=([0-9]*)')"),
    "types.ModuleType": ("types.ModuleType('a_module')",),
    "types.SimpleNamespace": ("types.SimpleNamespace(a=1, name='b')",),
    "uuid.UUID": ("uuid.UUID('12345678-1234-5678-1234-567812345678')", "uuid.UUID(int=0)"),
    "zoneinfo.ZoneInfo": ("zoneinfo.ZoneInfo('UTC')",),
}
_SAME = {
    "_io.BytesIO": "io.BytesIO",
    "_io.StringIO": "io.StringIO",
    "_io.TextIOWrapper": "io.StringIO",
    "_io.BufferedReader": "io.BytesIO",
    "io.TextIOBase": "io.StringIO",
    "io.IOBase": "io.StringIO",
    "io.RawIOBase": "io.BytesIO",
    "io.BufferedIOBase": "io.BytesIO",
    "numbers.Integral": "numbers.Number",
    "numbers.Rational": "numbers.Number",
    "numbers.Real": "numbers.Number",
    "pandas.core.frame.DataFrame": "pandas.DataFrame",
    "pandas.core.series.Series": "pandas.Series",
    "typing.BinaryIO": "io.BytesIO",
    "typing.TextIO": "io.StringIO",
    "typing.IO": "io.StringIO",
}
_PRIVATE_PARTS = re.compile(r"(\._\w+)+$")
PATHS = {"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.PathLike"}
TOOLS = (
    "asyncio",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "fractions",
    "functools",
    "io",
    "ipaddress",
    "itertools",
    "logging",
    "numpy",
    "operator",
    "pandas",
    "pathlib",
    "random",
    "re",
    "time",
    "types",
    "typing",
    "uuid",
    "zoneinfo",
)
"""Modules that expressions may name."""
OPTIONAL = {"numpy", "pandas"}
"""These only if the module under test has loaded them."""


def texts_of(cls: type[Any]) -> tuple[str, ...]:
    """Expressions for objects of the class whose modules are loaded; empty if we know none."""
    name = type_name(cls)
    texts = _TEXTS.get(_SAME.get(name, name), ())
    if not texts and issubclass(cls, BaseException) and cls.__module__ == "builtins":
        return (f"{cls.__name__}('oops')",) if issubclass(cls, Exception) else ("None",)
    return tuple(text for text in texts if _is_there(text))


def type_name(cls: Any) -> str:
    """`module.Class`, without private parts behind (`pathlib._local` of Python 3.13)."""
    home = _PRIVATE_PARTS.sub("", str(getattr(cls, "__module__", "")))
    return f"{home}.{getattr(cls, '__qualname__', '')}"


def _is_there(text: str) -> bool:
    module, dot, _ = text.partition(".")
    return not dot or module not in TOOLS or module in sys.modules
