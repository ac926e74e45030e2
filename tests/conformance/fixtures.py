"""What the suite's scenarios of the core protocol name: tools, resources, prompts, methods.

What each must do stands in the descriptions of the scenarios (`conformance list --server`).
"""

import base64
import json
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    EmptyResult,
    JSONRPCMessage,
    PromptReference,
    ResourceTemplateReference,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    UnsubscribeRequestParams,
)

from tests.conformance import asking, content
from tests.conformance.content import PNG, embedded, image


class Events(EventStore):
    """What was sent on each stream, for a client that comes back."""

    def __init__(self) -> None:
        self._events: list[tuple[str, JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(
        self, last_event_id: str, send_callback: EventCallback
    ) -> str | None:
        number = int(last_event_id)
        if not 0 < number <= len(self._events):
            return None
        stream = self._events[number - 1][0]
        for later, (where, message) in enumerate(self._events[number:], number + 1):
            if where == stream and message is not None:
                await send_callback(EventMessage(message, str(later)))
        return stream


def install(server: MCPServer[Any]) -> None:
    """Everything that a scenario of the core protocol names."""
    content.install(server)
    asking.install(server)
    _resources(server)
    _prompts(server)
    _old_methods(server)


def _resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text")
    def static_text() -> str:
        """Text."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary")
    def static_binary() -> bytes:
        """Bytes."""
        return base64.b64decode(PNG)

    @server.resource("test://template/{id}/data")
    def template(id: str) -> str:  # noqa: A002  (the scenario's name)
        """A template."""
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.resource("test://watched-resource")
    def watched() -> str:
        """To subscribe to."""
        return "Watched resource content"


def _prompts(server: MCPServer[Any]) -> None:
    def message(text: str) -> UserMessage:
        return UserMessage(content=TextContent(type="text", text=text))

    @server.prompt()
    def test_simple_prompt() -> list[UserMessage]:
        """No arguments."""
        return [message("This is a simple prompt for testing.")]

    @server.prompt()
    def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
        """Two arguments."""
        return [message(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]

    @server.prompt()
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803  (the scenario's name)
        """A resource."""
        text = "Embedded resource content for testing."
        shown = UserMessage(content=embedded(resourceUri, "text/plain", text))
        return [shown, message("Please process the embedded resource above.")]

    @server.prompt()
    def test_prompt_with_image() -> list[UserMessage]:
        """An image."""
        return [UserMessage(content=image()), message("Please analyze the image above.")]

    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        return Completion(values=[], total=0, has_more=False)


def _old_methods(server: MCPServer[Any]) -> None:
    async def nothing(ctx: object, params: object) -> EmptyResult:
        return EmptyResult()

    for method, params in (
        ("logging/setLevel", SetLevelRequestParams),
        ("resources/subscribe", SubscribeRequestParams),
        ("resources/unsubscribe", UnsubscribeRequestParams),
    ):
        server._lowlevel_server.add_request_handler(method, params, nothing)  # no public way
