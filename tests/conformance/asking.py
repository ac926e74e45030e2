"""Tools that ask the user or the model something, as the suite's scenarios name them."""

import json
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, Field, JsonValue

from tests.conformance.jobs import elicitation

NAME = {"name": {"type": "string"}}


class _Answer(BaseModel):
    response: str = Field(description="User's response")


class _Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field("active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def _titled(**titles: str) -> list[JsonValue]:
    return [{"const": value, "title": title} for value, title in titles.items()]


class _Enums(BaseModel):
    untitledSingle: str = Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})  # noqa: N815  (the scenario's name)
    titledSingle: str = Field(  # noqa: N815
        json_schema_extra={"oneOf": _titled(low="Low", medium="Medium", high="High")}
    )
    untitledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"type": "string", "enum": ["read", "write", "execute"]}}
    )
    titledMulti: list[str] = Field(  # noqa: N815
        json_schema_extra={"items": {"anyOf": _titled(feature="New", bug="Fix", docs="Docs")}}
    )
    legacyEnum: str = Field(  # noqa: N815
        json_schema_extra={
            "enum": ["small", "medium", "large"],
            "enumNames": ["Small Size", "Medium Size", "Large Size"],
        }
    )


def install(server: MCPServer[Any]) -> None:
    """Tools that ask while they run, and tools that end with a question."""
    _asking(server)
    _input_required(server)


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
        wanted: dict[str, Any] = {
            "user_name": elicitation("Name?", **NAME),
            "greeting": _sampling("Generate a greeting"),
            "client_roots": ListRootsRequest(),
        }
        if wanted.keys() <= (ctx.input_responses or {}).keys():
            return "All inputs received."
        return InputRequiredResult(input_requests=wanted, request_state="multiple")

    @server.tool()
    async def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
        """Two rounds."""
        state = json.loads(ctx.request_state or '{"round": 0}')
        answers = ctx.input_responses or {}
        if state["round"] == 1 and "step1" in answers:
            state = json.dumps({"round": 2, "name": _said(answers["step1"])})
            second: dict[str, Any] = {
                "step2": elicitation("Step 2: colour?", color={"type": "string"})
            }
            return InputRequiredResult(input_requests=second, request_state=state)
        if state["round"] == 2 and "step2" in answers:
            return f"{state['name']} likes {_said(answers['step2'])}."
        first: dict[str, Any] = {"step1": elicitation("Step 1: name?", **NAME)}
        return InputRequiredResult(input_requests=first, request_state='{"round": 1}')

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
