"""What a live trial showed: whether a caller of one tenant gets at rows of another. Never a row, nor a value out of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProbeLevel(StrEnum):
    NONE = "none"
    READ = "read"
    """In a read-only transaction: SELECT on the rows that there are, and for every command what the policies say to made-up rows."""
    WRITE = "write"
    """INSERT, UPDATE and DELETE as well, in a transaction that is rolled back; for databases that nobody misses."""


class Answer(StrEnum):
    BLOCKED = "blocked"
    LEAK = "leak"
    INCONCLUSIVE = "inconclusive"


class Weakness(StrEnum):
    """What a leak depends on; with `blocked`, what is open without being a leak between tenants."""

    UNFILTERED = "unfiltered"
    """Only a statement without a condition gets there: with one, PostgreSQL asks the policies for SELECT as well."""
    FORGEABLE = "forgeable"
    """The caller must first write the other tenant into their own user_metadata, which every user may."""
    SHARED = "shared"
    """Rows without a tenant are open to the callers of every tenant."""


@dataclass(frozen=True, slots=True, order=True)
class Trial:
    """One command that one role tried on a table."""

    role: str
    command: str
    """SELECT, INSERT, UPDATE or DELETE."""
    answer: Answer
    reason: str = ""
    """Why nothing could be shown, or what kind of leak it is; for a person."""
    weakness: Weakness | None = None


@dataclass(frozen=True, slots=True, order=True)
class TableIsolation:
    """All trials on one table, in the order of roles and commands."""

    schema: str
    relation: str
    trials: tuple[Trial, ...]

    @property
    def answer(self) -> Answer:
        """One leak is a leak; without one, nothing is shown until every trial was answered."""
        answers = {trial.answer for trial in self.trials}
        return next((a for a in (Answer.LEAK, Answer.INCONCLUSIVE) if a in answers), Answer.BLOCKED)

    def reasons_for(self, answer: Answer) -> str:
        """`anon SELECT, authenticated SELECT (rows are visible); ...`: one part for each reason."""
        by_reason: dict[str, list[str]] = {}
        for trial in self.trials:
            if trial.answer is answer:
                by_reason.setdefault(trial.reason, []).append(f"{trial.role} {trial.command}")
        return "; ".join(f"{', '.join(trials)} ({reason})" for reason, trials in by_reason.items())


@dataclass(frozen=True, slots=True)
class IsolationProbe:
    """One probe of one database; tables in name order. A table that no client role can reach is not among them."""

    level: ProbeLevel
    tables: tuple[TableIsolation, ...] = ()
    moved_sequences: tuple[str, ...] = ()
    """Qualified names of sequences that stand elsewhere after a writing probe: no rollback takes that back. Others may have used them."""
