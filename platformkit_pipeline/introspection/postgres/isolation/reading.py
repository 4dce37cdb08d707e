"""SELECT on the rows that there are, of a table or a view."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from platformkit_pipeline.introspection.postgres.isolation.doors import Door
from platformkit_pipeline.introspection.postgres.isolation.outcomes import CONTROL_FAILED, Outcome, blocked, leak, open_question
from platformkit_pipeline.introspection.postgres.isolation.session import (
    SIGNED_IN,
    Caller,
    Refusal,
    Session,
    literal,
    name_of,
)
from platformkit_pipeline.rules.database.catalog import Catalog


@dataclass(slots=True)
class Reading:
    session: Session
    catalog: Catalog

    def outcome(self, door: Door, caller: Caller, role: str) -> Outcome:
        """Both tenants of `caller` have rows there."""
        if door.tenant not in self.catalog.readable_columns(role, door.table):
            return open_question("the role may read other columns, but not the one that tells the tenants apart")
        seen = self._seen(door, caller, role)
        if isinstance(seen, Refusal):
            return blocked("permission denied") if seen.denied else open_question(seen.reason)
        sees_others, sees_own = seen
        if role != SIGNED_IN:
            return leak("rows of tenants are visible to a caller without claims") if sees_others or sees_own else blocked()
        if sees_others:
            return leak("rows of another tenant are visible")
        if not sees_own and (door.is_view or self._some_policy_lets(door, role)):
            return open_question(CONTROL_FAILED)
        return blocked()

    def _seen(self, door: Door, caller: Caller, role: str) -> tuple[bool, bool] | Refusal:
        reply = self.session.ask(
            *self.session.as_caller(caller, role),
            sql.SQL("select exists (select from {r} as x where x.{t} <> {own}), exists (select from {r} as x where x.{t} = {own})").format(
                r=name_of(door.table), t=sql.Identifier(door.tenant.name), own=literal(caller.own, door.tenant)
            ),
        )
        return reply if isinstance(reply, Refusal) else (bool(reply.rows[-1][0]), bool(reply.rows[-1][1]))

    def _some_policy_lets(self, door: Door, role: str) -> bool:
        names = self.catalog.acts_as(role)
        policies = self.catalog.policies_of(door.table)
        return any(p.permissive and p.command in ("ALL", "SELECT") and not names.isdisjoint(p.roles) for p in policies)
