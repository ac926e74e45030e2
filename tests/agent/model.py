"""A model on loopback that is a function: what an agent asks of it, and what it says.

It speaks as much of the chat completions of OpenAI as coding agents use: a stream of two parts.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """The model asks the agent for a call of a tool."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What the agent showed the model."""

    tools: list[str]
    messages: list[dict[str, Any]]

    @property
    def answers(self) -> list[str]:
        """What the tools answered so far."""
        return [_text(each["content"]) for each in self.messages if each["role"] == "tool"]


Mind = Callable[[Asked], Call | str]
"""What to do next: a call, or the last word."""


@contextmanager
def serving(mind: Mind) -> Iterator[str]:
    """The base URL of a model that thinks with this function."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            names = [tool["function"]["name"] for tool in asked.get("tools") or []]
            # Without tools it is asked for a title or a summary.
            said = mind(Asked(names, asked["messages"])) if names else "Work"
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for part in (*_parts(said, len(asked["messages"])), "[DONE]"):
                self.wfile.write(f"data: {part}\n\n".encode())

        def log_request(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


def _parts(said: Call | str, turn: int) -> Iterator[str]:
    delta: dict[str, Any] = {"role": "assistant", "content": said}
    if isinstance(said, Call):
        function = {"name": said.tool, "arguments": json.dumps(said.arguments)}
        call = {"index": 0, "id": f"call_{turn}", "type": "function", "function": function}
        delta = {"role": "assistant", "content": "", "tool_calls": [call]}
    reason = "tool_calls" if isinstance(said, Call) else "stop"
    for change, end in ((delta, None), ({}, reason)):
        choice = {"index": 0, "delta": change, "finish_reason": end}
        yield json.dumps(
            {
                "id": f"said-{turn}",
                "object": "chat.completion.chunk",
                "created": 0,
                "model": "scripted",
                "choices": [choice],
            }
        )


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
