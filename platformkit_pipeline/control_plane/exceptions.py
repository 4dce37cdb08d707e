"""Exceptions on record: one row per document of a repository, changed only where what it comes to has changed (clause 10.1).

The audit log takes every row that is added or changed from a trigger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.exception import ApprovedText, ExceptionEntry, Signature, StoredException


@dataclass(frozen=True, slots=True)
class Origin:
    """The observation that documents are taken from."""

    target_id: int
    scan_id: str
    commit: str | None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class ExceptionChanges:
    """Paths, sorted. `recorded` are new ones and those found again after their removal."""

    recorded: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        return bool(self.recorded or self.changed or self.removed)


def of_repository(connection: Connection, target_id: int) -> tuple[StoredException, ...]:
    """Every document that a repository has or had, by path."""
    return _listed(connection, target_id=target_id)


def everything(connection: Connection) -> tuple[StoredException, ...]:
    """Those of all repositories, by repository and path; removed ones too."""
    return _listed(connection)


def covering(connection: Connection, target_id: int) -> tuple[StoredException, ...]:
    """Those that are for a target and not removed, whether anything is at fault with them or not, and whatever the day."""
    return _listed(connection, covered_id=target_id)


def lock(connection: Connection, target_id: int) -> None:
    """Who records the documents of one repository waits for whoever does so already; until the end of the transaction."""
    require_transaction(connection)
    connection.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('platformkit.exceptions', %s))", (target_id,))


def record(connection: Connection, origin: Origin, entries: Sequence[ExceptionEntry], now: datetime) -> ExceptionChanges:
    """Make `entries` the documents of the repository; what is not among them is marked as removed. The same again writes nothing."""
    lock(connection, origin.target_id)
    stored = {row.entry.path: row for row in of_repository(connection, origin.target_id)}
    wanted = {entry.path: entry for entry in map(_storable, entries)}
    added = sorted(path for path in wanted if path not in stored or stored[path].removed_at is not None)
    changed = sorted(path for path, entry in wanted.items() if path not in added and stored[path].entry != entry)
    removed = sorted(path for path, row in stored.items() if path not in wanted and row.removed_at is None)
    about = {"target_id": origin.target_id, "commit": origin.commit, "scan_id": origin.scan_id, "run_id": origin.run_id}
    with connection.cursor() as cursor:
        cursor.executemany(statement("exceptions_store"), [{**about, **_parameters(wanted[path])} for path in (*added, *changed)])
    if removed:
        connection.execute(statement("exceptions_remove"), {**about, "paths": removed, "now": now})
    return ExceptionChanges(tuple(added), tuple(changed), tuple(removed))


def _listed(connection: Connection, target_id: int | None = None, covered_id: int | None = None) -> tuple[StoredException, ...]:
    rows = connection.execute(statement("exceptions_list"), {"target_id": target_id, "covered_id": covered_id}).fetchall()
    return tuple(map(_stored, rows))


def _storable(entry: ExceptionEntry) -> ExceptionEntry:
    """As it comes back: texts of a document may hold what a row cannot."""
    return replace(
        entry,
        path=storable_text(entry.path),
        title=storable_text(entry.title),
        rules=tuple(map(storable_text, entry.rules)),
        objects=tuple(map(storable_text, entry.objects)),
        target_names=tuple(map(storable_text, entry.target_names)),
        rationale=storable_text(entry.rationale),
        risk=storable_text(entry.risk),
        mitigation=storable_text(entry.mitigation),
        security=_storable_signature(entry.security),
        architect=_storable_signature(entry.architect),
        faults=tuple(map(storable_text, entry.faults)),
    )


def _storable_signature(signature: Signature) -> Signature:
    return Signature(None if signature.name is None else storable_text(signature.name), signature.day)


def _parameters(entry: ExceptionEntry) -> Mapping[str, Any]:
    approved = entry.approved
    return {
        "path": entry.path,
        "content_digest": entry.content_digest,
        "approved_digest": approved.digest if approved else None,
        "approved_days": [approved.security_day, approved.architect_day] if approved else [],
        "title": entry.title,
        "rules": list(entry.rules),
        "objects": list(entry.objects),
        "target_names": list(entry.target_names),
        "covers_target_ids": list(entry.covers_target_ids),
        "rationale": entry.rationale,
        "risk": entry.risk,
        "mitigation": entry.mitigation,
        "documented_on": entry.documented_on,
        "expires_on": entry.expires_on,
        "security_owner": entry.security.name,
        "security_approved_on": entry.security.day,
        "architect": entry.architect.name,
        "architect_approved_on": entry.architect.day,
        "faults": list(entry.faults),
    }


def _stored(row: tuple[Any, ...]) -> StoredException:
    exception_id, target_id, path, content_digest, approved_digest, approved_days, title, rules, objects, names, covered = row[:11]
    rationale, risk, mitigation, documented_on, expires_on, security, security_on, architect, architect_on, faults = row[11:21]
    commit, scan_id, removed_at = row[21:]
    entry = ExceptionEntry(
        path=path,
        content_digest=content_digest,
        approved=ApprovedText(approved_digest, *approved_days) if approved_digest else None,
        title=title,
        rules=tuple(rules),
        objects=tuple(objects),
        target_names=tuple(names),
        covers_target_ids=tuple(covered),
        rationale=rationale,
        risk=risk,
        mitigation=mitigation,
        documented_on=documented_on,
        expires_on=expires_on,
        security=Signature(security, security_on),
        architect=Signature(architect, architect_on),
        faults=tuple(faults),
    )
    return StoredException(exception_id, target_id, entry, commit, scan_id, removed_at)
