"""What may be asked and what may be answered: one sentence a test, no task needed."""

from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import NOON
from tta_interactive.errors import InvalidRequestError
from tta_interactive.question import MAX_BYTES, Question, answer_of_words

FORM: dict[str, Any] = {
    "type": "object",
    "required": ["branch"],
    "properties": {
        "branch": {"type": "string", "title": "Branch", "maxLength": 8},
        "push": {"type": "boolean", "default": False},
        "tries": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"type": "number"},
        "level": {"type": "string", "enum": ["low", "high"]},
        "parts": {"type": "array", "items": {"type": "string", "enum": ["docs", "code"]}},
    },
}


def asked(**facts: Any) -> Question:
    return Question.asked({"text": "Go on?", **facts}, "1.1", NOON)


def test_a_question_keeps_what_was_asked_and_until_when() -> None:
    question = asked(choices=["yes", "no"], default="no", timeout=90)
    assert (question.key, question.text, question.choices) == ("1.1", "Go on?", ("yes", "no"))
    assert (question.default, question.asked_at) == ("no", NOON)
    assert question.expires_at == NOON + timedelta(seconds=90)
    assert Question.model_validate_json(question.model_dump_json()) == question


BAD: list[tuple[dict[str, Any], str]] = [
    ({"text": ""}, "Give a text of 1 to 2000"),
    ({"text": "x" * 2001}, "Give a text of 1 to 2000"),
    ({"text": 5}, "The question is 5"),
    ({"choices": ["a", "a"]}, "twice"),
    ({"choices": ["a", 1]}, "have 1"),
    ({"choices": ["x" * 201]}, "1 to 200"),
    ({"choices": ["yes\u202e"]}, "cannot be seen"),
    ({"choices": ["a\nb"]}, "on one line"),
    ({"choices": [str(n) for n in range(51)]}, "1 to 50"),
    ({"choices": ["a"], "form": FORM}, "Give one of them"),
    ({"choices": ["a"], "default": "b"}, "Give one of: 'a'"),
    ({"form": {"type": "array"}}, "no object"),
    ({"form": {"properties": {}}}, "no object"),
    ({"form": {"properties": {str(n): {} for n in range(21)}}}, "no object"),
    ({"form": {"properties": {"a b": {"type": "string"}}}}, "no name of a field"),
    ({"form": {"properties": {"a": {"type": "object"}}}}, "has the type 'object'"),
    ({"form": {"properties": {"a": {"type": "string", "pattern": "(a+)+$"}}}}, "'pattern'"),
    ({"form": {"properties": {"a": {"type": "string", "maxLength": "9"}}}}, "maxLength '9'"),
    ({"form": {"properties": {"a": {"type": "boolean", "default": 1}}}}, "default 1"),
    ({"form": {"properties": {"a": {"type": "array"}}}}, "items"),
    ({"form": {**FORM, "required": ["nobody"]}}, "requires"),
    ({"form": FORM, "default": {"branch": 1}}, "'branch' is 1"),
    ({"timeout": -1}, "time-out of the question is -1"),
    ({"timeout": True}, "time-out of the question is True"),
    ({"timeout": 1e30}, "Give seconds"),
    ({"shout": True}, "no 'shout'"),
    ({"default": float("nan"), "text": "x"}, "cannot be kept as JSON"),
    ({"text": "\ud800"}, "cannot be kept as JSON"),
    ({"default": "x" * MAX_BYTES}, "bytes; allowed are"),
]


@pytest.mark.parametrize(("facts", "words"), BAD)
def test_what_cannot_be_asked_is_refused_in_words(facts: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        asked(**facts)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


def test_what_is_no_object_asks_nothing() -> None:
    with pytest.raises(InvalidRequestError, match="The question is None"):
        Question.asked(["text"], "1.1", NOON)


@pytest.mark.parametrize(
    ("facts", "value"),
    [
        ({}, "anything"),
        ({}, ""),
        ({}, None),
        ({"choices": ["yes", "no"]}, "yes"),
        ({"form": FORM}, None),
    ],
)
def test_an_answer_that_fits_comes_back_as_it_is(facts: dict[str, Any], value: object) -> None:
    assert asked(**facts).checked(value) == value  # type: ignore[arg-type]


UNFIT: list[tuple[dict[str, Any], Any, str]] = [
    ({}, 5, "5 is no answer to this question. Give a text"),
    ({}, "x" * 10_001, "at most 10000"),
    ({"choices": ["yes", "no"]}, "perhaps", "Give one of: 'yes', 'no'."),
    ({"choices": ["yes", "no"]}, ["yes"], "Give one of"),
    ({"form": FORM}, "main", "Give values for: branch, push"),
    ({"form": FORM}, {}, "needs a value for 'branch'"),
    ({"form": FORM}, {"branch": "main", "x": 1}, "no field 'x'"),
    ({"form": FORM}, {"branch": "x" * 9}, "a text of 0 to 8 characters"),
    ({"form": FORM}, {"branch": "m", "push": 1}, "'push' is 1. Give true or false."),
    ({"form": FORM}, {"branch": "m", "tries": True}, "a whole number from 1 to 9"),
    ({"form": FORM}, {"branch": "m", "tries": 10}, "a whole number from 1 to 9"),
    ({"form": FORM}, {"branch": "m", "share": float("inf")}, "'share' is inf. Give a number."),
    ({"form": FORM}, {"branch": "m", "share": 10**400}, "Give a number."),
    ({"form": FORM}, {"branch": "m", "level": "x"}, "one of: 'low', 'high'"),
    ({"form": FORM}, {"branch": "m", "parts": ["docs", "docs"]}, "a list of 0 to 50"),
    ({"form": FORM}, {"branch": "m", "parts": [[]]}, "a list of 0 to 50"),
]


@pytest.mark.parametrize(("facts", "value", "words"), UNFIT)
def test_an_answer_that_does_not_fit_is_refused_in_words(
    facts: dict[str, Any], value: Any, words: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        asked(**facts).checked(value)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


def test_what_a_form_leaves_out_has_its_default() -> None:
    assert asked(form=FORM).checked({"branch": "m"}) == {"branch": "m", "push": False}


@pytest.mark.parametrize(
    ("facts", "words", "value"),
    [
        ({}, ["two", "words"], "two words"),
        ({"choices": ["Yes", "no"]}, ["yes"], "Yes"),
        ({"choices": ["a b"]}, ["a", "b"], "a b"),
        (
            {"form": FORM},
            ["branch=a=b", "push=yes", "tries=3", "share=1.5", "parts=docs, code"],
            {"branch": "a=b", "push": True, "tries": 3, "share": 1.5, "parts": ["docs", "code"]},
        ),
        ({"form": {"properties": {"n": {"type": "integer"}}}}, ["7"], {"n": 7}),
    ],
)
def test_typed_words_become_the_value_that_is_meant(
    facts: dict[str, Any], words: list[str], value: object
) -> None:
    assert answer_of_words(asked(**facts), words) == value


@pytest.mark.parametrize(
    ("facts", "words", "complaint"),
    [
        ({"choices": ["a", "A"]}, ["ä"], "Give one of: 'a', 'A'."),
        ({"form": FORM}, ["main"], "Write name=value for: branch"),
        ({"form": FORM}, ["branch=m", "tries=many"], "'tries' is 'many'"),
        ({"form": FORM}, ["branch=m", "push=perhaps"], "true or false"),
        ({"form": FORM}, ["color=red"], "no field 'color'"),
    ],
)
def test_typed_words_that_mean_nothing_are_refused(
    facts: dict[str, Any], words: list[str], complaint: str
) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        answer_of_words(asked(**facts), words)
