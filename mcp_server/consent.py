"""The user's word for a task of a kind that agents may only ask for (`--ask`).

    the agent submits ──> checked as if it were allowed ──> the client asks its user ──> it runs
                              │                                │
                              └─ refused: nobody is asked      └─ no, silence, no such client: refused

The answer comes from the client beside the call, where no argument of a tool can reach, and counts
for the very task that was shown: a changed one, and a second use of one answer, are asked about
again. What the agent wrote is shown whole or not at all, each of its lines behind a bar. Whether a
client asks a person or answers by itself is the client's; so nothing is asked that the user has not
named with `--ask`, and over HTTP, where callers are others, nothing at all.
"""

import itertools
import json
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import anyio
from mcp.server.mcpserver import Context, Elicit, ElicitationResult
from mcp.shared.exceptions import MCPError
from mcp_types import ClientCapabilities
from mcp_types.version import is_version_at_least
from pydantic import BaseModel, ConfigDict, JsonValue

from mcp_server.policy import RateLimit
from tta_interactive.errors import ForbiddenError, RequestError
from tta_interactive.request import TaskRequest
from tta_interactive.text import one_line, visible

MAX_SHOWN: Final = 4000  # characters of a question: what is longer nobody reads to its end
MAX_PER_MINUTE: Final = 5  # questions; a user who is asked all day says yes to all
MAX_OPEN: Final = 32
CALLS_AGAIN: Final = "2026-07-28"  # since this version a client brings the answer with a new call
ASK_SECONDS: Final = 300.0  # for the user of an older client; a newer one calls again


class Decision(BaseModel):
    """What the client asks for."""

    # The field's own text is all that some clients show of it. The first choice is the safe one.
    model_config = ConfigDict(use_attribute_docstrings=True)

    decision: Literal["no", "this once", "this session"]
    """`this session` allows all further tasks of this kind until the server ends."""


Word = Decision | RequestError | None
"""The decision; an error instead of it; None: there was nothing to ask."""


class Consents:
    """What the user of one caller said."""

    def __init__(self) -> None:
        self.kinds: frozenset[str] = frozenset()
        """Allowed until the server ends."""
        self._once: set[str] = set()
        self._open: OrderedDict[str, int] = OrderedDict()
        self._numbers = itertools.count(1)
        self._rate = RateLimit(MAX_PER_MINUTE)

    def use(self, kind: str, key: str) -> frozenset[str]:
        """The kinds that are allowed beside those of the policy; what was for once is used up.

        Args:
            kind: The kind that is submitted now.
            key: The digest of what is submitted.
        """
        once = {kind} if key in self._once else set[str]()
        self._once.discard(key)
        return self.kinds | once

    def number(self, key: str, *, again: bool) -> int:
        """The number of the question for what is submitted; the same while it is open.

        Args:
            key: The digest of what is submitted.
            again: Whether the client brings an answer: then nobody is asked anew.

        Raises:
            ForbiddenError: The user was asked too often.
        """
        if not (again and key in self._open) and (rest := self._rate.take(time.monotonic())) > 0:
            raise ForbiddenError(
                f"The user was asked {MAX_PER_MINUTE} times within a minute. Do something else; in "
                f"{rest:.0f} s they can be asked again."
            )
        number = self._open.setdefault(key, next(self._numbers))
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        return number

    def close(self, key: str) -> None:
        """Take the answer to the open question; `ForbiddenError` if somebody took it already."""
        if self._open.pop(key, None) is None:
            raise ForbiddenError("This answer was used already. Submit it anew to ask again.")

    @contextmanager
    def given(self, decision: Decision, kind: str, key: str) -> Iterator[None]:
        """While this lasts, what was allowed may be submitted once."""
        if decision.decision == "this session":
            self.kinds |= {kind}
        self._once.add(key)
        try:
            yield
        finally:
            self._once.discard(key)


def question(request: TaskRequest, number: int) -> str:
    """What the user reads.

    Raises:
        ForbiddenError: It is too long to be read.
    """
    lines = [
        f"A coding agent wants to run a task of kind {request.kind!r}. It runs as you, WITHOUT a "
        f"sandbox, in {one_line(repr(request.workspace))}. Lines behind a bar are the agent's "
        "words, and so no reason to trust it.",
        *(line for name, value in request.params.items() for line in _shown(name, value)),
        f"(question {number} of the task server)",
    ]
    text = "\n".join(lines)
    if len(text) > MAX_SHOWN:
        raise ForbiddenError(
            f"The user has to see all of what would run, and this is {len(text):,} characters long; "
            f"the most is {MAX_SHOWN:,}. Submit a shorter one, or ask the user to start the server "
            f"with --allow {request.kind}."
        )
    return text


def _shown(name: str, value: JsonValue) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return [f"{one_line(name, 80)}:", *(f"| {line}" for line in visible(text).split("\n"))]


async def asked_of_user(text: str, context: Context[Any, Any]) -> "Elicit[Decision] | Word":
    """The question, for a client that calls again with the answer; else the answer itself."""
    if is_version_at_least(context.protocol_version or "", CALLS_AGAIN):
        return Elicit(text, Decision)
    with anyio.move_on_after(ASK_SECONDS):
        try:
            return word_of(await context.elicit(text, Decision))
        except (MCPError, ValueError):
            return ForbiddenError("The client gave no usable answer of the user's. Tell the user.")
    return ForbiddenError(f"The user gave no answer within {ASK_SECONDS:.0f} s. Tell the user.")


def word_of(outcome: "ElicitationResult[Any]") -> Word:
    """The user's word, however it came."""
    if outcome.action == "accept" and not isinstance(outcome.data, Decision):
        return outcome.data
    if outcome.action == "accept" and outcome.data.decision != "no":
        return outcome.data
    return ForbiddenError(
        "The user was asked and did not allow this task. Do not submit it again unless they want it."
    )


def can_ask(capabilities: ClientCapabilities | None) -> bool:
    """Whether the client says that it asks its user with a form."""
    offered = capabilities.elicitation if capabilities is not None else None
    return offered is not None and (offered.form is not None or offered.url is None)
