"""Answering the question of a task: from words, or by asking the person at the terminal."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from tta_interactive.blocking import BlockingEngine
from tta_interactive.cli.exits import Exit
from tta_interactive.cli.screen import Screen
from tta_interactive.cli.show import show_json
from tta_interactive.cli.view import question_lines, summary
from tta_interactive.errors import InvalidRequestError, NoQuestionError
from tta_interactive.form import fields_of
from tta_interactive.question import Question, answer_of_words
from tta_interactive.task import Task
from tta_interactive.text import one_line


def answer(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta answer ID [VALUE ...]`"""
    words: list[str] = arguments.words
    if arguments.decline and words:
        raise InvalidRequestError("There is an answer beside --decline. Give one of them.")
    with BlockingEngine(owner="cli") as tasks:
        task = tasks.status(arguments.id)
        question = task.open_question
        if arguments.decline or question is None:
            told = tasks.answer(task.id, None)  # which says why there is nothing to answer
        elif words:
            told = tasks.answer(task.id, answer_of_words(question, words), key=question.key)
        elif screen.can_prompt:
            prompt(tasks, task, screen)
            return Exit.OK
        else:
            lines = question_lines(task, screen.width)
            raise InvalidRequestError("There is no answer. The task waits:\n" + "\n".join(lines))
    if screen.is_json:
        show_json(screen, [told], is_one=True)
    else:
        screen.line(summary(told, screen.width, datetime.now(UTC)))
    return Exit.OK


def prompt(tasks: BlockingEngine, task: Task, screen: Screen) -> None:
    """Ask the person until there is an answer that fits; the end of input is none.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    question = task.open_question
    if question is None:
        return
    screen.lines(question_lines(task, screen.width)[:-1])  # not how to answer elsewhere
    while True:
        try:
            words = _words(question, screen)
        except EOFError:
            screen.line()
            screen.note(f"Not answered. The task waits: tta answer {task.id}")
            return
        try:
            tasks.answer(task.id, answer_of_words(question, words), key=question.key)
            return
        except NoQuestionError as error:
            screen.note(f"tta: {error}")
            return
        except InvalidRequestError as error:
            screen.note(f"tta: {error}")


def _words(question: Question, screen: Screen) -> Sequence[str]:
    if question.form is None:
        return [_typed("answer: ", screen)]
    found: list[str] = []
    for name in fields_of(question.form):
        text = _typed(f"{one_line(name)}: ", screen)
        if text:  # what is left out has its default
            found.append(f"{name}={text}")
    return found


def _typed(words: str, screen: Screen) -> str:
    screen.out.write(words)
    screen.out.flush()
    return input().strip()
