"""One project on its way through its contracts. Every dimension is run at most once, whoever asks first."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.parity import ParityReport
from platformkit_pipeline.model.parity_gate import Base
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.parity_subject import ParitySubject
from platformkit_pipeline.operations.score_parity import KeptParity, Revision, keep_parity, report_of, run_dimensions, with_waivers
from platformkit_pipeline.orchestration.recording import Recorder, Selection

DEFAULT_BRANCH_TAG = "platformkit/default_branch"
"""Tag of a run: the branch whose runs make up the history; `main` without it."""


@dataclass(slots=True)
class ParityRun:
    """`connection` leads to the control plane; use cases commit by themselves. `base` is what the merge gate compares with."""

    subject: ParitySubject
    connection: Connection
    run_id: str
    selection: Selection
    record: Recorder
    revision: Revision
    base: Base | None = None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _results: dict[Dimension, tuple[CheckResult, ...]] = field(default_factory=dict)
    _report: ParityReport | None = None
    _kept: KeptParity | None = None

    @property
    def target(self) -> Target:
        return self.subject.target

    def declares(self, dimension: Dimension) -> bool:
        return dimension in self.subject.contracts.declared

    def results(self, dimension: Dimension) -> tuple[CheckResult, ...]:
        """What the contracts of the dimension say."""
        if dimension not in self._results:
            self._results[dimension] = run_dimensions(self.subject, (dimension,)) if self.declares(dimension) else ()
        return self._results[dimension]

    @property
    def report(self) -> ParityReport:
        """All dimensions and their score. The same run of Dagster makes the same parity run, however often its step starts."""
        if self._report is None:
            results: Iterable[CheckResult] = [r for dimension in Dimension for r in self.results(dimension)]
            report = report_of(
                self.subject,
                results,
                started_at=self.started_at,
                duration_seconds=round((datetime.now(UTC) - self.started_at).total_seconds(), 3),
                parity_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"platformkit:parity/{self.run_id}/{self.target.name}")),
                revision=self.revision,
                run_id=self.run_id,
            )
            self._report = with_waivers(self.connection, report, self.started_at)
        return self._report

    def keep(self) -> KeptParity:
        """Store the report, once."""
        if self._kept is None:
            self._kept = keep_parity(self.connection, self.report)
        return self._kept
