"""What a running task asks, and what may be answered: pure, for every door the same.

    free text          answer: a text                     ask("Which branch?")
    choices            answer: one of them                ask("Overwrite?", choices=["yes", "no"])
    form               answer: an object (see `form`)     ask("Release", form={...})

A task has one question open at a time. It belongs to the attempt that asked it: another attempt
meets another world, and asks again. `None` is no answer: declined, or too late.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

from tta_interactive.errors import InvalidRequestError
from tta_interactive.form import (
    FIELD_NAME,
    MAX_ANSWER,
    checked_choices,
    checked_form,
    checked_values,
    fields_of,
    quoted,
    value_of_word,
)

MAX_QUESTION: Final = 2_000  # characters of the text
MAX_BYTES: Final = 16 * 1024  # of a question, or of an answer, as JSON
LONGEST: Final = 10 * 365 * 86400.0  # seconds; as long as a task may run
KNOWN: Final = frozenset({"text", "choices", "form", "default", "timeout"})
How = Literal["answered", "declined", "expired", "withdrawn"]


class Answer(BaseModel):
    """What became of a question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: JsonValue = None
    """None: no answer."""
    how: How = "answered"
    """`declined`: whoever was asked gave none. `expired`: nobody did in time, so this is the
    question's default. `withdrawn`: the task did not wait for it."""
    by: str = ""
    """Owner of the door that answered."""
    at: AwareDatetime


class Question(BaseModel):
    """What a task asks. All its words are the task's: untrusted text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """Names it among all questions that the task ever asks."""
    text: str
    choices: tuple[str, ...] = ()
    form: dict[str, JsonValue] | None = None
    """JSON schema of a flat object; see `form`."""
    default: JsonValue = None
    """What counts as the answer when the time is over."""
    asked_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    """When the task goes on without an answer; None: it waits."""
    answer: Answer | None = None

    def checked(self, value: JsonValue) -> JsonValue:
        """An answer as the task will get it; None: no answer.

        Raises:
            InvalidRequestError: It does not fit the question; the sentence says what would.
        """
        if value is None:
            return None
        if self.form is not None:
            value = checked_values(self.form, value)
        elif self.choices:
            if value not in self.choices:
                raise InvalidRequestError(
                    f"{repr(value)[:80]} is no answer to this question. "
                    f"Give one of: {quoted(self.choices)}."
                )
        elif not isinstance(value, str) or len(value) > MAX_ANSWER:
            raise InvalidRequestError(
                f"{repr(value)[:80]} is no answer to this question. "
                f"Give a text of at most {MAX_ANSWER} characters."
            )
        _check_size(value, "answer")
        return value

    def expired(self, at: datetime) -> Answer:
        """What counts as the answer when nobody gave one in time."""
        return Answer(value=self.default, how="expired", at=at)

    @classmethod
    def asked(cls, said: object, key: str, at: datetime) -> Self:
        """The question that a task's own words mean.

        Raises:
            InvalidRequestError: They mean none that could be asked.
        """
        is_object = isinstance(said, dict)
        wish: Mapping[str, Any] = cast("Mapping[str, Any]", said) if is_object else {}
        _check_size(said, "question")
        if strange := sorted(wish.keys() - KNOWN):
            raise InvalidRequestError(f"A question has no {strange[0][:40]!r}.")
        text = wish.get("text")
        if not isinstance(text, str) or not 1 <= len(text.strip()) <= MAX_QUESTION:
            raise InvalidRequestError(
                f"The question is {repr(text)[:80]}. Give a text of 1 to {MAX_QUESTION} characters."
            )
        form, choices = wish.get("form"), wish.get("choices") or ()
        if form is not None and choices:
            raise InvalidRequestError("The question has choices and a form. Give one of them.")
        question = cls(
            key=key,
            text=text,
            choices=tuple(checked_choices(choices, "The choices")) if choices else (),
            form=None if form is None else checked_form(form),
            asked_at=at,
            expires_at=_expiry(wish.get("timeout"), at),
        )
        default = question.checked(wish.get("default"))
        return question.model_copy(update={"default": default})


def _expiry(timeout: Any, at: datetime) -> datetime | None:
    if timeout is None:
        return None
    is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if not (is_number and 0 <= timeout <= LONGEST):
        raise InvalidRequestError(
            f"The time-out of the question is {repr(timeout)[:80]}. Give seconds from 0, or None."
        )
    return at + timedelta(seconds=timeout)


def _check_size(value: object, what: str) -> None:
    try:
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidRequestError(f"The {what} cannot be kept as JSON: {error}.") from None
    if size > MAX_BYTES:
        raise InvalidRequestError(f"The {what} has {size:,} bytes; allowed are {MAX_BYTES:,}.")


def answer_of_words(question: Question, words: Sequence[str]) -> JsonValue:
    """The answer that typed words mean: a choice, a text, or `name=value` for each field.

    Raises:
        InvalidRequestError: They mean none.
    """
    if question.form is None:
        said = " ".join(words)
        if question.choices and said not in question.choices:
            alike = [one for one in question.choices if one.casefold() == said.casefold()]
            said = alike[0] if len(alike) == 1 else said
        return question.checked(said)
    fields = fields_of(question.form)
    if len(fields) == 1 and len(words) == 1 and "=" not in words[0]:
        words = [f"{next(iter(fields))}={words[0]}"]
    values: dict[str, JsonValue] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not FIELD_NAME.fullmatch(name):
            raise InvalidRequestError(
                f"{word[:80]!r} gives no field a value. Write name=value for: {', '.join(fields)}."
            )
        values[name] = value_of_word(fields[name], text) if name in fields else text
    return question.checked(values)
