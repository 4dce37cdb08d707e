"""One observation of one target and what the rules said about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from platformkit_pipeline.model.result import Outcome, Result, finding_fingerprint
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.model.snapshot import Unobserved
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.model.waiver import Cover

STALE_AFTER = timedelta(hours=26)
"""A nightly scan, two hours late (clause 4.2)."""


@dataclass(frozen=True, slots=True)
class ScanReport:
    """`results` are sorted by severity, rule and identity and hold every outcome (one PASS per rule, with its count);
    `findings` are the failing and unknown ones.
    """

    scan_id: str
    target: Target
    server_version: str | None
    """Of a database's server; None for other targets."""
    started_at: datetime
    duration_seconds: float
    catalog_fingerprint: str
    ruleset_digest: str
    results: tuple[Result, ...]
    score: Score
    unobserved: tuple[Unobserved, ...] = ()
    commit: str | None = None
    """That was observed of a repository; None for one without any."""
    base: str | None = None
    """The commit that a change is compared with: findings that it has already are left out."""
    connector: str | None = None
    """Class and version of a connector that was asked; None for other targets."""
    covers: Mapping[str, Cover] = field(default_factory=dict)
    """What excuses failing findings, by fingerprint. A scan without control plane knows of nothing."""

    @property
    def observed_thing(self) -> str:
        """What was looked at, in words: `PostgreSQL 15.18`, `commit 1a2b3c4d5e6f`."""
        if self.server_version is not None:
            return f"PostgreSQL {self.server_version}"
        if self.target.kind is TargetKind.CONNECTOR:
            return f"connector {self.connector}" if self.connector else "connector"
        since = f", compared with {self.base[:12]}" if self.base else ""
        return f"commit {self.commit[:12]}{since}" if self.commit else "no commit yet"

    @property
    def findings(self) -> tuple[Result, ...]:
        return tuple(r for r in self.results if r.is_finding)

    def cover_of(self, finding: Result) -> Cover | None:
        """What excuses a finding; None for one that is not excused."""
        if not self.covers or finding.outcome is not Outcome.FAIL:
            return None
        return self.covers.get(finding_fingerprint(self.target, finding.rule, finding.object))

    @property
    def outcome_counts(self) -> Counter[Outcome]:
        """Objects per outcome, over all rules."""
        counts: Counter[Outcome] = Counter()
        for result in self.results:
            counts[result.outcome] += result.count
        return counts
