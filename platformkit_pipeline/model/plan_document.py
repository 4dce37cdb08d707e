"""A plan as JSON values and back: what `platformkit plan --format json` prints, and what `ops` keeps of effects and proofs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.identity import identity_document, identity_from
from platformkit_pipeline.model.patch import AccessChange, AccessDirection, Effects, ManualItem, Patch, Plan, plan_id_of
from platformkit_pipeline.model.proof import Finding, Obligation, PlanProof, Proof, Verdict

PLAN_SCHEMA_VERSION = 1


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values; statements are whole and without semicolons."""
    return {
        "schema_version": PLAN_SCHEMA_VERSION,
        "plan_id": plan.plan_id,
        "target": plan.target_name,
        "scan_id": plan.scan_id,
        "base_fingerprint": plan.base_fingerprint,
        "proof": None if plan.proof is None else plan_proof_document(plan.proof),
        "patches": [_patch_document(p) for p in plan.patches],
        "manual_items": [manual_document(m) for m in plan.manual_items],
    }


def plan_from_document(document: Any) -> Plan:
    """Inverse of `plan_document`. Raises ConfigurationError for anything else, and for one whose patches were changed."""
    if not isinstance(document, Mapping) or document.get("schema_version") != PLAN_SCHEMA_VERSION:
        raise ConfigurationError("it is no plan of this version; make one with `platformkit plan --format json`")
    try:
        patches = tuple(map(_patch, document["patches"]))
        manual = tuple(map(_manual_item, document["manual_items"]))
        plan = Plan(
            plan_id=str(document["plan_id"]),
            target_name=str(document["target"]),
            scan_id=str(document["scan_id"]),
            base_fingerprint=str(document["base_fingerprint"]),
            patches=patches,
            manual_items=manual,
            proof=None if document.get("proof") is None else plan_proof_from(document["proof"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"the plan is malformed: {type(error).__name__} {error}") from None
    if plan.plan_id != plan_id_of(plan.target_name, plan.base_fingerprint, plan.patches, plan.manual_items):
        raise ConfigurationError("the plan was changed after it was made: its number is not that of its patches; make a new one")
    return plan


def effects_document(effects: Effects) -> dict[str, Any]:
    return {
        "statements": list(effects.statements),
        "objects": list(effects.objects),
        "access": [
            {"object": a.object, "roles": list(a.roles), "operations": list(a.operations), "direction": a.direction.value}
            for a in effects.access
        ],
        "successors": list(effects.successors),
    }


def effects_from(document: Mapping[str, Any]) -> Effects:
    """Inverse of `effects_document`; an empty document has no effects."""
    return Effects(
        statements=tuple(document.get("statements", ())),
        objects=tuple(document.get("objects", ())),
        access=tuple(
            AccessChange(a["object"], tuple(a["roles"]), tuple(a["operations"]), AccessDirection(a["direction"]))
            for a in document.get("access", ())
        ),
        successors=tuple(document.get("successors", ())),
    )


def proof_document(proof: Proof) -> dict[str, Any]:
    return {
        "status": proof.status.value,
        "reversible": proof.reversible,
        "obligations": obligation_documents(proof.findings),
        **{field: getattr(proof, field) for field in _proof_fields()},
    }


def obligation_documents(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """What was found about each obligation."""
    return [{"number": int(f.obligation), "demand": f.obligation.demand, "verdict": f.verdict.value, "detail": f.detail} for f in findings]


def proof_from(document: Mapping[str, Any]) -> Proof:
    """Inverse of `proof_document`; the status is read from the obligations."""
    findings = tuple(Finding(Obligation(o["number"]), Verdict(o["verdict"]), o["detail"]) for o in document["obligations"])
    return Proof(findings, **{field: document[field] for field in _proof_fields()})


def plan_proof_document(proof: PlanProof) -> dict[str, Any]:
    return {
        **proof_document(proof.proof),
        "patches": list(proof.patches),
        "score_before": proof.score_before,
        "score_after": proof.score_after,
        "unfaithful": [{"object": name, "why": why} for name, why in proof.unfaithful],
    }


def plan_proof_from(document: Mapping[str, Any]) -> PlanProof:
    """Inverse of `plan_proof_document`."""
    return PlanProof(
        proof_from(document),
        tuple(document["patches"]),
        document["score_before"],
        document["score_after"],
        tuple((entry["object"], entry["why"]) for entry in document["unfaithful"]),
    )


@cache
def _proof_fields() -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(Proof) if f.name != "findings")


def _patch_document(patch: Patch) -> dict[str, Any]:
    return {
        "rule": patch.rule,
        "object": identity_document(patch.object),
        "finding": patch.finding_fingerprint,
        "title": patch.title,
        "up": list(patch.up),
        "down": list(patch.down),
        "transactional": patch.transactional,
        "notes": list(patch.notes),
        "effects": effects_document(patch.effects),
        "proof": patch.status.value,
        "offered": patch.offered,
        "proof_detail": None if patch.proof is None else proof_document(patch.proof),
    }


def _patch(entry: Mapping[str, Any]) -> Patch:
    return Patch(
        rule=entry["rule"],
        object=identity_from(entry["object"]),
        finding_fingerprint=entry["finding"],
        title=entry["title"],
        up=_texts(entry["up"]),
        down=_texts(entry["down"]),
        transactional=bool(entry["transactional"]),
        notes=_texts(entry["notes"]),
        effects=effects_from(entry["effects"]),
        proof=None if entry["proof_detail"] is None else proof_from(entry["proof_detail"]),
    )


def manual_document(item: ManualItem) -> dict[str, Any]:
    return {
        "rule": item.rule,
        "object": identity_document(item.object),
        "finding": item.finding_fingerprint,
        "reason": item.reason,
        "steps": list(item.steps),
    }


def _manual_item(entry: Mapping[str, Any]) -> ManualItem:
    return ManualItem(entry["rule"], identity_from(entry["object"]), entry["finding"], entry["reason"], _texts(entry["steps"]))


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("expected a list of texts")
    return tuple(values)
