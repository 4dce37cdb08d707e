"""Small builders of what the stores take."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from platformkit_pipeline.control_plane import scans
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.identity import ObjectIdentity, member_identity, relation_identity
from platformkit_pipeline.model.inventory import InventoryObject, inventory_object
from platformkit_pipeline.model.result import Outcome, PatchKind, Result, Severity
from platformkit_pipeline.model.target import Environment, Target, TargetKind

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION, ("team:shop",))
FIRST_NIGHT = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)
ORDERS = relation_identity("table", "public", "orders")
ORDERS_KEY = member_identity("constraint", "public", "orders", "orders_customer_fkey")


def scan_record(target_id: int, night: int = 1, **changes: Any) -> scans.ScanRecord:
    """The scan of the target in the given night; nights count from 1."""
    values: dict[str, Any] = {
        "scan_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{target_id}/{night}")),
        "target_id": target_id,
        "started_at": FIRST_NIGHT + timedelta(days=night - 1),
        "duration_seconds": 0.5,
        "server_version": "17.6",
        "catalog_fingerprint": f"fingerprint-{night}",
        **changes,
    }
    return scans.ScanRecord(**values)


def stored_scan(connection: Connection, target_id: int, night: int = 1, **changes: Any) -> str:
    """Store the scan of a night and return its id."""
    record = scan_record(target_id, night, **changes)
    scans.begin(connection, record)
    return record.scan_id


def table(name: str, **payload: Any) -> InventoryObject:
    return inventory_object("table", f"public.{name}", {"name": name, **payload})


def result(
    rule: str = "RLS001",
    identity: ObjectIdentity = ORDERS,
    *,
    outcome: Outcome = Outcome.FAIL,
    severity: Severity = Severity.CRITICAL,
    message: str = "public.orders has no row level security",
    evidence: Mapping[str, Any] | None = None,
) -> Result:
    return Result(rule, f"name-of-{rule}", "2.1", severity, outcome, identity, message, PatchKind.SQL, evidence or {})
