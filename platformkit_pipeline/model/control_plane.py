"""What was observed of the control plane itself: its waivers, its audit chain, its nights and its reviews (clauses 4.2, 10.2, 11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from platformkit_pipeline.model.inventory import InventoryObject
from platformkit_pipeline.model.record_inventory import Noun, decoded, encoded
from platformkit_pipeline.model.target import Environment
from platformkit_pipeline.model.waiver import WaiverState


@dataclass(frozen=True, slots=True)
class WaiverFacts:
    """One waiver of an active target that was not revoked. `subject` is its fingerprint or its pattern."""

    waiver_id: str
    target: str
    environment: Environment
    rule: str
    subject: str
    granted_by: str
    starts_on: date
    expires_on: date
    state: WaiverState
    goes_on: bool
    """Another waiver, which was not revoked, extends it."""
    matching: int
    """Open FAILs that it is about, whatever the day."""
    left_open: int
    """Those of them that were there on its last day already, and that nothing covers today."""
    longest_days: int
    """Days up to its end on which waivers cover the same violation, for the one where they are most."""


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """An active target. `last_scan` is when its last complete scan began; None where there is none."""

    kind: str
    name: str
    added_at: datetime
    last_scan: datetime | None

    @property
    def label(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """How the chain of the audit log stands, and which of the anchors that were noted outside it no longer holds."""

    length: int
    head_hash: str
    problems: tuple[str, ...] = ()
    anchors: int = 0
    missing_anchors: tuple[str, ...] = ()
    """One sentence for each anchor that is not in the chain, and for each line of their file that is none; the first ones where many."""


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """The review of one year (clause 11.2)."""

    year: int
    opened_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ControlPlaneSnapshot:
    """The control plane at `now` (UTC), when its observation began."""

    now: datetime
    installed_at: datetime
    audit: AuditFacts
    waivers: tuple[WaiverFacts, ...] = ()
    targets: tuple[TargetFacts, ...] = ()
    reviews: tuple[ReviewFacts, ...] = ()

    @property
    def today(self) -> date:
        return self.now.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class _Installation:
    installed_at: datetime


@dataclass(frozen=True, slots=True)
class _Stored:
    installation: _Installation
    audit: AuditFacts
    waivers: tuple[WaiverFacts, ...]
    targets: tuple[TargetFacts, ...]
    reviews: tuple[ReviewFacts, ...]


_NOUNS = (
    Noun("control_plane", "installation", _Installation, lambda _: "control-plane", single=True),
    Noun("audit_chain", "audit", AuditFacts, lambda _: "audit_log", single=True),
    Noun("waiver", "waivers", WaiverFacts, lambda r: r.waiver_id),
    Noun("governed_target", "targets", TargetFacts, lambda r: r.label),
    Noun("annual_review", "reviews", ReviewFacts, lambda r: str(r.year)),
)


def inventory_of(snapshot: ControlPlaneSnapshot) -> tuple[InventoryObject, ...]:
    """One object per waiver, target and review, one for the chain and one for the installation; the time is that of the scan."""
    installation = _Installation(snapshot.installed_at)
    return encoded(_NOUNS, _Stored(installation, snapshot.audit, snapshot.waivers, snapshot.targets, snapshot.reviews))


def snapshot_of(objects: Iterable[InventoryObject], now: datetime) -> ControlPlaneSnapshot:
    """The snapshot that `objects`, in any order, came from; `now` is when the scan began.

    Raises ValueError for a kind or field that this version does not know, and TypeError where the installation or the chain is missing.
    """
    stored = _Stored(**decoded(_NOUNS, objects))
    return ControlPlaneSnapshot(now, stored.installation.installed_at, stored.audit, stored.waivers, stored.targets, stored.reviews)
