"""Amendments of the constitution and what they ask of each target (clause 13). New and changed rows are audited by the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from psycopg.types.json import Json

from platformkit_pipeline.control_plane.connection import Connection, one_row, require_transaction
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.repository.governance import Approval
from platformkit_pipeline.model.target import Environment, Target, TargetKind


@dataclass(frozen=True, slots=True)
class RecordedAmendment:
    """A row of `ops.amendments`. With `announced_at` it stays as it is; without, `faults` says what it lacks."""

    amendment_id: int
    path: str
    version: str | None
    title: str
    rules: tuple[str, ...]
    accepted_on: date | None
    deadline: date | None
    content_digest: str
    faults: tuple[str, ...]
    announced_at: datetime | None


@dataclass(frozen=True, slots=True)
class BoundTarget:
    """A row of `ops.amendment_targets` of an active target.

    `scan_id` and `judged_rules` are of its latest complete scan after the acceptance:
    None and empty where there is none, and once it is done.
    """

    amendment_id: int
    path: str
    version: str
    rules: tuple[str, ...]
    target_id: int
    target: Target
    due: date
    done_at: datetime | None
    how: str | None
    scan_id: str | None
    judged_rules: frozenset[str]


def lock(connection: Connection) -> None:
    """One at a time tells people of amendments; the others wait for its transaction."""
    require_transaction(connection)
    connection.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('platformkit.amendments', 0))")


def recorded(connection: Connection, target_id: int) -> tuple[RecordedAmendment, ...]:
    """Of one repository, by path."""
    rows = connection.execute(statement("amendments_list"), {"target_id": target_id}).fetchall()
    return tuple(map(_recorded, rows))


def store(
    connection: Connection, target_id: int, scan_id: str, amendment: RecordedAmendment, approvals: Sequence[Approval]
) -> RecordedAmendment:
    """Record a document that was not announced yet; returns it with its key."""
    require_transaction(connection)
    given = [{"role": a.role.value, "name": a.name, "date": a.date} for a in approvals]
    row: dict[str, Any] = {
        "target_id": target_id,
        "path": storable_text(amendment.path),
        "version": amendment.version,
        "title": storable_text(amendment.title),
        "rules": list(amendment.rules),
        "approvals": Json(given),
        "accepted_on": amendment.accepted_on,
        "deadline": amendment.deadline,
        "content_digest": amendment.content_digest,
        "faults": [storable_text(fault) for fault in amendment.faults],
        "announced_at": amendment.announced_at,
        "scan_id": scan_id,
    }
    (key,) = one_row(connection.execute(statement("amendments_store"), row))
    return replace(amendment, amendment_id=key)


def bind(connection: Connection, amendment_id: int, kinds: Sequence[TargetKind], due: date) -> None:
    """From now on it is asked of every active target of these kinds, until `due`."""
    require_transaction(connection)
    of_row = {"amendment_id": amendment_id, "kinds": [kind.value for kind in kinds], "due": due}
    connection.execute(statement("amendments_bind"), of_row)


def bound_targets(connection: Connection, target_id: int) -> tuple[BoundTarget, ...]:
    """All active targets that amendments of one repository bind, by amendment in the order of their announcement."""
    rows = connection.execute(statement("amendments_progress"), {"target_id": target_id}).fetchall()
    return tuple(map(_bound, rows))


def note_done(connection: Connection, bound: BoundTarget, how: str, now: datetime) -> None:
    """The target follows the amendment: `how` is `findings` or `document`."""
    require_transaction(connection)
    of_row = {"amendment_id": bound.amendment_id, "target_id": bound.target_id, "how": how, "now": now}
    connection.execute(statement("amendments_done"), {**of_row, "scan_id": bound.scan_id if how == "findings" else None})


def _recorded(row: tuple[Any, ...]) -> RecordedAmendment:
    key, path, version, title, rules, accepted_on, deadline, digest, faults, announced_at = row
    return RecordedAmendment(key, path, version, title, tuple(rules), accepted_on, deadline, digest, tuple(faults), announced_at)


def _bound(row: tuple[Any, ...]) -> BoundTarget:
    amendment_id, path, version, rules, target_id, kind, name, environment, owners, due, done_at, how, scan_id, judged = row
    target = Target(TargetKind(kind), name, Environment(environment), tuple(owners))
    return BoundTarget(amendment_id, path, version, tuple(rules), target_id, target, due, done_at, how, scan_id, frozenset(judged or ()))
