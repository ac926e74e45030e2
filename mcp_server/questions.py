"""A task's question as MCP's elicitation says it, and the response as the task's answer. Pure.

    free text, choices    a form with the one field `answer`
    form                  itself: the same JSON schema of a flat object

What a task asks is a stranger's text: it is made visible, and said whose it is. Declining and
dismissing are no answer, which the task learns; its default counts only when the time is over.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic import JsonValue

from mcp_server.view import clean
from tta_interactive.errors import InvalidRequestError
from tta_interactive.form import MAX_ANSWER
from tta_interactive.question import Question
from tta_interactive.task import Task
from tta_interactive.text import one_line, visible

FIELD: Final = "answer"  # of a question that has no form of its own
ACTIONS: Final = frozenset({"accept", "decline", "cancel"})


def requests(task: Task) -> dict[str, dict[str, Any]]:
    """What the task waits for: key -> request, at most one."""
    question = task.open_question
    if question is None:
        return {}
    whose = one_line(task.label or task.kind, 100)
    params = {
        "mode": "form",
        "message": f"{visible(question.text)}\n(asked by the background task {whose!r})",
        "requestedSchema": clean(schema(question)),
    }
    return {question.key: {"method": "elicitation/create", "params": params}}


def schema(question: Question) -> dict[str, JsonValue]:
    """The form that a client shows."""
    if question.form is not None:
        return question.form
    field: dict[str, JsonValue] = {"type": "string", "title": "Answer"}
    if question.choices:
        field["enum"] = [*question.choices]
    else:
        field["maxLength"] = MAX_ANSWER
    if question.default is not None:
        field["default"] = question.default
    return {"type": "object", "properties": {FIELD: field}, "required": [FIELD]}


def answer_of(question: Question, response: object) -> JsonValue:
    """What a client's response answers; None: nothing.

    Raises:
        InvalidRequestError: It is no response to an elicitation.
    """
    is_object = isinstance(response, Mapping)
    facts: Mapping[str, Any] = cast("Mapping[str, Any]", response) if is_object else {}
    action = facts.get("action")
    if action not in ACTIONS:
        raise InvalidRequestError(
            f"The response has the action {repr(action)[:80]}. Give accept, decline or cancel."
        )
    if action != "accept":
        return None
    content = facts.get("content")
    if question.form is not None:
        return content if content is not None else {}
    if not isinstance(content, Mapping) or FIELD not in content:
        raise InvalidRequestError(f"The response has no content with the field {FIELD!r}.")
    return cast("Mapping[str, Any]", content)[FIELD]
