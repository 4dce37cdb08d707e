"""Remediation: patches with what they may change, what has to be done by hand, and the plan that orders both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.proof import PlanProof, Proof, ProofStatus


class AccessDirection(StrEnum):
    """Which way a cell of the role and operation matrix may move."""

    NARROWER = "narrower"
    """A role may lose the operation, or reach fewer rows."""
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class AccessChange:
    """Cells of the role × operation matrix that a patch may change; all cells that nobody declares have to stay.

    `object` is the canonical identity of a relation, function, schema or sequence; what is declared for a relation holds for
    the views that read it as well.
    """

    object: str
    roles: tuple[str, ...]
    """Role names; `anon`, `authenticated`, `service_role`."""
    operations: tuple[str, ...]
    """SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, EXECUTE, USAGE, CREATE."""
    direction: AccessDirection = AccessDirection.NARROWER


@dataclass(frozen=True, slots=True)
class Effects:
    """What a patch may do; a proof refuses the patch when it does anything else (obligations 2, 5, 6 and 9)."""

    statements: tuple[str, ...] = ()
    """Kinds of statement that `up` and `down` consist of, as `sqltext.statement_kinds` names them."""
    objects: tuple[str, ...] = ()
    """Canonical identities of the catalogue objects that may appear, change or go."""
    access: tuple[AccessChange, ...] = ()
    successors: tuple[str, ...] = ()
    """Codes of rules that may report something new afterwards, never more severely than the finding that goes."""


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
    notes: tuple[str, ...] = ()
    """What a reviewer should know: assumptions, locks taken, data that is touched."""
    effects: Effects = field(default_factory=Effects)
    proof: Proof | None = None
    """None as long as nobody tried to prove it."""

    @property
    def status(self) -> ProofStatus:
        return ProofStatus.UNPROVEN if self.proof is None else self.proof.status

    @property
    def offered(self) -> bool:
        """What was tried and did not hold, or could not be told, is not handed out: it is for a person to look at."""
        return self.proof is None or self.status is ProofStatus.PROVEN

    @property
    def irreversible(self) -> bool:
        """Its undo does not restore everything, which takes two approvals."""
        return self.status is ProofStatus.PROVEN and self.proof is not None and not self.proof.reversible

    @property
    def digest(self) -> str:
        text = "\x1e".join((self.rule, self.object.canonical, "\x1f".join(self.up), "\x1f".join(self.down)))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ManualItem:
    """A finding for which no safe patch can be generated, with the reason and the steps for a person."""

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
    proof: PlanProof | None = None
    """Of the offered patches together, in their order; None as long as nobody tried."""

    @property
    def offered(self) -> tuple[Patch, ...]:
        return tuple(p for p in self.patches if p.offered)

    @property
    def withheld(self) -> tuple[Patch, ...]:
        """Patches that were tried and not proven."""
        return tuple(p for p in self.patches if not p.offered)


def plan_id_of(target_name: str, base_fingerprint: str, patches: tuple[Patch, ...], manual_items: tuple[ManualItem, ...]) -> str:
    """Same target, same catalogue, same proposals: same plan, whatever their proofs. 32 hex digits."""
    parts = [
        target_name,
        base_fingerprint,
        *(p.digest for p in patches),
        *(f"{m.rule} {m.object.canonical} {m.reason}" for m in manual_items),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
