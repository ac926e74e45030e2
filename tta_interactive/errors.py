"""Everything that can go wrong, as one family.

TTAError
├── RequestError              the caller can do better; an agent reads the sentence
│   ├── InvalidRequestError   a value that cannot be accepted
│   ├── UnknownKindError      no installed kind has this name
│   ├── TaskNotFoundError     unknown, expired or somebody else's: the same answer
│   ├── AmbiguousTaskError    a prefix or name that fits several tasks
│   ├── RequestKeyError       one request key, two different requests
│   ├── ForbiddenError        this door may not do that
│   ├── NoQuestionError       an answer to a task that asks nothing, or nothing any more
│   └── InvalidTransitionError
├── WaitTimeoutError          (also a TimeoutError) the task goes on, only the waiting ended
├── TaskFailedError           `wait(check=True)` on a task that failed or was cancelled
├── StoreError                the store cannot serve
│   ├── StoreBusyError        somebody holds the write lock for too long
│   ├── StoreFullError        the disk is full
│   ├── StoreVersionError     the file was written by another release
│   ├── StoreDamagedError     the file is not what it should be
│   └── UnsafePlaceError      the directory cannot keep a promise
└── WorkerError               the worker cannot be started
    ├── WorkerDiesError       it was started, and ended again, several times
    └── SandboxError          the wanted sandbox level cannot be had

Errors cross processes, so every fact goes to `super().__init__` and the sentence is made
in `__str__`: what is wrong, with the value in quotes; then what to do.
"""

from collections.abc import Sequence


class TTAError(Exception):
    """Anything this package raises on purpose; the one name a caller must know."""


class RequestError(TTAError):
    """The caller asked for something that cannot be done, and can ask better."""


class InvalidRequestError(RequestError):
    """A value that cannot be accepted: `args[0]` is the whole sentence."""


class ForbiddenError(RequestError):
    """This door may not do that: `args[0]` is the whole sentence."""


class UnknownKindError(RequestError):
    """No installed kind has the given name."""

    def __init__(self, kind: str, known: Sequence[str]) -> None:
        super().__init__(kind, tuple(known))
        self.kind, self.known = kind, tuple(known)

    def __str__(self) -> str:
        return f"There is no kind {self.kind[:80]!r}. Installed: {', '.join(self.known)}."


class TaskNotFoundError(RequestError):
    """No task of this caller has the given id."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted

    def __str__(self) -> str:
        return (
            f"No task has the id {self.wanted[:80]!r}. "
            "Ask for the status without an id to list your tasks."
        )


class AmbiguousTaskError(RequestError):
    """A prefix or name fits more than one task."""

    def __init__(self, wanted: str, found: Sequence[str]) -> None:
        super().__init__(wanted, tuple(found))
        self.wanted, self.found = wanted, tuple(found)

    def __str__(self) -> str:
        return (
            f"{self.wanted[:80]!r} fits several tasks: {', '.join(self.found[:5])}. "
            "Give more characters of the id."
        )


class RequestKeyError(RequestError):
    """A request key was used again for a different request."""

    def __init__(self, key: str, task_id: str) -> None:
        super().__init__(key, task_id)
        self.key, self.task_id = key, task_id

    def __str__(self) -> str:
        return (
            f"The request key {self.key[:80]!r} already belongs to task {self.task_id!r}, which "
            "asked for something else. Use a new key, or repeat the first request unchanged."
        )


class InvalidTransitionError(RequestError):
    """A task was asked for a move that its status does not allow."""

    def __init__(self, task_id: str, current: str, wanted: str, allowed: Sequence[str]) -> None:
        super().__init__(task_id, current, wanted, tuple(allowed))
        self.task_id, self.current, self.wanted = task_id, current, wanted
        self.allowed = tuple(allowed)

    def __str__(self) -> str:
        allowed = " or ".join(self.allowed) or "nothing, it is over"
        return (
            f"Task {self.task_id!r} is {self.current} and cannot become {self.wanted}. "
            f"What can follow: {allowed}."
        )


class NoQuestionError(RequestError):
    """An answer was given to a task that has no open question, or not that one."""

    def __init__(self, task_id: str, status: str, became: str = "", by: str = "") -> None:
        super().__init__(task_id, status, became, by)
        self.task_id, self.status, self.became, self.by = task_id, status, became, by

    def __str__(self) -> str:
        if not self.became:
            return (
                f"Task {self.task_id!r} is {self.status} and asks nothing. "
                "Its status says when it does."
            )
        door = f" by {self.by[:80]!r}" if self.by else ""
        return (
            f"The question of task {self.task_id!r} was {self.became}{door} already, and this "
            f"answer was not used. The task is {self.status}."
        )


class WaitTimeoutError(TTAError, TimeoutError):
    """The waiting ended; the task goes on."""

    def __init__(self, task_id: str, timeout: float) -> None:
        super().__init__(task_id, timeout)
        self.task_id, self.timeout = task_id, timeout

    def __str__(self) -> str:
        return (
            f"Task {self.task_id!r} is still running after {self.timeout:g} s of waiting. "
            "It goes on; wait again, or cancel it."
        )


class TaskFailedError(TTAError):
    """A task that was waited for with `check=True` did not complete."""

    def __init__(self, task_id: str, code: str, message: str, remedy: str = "") -> None:
        super().__init__(task_id, code, message, remedy)
        self.task_id, self.code, self.message, self.remedy = task_id, code, message, remedy

    def __str__(self) -> str:
        sentence = f"Task {self.task_id!r} failed ({self.code}): {self.message}"
        return f"{sentence} {self.remedy}" if self.remedy else sentence


class StoreError(TTAError):
    """The store cannot serve: `args[0]` is the whole sentence."""


class StoreBusyError(StoreError):
    """Somebody held the write lock for longer than we wait."""


class StoreFullError(StoreError):
    """The disk is full."""


class StoreVersionError(StoreError):
    """The file belongs to another release of this package."""


class StoreDamagedError(StoreError):
    """The file is damaged, or not ours."""


class UnsafePlaceError(StoreError):
    """The state directory cannot keep a promise: wrong owner, mode or file system."""


class WorkerError(TTAError):
    """The worker cannot be started: `args[0]` is the whole sentence."""


class WorkerDiesError(WorkerError):
    """The worker died at each of several starts; it is tried again only now and then."""


class SandboxError(WorkerError):
    """The wanted sandbox level cannot be had on this machine."""
