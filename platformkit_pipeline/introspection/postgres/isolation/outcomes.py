"""What a single way of trying said, and what several of them say together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from platformkit_pipeline.model.isolation import Answer, Weakness

CONTROL_FAILED = "the caller of the trial saw no row of its own tenant either: policies ask for more than the claim"

TRIGGERS_DECIDE = "row level security lets it pass; a trigger of the table may decide otherwise"


@dataclass(frozen=True, slots=True)
class Outcome:
    answer: Answer
    reason: str = ""
    weakness: Weakness | None = None


def blocked(reason: str = "") -> Outcome:
    return Outcome(Answer.BLOCKED, reason)


def leak(reason: str, weakness: Weakness | None = None) -> Outcome:
    return Outcome(Answer.LEAK, reason, weakness)


def open_question(reason: str) -> Outcome:
    return Outcome(Answer.INCONCLUSIVE, reason)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The first leak, at which trials stop; else the first doubt; else blocked."""
    found = blocked()
    for outcome in outcomes:
        if outcome.answer is Answer.LEAK:
            return outcome
        if outcome.answer is Answer.INCONCLUSIVE and found.answer is Answer.BLOCKED:
            found = outcome
    return found


def together(tried: Outcome | None, evaluated: Outcome, *, controlled: bool) -> Outcome:
    """What was tried on rows, and what the policies say to made-up ones.

    A leak is a leak, and the evaluation knows best what it depends on. Else either may show what the other could not; but who was
    refused shows nothing while it is not known that anybody is let in. `controlled`: in the trial, the caller got at a row of its own.
    """
    if tried is None or evaluated.answer is Answer.LEAK:
        return evaluated
    if tried.answer is Answer.LEAK:
        return tried
    if tried.answer is Answer.BLOCKED and evaluated.answer is Answer.INCONCLUSIVE:
        return tried if controlled or evaluated.reason == TRIGGERS_DECIDE else evaluated
    return evaluated if evaluated.answer is Answer.BLOCKED else tried
