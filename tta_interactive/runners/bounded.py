"""What foreign objects say of themselves, in bounded length and time, whatever their code does.

Loaded by `child` from the file beside it, only when there is something to say. Runs in the
task's process, in any Python from 3.9 on, standard library only.
"""

from __future__ import annotations

import reprlib
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_REPR_CHARACTERS = 10_000
REPR_SECONDS = 2.0
SHOW_SECONDS = 10.0
MANY_ITEMS = 1_000


class _TooSlowError(Exception):
    pass


def bounded_repr(value: Any) -> str:
    """At most 10,000 characters about `value`, in at most 2 seconds, whatever it does."""
    name = type(value).__name__
    text, problem = in_time(lambda: _repr_of(value), REPR_SECONDS)
    if text is None:
        text = f"<{name}: its repr {problem}>"
    text = text.encode("utf-8", "backslashreplace").decode()
    if len(text) > MAX_REPR_CHARACTERS:
        return text[: MAX_REPR_CHARACTERS - 1] + "…"
    return text


def in_time_or_none(call: Callable[[], Any]) -> Any:
    """What foreign code gives in at most 10 seconds; None when it raises, too."""
    return in_time(call, SHOW_SECONDS)[0]


def in_time(call: Callable[[], Any], seconds: float) -> tuple[Any, str]:
    """What foreign code gives; or None, and what was wrong with it."""

    def too_slow(*_: object) -> None:
        raise _TooSlowError

    old = signal.signal(signal.SIGALRM, too_slow)
    made, problem = None, f"took over {seconds:g} s"
    try:
        try:
            # It comes again, in case the value's code swallows the first one.
            signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)
            made = call()
        except _TooSlowError:
            pass
        except BaseException as error:  # boundary: the value's own code
            problem = f"raised {type(error).__name__}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _TooSlowError:  # the next one, while the first was being caught
        signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)
    return made, problem


def _repr_of(value: Any) -> str:
    many: Any = value
    if isinstance(value, (str, bytes, bytearray)):
        return repr(value[:MAX_REPR_CHARACTERS])
    if isinstance(value, (list, tuple, set, frozenset, dict)) and len(many) > MANY_ITEMS:
        # The alarm cannot end a loop in C: large containers are shortened before.
        short = reprlib.Repr()
        short.maxlist = short.maxtuple = short.maxset = short.maxfrozenset = MANY_ITEMS
        short.maxdict = MANY_ITEMS
        return short.repr(many)
    return repr(many)[: MAX_REPR_CHARACTERS + 1]
