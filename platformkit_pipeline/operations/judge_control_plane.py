"""Judge the latest stored observation of the control plane, and keep its findings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.model.control_plane import ControlPlaneSnapshot, inventory_of, snapshot_of
from platformkit_pipeline.model.inventory import InventoryObject
from platformkit_pipeline.model.target import CONTROL_PLANE
from platformkit_pipeline.operations.cover_findings import utc_day
from platformkit_pipeline.operations.keep_judgement import Judgement, RuleBook, keep_judgement
from platformkit_pipeline.operations.stored_inventory import latest_in_inventory
from platformkit_pipeline.rules.evaluate_control_plane import evaluate_control_plane
from platformkit_pipeline.rules.registry import Family, rules_about_the_control_plane

FAMILIES = (Family.WAIVERS, Family.OPERATIONS)


def judge_control_plane(connection: Connection, *, now: datetime, run_id: str | None = None) -> Judgement:
    """Apply all rules about the control plane, write their findings and complete the scan, in the caller's transaction.

    The same call again changes nothing. Raises ControlPlaneError, and psycopg's errors.
    """
    scan, snapshot = latest_in_inventory(
        connection, CONTROL_PLANE, asset="introspection/control_plane", read=_read, objects_of=inventory_of
    )
    book = RuleBook.of_families(rules_about_the_control_plane(), FAMILIES, lambda rules: evaluate_control_plane(snapshot, rules))
    return keep_judgement(connection, CONTROL_PLANE, scan, book, families=FAMILIES, run_id=run_id, today=utc_day(now))


def _read(objects: Sequence[InventoryObject], scan: ScanRecord) -> ControlPlaneSnapshot:
    return snapshot_of(objects, scan.started_at)
