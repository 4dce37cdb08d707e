"""How two observations of one schema differ: what migrations declare against what is live, or before against after."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from platformkit_pipeline.model.identity import ObjectIdentity


class DifferenceKind(StrEnum):
    ONLY_LIVE = "only_live"
    """No migration makes it."""
    ONLY_DECLARED = "only_declared"
    """A migration makes it, and it is not there."""
    DIFFERENT = "different"
    UNKNOWN = "unknown"
    """One of the two could not be observed, so it counts as neither equal nor different."""


@dataclass(frozen=True, slots=True, order=True)
class Aspect:
    """One respect in which an object differs. A text is None where there is nothing on that side."""

    name: str
    """A field of the record (`default`, `using`, `comment`), a parameter (`search_path`), or `grants to <role>`."""
    declared: str | None
    live: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that differs. What belongs to an object that is missing as a whole is folded into it."""

    kind: DifferenceKind
    object: ObjectIdentity
    aspects: tuple[Aspect, ...] = ()
    folded: tuple[str, ...] = ()
    """Canonical identities of its columns, policies and so on, which are missing with it."""
    reason: str | None = None
    """Why it is unknown."""


@dataclass(frozen=True, slots=True, order=True)
class Regression:
    """A protection that an object had when it was observed before and has lost since (clauses 2.1, 2.2)."""

    object: str
    """`ObjectIdentity.canonical`."""
    protection: str
    """search_path, security_invoker or row_security."""
    before: str
    after: str | None
    scan_id: str | None = None
    """The scan that first saw it gone; None where two snapshots were compared."""
