"""In whose name to try: two tenants that have rows in the table, else two with members, else two that are made up."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from psycopg import sql

from platformkit_pipeline.introspection.postgres.isolation.doors import Door
from platformkit_pipeline.introspection.postgres.isolation.made_up_values import MadeUpValues
from platformkit_pipeline.introspection.postgres.isolation.session import (
    PAST_POLICIES,
    Caller,
    Refusal,
    Reply,
    Session,
    is_whole_number,
    literal,
    name_of,
)
from platformkit_pipeline.model.snapshot import Column, Relation
from platformkit_pipeline.rules.database.catalog import AUTH_USERS, Catalog

NOBODY_THERE = "no two tenants have rows in it"
_USER_COLUMNS = ("user_id", "userId", "profile_id", "member_id")


@dataclass(frozen=True, slots=True)
class Membership:
    """A table that says which users belong to which tenant."""

    table: Relation
    tenant: Column
    user: str


@dataclass(frozen=True, slots=True)
class Real:
    """Two tenants that have rows in the table, and a row of each; or why there are none to be had."""

    caller: Caller | None
    why_not: str = ""
    own: dict[str, object] | None = None
    """Also where there is only one tenant: it is that of the caller then."""
    other: dict[str, object] | None = None


@dataclass(slots=True)
class Callers:
    session: Session
    catalog: Catalog
    values: MadeUpValues
    _users: dict[str, str] = field(default_factory=dict)
    _pretended: dict[str, Caller] = field(default_factory=dict)

    def real(self, door: Door) -> Real:
        """From the rows of the table, past its policies."""
        reply = self.session.ask(
            PAST_POLICIES,
            sql.SQL(
                "select own.tenant, other.tenant, own.shown, other.shown from (select) as one"
                " left join lateral (select x.{t}::text as tenant, to_jsonb(x) as shown from {r} as x"
                " where x.{t} is not null order by x.{t} limit 1) as own on true"
                " left join lateral (select x.{t}::text as tenant, to_jsonb(x) as shown from {r} as x"
                " where x.{t} is not null order by x.{t} desc limit 1) as other on true"
            ).format(t=sql.Identifier(door.tenant.name), r=name_of(door.table)),
        )
        if isinstance(reply, Refusal):
            return Real(None, "the scanning role may not read the table past its policies" if reply.denied else reply.reason)
        own, other, *rows = reply.rows[0]
        row_of_own, row_of_other = (row if isinstance(row, dict) else None for row in rows)
        if own is None or other is None or own == other:
            return Real(None, NOBODY_THERE, row_of_own)
        caller = Caller(str(own), str(other), self._user_of(str(own)), self._user_of(str(other)), is_whole_number(door.tenant))
        self._pretended.setdefault(door.tenant.type, caller)
        return Real(caller, "", row_of_own, row_of_other)

    def pretended(self, door: Door, real: Real) -> Caller:
        """For a table without rows of two tenants: tenants known from elsewhere, or made up. Who has rows there is the caller."""
        kind = door.tenant.type
        if kind not in self._pretended:
            self._pretended[kind] = self._of_members(kind) or self._made_up(door.tenant)
        found = self._pretended[kind]
        tenant = None if real.own is None else real.own.get(door.tenant.name)
        if tenant is None or str(tenant) == found.own:
            return found
        other, other_user = (found.own, found.user) if str(tenant) == found.other else (found.other, found.other_user)
        return Caller(str(tenant), other, self._user_of(str(tenant)), other_user, found.whole_number)

    def memberships(self) -> Iterator[Membership]:
        """The declared tables, then those that have the tenant column beside a column for the user in one key."""
        declared = [self.catalog.relations.get(self.catalog.declared(n)) for n in self.catalog.declarations.tenancy.membership_tables]
        keyed = [t for t in self.catalog.tables if t not in declared and self._keyed_by_user(t)]
        for table in (*declared, *keyed):
            column = self.catalog.column(table, self.catalog.declarations.tenancy.column) if table else None
            user = self._user_column(table) if table else None
            if table is not None and column is not None and user is not None:
                yield Membership(table, column, user)

    def _keyed_by_user(self, table: Relation) -> bool:
        user, tenant = self._user_column(table), self.catalog.declarations.tenancy.column
        return any(i.unique and set(i.key_columns) == {user, tenant} for i in self.catalog.indexes_of(table))

    def _user_column(self, table: Relation) -> str | None:
        """What refers to auth.users, else what is called so."""
        for key in self.catalog.foreign_keys_of(table):
            if (key.referenced_schema, key.referenced_relation) == AUTH_USERS and len(key.columns) == 1:
                return key.columns[0]
        return next((name for name in _USER_COLUMNS if self.catalog.column(table, name) is not None), None)

    def _user_of(self, tenant: str) -> str:
        """A user of that tenant and of no other one; else one that nobody knows."""
        if tenant not in self._users:
            self._users[tenant] = next(self._members_of(tenant), str(uuid.uuid4()))
        return self._users[tenant]

    def _members_of(self, tenant: str) -> Iterator[str]:
        for membership in self.memberships():
            reply = self.session.ask(
                PAST_POLICIES,
                sql.SQL(
                    "select x.{u}::text from {r} as x where x.{t} = {tenant}"
                    " and not exists (select from {r} as y where y.{u} = x.{u} and y.{t} <> x.{t}) order by x.{u} limit 1"
                ).format(
                    u=sql.Identifier(membership.user),
                    t=sql.Identifier(membership.tenant.name),
                    r=name_of(membership.table),
                    tenant=literal(tenant, membership.tenant),
                ),
            )
            if isinstance(reply, Reply) and reply.rows:
                yield str(reply.rows[0][0])

    def _of_members(self, kind: str) -> Caller | None:
        for membership in self.memberships():
            if membership.tenant.type != kind:
                continue
            reply = self.session.ask(
                PAST_POLICIES,
                sql.SQL("select min({t}::text), max({t}::text) from {r}").format(
                    t=sql.Identifier(membership.tenant.name), r=name_of(membership.table)
                ),
            )
            if isinstance(reply, Reply) and None not in reply.rows[0] and reply.rows[0][0] != reply.rows[0][1]:
                own, other = map(str, reply.rows[0])
                return Caller(own, other, self._user_of(own), self._user_of(other), is_whole_number(membership.tenant))
        return None

    def _made_up(self, tenant: Column) -> Caller:
        own, other = self.values.of(tenant.type), self.values.of(tenant.type)
        if own is None or other is None or own == other:
            own, other = "platformkit-a", "platformkit-b"
        return Caller(str(own), str(other), str(uuid.uuid4()), str(uuid.uuid4()), is_whole_number(tenant))
