"""Whether a caller may submit what he asks for: kinds, places, containment, quotas."""

import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from anyio import to_thread

from mcp_server.audit import digest
from mcp_server.consent import Consents, question
from mcp_server.expand import Expansion
from mcp_server.policy import MAX_PER_MINUTE, MAX_QUEUED, MIN_SANDBOX, Policy, RateLimit
from mcp_server.wire import SubmitArguments
from tta_interactive import sandbox
from tta_interactive.engine import ExecutionEngine
from tta_interactive.errors import ForbiddenError
from tta_interactive.request import TaskRequest, as_tasks
from tta_interactive.task import SandboxLevel, Task, TaskStatus


class Admission:
    """The submissions of one caller.

    Args:
        engine: Counts his tasks.
        policy: What he may do.
        own: Reads a task of his; anything else is unknown.
        consents: What his user allowed beside it.
    """

    def __init__(
        self,
        engine: ExecutionEngine,
        policy: Policy,
        own: Callable[[str], Awaitable[Task]],
        consents: Consents,
    ) -> None:
        self._engine, self._policy, self._own = engine, policy, own
        self._consents = consents
        self._rate = RateLimit()

    async def request(self, asked: SubmitArguments) -> TaskRequest:
        """What is submitted, if the policy and the quotas let it pass.

        Raises:
            RequestError, SandboxError: They do not; the sentence says what to do.
        """
        policy = self._policy.widened(self._consents.use(asked.kind, key_of(asked)))
        request, tasks = await self._checked(asked, policy)
        await self._check_room(tasks)
        return request

    def must_ask(self, asked: SubmitArguments) -> bool:
        """Whether the user has to allow this first."""
        return asked.kind in self._policy.ask - self._consents.kinds

    async def question(self, asked: SubmitArguments, *, again: bool) -> str:
        """What the user is asked before this may be submitted. Raises as `request`.

        Args:
            asked: What `must_ask` holds for.
            again: Whether the client brings an answer.
        """
        policy = self._policy.widened(frozenset({asked.kind}))
        request, _ = await self._checked(asked, policy)
        # Nobody is asked about what would be refused anyway.
        as_tasks(request, owner="", python=sys.executable, at=datetime.now(UTC))
        return question(request, self._consents.number(key_of(asked), again=again))

    async def _checked(self, asked: SubmitArguments, policy: Policy) -> tuple[TaskRequest, int]:
        """What is submitted, and how many tasks it is."""
        policy.check_kind(asked.kind)
        workspace = await to_thread.run_sync(policy.workspace, asked.workspace)
        best = SandboxLevel.LIMITS
        if policy.probes is None or asked.kind in policy.probes:
            best = await to_thread.run_sync(best_sandbox)
        expansion = Expansion(policy, workspace, best)
        params = await to_thread.run_sync(expansion.params, asked.kind, dict(asked.params))
        for task_id in asked.after:
            await self._own(task_id)  # or it is unknown
        request = TaskRequest.checked(
            kind=asked.kind,
            params=params,
            label=asked.label,
            workspace=str(workspace),
            priority=asked.priority,
            after=tuple(asked.after),
            timeout=asked.timeout_seconds,
            request_key=asked.client_request_id,
            sandbox=policy.sandbox(asked.kind, best),
        )
        return request, expansion.tasks

    async def check_again(self, task: Task, steps: int) -> None:
        """Raise unless the task may be submitted once more.

        Args:
            task: It was let pass once, perhaps by a server that allowed more.
            steps: How many tasks it consists of beside itself.
        """
        policy = self._policy.widened(self._consents.kinds)
        policy.check_kind(task.kind)
        await to_thread.run_sync(policy.workspace, task.workspace)
        least = policy.sandbox(task.kind, await to_thread.run_sync(best_sandbox))
        if least is not None and (task.sandbox or SandboxLevel.NONE) < least:
            raise ForbiddenError(
                f"Task {task.id!r} ran with less of a sandbox than is wanted here now. Submit the "
                "same anew with tta_submit."
            )
        await self._check_room(1 + steps)

    async def _check_room(self, tasks: int) -> None:
        if (rest := self._rate.take(time.monotonic())) > 0:
            raise ForbiddenError(
                f"You submitted {MAX_PER_MINUTE} tasks within a minute. Submit again in "
                f"{rest:.0f} s, and wait for tasks with tta_wait instead of submitting anew."
            )
        queued = (await self._engine.counts())[TaskStatus.QUEUED]
        if queued + tasks > MAX_QUEUED:
            raise ForbiddenError(
                f"{queued} of your tasks are queued already, and this would be {tasks} "
                f"more; the most is {MAX_QUEUED}. Wait for some with tta_wait, or cancel those "
                "that are not needed."
            )


def key_of(asked: SubmitArguments) -> str:
    """What names a submission, however its arguments were ordered."""
    return digest(asked.model_dump(mode="json", exclude_unset=True))


def best_sandbox() -> SandboxLevel:
    """The best containment of this machine."""
    found = sandbox.probe()
    if found < MIN_SANDBOX:
        found = sandbox.probe(again=True)  # it may have been installed since
    return SandboxLevel(found)
