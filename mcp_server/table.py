"""The table of tools: what each is called, says, takes, answers and does."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import build_resolver_plans, find_resolved_parameters
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, CallToolResult, TextContent, ToolAnnotations

from mcp_server import app, describe, wire
from mcp_server.consent import Decision, Word, asked_of_user, can_ask, word_of
from mcp_server.doors import Doors
from mcp_server.policy import DEFAULT_KIND, Policy
from mcp_server.tools import Door
from mcp_server.waiting import Report
from mcp_server.wire import ArgumentsT
from tta_interactive.board.reader import Exchange
from tta_interactive.errors import RequestError, SandboxError, TTAError
from tta_interactive.task import Task

logger = logging.getLogger(__name__)

T = TypeVar("T")

Method = Callable[[Door, ArgumentsT, Report | None], Awaitable[tuple[wire.Wire, str]]]
Starts = Callable[[Door, ArgumentsT], Awaitable[Task | None]]


@dataclass(frozen=True, kw_only=True)
class Offer(Generic[ArgumentsT]):
    """One tool."""

    name: str
    title: str
    description: str
    takes: type[ArgumentsT]
    answers: type[wire.Wire]
    method: Method[ArgumentsT]
    hints: ToolAnnotations
    meta: dict[str, Any] | None = None
    """What else the list of tools says of it."""
    starts: Starts[ArgumentsT] | None = None
    """For a client that speaks MCP tasks: what the call is about, at once. None: it never is."""

    submits: Callable[[ArgumentsT], wire.SubmitArguments] | None = None
    """What a call submits that the user may have to allow; None: nothing of the kind."""

    @property
    def is_look(self) -> bool:
        """Whether it changes nothing."""
        return bool(self.hints.read_only_hint)

    async def answer(
        self, doors: Doors, arguments: dict[str, Any], report: Report | None, word: Word = None
    ) -> CallToolResult:
        """What the tool answers.

        Args:
            doors: Has the caller's.
            arguments: As they came.
            report: Takes the progress.
            word: What the user said to it, where they were asked.

        Raises:
            ToolError: The caller can do better.
            MCPError: The store cannot serve.
        """

        async def work(door: Door, asked: ArgumentsT) -> CallToolResult:
            if self.submits is None:
                return result_of(*await self.method(door, asked, report))
            async with door.asking.let_pass(self.submits(asked), word, tool=self.name):
                return result_of(*await self.method(door, asked, report))

        return await self._guarded(doors, arguments, work)

    async def begin(self, doors: Doors, arguments: dict[str, Any]) -> Task | None:
        """The task that a call of this tool is about, for a client that follows it by itself.

        None: the call has to be answered in the plain way. Raises as `answer`.
        """
        starts = self.starts
        if starts is None:
            return None

        async def work(door: Door, asked: ArgumentsT) -> Task | None:
            if self.submits is not None and door.asking.is_due(self.submits(asked)):
                return None  # the plain way leads through the question
            return await starts(door, asked)

        return await self._guarded(doors, arguments, work)

    async def question(
        self, doors: Doors, arguments: dict[str, Any], context: Context[Doors, Any]
    ) -> str | None:
        """What the user has to be asked before this call; None: nothing. Raises as `answer`."""
        submits = self.submits
        if submits is None or not can_ask(context.client_capabilities):
            return None

        async def work(door: Door, asked: ArgumentsT) -> str | None:
            submitted = submits(asked)
            if not door.asking.is_due(submitted):
                return None
            again = bool(context.input_responses)
            return await door.asking.question(submitted, tool=self.name, again=again)

        return await self._guarded(doors, arguments, work)

    async def _guarded(
        self,
        doors: Doors,
        arguments: dict[str, Any],
        work: Callable[[Door, ArgumentsT], Awaitable[T]],
    ) -> T:
        """What the work returns; what goes wrong in it becomes an error of the protocol."""
        try:
            door = await doors.mine()
            try:
                return await work(door, wire.checked(self.takes, self.name, arguments))
            except (RequestError, SandboxError) as error:
                if not self.is_look:
                    await door.note_refusal(self.name, arguments, error)
                raise ToolError(str(error)) from None
        except (TTAError, OSError) as error:
            logger.warning("%s: %s", self.name, error)
            raise MCPError(INTERNAL_ERROR, f"The task store cannot serve: {error}") from error

    def tool(self, *, asks: bool = False) -> Tool:
        """The tool, as the SDK takes it.

        Args:
            asks: Whether there are kinds about which the user is asked.
        """

        async def word(
            arguments: dict[str, Any], context: Context[Doors, Any]
        ) -> Elicit[Decision] | Word:
            doors = context.request_context.lifespan_context
            text = await self.question(doors, arguments, context)
            return None if text is None else await asked_of_user(text, context)

        async def call(
            arguments: dict[str, Any], context: Context[Doors, Any], said: Word = None
        ) -> CallToolResult:
            request = context.request_context
            wants_progress = bool(request.meta and "progress_token" in request.meta)
            report = context.report_progress if wants_progress else None
            return await self.answer(request.lifespan_context, arguments, report, said)

        async def call_with_word(
            arguments: dict[str, Any],
            context: Context[Doors, Any],
            outcome: Annotated[ElicitationResult[Decision], Resolve(word)],
        ) -> CallToolResult:
            return await call(arguments, context, word_of(outcome))

        fn = call_with_word if asks and self.submits is not None else call
        resolved = find_resolved_parameters(fn)
        return Tool(
            fn=fn,
            resolved_params=resolved,
            resolver_plans=build_resolver_plans(resolved, {"arguments"}),
            name=self.name,
            title=self.title,
            description=self.description,
            parameters=self.takes.model_json_schema(),
            fn_metadata=_Unchecked(
                arg_model=ArgModelBase,
                output_schema=self.answers.model_json_schema(mode="validation"),
            ),
            is_async=True,
            context_kwarg="context",
            annotations=self.hints,
            meta=self.meta,
        )


class _Unchecked(FuncMetadata):
    """Hands the arguments over as they came: `wire.checked` says better what is wrong."""

    def validate_arguments(self, arguments_to_validate: dict[str, Any]) -> dict[str, Any]:
        return {"arguments": arguments_to_validate}


def result_of(answer: wire.Wire, text: str) -> CallToolResult:
    """An answer on the wire: hosts show the model its text, its structure, or both."""
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=answer.model_dump(mode="json", exclude_none=True),
        is_error=answer.is_failure,
    )


def _as_it_is(asked: wire.SubmitArguments) -> wire.SubmitArguments:
    return asked


def _of_run(asked: wire.RunArguments) -> wire.SubmitArguments:
    return asked.submission


def offers(policy: Policy) -> list[Offer[Any]]:
    """The tools that the policy lets a caller have, the most useful first."""
    # Honest hints: `tests` can be told to replace a file (`overwrite`), and only what leaves the
    # sandbox can reach other systems.
    writes = ToolAnnotations(
        read_only_hint=False,
        destructive_hint=True,
        idempotent_hint=False,
        open_world_hint=policy.unsandboxed,
    )
    wide = policy.known != frozenset({DEFAULT_KIND}) or policy.unsandboxed
    works = writes.model_copy(update={"open_world_hint": wide})
    usable = {"tta_wait", "tta_status", "tta_cancel", "tta_answer", "tta_logs"}
    usable |= {"tta_board", "tta_board_feed"}
    if policy.known:
        usable |= {"tta_run", "tta_submit"}
    if DEFAULT_KIND in policy.kinds:
        usable.add("tta_generate_tests")
    look = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    found: list[Offer[Any]] = [
        Offer(
            name="tta_generate_tests",
            title="Generate tests for Python code",
            description=describe.GENERATE_TESTS,
            takes=wire.GenerateTestsArguments,
            answers=wire.RunAnswer,
            method=Door.generate_tests,
            starts=Door.start_tests,
            hints=writes,
        ),
        Offer(
            name="tta_run",
            title="Run a task and wait for it",
            description=describe.run_description(policy.known),
            takes=wire.RunArguments,
            answers=wire.RunAnswer,
            method=Door.run,
            starts=Door.start_run,
            submits=_of_run,
            hints=works,
        ),
        Offer(
            name="tta_submit",
            title="Submit a background task",
            description=describe.submit_description(policy.known, policy.ask),
            takes=wire.SubmitArguments,
            answers=wire.SubmitAnswer,
            method=Door.submit,
            submits=_as_it_is,
            hints=works,
        ),
        Offer(
            name="tta_wait",
            title="Wait for tasks",
            description=describe.WAIT,
            takes=wire.WaitArguments,
            answers=wire.WaitAnswer,
            method=Door.wait,
            starts=Door.awaited,
            hints=look,
        ),
        Offer(
            name="tta_status",
            title="Look at tasks",
            description=describe.STATUS,
            takes=wire.StatusArguments,
            answers=wire.StatusAnswer,
            method=Door.status,
            hints=look,
        ),
        Offer(
            name="tta_cancel",
            title="Cancel a task",
            description=describe.CANCEL,
            takes=wire.CancelArguments,
            answers=wire.CancelAnswer,
            method=Door.cancel,
            hints=writes.model_copy(update={"idempotent_hint": True, "open_world_hint": False}),
        ),
        Offer(
            name="tta_answer",
            title="Answer a task's question",
            description=describe.ANSWER,
            takes=wire.AnswerArguments,
            answers=wire.AnsweredAnswer,
            method=Door.answer,
            hints=writes,
        ),
        Offer(
            name="tta_logs",
            title="Read a task's output",
            description=describe.LOGS,
            takes=wire.LogsArguments,
            answers=wire.LogsAnswer,
            method=Door.logs,
            hints=look,
        ),
        Offer(
            name="tta_board",
            title="Show the board of tasks",
            description=describe.BOARD,
            takes=wire.BoardArguments,
            answers=wire.StatusAnswer,
            method=app.show_board,
            hints=look,
            meta=app.SHOWN,
        ),
        Offer(
            name="tta_board_feed",
            title="Feed the board",
            description="For the board itself: what it asks for, and what is new.",
            takes=Exchange,
            answers=wire.BoardAnswer,
            method=app.feed_board,
            hints=works,
            meta=app.FEEDS,
        ),
    ]
    return [offer for offer in found if offer.name in usable]
