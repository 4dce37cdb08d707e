"""A live trial of tenant isolation: act as a caller of one tenant, and see whether rows of another can be reached.

Everything happens in one transaction that is rolled back, each trial below a savepoint. READ runs in a read-only transaction.
WRITE really changes rows before it takes that back: sequences move on, and whatever triggers do outside of the database
stays done, so it is for databases that nobody misses. Rows and error texts, which quote rows, never leave this module.

Callers are made up as the platform's API gateway does it: `set role`, and the claims in `request.jwt.claims`.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from platformkit_pipeline.introspection.postgres.connection import connect, location_of
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ObservationError, TargetUnreachable
from platformkit_pipeline.model.isolation import Answer, IsolationProbe, ProbeLevel, TableIsolation, Trial
from platformkit_pipeline.model.snapshot import Column, Relation, Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.database.catalog import CLIENT_ROLES, COMMANDS, Catalog
from platformkit_pipeline.rules.database.directives import Directive, directive_in

_SIGNED_IN = "authenticated"
_USER_COLUMNS = ("user_id", "userId", "profile_id", "member_id")

_REFUSED = "42501"
_DUPLICATE = "23505"
_CONSTRAINT = "23"
"""Class of SQLSTATEs of constraints. PostgreSQL asks the policies before it asks them."""
_REASONS = {
    "57014": "the statement timeout ended the trial",
    "55P03": "another session holds a lock on the table",
    "25006": "a policy or a trigger wants to write, and the transaction is read-only",
    "54001": "the policies are nested too deeply",
    "42P17": "the policies refer to one another without end",
}
_NO_ROWS = "no two tenants have rows in it"
_PASSED_POLICIES = "row level security let it pass; a constraint stopped this row"

_SAVEPOINT = sql.SQL("savepoint platformkit_probe")
_BACK = sql.SQL("rollback to savepoint platformkit_probe")
_PAST_POLICIES = sql.SQL("set local row_security = off")
"""Whoever is subject to policies then gets an error instead of fewer rows."""

_WITHOUT_REFERENCES = sql.SQL("set local session_replication_role = replica")
"""Foreign keys and ordinary triggers then keep still. Not every administrator may set it."""
_BY_POLICIES = sql.SQL("set local row_security = on")

_Judge = Callable[[int, int], bool]

log = get_logger("introspection.postgres")


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """Seconds for one statement, for one lock, and for the whole probe; tables that are not reached in time stay open."""

    statement: float = 5
    lock: float = 1
    whole: float = 600


@dataclass(frozen=True, slots=True)
class _Door:
    """A table of tenants that client roles hold privileges on."""

    table: Relation
    tenant: Column
    commands: dict[str, tuple[str, ...]]
    """Role → commands to try."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The server's SQLSTATE instead of an answer."""

    sqlstate: str

    @property
    def reason(self) -> str:
        return _REASONS.get(self.sqlstate, f"the server refused the trial with SQLSTATE {self.sqlstate}")


@dataclass(frozen=True, slots=True)
class _Reply:
    """Rows of the statements that return any, and how many rows the others changed, in their order."""

    rows: tuple[tuple[object, ...], ...]
    changed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """Two tenants that have rows in the table. The caller belongs to the first one."""

    own: str
    other: str
    user: str


def probe_isolation(
    dsn: Dsn, snapshot: Snapshot, declarations: Declarations, *, level: ProbeLevel, limits: ProbeLimits = ProbeLimits()
) -> IsolationProbe:
    """Try every tenant-scoped table of `snapshot` that `anon` or `authenticated` hold privileges on.

    The connected role must be able to read the tables past their policies and to SET ROLE to the client roles; where it is
    not, answers are inconclusive and say so. Raises ObservationError when the connection cannot be opened or is lost.
    """
    catalog = Catalog(snapshot, declarations)
    doors = list(_doors(catalog, level))
    if level is ProbeLevel.NONE or not doors:
        return IsolationProbe(level)
    started = time.monotonic()
    try:
        with connect(dsn) as connection:
            probe = _Probe(connection, catalog, level, limits, started + limits.whole)
            tables = tuple(sorted(probe.run(doors)))
    except psycopg.Error as error:
        what = "was lost" if error.sqlstate is None else f"was ended (SQLSTATE {error.sqlstate})"
        kind = TargetUnreachable if error.sqlstate is None else ObservationError
        raise kind(f"{location_of(dsn)}: the connection {what} during the isolation probe") from None
    leaks = sum(table.answer is Answer.LEAK for table in tables)
    log.info("probed", level=level.value, tables=len(tables), leaks=leaks, seconds=round(time.monotonic() - started, 3))
    return IsolationProbe(level, tables)


