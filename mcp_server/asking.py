"""How a call comes to the user's word before it submits: what is asked, recorded and let pass."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol

from mcp_server.admission import Admission, key_of
from mcp_server.consent import Consents, Word
from mcp_server.wire import SubmitArguments
from tta_interactive.errors import RequestError


class Record(Protocol):
    """Writes a line of the audit log."""

    async def __call__(
        self, decision: str, facts: dict[str, str], *, tool: str, durable: bool = True
    ) -> None: ...


class Asking:
    """The questions to the user of one caller.

    Args:
        admission: Says what would be submitted.
        consents: Keeps what they said.
        record: Writes it down.
    """

    def __init__(self, admission: Admission, consents: Consents, record: Record) -> None:
        self._admission, self._consents, self._record = admission, consents, record

    def is_due(self, asked: SubmitArguments) -> bool:
        """Whether the user has to allow this submission first."""
        return self._admission.must_ask(asked)

    async def question(self, asked: SubmitArguments, *, tool: str, again: bool) -> str:
        """What the user is asked.

        Args:
            asked: What is submitted.
            tool: The tool that was called.
            again: Whether the client brings an answer.

        Raises:
            RequestError, SandboxError: It would be refused anyway, or they were asked too often.
        """
        text = await self._admission.question(asked, again=again)
        if not again:
            await self._record("asked", _facts(asked), tool=tool, durable=False)
        return text

    @asynccontextmanager
    async def let_pass(
        self, asked: SubmitArguments, word: Word, *, tool: str
    ) -> AsyncGenerator[None]:
        """While this lasts it can be submitted once, if the user allowed it.

        Raises:
            RequestError: They did not, or their word was used already.
        """
        if word is None:
            yield
            return
        self._consents.close(key_of(asked))
        if isinstance(word, RequestError):
            await self._record("declined", _facts(asked), tool=tool)
            raise word
        # First: a crash cannot hide it.
        await self._record("granted", {**_facts(asked), "for": word.decision}, tool=tool)
        with self._consents.given(word, asked.kind, key_of(asked)):
            yield


def _facts(asked: SubmitArguments) -> dict[str, str]:
    return {"kind": asked.kind, "sha256": key_of(asked)}
