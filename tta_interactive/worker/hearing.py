"""How the worker's one thread hears: sockets by a selector, and signals through a socket too."""

import selectors
import signal
import socket
from collections.abc import Callable
from types import FrameType


def hear(selector: selectors.BaseSelector, seconds: float) -> bool:
    """Call the functions of what is readable, or becomes so in so many seconds.

    Args:
        selector: Each key's data is the function to call.

    Returns:
        Whether anything was heard.
    """
    heard = selector.select(seconds)
    if not heard:
        return False
    known = selector.get_map()
    for key, _ in heard:
        # An earlier one may have closed it, and its number may be another's by now.
        current = known.get(key.fd)
        if current is not None and current.fileobj is key.fileobj:
            key.data()
    return True


def hear_signals(
    selector: selectors.BaseSelector, stop: Callable[[int, FrameType | None], None]
) -> socket.socket:
    """Call `stop` at SIGTERM and SIGINT, and wake the selector.

    Returns:
        What must be kept for as long as signals shall be heard.
    """
    ours, wake = socket.socketpair()
    ours.setblocking(False)
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    selector.register(ours, selectors.EVENT_READ, lambda: ours.recv(64))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal that started it is closed
    return wake
