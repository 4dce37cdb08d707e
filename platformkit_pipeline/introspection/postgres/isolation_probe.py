"""A live trial of tenant isolation (clause 5.1): act as a caller of one tenant, and see whether rows of another can be reached.

READ runs in a read-only transaction: SELECT on the rows that there are, and what the policies say to made-up rows for every command, so
that empty tables get an answer as well. WRITE really changes rows, its own made-up ones where there are none, before it takes that back:
for databases that nobody misses. Everything happens in one transaction that is rolled back, each trial below a savepoint. Whatever
triggers do outside of the database stays done; sequences that moved are named. Rows and error texts, which quote rows, never leave
this module and its parts in `isolation/`.

Callers are made up as the platform's API gateway does it: `set role`, and the claims in `request.jwt.claims`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from platformkit_pipeline.introspection.postgres.connection import connect, location_of
from platformkit_pipeline.introspection.postgres.isolation.callers import Callers
from platformkit_pipeline.introspection.postgres.isolation.doors import Door, doors_of
from platformkit_pipeline.introspection.postgres.isolation.made_up_rows import MadeUpRows, Whose
from platformkit_pipeline.introspection.postgres.isolation.made_up_values import MadeUpValues, types_of
from platformkit_pipeline.introspection.postgres.isolation.policies import policies_by_table
from platformkit_pipeline.introspection.postgres.isolation.sequences import moved, positions
from platformkit_pipeline.introspection.postgres.isolation.session import STILL_TRIGGERS, Reply, Session, as_role
from platformkit_pipeline.introspection.postgres.isolation.trials import Trials
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ObservationError, TargetUnreachable
from platformkit_pipeline.model.isolation import Answer, IsolationProbe, ProbeLevel, TableIsolation
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.database.catalog import CLIENT_ROLES, Catalog

log = get_logger("introspection.postgres")


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """Seconds for one statement, for one lock, and for the whole probe; tables that are not reached in time stay open."""

    statement: float = 5
    lock: float = 1
    whole: float = 600


def probe_isolation(
    dsn: Dsn,
    snapshot: Snapshot,
    declarations: Declarations,
    *,
    level: ProbeLevel,
    limits: ProbeLimits = ProbeLimits(),
    tables: Sequence[tuple[str, str]] | None = None,
) -> IsolationProbe:
    """Try every tenant-scoped table and view of `snapshot` that `anon` or `authenticated` hold privileges on, or those of `tables`.

    The connected role must be able to read the tables past their policies and to SET ROLE to the client roles; where it is
    not, answers are inconclusive and say so. Raises ObservationError when the connection cannot be opened or is lost.
    """
    catalog = Catalog(snapshot, declarations)
    doors = [door for door in doors_of(catalog) if tables is None or (door.table.schema, door.table.name) in tables]
    if level is ProbeLevel.NONE or not doors:
        return IsolationProbe(level)
    started = time.monotonic()
    try:
        with connect(dsn) as connection:
            before = positions(connection) if level is ProbeLevel.WRITE else {}
            probe = _Probe(connection, catalog, level, limits, started + limits.whole)
            found = tuple(sorted(probe.run(doors)))
            after = positions(connection) if level is ProbeLevel.WRITE else {}
    except psycopg.Error as error:
        what = "was lost" if error.sqlstate is None else f"was ended (SQLSTATE {error.sqlstate})"
        kind = TargetUnreachable if error.sqlstate is None else ObservationError
        raise kind(f"{location_of(dsn)}: the connection {what} during the isolation probe") from None
    leaks = sum(table.answer is Answer.LEAK for table in found)
    log.info("probed", level=level.value, tables=len(found), leaks=leaks, seconds=round(time.monotonic() - started, 3))
    sequences = moved(before, after)
    if sequences:
        log.warning("sequences moved during the probe", sequences=sequences)
    return IsolationProbe(level, found, sequences)


@dataclass(slots=True)
class _Probe:
    connection: psycopg.Connection
    catalog: Catalog
    level: ProbeLevel
    limits: ProbeLimits
    deadline: float

    def run(self, doors: Sequence[Door]) -> list[TableIsolation]:
        mode = "read write" if self.level is ProbeLevel.WRITE else "read only"
        self.connection.execute(f"begin isolation level repeatable read {mode}".encode())
        try:
            self.connection.execute(
                "select set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true)",
                (f"{max(1, round(self.limits.statement * 1000))}ms", f"{max(1, round(self.limits.lock * 1000))}ms"),
            )
            return self._tables(doors, Session(self.connection, self.catalog.declarations.tenancy.claim))
        finally:
            if not self.connection.closed:
                self.connection.execute("rollback")

    def _tables(self, doors: Sequence[Door], session: Session) -> list[TableIsolation]:
        barred = {r: f"the scanning role may not SET ROLE {r}" for r in CLIENT_ROLES if not isinstance(session.ask(as_role(r)), Reply)}
        values = MadeUpValues(session, types_of(self.catalog.snapshot))
        callers = Callers(session, self.catalog, values)
        rows = MadeUpRows(session, self.catalog, values)
        still = self.level is ProbeLevel.WRITE and isinstance(session.ask(STILL_TRIGGERS), Reply)
        trials = Trials(session, self.catalog, self.level, policies_by_table(session), callers, rows, still, self._time_is_up)
        if self.level is ProbeLevel.WRITE:
            self._make_members(callers, trials)
        return [TableIsolation(door.table.schema, door.table.name, trials.of(door, barred)) for door in doors]

    def _make_members(self, callers: Callers, trials: Trials) -> None:
        """Where nobody belongs to any tenant yet, a made-up user of each of two, so that policies that look them up can be tried."""
        for membership in callers.memberships():
            door = Door(membership.table, membership.tenant, {})
            real = callers.real(door)
            if real.caller is None:
                caller = callers.pretended(door, real)
                for whose, user in ((Whose.OWN, caller.user), (Whose.OTHER, caller.other_user)):
                    trials.insert(door, caller, whose, {membership.user: user})

    def _time_is_up(self) -> bool:
        return time.monotonic() > self.deadline
