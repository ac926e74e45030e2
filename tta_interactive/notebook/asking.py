"""Asking the person who waits in a cell: `input()`, where there is one who can type.

    terminal IPython             typed behind the question, as with `tta wait`
    a card that takes clicks     clicked and typed there, while the cell waits: no `input()`, for
                                 JupyterLab leaves its field standing when it is answered elsewhere
    other front ends             typed into the field that the page shows
    nbclient, a pipe             nobody is asked: a line says how to answer

A question can be answered at every door, or expire, while somebody thinks. So a thread looks,
and ends the `input()` with the signal of a Ctrl-C that no reader sees.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from IPython.core.error import StdinNotImplementedError

from tta_interactive.blocking import BlockingEngine
from tta_interactive.errors import InvalidRequestError, NoQuestionError
from tta_interactive.form import field_words, fields_of
from tta_interactive.notebook.session import say
from tta_interactive.question import Question, answer_of_words
from tta_interactive.task import Task
from tta_interactive.text import one_line

LOOK: Final = 0.1  # seconds between looks at a question that somebody is thinking about
PATIENCE: Final = 1.0
CHOICES: Final = 200  # characters of choices in the prompt


class _ClosedError(Exception):
    """Nothing is asked any more."""


def takes_clicks() -> bool:
    """Whether the front end has its clicks handled while a cell runs: it opens a subshell for them.

    It does so when it is shown its first widget, so a moment is given to it.
    """
    end = time.monotonic() + PATIENCE
    while not any(one.name.startswith("subshell-") for one in threading.enumerate()):
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK)
    return True


def ask(
    engine: BlockingEngine, task: Task, is_closed: Callable[[], bool], *, is_terminal: bool
) -> None:
    """Have the question answered by the person in front, until an answer fits.

    Args:
        engine: Takes the answer.
        task: It has a question.
        is_closed: Whether there is nothing to answer any more; called from another thread.
        is_terminal: IPython runs in a terminal, and no page shows a card.

    Raises:
        KeyboardInterrupt: Ctrl-C, the stop button.
    """
    question = task.open_question
    if question is None:
        return
    short = one_line(task.id[:10])
    say("\n".join([f"{short} asks: {one_line(question.text, 2000)}", *_facts(question)]))
    where = "In another terminal" if is_terminal else "On its card, or in a terminal"
    how = f"{where}: tta answer {short}"
    if not _can_be_asked(is_terminal=is_terminal):
        say(f"It waits for an answer. {how}")
        return
    while True:
        try:
            words = _words(question, is_closed)
            engine.answer(task.id, answer_of_words(question, words), key=question.key)
            return
        except StdinNotImplementedError:
            say(f"It waits for an answer. {how}")
            return
        except EOFError:
            say(f"\nNot answered. It still waits. {how}")
            return
        except _ClosedError:
            say("\nIt is not asked any more: answered elsewhere, or too late.")
            return
        except NoQuestionError as error:
            say(str(error))
            return
        except InvalidRequestError as error:
            say(str(error))


def _can_be_asked(*, is_terminal: bool) -> bool:
    """Whether an `input()` of this thread is read by a person, and ends at a signal."""
    if is_terminal and not sys.stdin.isatty():
        return False  # the next line of a pipe is no answer
    return (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )


def _facts(question: Question) -> list[str]:
    facts: list[str] = []
    if question.form is not None:
        facts += [f"  {field_words(question.form, name)}" for name in fields_of(question.form)]
    if question.expires_at is not None:
        at = question.expires_at.astimezone().strftime("%H:%M:%S")
        facts.append(f"  until {at}; then: {one_line(json.dumps(question.default), CHOICES)}")
    return facts


def _words(question: Question, is_closed: Callable[[], bool]) -> Sequence[str]:
    if question.form is None:
        choices = one_line(" | ".join(question.choices), CHOICES)
        return [_typed(f"answer ({choices}): " if choices else "answer: ", is_closed)]
    found: list[str] = []
    for name in fields_of(question.form):
        text = _typed(f"{one_line(name)}: ", is_closed)
        if text:  # what is left out has its default
            found.append(f"{name}={text}")
    return found


def _typed(words: str, is_closed: Callable[[], bool]) -> str:
    """What is typed.

    Raises:
        _ClosedError: There is nothing to answer any more.
    """
    lock, was_typed, was_closed = threading.Lock(), threading.Event(), threading.Event()
    reader = threading.get_ident()

    def look() -> None:
        while not was_typed.wait(LOOK):
            if is_closed():
                with lock:
                    if not was_typed.is_set():
                        was_closed.set()
                        signal.pthread_kill(reader, signal.SIGINT)
                return

    threading.Thread(target=look, name="tta-question", daemon=True).start()
    try:
        try:
            return input(words).strip()
        finally:
            with lock:
                was_typed.set()
    except KeyboardInterrupt:
        if was_closed.is_set():
            raise _ClosedError from None
        raise
