"""Observe the control plane itself: one read-only snapshot of its database, and the anchors of its audit log (clause 1.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path

from platformkit_pipeline.control_plane import findings, reviews, targets, waivers
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors, one_row
from platformkit_pipeline.control_plane.inventory import InventoryChanges
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.governance.coverage import CoverIndex, Violation, covers_on, waived_days
from platformkit_pipeline.governance.object_patterns import meant
from platformkit_pipeline.governance.waivers import covers_of, extended_ids, last_day_of, state_of
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.control_plane import ControlPlaneSnapshot, ReviewFacts, TargetFacts, WaiverFacts, inventory_of
from platformkit_pipeline.model.inventory import InventoryObject, set_digest
from platformkit_pipeline.model.target import CONTROL_PLANE, Environment
from platformkit_pipeline.model.waiver import Waiver, WaiverState
from platformkit_pipeline.operations.anchor_audit import AnchorFile, anchor_path, audit_facts, read_anchors
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.cover_findings import covers_of_target
from platformkit_pipeline.operations.keep_observation import keep_observation
from platformkit_pipeline.operations.waive import open_violations

_INSTALLED = "select least((select min(created_at) from ops.schema_migrations), (select min(started_at) from ops.scans))"
"""What was scanned before the first migration ran came from another database, which this one goes on for."""


@dataclass(frozen=True, slots=True)
class ControlPlaneObservation:
    """One stored scan of the control plane, and the anchors that were read for it."""

    scan_id: str
    snapshot: ControlPlaneSnapshot
    objects: tuple[InventoryObject, ...]
    changes: InventoryChanges
    noted: AnchorFile


def observe_control_plane(
    connection: Connection, now: datetime, *, anchors: Path | None = None, run_id: str | None = None, clock: Clock = SYSTEM_CLOCK
) -> ControlPlaneObservation:
    """Observe the control plane as at `now` and store it; `anchors` is the file of anchors, by default that of PLATFORMKIT_HOME.

    The target is added where it is not there yet. Raises ControlPlaneError, and ConfigurationError for anchors that cannot be read.
    Killed half-way, or failed, it leaves no scan.
    """
    scan_id, started = clock.new_scan_id(), clock.seconds()
    noted = read_anchors(anchors or anchor_path())
    with bind_ids(target=CONTROL_PLANE.name, scan_id=scan_id, **({"run_id": run_id} if run_id else {})), control_plane_errors():
        with connection.transaction():
            target_id = targets.ensure_control_plane(connection)
        connection.rollback()  # the snapshot below begins with its own transaction
        snapshot = observed_control_plane(connection, noted, now)
        objects = inventory_of(snapshot)
        digest = set_digest(objects)
        record = ScanRecord(
            scan_id=scan_id,
            target_id=target_id,
            started_at=now,
            duration_seconds=clock.seconds() - started,
            server_version=None,
            catalog_fingerprint=digest,
            run_id=run_id,
            set_digest=digest,
            object_count=len(objects),
        )
        with connection.transaction():
            changes = keep_observation(connection, record, objects)
    return ControlPlaneObservation(scan_id, snapshot, objects, changes, noted)


def observed_control_plane(connection: Connection, noted: AnchorFile, now: datetime) -> ControlPlaneSnapshot:
    """What the control plane is at `now`, in one REPEATABLE READ transaction that writes nothing. Raises ControlPlaneError.

    The connection must be in no transaction.
    """
    with control_plane_errors(), connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        (installed_at,) = one_row(connection.execute(_INSTALLED))
        return ControlPlaneSnapshot(
            now=now,
            installed_at=installed_at,
            audit=audit_facts(connection, noted),
            waivers=tuple(sorted(_waivers(connection, now.astimezone(UTC).date()), key=lambda w: w.waiver_id)),
            targets=tuple(TargetFacts(*row) for row in connection.execute(statement("control_plane_targets"))),
            reviews=tuple(sorted((ReviewFacts(r.year, r.opened_at, r.completed_at) for r in reviews.reviews(connection)), key=_year)),
        )


def _year(review: ReviewFacts) -> int:
    return review.year


def _waivers(connection: Connection, today: date) -> Iterator[WaiverFacts]:
    active = {row.target_id: row for row in targets.list_active(connection)}
    of_target: dict[int, list[Waiver]] = defaultdict(list)
    for waiver in waivers.all_waivers(connection):
        of_target[waiver.target_id].append(waiver)
    for target_id, granted in of_target.items():
        if target_id in active:
            yield from _of_target(connection, active[target_id], granted, today)


def _of_target(connection: Connection, stored: StoredTarget, granted: Collection[Waiver], today: date) -> Iterator[WaiverFacts]:
    target = stored.target
    violations = open_violations(connection, stored.target_id)
    since = {f.fingerprint: f.first_seen_at.astimezone(UTC).date() for f in findings.open_findings(connection, stored.target_id)}
    covered = covers_on(covers_of_target(connection, target, stored.target_id), violations, today)
    goes_on = extended_ids(granted)
    every_day = CoverIndex(covers_of(granted, Environment.DEVELOPMENT))  # days count whatever the target is now
    about = every_day.about(violations)
    days_before = cache(partial(waived_days, every_day))
    for waiver in granted:
        state = state_of(waiver, target.environment, today)
        if state is WaiverState.REVOKED:
            continue
        subject = waiver.fingerprint or waiver.object_pattern or ""
        last = last_day_of(waiver)
        matching = about.get(waiver.waiver_id, ())
        counted = matching or [Violation(waiver.rule, waiver.fingerprint or "", meant(waiver.object_pattern or ""))]
        yield WaiverFacts(
            waiver_id=waiver.waiver_id,
            target=f"{target.kind.value}/{target.name}",
            environment=target.environment,
            rule=waiver.rule,
            subject=subject,
            granted_by=waiver.granted_by,
            starts_on=waiver.starts_on,
            expires_on=waiver.expires_on,
            state=state,
            goes_on=waiver.waiver_id in goes_on,
            matching=len(matching),
            left_open=sum(v.fingerprint not in covered and since.get(v.fingerprint, last) <= last for v in matching),
            longest_days=max(days_before(v, date.fromordinal(last.toordinal() + 1)) for v in counted),
        )
