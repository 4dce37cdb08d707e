"""INSERT, UPDATE and DELETE as the caller, each below a savepoint. Triggers and foreign keys keep still first: what the policies stop
need not move them; only what gets past the policies is tried again with everything in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from psycopg import sql

from platformkit_pipeline.introspection.postgres.isolation.doors import Door, writable
from platformkit_pipeline.introspection.postgres.isolation.made_up_rows import Row, as_json
from platformkit_pipeline.introspection.postgres.isolation.outcomes import Outcome, blocked, leak, open_question, worst
from platformkit_pipeline.introspection.postgres.isolation.session import (
    PAST_POLICIES,
    SIGNED_IN,
    STILL_TRIGGERS,
    Caller,
    Refusal,
    Session,
    literal,
    name_of,
)
from platformkit_pipeline.introspection.postgres.isolation.triggers import triggers_for
from platformkit_pipeline.model.isolation import Answer, Weakness
from platformkit_pipeline.model.snapshot import RelationKind
from platformkit_pipeline.rules.database.catalog import Catalog

_CONSTRAINT = "23"
"""Class of SQLSTATEs of constraints. PostgreSQL asks the policies before it asks them."""
_PASSED_POLICIES = "row level security let it pass; a constraint stopped this row"

_Judge = Callable[[int, int], bool]
"""Hears how many rows a statement changed, and how many more the other tenant has then."""


@dataclass(slots=True)
class Writing:
    """`still` says whether triggers can be made to keep still here."""

    session: Session
    catalog: Catalog
    still: bool

    def outcome(self, door: Door, caller: Caller, role: str, command: str, row_of_other: Row) -> Outcome:
        """`row_of_other` is a row of the other tenant that could be inserted. Both tenants have rows in the table."""
        match command:
            case "INSERT":
                return self._insert(door, caller, role, row_of_other)
            case "UPDATE":
                return worst(self._update(door, caller, role))
            case _:
                return worst(self._delete(door, caller, role))

    def _insert(self, door: Door, caller: Caller, role: str, row: Row) -> Outcome:
        names = [c.name for c in writable(self.catalog, door.table, role, "INSERT") if c.name in row]
        if door.tenant.name not in names:
            return blocked("the role may not write the tenant column")
        found = self._changing(
            door, caller, role, inserting(door, names, row), lambda _, more: more > 0, "a row can be written for another tenant"
        )
        before_policies = door.table.kind is RelationKind.PARTITIONED_TABLE or any(
            t.timing == "BEFORE" for t in triggers_for(self.catalog, door, "INSERT")
        )  # a row that no partition takes is refused before the policies are asked, and triggers come before them as well
        if found.reason == _PASSED_POLICIES and not before_policies:
            return leak("a row can be written for another tenant")
        return found

    def _update(self, door: Door, caller: Caller, role: str) -> Iterator[Outcome]:
        """A row of the other tenant by its address; then every row that the policy gives away, taken over or handed on."""
        names = [c.name for c in writable(self.catalog, door.table, role, "UPDATE")]
        address = self._address(door, caller.other)
        if names and address is not None:
            other_first = next((n for n in names if n != door.tenant.name), names[0])
            text = sql.SQL("update {r} as x set {c} = x.{c} where {a}").format(
                r=name_of(door.table), c=sql.Identifier(other_first), a=address
            )
            yield self._changing(door, caller, role, text, lambda changed, _: changed > 0, "a row of another tenant can be changed")
        if door.tenant.name not in names:
            return
        taken, handed = "rows of another tenant can be taken over", "rows can be handed to another tenant"
        yield self._changing(door, caller, role, self._all_to(door, caller.own), lambda _, more: more < 0, taken, Weakness.UNFILTERED)
        if role == SIGNED_IN:
            yield self._changing(
                door, caller, role, self._all_to(door, caller.other), lambda _, more: more > 0, handed, Weakness.UNFILTERED
            )

    def _all_to(self, door: Door, tenant: str) -> sql.Composed:
        return sql.SQL("update {r} set {t} = {v}").format(
            r=name_of(door.table), t=sql.Identifier(door.tenant.name), v=literal(tenant, door.tenant)
        )

    def _delete(self, door: Door, caller: Caller, role: str) -> Iterator[Outcome]:
        """By address, then without a condition: PostgreSQL asks the policies for SELECT only where a condition reads the row."""
        reason = "a row of another tenant can be deleted"
        address = self._address(door, caller.other)
        if address is not None:
            text = sql.SQL("delete from {r} as x where {a}").format(r=name_of(door.table), a=address)
            found = self._changing(door, caller, role, text, lambda changed, _: changed > 0, reason)
            yield leak(reason) if found.reason == _PASSED_POLICIES else found
        text = sql.SQL("delete from {r}").format(r=name_of(door.table))
        yield self._changing(door, caller, role, text, lambda _, more: more < 0, reason, Weakness.UNFILTERED, references_excuse=False)

    # -- one statement ------------------------------------------------------------------------------------------------------
    def _changing(
        self,
        door: Door,
        caller: Caller,
        role: str,
        statement: sql.Composed,
        is_leak: _Judge,
        reason: str,
        weakness: Weakness | None = None,
        *,
        references_excuse: bool = True,
    ) -> Outcome:
        """`references_excuse`: a constraint that stops the statement leaves the question open, although the policies let it pass."""
        found = leak(reason, weakness)
        if self.still:
            quiet = self._once(door, caller, role, statement, is_leak, found, (STILL_TRIGGERS,))
            if quiet.answer is Answer.BLOCKED:
                return quiet
            loud = self._once(door, caller, role, statement, is_leak, found, ())
            return found if quiet.answer is Answer.LEAK and loud.reason == _PASSED_POLICIES and not references_excuse else loud
        return self._once(door, caller, role, statement, is_leak, found, ())

    def _once(
        self, door: Door, caller: Caller, role: str, statement: sql.Composed, is_leak: _Judge, found: Outcome, first: tuple[sql.SQL, ...]
    ) -> Outcome:
        counted = sql.SQL("select count(*) from {r} as x where x.{t} = {other}").format(
            r=name_of(door.table), t=sql.Identifier(door.tenant.name), other=literal(caller.other, door.tenant)
        )
        caller_first = self.session.as_caller(caller, role)
        reply = self.session.ask(
            *first,
            PAST_POLICIES,
            counted,
            *caller_first,
            statement,
            sql.SQL("set local role none"),
            PAST_POLICIES,
            counted,
        )
        if isinstance(reply, Refusal):
            if reply.denied:
                return blocked()
            return open_question(_PASSED_POLICIES if reply.sqlstate.startswith(_CONSTRAINT) else reply.reason)
        before, after = (int(str(row[0])) for row in (reply.rows[0], reply.rows[-1]))
        return found if is_leak(sum(reply.changed), after - before) else blocked()

    def _address(self, door: Door, tenant: str) -> sql.Composed | None:
        """Where a row of the tenant lies, as a condition on `x`."""
        t, value = sql.Identifier(door.tenant.name), literal(tenant, door.tenant)
        reply = self.session.ask(
            PAST_POLICIES,
            sql.SQL("select x.ctid::text, x.tableoid::bigint from {r} as x where x.{t} = {v} limit 1").format(
                r=name_of(door.table), t=t, v=value
            ),
        )
        if isinstance(reply, Refusal) or not reply.rows:
            return None
        ctid, table = reply.rows[0]
        return sql.SQL("x.ctid = {c}::tid and x.tableoid = {o} and x.{t} = {v}").format(
            c=sql.Literal(str(ctid)), o=sql.Literal(int(str(table))), t=t, v=value
        )


def inserting(door: Door, names: list[str], row: Row) -> sql.Composed:
    """Every column by its value, so that no default is computed and no sequence moves."""
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    return sql.SQL("insert into {r} ({c}) overriding system value select {c} from pg_catalog.jsonb_populate_record(null::{r}, {j})").format(
        r=name_of(door.table), c=columns, j=as_json(row)
    )
