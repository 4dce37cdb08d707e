"""All trials on one relation: on its rows, on made-up rows that are only evaluated, and (writing) on made-up rows that are put in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql

from platformkit_pipeline.introspection.postgres.isolation.callers import NOBODY_THERE, Callers, Real
from platformkit_pipeline.introspection.postgres.isolation.doors import Door
from platformkit_pipeline.introspection.postgres.isolation.evaluation import Evaluation
from platformkit_pipeline.introspection.postgres.isolation.made_up_rows import MadeUpRows, Row, Whose
from platformkit_pipeline.introspection.postgres.isolation.outcomes import Outcome, blocked, open_question, together
from platformkit_pipeline.introspection.postgres.isolation.policies import PolicyText
from platformkit_pipeline.introspection.postgres.isolation.reading import Reading
from platformkit_pipeline.introspection.postgres.isolation.session import (
    BY_POLICIES,
    MOVING_TRIGGERS,
    PAST_POLICIES,
    STILL_TRIGGERS,
    Caller,
    Reply,
    Session,
    forged_by,
)
from platformkit_pipeline.introspection.postgres.isolation.writing import Writing, inserting
from platformkit_pipeline.model.isolation import Answer, ProbeLevel, Trial
from platformkit_pipeline.rules.database.catalog import Catalog, Name

OUT_OF_TIME = "the time for the whole probe was used up"


@dataclass(slots=True)
class Trials:
    session: Session
    catalog: Catalog
    level: ProbeLevel
    policies: Mapping[Name, Sequence[PolicyText]]
    callers: Callers
    rows: MadeUpRows
    still: bool
    time_is_up: Callable[[], bool]
    _answers: dict[tuple[Name, str], Answer] = field(default_factory=dict)
    """(table, role) → what SELECT on it showed, for the views that read it with the rights of their callers."""

    def of(self, door: Door, barred: Mapping[str, str]) -> tuple[Trial, ...]:
        """In the order of roles and commands. `barred` says why a role cannot be taken on."""
        real = Real(None, OUT_OF_TIME) if self.time_is_up() else self.callers.real(door)
        self.session.forged = forged_by(self._texts(door))
        with self._peopled(door, real) as (caller, peopled):
            trials = tuple(
                Trial(role, command, outcome.answer, outcome.reason, outcome.weakness)
                for role, commands in door.commands.items()
                for command, outcome in self._by(door, role, commands, barred, real, caller, peopled)
            )
        self._answers.update({((door.table.schema, door.table.name), t.role): t.answer for t in trials if t.command == "SELECT"})
        return trials

    def _by(
        self, door: Door, role: str, commands: Sequence[str], barred: Mapping[str, str], real: Real, caller: Caller, peopled: bool
    ) -> Iterator[tuple[str, Outcome]]:
        if role in barred or self.time_is_up():
            yield from ((command, open_question(barred.get(role, OUT_OF_TIME))) for command in commands)
            return
        if door.is_view:
            yield from ((command, self._view(door, caller, role, real, peopled)) for command in commands)
            return
        evaluated = self._evaluated(door, caller, role, commands, real) if commands else {}
        for command in commands:
            tried, controlled = self._tried(door, caller, role, command, real) if peopled else (None, False)
            if tried is None and command == "SELECT" and not self._may_look(real):
                tried = open_question(real.why_not)
            yield command, together(tried, evaluated[command], controlled=controlled)

    def _texts(self, door: Door) -> str:
        policies = self.policies.get((door.table.schema, door.table.name), ())
        return " ".join(text for p in policies for text in (p.using, p.with_check) if text is not None)

    @staticmethod
    def _may_look(real: Real) -> bool:
        """Nobody knows what is in a table that cannot be read; the policies are asked all the same."""
        return real.caller is not None or real.why_not == NOBODY_THERE

    def _evaluated(self, door: Door, caller: Caller, role: str, commands: Sequence[str], real: Real) -> dict[str, Outcome]:
        policies = self.policies.get((door.table.schema, door.table.name), ())
        templates = {whose: row for whose, row in ((Whose.OWN, real.own), (Whose.OTHER, real.other)) if row is not None}
        rows = self.rows.of(door, caller, self._texts(door), templates) if door.table.row_security else []
        return Evaluation(self.session, self.catalog, door, role, policies, rows, caller).outcomes(commands)

    def _tried(self, door: Door, caller: Caller, role: str, command: str, real: Real) -> tuple[Outcome | None, bool]:
        """What came of the command on rows of two tenants, and whether the caller got at one of its own."""
        if command == "SELECT":
            return Reading(self.session, self.catalog).outcome(door, caller, role), True
        if self.level is not ProbeLevel.WRITE:
            return None, False
        row = self.rows.one(door, caller, Whose.OTHER) if real.other is None else self._copy(door, caller, real.other)
        return Writing(self.session, self.catalog, self.still).outcome(door, caller, role, command, row), False

    def _copy(self, door: Door, caller: Caller, template: Row) -> Row:
        generated = {c.name for c in self.catalog.columns_of(door.table) if c.generated}
        return self.rows.fresh(door, {n: v for n, v in template.items() if n not in generated} | {door.tenant.name: caller.other})

    # -- views --------------------------------------------------------------------------------------------------------------
    def _view(self, door: Door, caller: Caller, role: str, real: Real, peopled: bool) -> Outcome:
        if peopled:
            return Reading(self.session, self.catalog).outcome(door, caller, role)
        tables = self._tables_behind((door.table.schema, door.table.name))
        invoker = any(o.lower() in ("security_invoker=true", "security_invoker=on", "security_invoker=1") for o in door.table.options)
        if invoker and tables and all(self._answers.get((table, role)) is Answer.BLOCKED for table in tables):
            return blocked("its tables are asked with the rights of the caller, and they are closed")
        return open_question(f"{real.why_not}; made-up rows cannot be shown through a view without being written")

    def _tables_behind(self, view: Name) -> list[Name]:
        """Relations that the view reads, views among them followed."""
        found: list[Name] = []
        waiting, seen = [view], {view}
        while waiting:
            current = waiting.pop()
            for dependency in self.catalog.snapshot.view_dependencies:
                name = (dependency.schema, dependency.relation)
                if (dependency.view_schema, dependency.view) == current and name not in seen:
                    seen.add(name)
                    (found if name in self.catalog.table_names else waiting).append(name)
        return found

    # -- rows that are put in ---------------------------------------------------------------------------------------------
    @contextmanager
    def _peopled(self, door: Door, real: Real) -> Iterator[tuple[Caller, bool]]:
        """Who tries, and whether there are rows of two tenants: because there were, or because they were put in until the end of this."""
        if real.caller is not None:
            yield real.caller, True
            return
        caller = self.callers.pretended(door, real)
        if self.level is not ProbeLevel.WRITE or real.why_not == OUT_OF_TIME:
            yield caller, False
            return
        self.session.connection.execute("savepoint platformkit_rows")
        try:
            yield caller, self._put_in(door, caller)
        finally:
            if not self.session.connection.closed:
                self.session.connection.execute("rollback to savepoint platformkit_rows; release savepoint platformkit_rows")

    def _put_in(self, door: Door, caller: Caller) -> bool:
        if not door.is_view:
            return all(self.insert(door, caller, whose) for whose in (Whose.OWN, Whose.OTHER))
        tables = [self.catalog.relations[name] for name in self._tables_behind((door.table.schema, door.table.name))]
        doors = [Door(t, c, {}) for t in tables if (c := self.catalog.column(t, door.tenant.name)) is not None]
        return bool(doors) and all(self.insert(d, caller, whose) for d in doors for whose in (Whose.OWN, Whose.OTHER))

    def insert(self, door: Door, caller: Caller, whose: Whose, extra: Row | None = None) -> bool:
        """Put in one made-up row past policies, triggers and foreign keys. False where the server refuses every one."""
        row = {**self.rows.one(door, caller, whose, self._texts(door)), **(extra or {})}
        names = [c.name for c in self.catalog.columns_of(door.table) if not c.generated]
        quiet: tuple[sql.SQL, ...] = (STILL_TRIGGERS,) if self.still else ()
        moving: tuple[sql.SQL, ...] = (MOVING_TRIGGERS,) if self.still else ()
        return isinstance(self.session.keep(*quiet, PAST_POLICIES, inserting(door, names, row), BY_POLICIES, *moving), Reply)
