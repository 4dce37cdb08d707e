"""Carry out proven patches on the target itself: in as few transactions as can be, and back again where something surprises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import psycopg

from platformkit_pipeline.introspection.postgres.connection import connect, location_of
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, PlatformkitError
from platformkit_pipeline.model.patch import Patch
from platformkit_pipeline.remediation.proving.execution import StatementFailedError, Timeouts, run_each, session_settings

LOCK_NOT_AVAILABLE = "55P03"
INSUFFICIENT_PRIVILEGE = "42501"

log = get_logger("remediation.application")


@dataclass(frozen=True, slots=True)
class Group:
    """Patches that succeed or fail as one: a transaction, or a single patch whose statements refuse one."""

    patches: tuple[Patch, ...]
    transactional: bool


def groups_of(patches: Sequence[Patch]) -> list[Group]:
    """Neighbours that can share a transaction do; the order stays."""
    groups: list[Group] = []
    for transactional, members in groupby(patches, key=lambda p: p.transactional):
        listed = tuple(members)
        groups += [Group(listed, transactional=True)] if transactional else [Group((p,), transactional=False) for p in listed]
    return groups


class InterruptedApplicationError(Exception):
    """A group failed; `done` are the groups before it, which are committed. `sqlstate` is None where the server went away."""

    def __init__(self, message: str, sqlstate: str | None, failed: Group, done: Sequence[Group]) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.failed = failed
        self.done = tuple(done)


def apply_groups(dsn: Dsn, groups: Sequence[Group], timeouts: Timeouts, build_timeout: float) -> None:
    """Run `up` of every group. Raises InterruptedApplicationError; the transaction of the failed group is rolled back.

    `build_timeout` (seconds) bounds statements that refuse a transaction: they build indexes beside the running application, and
    wait for every transaction that began before them, so that a short lock timeout would only leave invalid indexes behind.
    """
    for number, group in enumerate(groups):
        try:
            _run(dsn, [s for p in group.patches for s in p.up], group, timeouts, build_timeout)
        except (StatementFailedError, PlatformkitError, psycopg.Error) as error:
            sqlstate = getattr(error, "sqlstate", None)
            raise InterruptedApplicationError(str(error), sqlstate, group, groups[:number]) from None
        except KeyboardInterrupt:  # whether a commit got through before it has to be looked at, as when the server went away
            raise InterruptedApplicationError("interrupted by the user", None, group, groups[:number]) from None


_WHICH = """
select d.oid::text, d.datname, c.system_identifier::text,
    case when not pg_catalog.pg_is_in_recovery() then pg_catalog.pg_postmaster_start_time()::text end
from pg_catalog.pg_database as d, pg_catalog.pg_control_system() as c
where d.datname = pg_catalog.current_database()
"""
"""Which database this is. Of a copy of a whole server only the start differs; a standby has another one than what it follows."""


def require_same_database(observer: Dsn, owner: Dsn) -> None:
    """Refuse to change another database than the one that was looked at. Raises ConfigurationError, TargetUnreachable."""
    looked_at, changed = _which(observer), _which(owner)
    if looked_at[:3] != changed[:3] or (None not in (looked_at[3], changed[3]) and looked_at[3] != changed[3]):
        raise ConfigurationError(
            f"{owner.origin} leads to another database than the one that was observed ({location_of(owner)}, not {location_of(observer)})"
        )


def _which(dsn: Dsn) -> tuple[str | None, ...]:
    with connect(dsn) as connection:
        return connection.execute(_WHICH.encode()).fetchone() or ()


def undo_groups(dsn: Dsn, groups: Sequence[Group], timeouts: Timeouts, build_timeout: float) -> None:
    """Run `down` of every group, the last one first. Raises StatementFailedError, TargetUnreachable."""
    for group in reversed(groups):
        _run(dsn, [s for p in reversed(group.patches) for s in p.down], group, timeouts, build_timeout)


def _run(dsn: Dsn, statements: Sequence[str], group: Group, timeouts: Timeouts, build_timeout: float) -> None:
    with connect(dsn) as connection:
        if group.transactional:
            with connection.transaction():  # settings of the session would stay behind in a transaction pooler, for others to find
                connection.execute(session_settings(timeouts, local=True))
                run_each(connection, statements)
        else:
            connection.execute(session_settings(Timeouts(build_timeout, build_timeout)))
            run_each(connection, statements)
