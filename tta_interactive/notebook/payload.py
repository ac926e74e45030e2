"""A call of this notebook, pickled so that a process of the task's own can make it.

Only trusted doors do this, and only the task's process unpickles. The size is watched while
pickling: an array of 500 MB is refused after the first 6 MiB and never copied.
"""

import base64
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, cast

from tta_interactive.errors import InvalidRequestError
from tta_interactive.kinds.call import MAX_PICKLE_CHARACTERS

MAX_BYTES: Final = MAX_PICKLE_CHARACTERS // 4 * 3  # base64 makes 4 characters of 3 bytes


class _Named:
    """`module:function`, looked up where it is unpickled; the notebook need not import it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pkgutil.resolve_name, (self._name,)


class _TooLargeError(Exception):
    pass


class _Counted:
    """A file that refuses to grow beyond the limit."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        if len(self.data) + memoryview(data).nbytes > MAX_BYTES:
            raise _TooLargeError
        self.data += data
        return len(data)


def pickled_call(function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """The `pickle` param of kind `call`.

    Args:
        function: A callable, or `module:function`.
        args: Positional arguments.
        kwargs: Arguments by name.

    Raises:
        InvalidRequestError: Something cannot be pickled or is too large; it names what.
    """
    known = _Named(function) if isinstance(function, str) else function
    # One by one first, only to find out which of them is to blame.
    _pickle(known, "the function")
    for number, value in enumerate(args, 1):
        _pickle(value, f"argument {number}")
    for name, value in kwargs.items():
        _pickle(value, repr(name))
    data = _pickle((known, tuple(args), dict(kwargs)), "the call as a whole")
    return base64.b64encode(data).decode("ascii")


def _pickle(value: object, what: str) -> bytes:
    try:
        import cloudpickle  # noqa: PLC0415  (an extra, and not needed for most tasks)
    except ImportError:
        raise InvalidRequestError(
            "Objects and functions of a notebook are sent with cloudpickle, which is missing. "
            'Install it with: pip install "tta-interactive[callables]".'
        ) from None
    file = _Counted()
    try:
        pickler: Any = cloudpickle.Pickler(cast("Any", file), protocol=5)
        pickler.dump(value)
    except _TooLargeError:
        _refuse(
            what,
            value,
            f"needs more than {MAX_BYTES:,} bytes. Save it to a file and pass the file's path.",
        )
    # Boundary: pickling runs code of the user's objects, which may raise anything.
    except Exception as error:
        _refuse(
            what,
            value,
            f"cannot be pickled: {type(error).__name__}: {str(error)[:200]}. "
            "Make it inside the function instead, or pass what it is made from.",
        )
    return bytes(file.data)


def _refuse(what: str, value: object, why: str) -> NoReturn:
    raise InvalidRequestError(
        f"{what[:80]} (of type {type(value).__name__[:80]}) cannot be sent to a task: it {why}"
    )
