"""What a rule says about an object: results, and the findings among them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.target import Target


class Severity(StrEnum):
    """Bands as in CVSS; `info` is never scored."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the most severe."""
        return _RANK[self]

    def at_least(self, other: Severity) -> bool:
        return self.rank <= other.rank


_RANK = {severity: position for position, severity in enumerate(Severity)}


class Outcome(StrEnum):
    """UNKNOWN is not PASS: what could not be observed scores like a failure. NA needs a declaration."""

    PASS = "PASS"  # noqa: S105 - an outcome, not a password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NA"


class PatchKind(StrEnum):
    """How a finding of a rule can be mended."""

    SQL = "sql"
    FILE = "file"
    SETTING = "setting"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Result:
    """One rule applied to one object. `evidence` holds JSON values only and never a secret.

    Passing objects are only counted: a rule's passes are one result about the database whose `count` is their number.
    """

    rule: str
    name: str
    clause: str
    severity: Severity
    outcome: Outcome
    object: ObjectIdentity
    message: str
    patch: PatchKind
    evidence: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    """How many objects the result speaks for; above 1 for PASS only."""

    @property
    def is_finding(self) -> bool:
        return self.outcome in (Outcome.FAIL, Outcome.UNKNOWN)

    @property
    def sort_key(self) -> tuple[int, str, ObjectIdentity]:
        """Contract order of findings: severity, rule, identity."""
        return (self.severity.rank, self.rule, _sortable(self.object))


def _sortable(identity: ObjectIdentity) -> ObjectIdentity:
    return identity if identity.schema is not None else ObjectIdentity(identity.kind, "", identity.name, identity.detail)


def finding_fingerprint(target: Target, rule: str, identity: ObjectIdentity) -> str:
    """Stable name of (rule, target, object): 32 hex digits. Survives rescans, other servers and changes of severity."""
    text = "\x1f".join(("1", target.kind.value, target.name, rule, identity.canonical))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
