"""Tools, resources and prompts that the suite's scenarios of the core protocol name.

What each must do stands in the descriptions of the scenarios (`conformance list --server`).
"""

import base64
import json
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import Prompt, UserMessage
from mcp.server.mcpserver.tools import Tool
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    Completion,
    CompletionArgument,
    CompletionContext,
    CreateMessageRequest,
    CreateMessageRequestParams,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    JSONRPCMessage,
    ListRootsRequest,
    PromptReference,
    ResourceTemplateReference,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field

from tests.conformance.jobs import elicitation

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5E"
    "rkJggg=="
)
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
NAME = {"name": {"type": "string"}}
SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


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
    _content(server)
    _asking(server)
    _input_required(server)
    _resources(server)
    _prompts(server)
    _old_methods(server)


def _image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def _embedded(uri: str, kind: str, text: str) -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type=kind, text=text)
    return EmbeddedResource(type="resource", resource=contents)


def _content(server: MCPServer[Any]) -> None:
    @server.tool()
    def test_simple_text() -> str:
        """Text."""
        return "This is a simple text response for testing."

    @server.tool()
    def test_image_content() -> list[ImageContent]:
        """An image."""
        return [_image()]

    @server.tool()
    def test_audio_content() -> list[AudioContent]:
        """A sound."""
        return [AudioContent(type="audio", data=WAV, mime_type="audio/wav")]

    @server.tool()
    def test_embedded_resource() -> list[EmbeddedResource]:
        """A resource."""
        text = "This is an embedded resource content."
        return [_embedded("test://embedded-resource", "text/plain", text)]

    @server.tool()
    def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
        """Several."""
        return [
            TextContent(type="text", text="Multiple content types test:"),
            _image(),
            _embedded(
                "test://mixed-content-resource", "application/json", '{"test":"data","value":123}'
            ),
        ]

    @server.tool()
    def test_error_handling() -> str:
        """Fails."""
        raise RuntimeError("This tool intentionally returns an error for testing")

    @server.tool()
    def test_x_mcp_header(
        region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "<none>",
    ) -> str:
        """Its argument is mirrored in a header."""
        return f"region={region}"

    @server.tool()
    async def test_tool_with_progress(ctx: Context) -> str:
        """Tells its progress."""
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100, f"Completed step {done} of 100")
            await anyio.sleep(0.05)
        meta: Any = ctx.request_context.meta or {}
        return str(meta.get("progress_token", 0))

    @server.tool()
    async def test_tool_with_logging(ctx: Context) -> str:
        """Logs."""
        for text in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.info(text)  # pyright: ignore[reportDeprecated]
            await anyio.sleep(0.05)
        return "Tool with logging executed successfully"

    @server.tool()
    async def test_reconnection(ctx: Context) -> str:
        """Closes its stream half-way."""
        await ctx.info("Before disconnect")  # pyright: ignore[reportDeprecated]
        await ctx.close_sse_stream()
        await anyio.sleep(0.2)
        await ctx.info("After reconnect")  # pyright: ignore[reportDeprecated]
        return "Reconnection test completed"

    @server.tool()
    async def test_trigger_tool_change(ctx: Context) -> str:
        """Changes the list of tools."""
        server.add_tool(lambda: "dynamic", name="test_dynamic_tool")
        server.remove_tool("test_dynamic_tool")
        await ctx.notify_tools_changed()
        return "tool list changed"

    @server.tool()
    async def test_trigger_prompt_change(ctx: Context) -> str:
        """Changes the list of prompts."""

        def dynamic() -> str:
            return "dynamic"

        server.add_prompt(Prompt.from_function(dynamic, name="test_dynamic_prompt"))
        server.remove_prompt("test_dynamic_prompt")
        await ctx.notify_prompts_changed()
        return "prompt list changed"

    plain = Tool.from_function(
        lambda: "json_schema_2020_12_tool",
        name="json_schema_2020_12_tool",
        description="Its schema has every keyword of 2020-12.",
    )
    plain.parameters = SCHEMA_2020_12
    server._tool_manager._tools[plain.name] = plain  # the SDK has no public way for a schema


class _Answer(BaseModel):
    response: str = Field(description="User's response")


class _Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field("active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def _titled(**titles: str) -> list[dict[str, str]]:
    return [{"const": value, "title": title} for value, title in titles.items()]


class _Enums(BaseModel):
    untitledSingle: str = Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})  # noqa: N815  (the scenario's name)
    titledSingle: str = Field(  # noqa: N815
        json_schema_extra={"oneOf": _titled(low="Low", medium="Medium", high="High")}  # type: ignore[dict-item]
    )
    untitledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"type": "string", "enum": ["read", "write", "execute"]}}
    )
    titledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"anyOf": _titled(feature="New", bug="Fix", docs="Docs")}}  # type: ignore[dict-item]
    )
    legacyEnum: str = Field(  # noqa: N815
        json_schema_extra={
            "enum": ["small", "medium", "large"],
            "enumNames": ["Small Size", "Medium Size", "Large Size"],
        }
    )


