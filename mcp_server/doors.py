"""A door for each caller of one server: whoever calls sees and spends only what is his."""

from contextlib import AsyncExitStack
from typing import Final

import anyio
from mcp.server.auth.middleware.auth_context import get_access_token

from mcp_server.audit import AuditLog
from mcp_server.policy import Policy
from mcp_server.tools import Door
from tta_interactive.engine import ExecutionEngine
from tta_interactive.settings import Settings

LOCAL: Final = "mcp:local"


class Doors:
    """The doors of one server, each made at the first call of its owner.

    Args:
        policy: What every caller may do.
        settings: The store.
        transport: `stdio` or `http`, for the audit log.
        stack: Closes the engines when the server ends.
    """

    def __init__(
        self, policy: Policy, settings: Settings, transport: str, stack: AsyncExitStack
    ) -> None:
        self._policy, self._settings = policy, settings
        self._transport, self._stack = transport, stack
        self._doors: dict[str, Door] = {}
        self._making = anyio.Lock()

    async def mine(self) -> Door:
        """The door of whoever sent the request that is being served."""
        return await self.owned_by(owner())

    async def owned_by(self, owner: str) -> Door:
        """The door of that owner."""
        async with self._making:
            if owner not in self._doors:
                self._doors[owner] = await self._make(owner)
            return self._doors[owner]

    async def _make(self, owner: str) -> Door:
        home, policy = self._settings.home, self._policy
        engine = reader = await self._stack.enter_async_context(
            ExecutionEngine(home, owner=owner, sees="own", allow=policy.known)
        )
        if policy.share_notebook:
            reader = await self._stack.enter_async_context(
                ExecutionEngine(home, owner=owner, sees="all", allow=())
            )
        audit = AuditLog(home, who=owner, transport=self._transport)
        kept_days = self._settings.keep_days
        door = Door(engine, reader, policy, audit, home=home, owner=owner, kept_days=kept_days)
        self._stack.callback(door.board.close)
        return door


def owner() -> str:
    """Who sent the request that is being served.

    Over HTTP nobody gets here without a token, whose name is the principal's; the caller of a
    server on standard input is whoever started it.
    """
    token = get_access_token()
    return LOCAL if token is None else f"mcp:{token.client_id}"
