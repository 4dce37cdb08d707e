"""Remediation: patches, what has to be done by hand, and the plan that orders both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from platformkit_pipeline.model.identity import ObjectIdentity


class ProofStatus(StrEnum):
    UNPROVEN = "unproven"
    PROVEN = "proven"
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True)
class Patch:
    """SQL that mends one finding. Statements end without semicolon; they are run in the order given.

    `transactional` is False for statements that PostgreSQL refuses inside a transaction block
    (CREATE INDEX CONCURRENTLY); such a patch gets a migration file of its own.
    """

    rule: str
    object: ObjectIdentity
    finding_fingerprint: str
    title: str
    up: tuple[str, ...]
    down: tuple[str, ...]
    transactional: bool = True
    proof: ProofStatus = ProofStatus.UNPROVEN
    notes: tuple[str, ...] = ()
    """What a reviewer should know: assumptions, locks taken, data that is touched."""

    @property
    def digest(self) -> str:
        text = "\x1e".join((self.rule, self.object.canonical, "\x1f".join(self.up), "\x1f".join(self.down)))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ManualItem:
    """A finding for which no safe SQL can be generated, with the reason and the steps for a person."""

    rule: str
    object: ObjectIdentity
    finding_fingerprint: str
    reason: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is proposed for one target, on the base of one scan. Patches are in the order of application."""

    plan_id: str
    target_name: str
    scan_id: str
    base_fingerprint: str
    """Catalogue fingerprint of the scan; a plan whose target has moved on is stale."""
    patches: tuple[Patch, ...]
    manual_items: tuple[ManualItem, ...]


def plan_id_of(target_name: str, base_fingerprint: str, patches: tuple[Patch, ...], manual_items: tuple[ManualItem, ...]) -> str:
    """Same target, same catalogue, same proposals: same plan. 32 hex digits."""
    parts = [
        target_name,
        base_fingerprint,
        *(p.digest for p in patches),
        *(f"{m.rule} {m.object.canonical} {m.reason}" for m in manual_items),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