def _doors(catalog: Catalog, level: ProbeLevel) -> Iterator[_Door]:
    wanted = COMMANDS if level is ProbeLevel.WRITE else ("SELECT",)
    roles = [role for role in CLIENT_ROLES if role in catalog.client_roles]
    for table in catalog.tables:
        tenant = catalog.column(table, catalog.declarations.tenancy.column)
        if tenant is None or not catalog.is_tenant_scoped(table):
            continue
        public = directive_in(table.comment, Directive.PUBLIC_READ)
        declined = ("SELECT",) if public and public.reason else ()
        commands = {role: tuple(c for c in catalog.commands_open_to(role, table) if c in wanted and c not in declined) for role in roles}
        if any(commands.values()):
            yield _Door(table, tenant, commands)


@dataclass(slots=True)
class _Probe:
    connection: psycopg.Connection
    catalog: Catalog
    level: ProbeLevel
    limits: ProbeLimits
    deadline: float
    _users: dict[str, str] = field(default_factory=dict)

    def run(self, doors: Sequence[_Door]) -> list[TableIsolation]:
        mode = "read write" if self.level is ProbeLevel.WRITE else "read only"
        self.connection.execute(f"begin isolation level repeatable read {mode}".encode())
        try:
            self.connection.execute(
                "select set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
                (f"{max(1, round(self.limits.statement * 1000))}ms", f"{max(1, round(self.limits.lock * 1000))}ms"),
            )
            barred = {role: reason for role in CLIENT_ROLES if (reason := self._why_not_as(role))}
            return [self._table(door, barred) for door in doors]
        finally:
            if not self.connection.closed:
                self.connection.execute("rollback")

    def _why_not_as(self, role: str) -> str:
        reply = self._ask(_as_role(role))
        return "" if isinstance(reply, _Reply) else f"the scanning role may not SET ROLE {role}"

    def _table(self, door: _Door, barred: dict[str, str]) -> TableIsolation:
        case = self._case(door)
        trials = []
        for role, commands in door.commands.items():
            for command in commands:
                if role in barred:
                    trials.append(Trial(role, command, Answer.INCONCLUSIVE, barred[role]))
                elif isinstance(case, str):
                    trials.append(Trial(role, command, Answer.INCONCLUSIVE, case))
                elif time.monotonic() > self.deadline:
                    trials.append(Trial(role, command, Answer.INCONCLUSIVE, "the time for the whole probe was used up"))
                else:
                    answer, reason = self._try(door, case, role, command)
                    trials.append(Trial(role, command, answer, reason))
        return TableIsolation(door.table.schema, door.table.name, tuple(trials))

    # -- who and what to try with ---------------------------------------------------------------------------------------
    def _case(self, door: _Door) -> _Case | str:
        """Two tenants, or the reason why there are none to be had."""
        if time.monotonic() > self.deadline:
            return "the time for the whole probe was used up"
        reply = self._ask(
            _PAST_POLICIES,
            sql.SQL(
                "select (select x.{t}::text from {r} as x where x.{t} is not null order by x.{t} limit 1),"
                " (select x.{t}::text from {r} as x where x.{t} is not null order by x.{t} desc limit 1)"
            ).format(t=sql.Identifier(door.tenant.name), r=_name(door.table)),
        )
        if isinstance(reply, _Refusal):
            return "the scanning role may not read the table past its policies" if reply.sqlstate == _REFUSED else reply.reason
        own, other = reply.rows[0]
        if own is None or other is None or own == other:
            return _NO_ROWS
        return _Case(str(own), str(other), self._user_of(str(own)))

    def _user_of(self, tenant: str) -> str:
        """A user of that tenant and of no other one, from the declared membership tables; else one that nobody knows."""
        if tenant not in self._users:
            self._users[tenant] = next(self._members(tenant), str(uuid.uuid4()))
        return self._users[tenant]

    def _members(self, tenant: str) -> Iterator[str]:
        for declared in self.catalog.declarations.tenancy.membership_tables:
            table = self.catalog.relations.get(self.catalog.declared(declared))
            column = self.catalog.column(table, self.catalog.declarations.tenancy.column) if table else None
            user = _user_column(self.catalog, table) if table else None
            if table is None or column is None or user is None:
                continue
            reply = self._ask(
                _PAST_POLICIES,
                sql.SQL(
                    "select x.{u}::text from {r} as x where x.{t} = {tenant}"
                    " and not exists (select from {r} as y where y.{u} = x.{u} and y.{t} <> x.{t}) order by x.{u} limit 1"
                ).format(u=sql.Identifier(user), t=sql.Identifier(column.name), r=_name(table), tenant=_literal(tenant, column)),
            )
            if isinstance(reply, _Reply) and reply.rows:
                yield str(reply.rows[0][0])

    # -- trials -----------------------------------------------------------------------------------------------------------
    def _try(self, door: _Door, case: _Case, role: str, command: str) -> tuple[Answer, str]:
        match command:
            case "SELECT":
                return self._read(door, case, role)
            case "INSERT":
                return self._insert(door, case, role)
            case "UPDATE":
                return _worst(self._update(door, case, role))
            case _:
                return _worst(self._delete(door, case, role))

    def _read(self, door: _Door, case: _Case, role: str) -> tuple[Answer, str]:
        if door.tenant not in self.catalog.readable_columns(role, door.table):
            return Answer.INCONCLUSIVE, "the role may read other columns, but not the one that tells the tenants apart"
        reply = self._ask(
            *self._as_caller(case, role),
            sql.SQL("select exists (select from {r} as x where x.{t} <> {own}), exists (select from {r} as x where x.{t} = {own})").format(
                r=_name(door.table), t=sql.Identifier(door.tenant.name), own=_literal(case.own, door.tenant)
            ),
        )
        if isinstance(reply, _Refusal):
            return (Answer.BLOCKED, "permission denied") if reply.sqlstate == _REFUSED else (Answer.INCONCLUSIVE, reply.reason)
        sees_others, sees_own = reply.rows[-1]
        if role == _SIGNED_IN:
            if sees_others:
                return Answer.LEAK, "rows of another tenant are visible"
            if not sees_own and self._some_policy_lets(door.table, role, "SELECT"):
                return (
                    Answer.INCONCLUSIVE,
                    "the caller of the trial saw no row of its own tenant either: policies ask for more than the claim",
                )
            return Answer.BLOCKED, ""
        if sees_others or sees_own:
            return Answer.LEAK, "rows of tenants are visible to a caller without claims"
        return Answer.BLOCKED, ""

    def _some_policy_lets(self, table: Relation, role: str, command: str) -> bool:
        names = self.catalog.acts_as(role)
        return any(
            p.permissive and p.command in ("ALL", command) and not names.isdisjoint(p.roles) for p in self.catalog.policies_of(table)
        )

    def _update(self, door: _Door, case: _Case, role: str) -> Iterator[tuple[Answer, str]]:
        """A row of the other tenant by its address; then every row that the policy gives away, taken over or handed on."""
        names = self._writable(door.table, role, "UPDATE")
        if not names:
            return
        tenant = sql.Identifier(door.tenant.name)
        other_first = next((n for n in names if n != door.tenant.name), names[0])
        address = self._address(door, case.other)
        if address is not None:
            text = sql.SQL("update {r} as x set {c} = x.{c} where {a}").format(
                r=_name(door.table), c=sql.Identifier(other_first), a=address
            )
            yield self._changing(door, case, role, text, lambda changed, _: changed > 0, "a row of another tenant can be changed")
        if door.tenant.name not in names:
            return
        for value, reason in ((case.own, "rows of another tenant can be taken over"), (case.other, "rows can be handed to another tenant")):
            text = sql.SQL("update {r} set {t} = {v}").format(r=_name(door.table), t=tenant, v=_literal(value, door.tenant))
            if value == case.own:
                yield self._changing(door, case, role, text, lambda _, more: more < 0, reason)
            elif role == _SIGNED_IN:
                yield self._changing(door, case, role, text, lambda _, more: more > 0, reason)

    def _delete(self, door: _Door, case: _Case, role: str) -> Iterator[tuple[Answer, str]]:
        """By address, then without a condition: PostgreSQL asks the policies for SELECT only where a condition reads the row."""
        reason = "a row of another tenant can be deleted"
        address = self._address(door, case.other)
        if address is not None:
            text = sql.SQL("delete from {r} as x where {a}").format(r=_name(door.table), a=address)
            answer, why = self._changing(door, case, role, text, lambda changed, _: changed > 0, reason)
            yield (Answer.LEAK, reason) if why == _PASSED_POLICIES else (answer, why)
        text = sql.SQL("delete from {r}").format(r=_name(door.table))
        outcome = self._changing(door, case, role, text, lambda _, more: more < 0, reason)
        if outcome[1] == _PASSED_POLICIES:  # a reference to a row of the caller's own may have been enough for that
            again = self._changing(door, case, role, text, lambda _, more: more < 0, reason, first=(_WITHOUT_REFERENCES,))
            outcome = outcome if again[0] is Answer.INCONCLUSIVE else again
        yield outcome

    def _insert(self, door: _Door, case: _Case, role: str) -> tuple[Answer, str]:
        """A copy of a row of the other tenant, so that every constraint but a unique one is kept."""
        t = sql.Identifier(door.tenant.name)
        row = self._ask(
            _PAST_POLICIES,
            sql.SQL("select to_jsonb(x)::text from {r} as x where x.{t} = {v} limit 1").format(
                r=_name(door.table), t=t, v=_literal(case.other, door.tenant)
            ),
        )
        if isinstance(row, _Refusal):
            return Answer.INCONCLUSIVE, row.reason
        made_anew = self._made_anew(door.table)
        names = [n for n in self._writable(door.table, role, "INSERT") if n not in made_anew]
        if door.tenant.name not in names:
            return Answer.BLOCKED, "the role may not write the tenant column"
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        text = sql.SQL("insert into {r} ({c}) select {c} from pg_catalog.jsonb_populate_record(null::{r}, {j})").format(
            r=_name(door.table), c=columns, j=sql.Literal(str(row.rows[0][0]))
        )
        reason = "a row can be written for another tenant"
        answer, why = self._changing(door, case, role, text, lambda _, more: more > 0, reason)
        if why == _PASSED_POLICIES and not self._rewrites_inserted_rows(door.table):
            return Answer.LEAK, reason
        return answer, why

    def _changing(
        self, door: _Door, case: _Case, role: str, statement: sql.Composed, is_leak: _Judge, reason: str, first: tuple[sql.SQL, ...] = ()
    ) -> tuple[Answer, str]:
        """Run a statement as the caller; `is_leak` hears how many rows it changed, and how many more the other tenant has then."""
        counted = sql.SQL("select count(*) from {r} as x where x.{t} = {other}").format(
            r=_name(door.table), t=sql.Identifier(door.tenant.name), other=_literal(case.other, door.tenant)
        )
        reply = self._ask(
            *first,
            _PAST_POLICIES,
            counted,
            _BY_POLICIES,
            *self._as_caller(case, role),
            statement,
            sql.SQL("set local role none"),
            _PAST_POLICIES,
            counted,
        )
        if isinstance(reply, _Refusal):
            if reply.sqlstate == _REFUSED:
                return (Answer.INCONCLUSIVE, reply.reason) if first else (Answer.BLOCKED, "")
            return Answer.INCONCLUSIVE, _PASSED_POLICIES if reply.sqlstate.startswith(_CONSTRAINT) else reply.reason
        before, after = (int(str(row[0])) for row in (reply.rows[0], reply.rows[-1]))
        return (Answer.LEAK, reason) if is_leak(sum(reply.changed), after - before) else (Answer.BLOCKED, "")

    # -- parts of statements ------------------------------------------------------------------------------------------------
    def _address(self, door: _Door, tenant: str) -> sql.Composed | None:
        """Where a row of the tenant lies, as a condition on `x`."""
        t, value = sql.Identifier(door.tenant.name), _literal(tenant, door.tenant)
        reply = self._ask(
            _PAST_POLICIES,
            sql.SQL("select x.ctid::text, x.tableoid::bigint from {r} as x where x.{t} = {v} limit 1").format(
                r=_name(door.table), t=t, v=value
            ),
        )
        if isinstance(reply, _Refusal) or not reply.rows:
            return None
        ctid, table = reply.rows[0]
        return sql.SQL("x.ctid = {c}::tid and x.tableoid = {o} and x.{t} = {v}").format(
            c=sql.Literal(str(ctid)), o=sql.Literal(int(str(table))), t=t, v=value
        )

    def _writable(self, table: Relation, role: str, privilege: str) -> list[str]:
        """Columns that the role may give a value to."""
        names = self.catalog.acts_as(role)
        wide = table.owner in names or self.catalog.holds(role, privilege, table.privileges)
        return [
            c.name
            for c in self.catalog.columns_of(table)
            if not c.generated and c.identity != "always" and (wide or self.catalog.holds(role, privilege, c.privileges))
        ]

    def _made_anew(self, table: Relation) -> frozenset[str]:
        """Columns of unique keys that the server fills by itself: a copy must not repeat them."""
        in_keys = {name for index in self.catalog.indexes_of(table) if index.unique for name in index.key_columns}
        return frozenset(c.name for c in self.catalog.columns_of(table) if c.identity or (c.name in in_keys and c.default is not None))

    def _rewrites_inserted_rows(self, table: Relation) -> bool:
        return any(t.timing == "BEFORE" and "INSERT" in t.events and t.enabled != "disabled" for t in self.catalog.triggers_of(table))

    def _as_caller(self, case: _Case, role: str) -> tuple[sql.Composed, ...]:
        """The role and the claims of a request. Whoever is signed in may write what they like into their user_metadata."""
        claims: dict[str, object] = {"role": role}
        claim = self.catalog.declarations.tenancy.claim
        if role == _SIGNED_IN:
            claims |= {
                "sub": case.user,
                "aud": _SIGNED_IN,
                claim: case.own,
                "app_metadata": {claim: case.own},
                "user_metadata": {claim: case.other},
            }
        settings = {
            "request.jwt.claims": json.dumps(claims),
            "request.jwt.claim.role": role,
            "request.jwt.claim.sub": str(claims.get("sub", "")),
        }
        return (
            _as_role(role),
            sql.SQL("select {}").format(
                sql.SQL(", ").join(
                    sql.SQL("pg_catalog.set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value))
                    for name, value in settings.items()
                )
            ),
        )

    def _ask(self, *statements: sql.Composable) -> _Reply | _Refusal:
        """Run the statements below a savepoint that takes back what they did, roles and settings included. One message."""
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql.SQL("; ").join([_SAVEPOINT, *statements, _BACK]))
        except psycopg.Error as error:
            if error.sqlstate is None or self.connection.closed:
                raise
            self.connection.execute("rollback to savepoint platformkit_probe")
            return _Refusal(error.sqlstate)
        rows: list[tuple[object, ...]] = []
        changed: list[int] = []
        while True:
            if cursor.description:
                rows += cursor.fetchall()
            elif (cursor.statusmessage or "").split(" ")[0] in ("INSERT", "UPDATE", "DELETE"):
                changed.append(cursor.rowcount)
            if not cursor.nextset():
                return _Reply(tuple(rows), tuple(changed))


def _worst(outcomes: Iterable[tuple[Answer, str]]) -> tuple[Answer, str]:
    """The first leak, at which trials stop; else the first doubt; else blocked."""
    worst = (Answer.BLOCKED, "")
    for outcome in outcomes:
        if outcome[0] is Answer.LEAK:
            return outcome
        if outcome[0] is Answer.INCONCLUSIVE and worst[0] is Answer.BLOCKED:
            worst = outcome
    return worst


def _user_column(catalog: Catalog, table: Relation) -> str | None:
    """The column of a membership table that names the user: what refers to auth.users, else what is called so."""
    for key in catalog.foreign_keys_of(table):
        if (key.referenced_schema, key.referenced_relation) == ("auth", "users") and len(key.columns) == 1:
            return key.columns[0]
    return next((name for name in _USER_COLUMNS if catalog.column(table, name) is not None), None)


def _as_role(role: str) -> sql.Composed:
    return sql.SQL("set local role {}").format(sql.Identifier(role))


def _name(table: Relation) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def _literal(value: str, column: Column) -> sql.Composed:
    """A value of the column's type, whose name the server itself has printed."""
    return sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(column.type))
