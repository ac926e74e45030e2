"""`ResourceUpdated` for who listens: when a task of his moves, whoever moved it.

Only the caller's own tasks are watched for him, so that listening to the address of a foreign one
tells nothing. Nothing is watched while nobody listens.
"""

from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import Final

import anyio
from anyio.abc import TaskGroup
from mcp.server.subscriptions import ResourceUpdated, ServerEvent

from mcp_server.doors import Doors, owner
from mcp_server.resources import LISTED, TASKS
from tta_interactive.errors import TTAError

BREATH_SECONDS: Final = 0.3  # what moves within it is told once
AGAIN_SECONDS: Final = 2.0  # after the store could not be read

Listener = Callable[[ServerEvent], None]


class Updates:
    """A `SubscriptionBus` that reads the store's events, for each owner as long as he listens."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[object, Listener]] = {}
        self._pumps: dict[str, anyio.CancelScope] = {}
        self._doors: Doors | None = None
        self._group: TaskGroup | None = None

    def begin(self, doors: Doors, group: TaskGroup) -> None:
        """Where the events come from; `group` ends with the server."""
        self._doors, self._group = doors, group

    async def publish(self, event: ServerEvent) -> None:
        """Tell everybody."""
        for who in self._listeners:
            self._tell(who, [event])
        await anyio.lowlevel.checkpoint()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Listen for the caller of the request that is being served."""
        who, mark = owner(), object()
        self._listeners.setdefault(who, {})[mark] = listener
        if who not in self._pumps and self._group is not None and self._doors is not None:
            self._pumps[who] = scope = anyio.CancelScope()
            self._group.start_soon(self._pump, who, self._doors, scope)

        def leave() -> None:
            left = self._listeners.get(who, {})
            left.pop(mark, None)
            if not left and who in self._pumps:
                del self._listeners[who]
                self._pumps.pop(who).cancel()

        return leave

    async def _pump(self, who: str, doors: Doors, scope: anyio.CancelScope) -> None:
        with scope:
            while True:
                try:
                    await self._follow(who, doors)
                except* TTAError:
                    await anyio.sleep(AGAIN_SECONDS)

    async def _follow(self, who: str, doors: Doors) -> None:
        door = await doors.owned_by(who)
        moved: set[str] = set()
        something = anyio.Event()
        since = await door.last_event()
        # Before this point moves went untold to who listens already: one word for all of them.
        moved.update(await door.recent(LISTED))
        something.set()

        async def watch() -> None:
            async with aclosing(door.watch(since)) as events:
                async for task_id in events:
                    moved.add(task_id)
                    something.set()

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            while True:
                await something.wait()
                await anyio.sleep(BREATH_SECONDS)
                told = [*map(_addresses, moved), [TASKS]]
                moved.clear()
                something = anyio.Event()
                self._tell(who, [ResourceUpdated(uri) for uris in told for uri in uris])

    def _tell(self, who: str, events: Iterable[ServerEvent]) -> None:
        for event in events:
            for listener in list(self._listeners.get(who, {}).values()):
                listener(event)


def _addresses(task_id: str) -> list[str]:
    task = f"{TASKS}/{task_id}"
    return [task, f"{task}/log", f"{task}/result", f"{task}/file"]
