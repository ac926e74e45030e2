"""One thread a process that learns what moved, for any number of waiters.

It sleeps on the doorbell's socket. When the bell rings, or when every quarter of a second
`PRAGMA data_version` says that somebody committed, it reads the new events once and calls
whoever watches one of their tasks. While there is no worker to ring, it looks more often,
and where a task is waited for it starts a worker.

A callback runs in this thread: it must only hand over, never wait and never raise.
"""

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tta_interactive import doorbell
from tta_interactive.errors import StoreError, WorkerDiesError, WorkerError
from tta_interactive.store import TaskStore
from tta_interactive.worker.handover import is_outdated
from tta_interactive.worker.start import ensure_worker, replace_worker, worker_pid

Callback = Callable[[frozenset[str]], None]

FASTEST_LOOK: Final = 0.005
SLOWEST_LOOK: Final = 0.05
START_EVERY: Final = 1.0  # seconds between attempts to start a worker

log = logging.getLogger(__name__)


class _Subscription:
    def __init__(
        self, callback: Callback, task_ids: Collection[str] | None, *, ends_only: bool
    ) -> None:
        self.callback = callback
        self.task_ids = None if task_ids is None else frozenset(task_ids)
        self.ends_only = ends_only


class Watcher:
    """What moved in one store. Made once a process and store; the thread runs when needed."""

    def __init__(self, home: Path, store: TaskStore) -> None:
        self._home, self._store = home, store
        self._problem = ""
        self._dies = False
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._subscriptions: dict[object, _Subscription] = {}
        self._watched: dict[str, int] = {}  # task id -> how many subscriptions name it
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._tried_start = 0.0
        self._known_worker: int | None = None

    def ring(self) -> None:
        """Tell the worker that something was committed; start one if there is none."""
        self._check_process()
        with self._lock:
            if self._send(doorbell.RING) or (self._connect() and self._send(doorbell.RING)):
                return
        self.start_worker()

    def revive(self) -> None:
        """Start a worker if the last one died; looks at most once a second."""
        if time.monotonic() - self._tried_start > START_EVERY:
            self.start_worker()

    def start_worker(self) -> None:
        """Start a worker if there is none; a failure is kept in `problem`."""
        self._tried_start = time.monotonic()
        try:
            ensure_worker(self._home)
            self._problem, self._dies = "", False
        except WorkerError as error:
            self._problem, self._dies = str(error), isinstance(error, WorkerDiesError)

    @property
    def problem(self) -> str:
        """Why no worker could be started, as a sentence; empty if none is known."""
        if self._problem and worker_pid(self._home) is not None:
            self._problem, self._dies = "", False  # somebody else could
        return self._problem

    def check_worker(self) -> None:
        """For who waits: nothing will come of it while the worker dies at each start.

        Raises:
            WorkerDiesError: So it is. The tasks are kept.
        """
        if self._dies:
            self.revive()  # it may be mended
        if self._dies and (problem := self.problem):
            raise WorkerDiesError(problem)

    @contextmanager
    def subscribed(
        self, callback: Callback, task_ids: Collection[str] | None, *, ends_only: bool = False
    ) -> Iterator[None]:
        """Call `callback` with the ids that moved, while the block runs."""
        end = self.subscribe(callback, task_ids, ends_only=ends_only)
        try:
            yield
        finally:
            end()

    def subscribe(
        self,
        callback: Callback,
        task_ids: Collection[str] | None = None,
        *,
        ends_only: bool = False,
    ) -> Callable[[], None]:
        """Call `callback` with the ids that moved, until the returned function is called.

        Args:
            callback: Gets the ids of tasks that moved; runs in the watcher's thread.
            task_ids: The tasks of interest; None: all of them.
            ends_only: Only when one of them is over or asks: who awaits that need not be woken
                before.
        """
        self._check_process()
        key = object()
        subscription = _Subscription(callback, task_ids, ends_only=ends_only)
        with self._lock:
            if self._thread is None:
                self._seen = self._store.last_event()
                self._counter = self._store.change_counter()
                # It cannot look at the subscriptions before this block is left.
                thread = threading.Thread(target=self._run, name="tta-watcher", daemon=True)
                thread.start()
                self._thread = thread
            self._subscriptions[key] = subscription
            for task_id in subscription.task_ids or ():
                self._watched[task_id] = self._watched.get(task_id, 0) + 1
            self._say_wish(subscription)
        return lambda: self._unsubscribe(key)

    def close(self) -> bool:
        """End the thread and the connection, unless somebody is subscribed; whether it did."""
        self._check_process()
        with self._lock:
            if self._subscriptions:
                return False
            thread, self._thread = self._thread, None
            self._disconnect()
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)
        return True

    def _unsubscribe(self, key: object) -> None:
        with self._lock:
            subscription = self._subscriptions.pop(key, None)
            if subscription is None:
                return
            for task_id in subscription.task_ids or ():
                self._watched[task_id] -= 1
                if not self._watched[task_id]:
                    del self._watched[task_id]
                    self._send(b"u %s\n" % task_id.encode())
            if subscription.task_ids is None and not self._watches_all():
                self._send(b"n\n")

    def _watches_all(self) -> bool:
        return any(s.task_ids is None for s in self._subscriptions.values())

    def _say_wish(self, subscription: _Subscription) -> bool:
        if subscription.task_ids is None:
            return self._send(b"a\n")
        word = b"e" if subscription.ends_only else b"w"
        return self._send(b"".join(b"%s %s\n" % (word, i.encode()) for i in subscription.task_ids))

    # ---- the connection

    def _connect(self) -> bool:
        self._disconnect()
        self._socket = doorbell.connect(self._home)
        if self._socket is None:
            return False
        self._replace_outdated()
        return all(self._say_wish(one) for one in self._subscriptions.values())

    def _replace_outdated(self) -> None:
        """Have a worker of an older release replaced; asked once of each."""
        pid = worker_pid(self._home)
        if pid is None or pid == self._known_worker:
            return
        self._known_worker = pid
        try:
            if is_outdated(self._home):
                replace_worker(self._home)
        except WorkerError as error:
            log.warning("the worker is of an older release and stays: %s", error)

    def _send(self, lines: bytes) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.sendall(lines)
        except OSError:
            self._disconnect()
            return False
        return True

    def _disconnect(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # the other end may be gone
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that sleeps on it
            self._socket.close()
            self._socket = None

    # ---- the thread

    def _run(self) -> None:
        me = threading.current_thread()
        pause = FASTEST_LOOK
        while True:
            with self._lock:
                if self._thread is not me or not self._subscriptions:
                    if self._thread is me:
                        self._thread = None
                    return
                connection = self._socket
                if connection is None and self._connect():
                    connection = self._socket
            if connection is None:
                time.sleep(pause)
                pause = min(pause * 2, SLOWEST_LOOK)
                self._replace_worker()
                rang = False
            else:
                pause = FASTEST_LOOK
                rang = self._sleep_on(connection)
            if rang or self._counter_moved():
                self._look()

    def _sleep_on(self, connection: socket.socket) -> bool:
        """Wait for a bell, at most until the next look is due; whether it rang."""
        try:
            poll = select.poll()  # select(2) cannot see descriptors above 1,023
            poll.register(connection, select.POLLIN)
            if not poll.poll(doorbell.LOOK_SECONDS * 1000):
                return False
            if connection.recv(65536):
                return True
        except (OSError, ValueError):  # ValueError: closed by another thread meanwhile
            pass
        with self._lock:
            if self._socket is connection:
                self._disconnect()
        return True

    def _replace_worker(self) -> None:
        due = time.monotonic() - self._tried_start > START_EVERY
        if due and self._watched:
            self.start_worker()
            if self._dies:
                self._dispatch(None)  # who waits meets it where it can be answered

    def _counter_moved(self) -> bool:
        try:
            counter = self._store.change_counter()
        except (StoreError, OSError):
            return True
        moved = counter != self._counter
        self._counter = counter
        return moved

    def _look(self) -> None:
        try:
            self._seen, moved = self._store.moved_after(self._seen)
            if moved:
                self._dispatch(moved)
        except (StoreError, OSError):
            # Every waiter looks for itself and meets the error where it can be answered.
            self._dispatch(None)
            time.sleep(SLOWEST_LOOK)

    def _dispatch(self, moved: dict[str, bool] | None) -> None:
        """Call those whom it concerns that tasks moved, and whether each is over or asks; None:
        all."""
        with self._lock:
            current = list(self._subscriptions.items())
        every = frozenset(moved or ())
        over = frozenset(task_id for task_id, is_over in (moved or {}).items() if is_over)
        for key, subscription in current:
            news = over if subscription.ends_only else every
            if moved is None:
                concerned = subscription.task_ids or frozenset[str]()
            elif subscription.task_ids is None:
                concerned = news
            else:
                concerned = subscription.task_ids & news
            if concerned or moved is None:
                try:
                    subscription.callback(concerned)
                except Exception:  # boundary: a caller's code must not end everybody's waiting
                    log.exception("a callback failed and is not called again")
                    self._unsubscribe(key)

    def _check_process(self) -> None:
        if self._pid != os.getpid():  # a forked child has no thread and shares the socket
            inherited = self._socket
            self._start_over()
            if inherited is not None:
                inherited.close()
