"""What policies say to made-up rows: their conditions, evaluated as the caller. No row is written or locked, none need exist.

As PostgreSQL asks them: a command whose condition or result reads the row must satisfy the policies for SELECT as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from psycopg import sql

from platformkit_pipeline.introspection.postgres.isolation.doors import Door, writable
from platformkit_pipeline.introspection.postgres.isolation.made_up_rows import MadeUpRow, Whose, as_relation
from platformkit_pipeline.introspection.postgres.isolation.outcomes import (
    CONTROL_FAILED,
    TRIGGERS_DECIDE,
    Outcome,
    blocked,
    leak,
    open_question,
)
from platformkit_pipeline.introspection.postgres.isolation.policies import PolicyText, conditions_for, has_policy
from platformkit_pipeline.introspection.postgres.isolation.session import (
    SIGNED_IN,
    Caller,
    Refusal,
    Reply,
    Session,
)
from platformkit_pipeline.introspection.postgres.isolation.triggers import may_interfere
from platformkit_pipeline.model.identity import quote_identifier
from platformkit_pipeline.model.isolation import Answer, Weakness
from platformkit_pipeline.rules.database.catalog import COMMANDS, Catalog

_PLAN = sql.Identifier("platformkit_probe")
_QUESTIONS = ("r", "a", "w", "c", "d", "w and r", "c and r", "d and r")
"""Reading, inserting, updating, updated, deleting; alone, and by a statement that reads the row."""
_ASKED_BY = {
    "SELECT": ("r",),
    "INSERT": ("a",),
    "UPDATE": ("w", "c", "r", "w and r", "c and r"),
    "DELETE": ("d", "r", "d and r"),
}

_OF_TENANTS = (Whose.OWN, Whose.OTHER)

Said = Mapping[tuple[Whose, str], bool]
"""Whether some made-up row of that kind satisfies the question."""


class _Some(Protocol):
    """Whether a question is answered with yes for some row of the other tenant, or of `whose`."""

    def __call__(self, question: str, whose: Sequence[Whose] = ...) -> bool: ...


@dataclass(slots=True)
class Evaluation:
    """One table under the eyes of one role."""

    session: Session
    catalog: Catalog
    door: Door
    role: str
    policies: Sequence[PolicyText]
    rows: Sequence[MadeUpRow]
    caller: Caller
    _newcomer: Said | None = None

    def outcomes(self, commands: Sequence[str]) -> dict[str, Outcome]:
        """An answer for each of `commands`. One statement, and more only where it fails or something leaks."""
        said = self._said(COMMANDS)
        if self.role == SIGNED_IN and self._is_subject():
            newcomer = self._said(COMMANDS, newcomer=True)
            self._newcomer = None if isinstance(newcomer, Refusal) else newcomer
        if isinstance(said, Refusal):
            return {command: self._alone(command) for command in commands}
        return {command: self._judged(command, said) for command in commands}

    def _alone(self, command: str) -> Outcome:
        said = self._said((command,))
        if isinstance(said, Refusal):
            if said.denied:
                return blocked("permission denied")
            return open_question(said.reason)
        return self._judged(command, said)

    def _judged(self, command: str, said: Said) -> Outcome:
        outcome = self._verdict(command, said, self._foreign)
        if self.role != SIGNED_IN:
            return outcome
        if outcome.answer is Answer.LEAK and outcome.weakness is None:
            honest = self._said((command,), forging=False)
            if not isinstance(honest, Refusal) and self._verdict(command, honest, self._foreign).answer is not Answer.LEAK:
                return leak(f"{outcome.reason}, once the caller has forged their user_metadata", Weakness.FORGEABLE)
        if outcome.answer is not Answer.LEAK and self._is_subject() and self._newcomer is not None:
            to_anybody = self._verdict(command, self._newcomer, _OF_TENANTS)
            if to_anybody.answer is Answer.LEAK:
                return leak(f"{to_anybody.reason}, by whoever is signed in and belongs to no tenant", to_anybody.weakness)
        return outcome

    @property
    def _foreign(self) -> Sequence[Whose]:
        return (Whose.OTHER,) if self.role == SIGNED_IN else _OF_TENANTS

    # -- verdicts ---------------------------------------------------------------------------------------------------------
    def _verdict(self, command: str, said: Said, foreign: Sequence[Whose]) -> Outcome:
        def some(question: str, whose: Sequence[Whose] = foreign) -> bool:
            return any(said.get((w, question), False) for w in whose)

        found = {"SELECT": self._reading, "INSERT": self._inserting, "UPDATE": self._updating, "DELETE": self._deleting}[command](some)
        if found is None:
            return self._without_leak(command, said)
        if command != "SELECT" and may_interfere(self.catalog, self.door, command):
            return open_question(TRIGGERS_DECIDE)
        return found

    def _reading(self, some: _Some) -> Outcome | None:
        if not some("r"):
            return None
        return leak(
            "rows of another tenant are visible" if self.role == SIGNED_IN else "rows of tenants are visible to a caller without claims"
        )

    def _inserting(self, some: _Some) -> Outcome | None:
        writes_tenant = self.door.tenant in writable(self.catalog, self.door.table, self.role, "INSERT")
        written = some("a") or some("a", (Whose.CROSSED,))
        return leak("a row can be written for another tenant") if writes_tenant and written else None

    def _updating(self, some: _Some) -> Outcome | None:
        """Changed as it is, taken over, or handed to another tenant; by address, and without a condition."""
        writes_tenant = self.door.tenant in writable(self.catalog, self.door.table, self.role, "UPDATE")
        own, crossed = (Whose.OWN,), (Whose.CROSSED,)
        for reads, weakness in ((" and r", None), ("", Weakness.UNFILTERED)):
            how = "" if weakness is None else " by a statement without a condition"
            if some(f"w{reads}") and some(f"c{reads}"):
                return leak(f"a row of another tenant can be changed{how}", weakness)
            if writes_tenant and self.role == SIGNED_IN and some(f"w{reads}") and some(f"c{reads}", own):
                return leak(f"rows of another tenant can be taken over{how}", weakness)
            if writes_tenant and self.role == SIGNED_IN and some(f"w{reads}", own) and (some(f"c{reads}") or some(f"c{reads}", crossed)):
                return leak(f"rows can be handed to another tenant{how}", weakness)
        return None

    def _deleting(self, some: _Some) -> Outcome | None:
        if some("d and r"):
            return leak("a row of another tenant can be deleted")
        return leak("a row of another tenant can be deleted by a statement without a condition", Weakness.UNFILTERED) if some("d") else None

    def _without_leak(self, command: str, said: Said) -> Outcome:
        """Blocked, if the caller gets at a row of its own; or if there is no policy to let anybody."""
        names = self.catalog.acts_as(self.role)
        own = {"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"}[command]
        if self.role == SIGNED_IN and self._is_subject() and has_policy(self.policies, command, names):
            nobody = (Whose.NOBODY, own)
            if not said.get((Whose.OWN, own), False) and not self._cannot_name_tenant(command):
                return open_question(CONTROL_FAILED)
            if said.get(nobody, False):
                return Outcome(Answer.BLOCKED, "rows without a tenant are open to every tenant", Weakness.SHARED)
        return blocked()

    def _cannot_name_tenant(self, command: str) -> bool:
        """An INSERT that cannot say for whom is no way to another tenant, whatever the policies ask for."""
        return command == "INSERT" and self.door.tenant not in writable(self.catalog, self.door.table, self.role, "INSERT")

    # -- asking -----------------------------------------------------------------------------------------------------------
    def _is_subject(self) -> bool:
        return self.door.table.row_security and not self.catalog.bypasses_policies_of(self.role, self.door.table)

    def _said(self, commands: Sequence[str], *, forging: bool = True, newcomer: bool = False) -> Said | Refusal:
        if not self._is_subject():
            return {(whose, question): True for whose in Whose for question in _QUESTIONS}
        conditions = conditions_for(self.policies, self.catalog.acts_as(self.role))
        asked = [q for q in _QUESTIONS if any(q in _ASKED_BY[c] for c in commands)]
        letters = {
            "r": conditions.reading,
            "a": conditions.inserting,
            "w": conditions.updating,
            "c": conditions.updated,
            "d": conditions.deleting,
        }
        needed = {letter for question in asked for letter in question.split(" and ")}
        texts = tuple(dict.fromkeys(text for letter, text in letters.items() if letter in needed))
        query = self._query(texts)
        who = self.session.as_caller(None if newcomer else self.caller, self.role, forging=forging)
        reply = self.session.ask(*who, query)
        if isinstance(reply, Refusal) and reply.denied:
            reply = self._resolved_before(who, query, " ".join(texts))
        if isinstance(reply, Refusal):
            return reply
        said: dict[tuple[Whose, str], bool] = {}
        for row, values in zip(self.rows, reply.rows[-len(self.rows) :], strict=True):
            holds = dict(zip(texts, map(bool, values), strict=True))
            for question in asked:
                key = (row.whose, question)
                said[key] = said.get(key, False) or all(holds[letters[letter]] for letter in question.split(" and "))
        return said

    def _query(self, texts: Sequence[str]) -> sql.Composed:
        """One row for each made-up one, in their order: what each condition says to it. Most policies say the same to all commands."""
        told = sql.SQL(", ").join(sql.SQL("coalesce(({}), false)").format(sql.SQL(text)) for text in texts)
        rows = as_relation(self.door, [row.values for row in self.rows])
        return sql.SQL("select {told} from {rows} order by platformkit_number").format(told=told, rows=rows)

    def _resolved_before(self, who: Sequence[sql.Composable], query: sql.Composed, texts: str) -> Reply | Refusal:
        """Policies were resolved when they were made: what they call need not lie in a schema that the caller may name.

        So the names are resolved as the scanning role, and only what is executed is the caller's. No prepared statement stays.
        """
        prepared = self.session.keep(sql.SQL("prepare {} as {}").format(_PLAN, query))
        if isinstance(prepared, Refusal):
            return Refusal(prepared.sqlstate, "the scanning role may not name what the policies name") if prepared.denied else prepared
        try:
            reply = self.session.ask(*who, sql.SQL("execute {}").format(_PLAN))
        finally:
            if not self.session.connection.closed:
                self.session.connection.execute(sql.SQL("deallocate {}").format(_PLAN))
        if isinstance(reply, Refusal) and reply.denied and self._is_resolved_again(texts):
            return Refusal(
                reply.sqlstate, "the policies look up rows and name what the role may not name; they cannot be evaluated as text"
            )
        return reply

    def _is_resolved_again(self, texts: str) -> bool:
        """PostgreSQL resolves a prepared statement anew for another role where it reads tables with policies of their own."""
        hidden = [s.name for s in self.catalog.snapshot.schemas if not self.catalog.may_use(self.role, s.name)]
        return " FROM " in texts and any(f"{quote_identifier(name)}." in texts for name in hidden)
