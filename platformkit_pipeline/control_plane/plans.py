"""Remediation plans: stored once per state of a target, read back as the records they were made from."""

from __future__ import annotations

import json
from typing import Any

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import require_scan_of
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.patch import ManualItem, Patch, Plan


def store(connection: Connection, target_id: int, plan: Plan) -> bool:
    """Store a plan with its patches and manual items; returns whether it is new.

    A plan that is known already only notes the scan that led to it again, once. Raises ControlPlaneError when the
    plan's scan is not stored or is another target's.
    """
    require_transaction(connection)
    require_scan_of(connection, target_id, plan.scan_id)
    inserted = connection.execute(
        statement("plans_insert"),
        {"plan_id": plan.plan_id, "scan_id": plan.scan_id, "base_fingerprint": plan.base_fingerprint},
    ).rowcount
    if not inserted:
        connection.execute(statement("plans_confirm"), {"plan_id": plan.plan_id, "scan_id": plan.scan_id, "target_id": target_id})
        return False
    entries: tuple[Patch | ManualItem, ...] = (*plan.patches, *plan.manual_items)
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("plans_insert_item"),
            [
                {"plan_id": plan.plan_id, "scan_id": plan.scan_id, "position": position, **_item(entry)}
                for position, entry in enumerate(entries, start=1)
            ],
        )
    return True


def latest(connection: Connection, target_id: int) -> Plan | None:
    """The plan that the latest scan led to, with that scan as `scan_id`; None when the target never had a plan."""
    head = connection.execute(statement("plans_latest"), {"target_id": target_id}).fetchone()
    if head is None:
        return None
    plan_id, target_name, scan_id, base_fingerprint = head
    rows = connection.execute(statement("plans_items"), {"plan_id": plan_id}).fetchall()
    return Plan(
        plan_id,
        target_name,
        scan_id,
        base_fingerprint,
        tuple(_patch(row[1:]) for row in rows if row[0] == "sql"),
        tuple(_manual_item(row[1:]) for row in rows if row[0] == "manual"),
    )


def _item(entry: Patch | ManualItem) -> dict[str, Any]:
    item: dict[str, Any] = {
        "rule": entry.rule,
        "object_kind": entry.object.kind,
        "object_schema": entry.object.schema,
        "object_name": entry.object.name,
        "object_detail": json.dumps(dict(entry.object.detail)),
        "finding_fingerprint": entry.finding_fingerprint,
        **dict.fromkeys(("title", "transactional", "proof", "reason", "digest")),
        **{name: [] for name in ("up", "down", "notes", "steps")},
    }
    if isinstance(entry, ManualItem):
        return {**item, "kind": "manual", "reason": entry.reason, "steps": list(entry.steps)}
    return {
        **item,
        "kind": "sql",
        "title": entry.title,
        "up": list(entry.up),
        "down": list(entry.down),
        "transactional": entry.transactional,
        "proof": entry.status.value,
        "notes": list(entry.notes),
        "digest": entry.digest,
    }


def _patch(row: tuple[Any, ...]) -> Patch:
    rule, kind, schema, name, detail, fingerprint, title, up, down, transactional, _, notes, _, _ = row
    identity = ObjectIdentity(kind, schema, name, tuple(detail.items()))
    return Patch(rule, identity, fingerprint, title, tuple(up), tuple(down), transactional, tuple(notes))


def _manual_item(row: tuple[Any, ...]) -> ManualItem:
    rule, kind, schema, name, detail, fingerprint, *_, reason, steps = row
    return ManualItem(rule, ObjectIdentity(kind, schema, name, tuple(detail.items())), fingerprint, reason, tuple(steps))
