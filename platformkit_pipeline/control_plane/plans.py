"""Remediation plans: stored once per state of a target, with their proofs, read back as the records they were made from."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import require_scan_of
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.patch import ManualItem, Patch, Plan
from platformkit_pipeline.model.plan_document import (
    effects_document,
    effects_from,
    plan_proof_document,
    plan_proof_from,
    proof_document,
    proof_from,
)
from platformkit_pipeline.model.proof import ProofStatus


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
    plan_id, target_name, scan_id, base_fingerprint, proof = head
    rows = connection.execute(statement("plans_items"), {"plan_id": plan_id}).fetchall()
    return Plan(
        plan_id,
        target_name,
        scan_id,
        base_fingerprint,
        tuple(_patch(row[1:]) for row in rows if row[0] == "sql"),
        tuple(_manual_item(row[1:]) for row in rows if row[0] == "manual"),
        None if proof is None else plan_proof_from(proof),
    )


def store_proofs(connection: Connection, plan: Plan, *, proven_at: datetime, run_id: str | None) -> None:
    """Store what became of the proofs of a stored plan and its patches. An earlier proof of the same plan is replaced.

    Raises ControlPlaneError when the stored patches are not those that were tried.
    """
    require_transaction(connection)
    for position, patch in enumerate(plan.patches, start=1):
        if patch.proof is None:
            continue
        proof = {
            "plan_id": plan.plan_id,
            "position": position,
            "digest": patch.digest,
            "proof": patch.status.value,
            "proof_detail": json.dumps(proof_document(patch.proof)),
            "reversible": patch.proof.reversible,
            "proven_at": proven_at,
            "run_id": run_id,
        }
        if connection.execute(statement("plans_prove_patch"), proof).rowcount != 1:
            raise ControlPlaneError(f"plan {plan.plan_id} is not stored with the patch that was tried at position {position}")
    together = plan.proof
    connection.execute(
        statement("plans_prove"),
        {
            "plan_id": plan.plan_id,
            "proof": together.proof.status.value if together else ProofStatus.UNPROVEN.value,
            "proof_detail": json.dumps(plan_proof_document(together)) if together else None,
            "score_before": together.score_before if together else None,
            "score_after": together.score_after if together else None,
            "proven_at": proven_at,
        },
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
        "effects": "{}",
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
        "proof": ProofStatus.UNPROVEN.value,
        "effects": json.dumps(effects_document(entry.effects)),
        "notes": list(entry.notes),
        "digest": entry.digest,
    }


def _patch(row: tuple[Any, ...]) -> Patch:
    rule, kind, schema, name, detail, fingerprint, title, up, down, transactional, effects, proof, notes, _, _ = row
    return Patch(
        rule=rule,
        object=ObjectIdentity(kind, schema, name, tuple(detail.items())),
        finding_fingerprint=fingerprint,
        title=title,
        up=tuple(up),
        down=tuple(down),
        transactional=transactional,
        notes=tuple(notes),
        effects=effects_from(effects),
        proof=None if proof is None else proof_from(proof),
    )


def _manual_item(row: tuple[Any, ...]) -> ManualItem:
    rule, kind, schema, name, detail, fingerprint, *_, reason, steps = row
    return ManualItem(rule, ObjectIdentity(kind, schema, name, tuple(detail.items())), fingerprint, reason, tuple(steps))