def _asking(server: MCPServer[Any]) -> None:
    async def ask(ctx: Context, message: str, schema: type[BaseModel]) -> str:
        result = await ctx.elicit(message=message, schema=schema)
        content = result.data.model_dump_json() if result.action == "accept" else "{}"
        return f"action={result.action}, content={content}"

    @server.tool()
    async def test_elicitation(message: str, ctx: Context) -> str:
        """Asks the user."""
        return f"User response: {await ask(ctx, message, _Answer)}"

    @server.tool()
    async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
        """Asks with defaults."""
        return f"Elicitation completed: {await ask(ctx, 'Who are you?', _Defaults)}"

    @server.tool()
    async def test_elicitation_sep1330_enums(ctx: Context) -> str:
        """Asks with choices."""
        return f"Elicitation completed: {await ask(ctx, 'Choose', _Enums)}"

    @server.tool()
    async def test_sampling(prompt: str, ctx: Context) -> str:
        """Asks the model."""
        result = await ctx.session.create_message(  # pyright: ignore[reportDeprecated]
            messages=[SamplingMessage(role="user", content=TextContent(type="text", text=prompt))],
            max_tokens=100,
            related_request_id=ctx.request_id,
        )
        return f"LLM response: {getattr(result.content, 'text', '')}"

    @server.tool()
    async def test_missing_capability(ctx: Context) -> str:
        """Needs sampling."""
        capabilities = ctx.session.client_capabilities
        if capabilities is None or capabilities.sampling is None:
            raise MCPError(
                MISSING_REQUIRED_CLIENT_CAPABILITY,
                "This tool requires the client 'sampling' capability",
                {"requiredCapabilities": {"sampling": {}}},
            )
        return "ok"


def _sampling(text: str) -> CreateMessageRequest:
    content = TextContent(type="text", text=text)
    messages = [SamplingMessage(role="user", content=content)]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=50))


def _said(answer: Any) -> str:
    content = getattr(answer, "content", None)
    if isinstance(content, dict):
        return " ".join(str(value) for value in content.values())
    return str(getattr(content, "text", ""))


def _input_required(server: MCPServer[Any]) -> None:
    confirm = elicitation("Please confirm", ok={"type": "boolean"})

    @server.tool()
    async def test_input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
        """One question."""
        if answer := (ctx.input_responses or {}).get("user_name"):
            return f"Hello, {_said(answer)}!"
        return InputRequiredResult(input_requests={"user_name": elicitation("Name?", **NAME)})

    @server.tool()
    async def test_input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
        """One question to the model."""
        if answer := (ctx.input_responses or {}).get("capital_question"):
            return f"Model said: {_said(answer)}"
        return InputRequiredResult(input_requests={"capital_question": _sampling("Capital?")})

    @server.tool()
    async def test_input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
        """The client's roots."""
        if answer := (ctx.input_responses or {}).get("client_roots"):
            return f"Client exposed {len(getattr(answer, 'roots', []))} root(s)."
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})

    @server.tool()
    async def test_input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
        """A state that comes back."""
        if "confirm" in (ctx.input_responses or {}) and ctx.request_state == "nonce":
            return "state-ok: confirmation received"
        return InputRequiredResult(input_requests={"confirm": confirm}, request_state="nonce")

    @server.tool()
    async def test_input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
        """Three questions."""
        wanted = {
            "user_name": elicitation("Name?", **NAME),
            "greeting": _sampling("Generate a greeting"),
            "client_roots": ListRootsRequest(),
        }
        if wanted.keys() <= (ctx.input_responses or {}).keys():
            return "All inputs received."
        return InputRequiredResult(input_requests=wanted, request_state="multiple")  # type: ignore[arg-type]

    @server.tool()
    async def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
        """Two rounds."""
        state = json.loads(ctx.request_state or '{"round": 0}')
        answers = ctx.input_responses or {}
        if state["round"] == 1 and "step1" in answers:
            state = json.dumps({"round": 2, "name": _said(answers["step1"])})
            asked = {"step2": elicitation("Step 2: colour?", color={"type": "string"})}
            return InputRequiredResult(input_requests=asked, request_state=state)  # type: ignore[arg-type]
        if state["round"] == 2 and "step2" in answers:
            return f"{state['name']} likes {_said(answers['step2'])}."
        asked = {"step1": elicitation("Step 1: name?", **NAME)}
        return InputRequiredResult(input_requests=asked, request_state='{"round": 1}')  # type: ignore[arg-type]

    @server.tool()
    async def test_input_required_result_tampered_state(ctx: Context) -> str | InputRequiredResult:
        """A state that nobody may change."""
        if ctx.request_state is None:
            return InputRequiredResult(input_requests={"confirm": confirm}, request_state="round-1")
        return f"state-ok: {ctx.request_state}"

    @server.tool()
    async def test_input_required_result_capabilities(ctx: Context) -> InputRequiredResult:
        """Only what the client can answer."""
        able = ctx.client_capabilities
        asked: dict[str, Any] = {}
        if able is None or able.sampling is not None:
            asked["sample"] = _sampling("Say hello")
        if able is None or able.elicitation is not None:
            asked["ask"] = elicitation("Name?", **NAME)
        return InputRequiredResult(input_requests=asked, request_state="gated")

    @server.prompt()
    async def test_input_required_result_prompt(
        ctx: Context,
    ) -> list[UserMessage] | InputRequiredResult:
        """A prompt that asks."""
        if answer := (ctx.input_responses or {}).get("user_context"):
            text = f"Use the following context: {_said(answer)}"
            return [UserMessage(content=TextContent(type="text", text=text))]
        asked = elicitation("Which context?", context={"type": "string"})
        return InputRequiredResult(input_requests={"user_context": asked})


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
        embedded = UserMessage(content=_embedded(resourceUri, "text/plain", text))
        return [embedded, message("Please process the embedded resource above.")]

    @server.prompt()
    def test_prompt_with_image() -> list[UserMessage]:
        """An image."""
        return [UserMessage(content=_image()), message("Please analyze the image above.")]

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
