"""One question to a connector: in bounded time, whatever it raises."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class NoAnswer(Exception):
    """A connector did not answer within its time."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came back after `seconds`: a value, or the error in its place."""

    value: T | None
    error: BaseException | None
    seconds: float


def ask(question: Callable[[], T], *, seconds: float) -> Answer[T]:
    """Put the question in a thread of its own; after `seconds` the answer is NoAnswer and the thread is left to itself.

    A thread cannot be ended from outside: a connector that hangs keeps what it holds until the process ends.
    """
    answers: list[Answer[T]] = []
    began = time.monotonic()

    def work() -> None:
        try:
            value = question()
        except BaseException as error:  # SystemExit of foreign code must not end an observation
            answers.append(Answer(None, error, time.monotonic() - began))
        else:
            answers.append(Answer(value, None, time.monotonic() - began))

    worker = threading.Thread(target=work, name="question to a connector", daemon=True)
    worker.start()
    worker.join(seconds)
    if answers:
        return answers[0]
    return Answer(None, NoAnswer(f"no answer within {seconds:g} seconds"), time.monotonic() - began)
