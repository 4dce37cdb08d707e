"""What a run over the sample platform found, held against the list of faults that were planted there."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.control_plane import findings, parity, plans, scans, targets
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors, one_row
from platformkit_pipeline.control_plane.findings import OpenFinding
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations import demo_repository
from platformkit_pipeline.operations.demo_contracts import CONTRACTS, HONOURING
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, PlantedFault, SampleProject, planted_faults


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """One sample project after its latest complete scan. `rows_written` and `new_findings` are of that scan alone.

    What waits for counters is listed under `awaiting_counters` and counted nowhere else.
    """

    name: str
    environment: str
    score: float
    objects: int
    rows_written: int
    new_findings: int
    open_findings: tuple[OpenFinding, ...]
    found: tuple[PlantedFault, ...]
    missed: tuple[PlantedFault, ...]
    not_planted: tuple[OpenFinding, ...]
    awaiting_counters: tuple[OpenFinding, ...]
    """No faults: rules that cannot tell yet, as was to be expected of a server that has not counted for long."""
    plan: Plan | None

    @property
    def as_planted(self) -> bool:
        """The findings are the planted faults: no more, no fewer. What the counters say later changes nothing about it."""
        return not self.missed and not self.not_planted


@dataclass(frozen=True, slots=True)
class RepositorySummary:
    """The sample repository after its latest complete scan. Rules by code; `unknown` could not be judged from a clone."""

    name: str
    score: float
    objects: int
    rows_written: int
    new_findings: int
    found: tuple[str, ...]
    missed: tuple[str, ...]
    not_planted: tuple[OpenFinding, ...]
    unknown: tuple[str, ...]

    @property
    def as_planted(self) -> bool:
        """What fails is what was planted: no more, no fewer."""
        return not self.missed and not self.not_planted


@dataclass(frozen=True, slots=True)
class ParitySummary:
    """A sample project with contracts after its latest run of them. Checks by what they said; `failing` are named."""

    name: str
    score: float | None
    passed: int
    unknown: int
    failing: tuple[str, ...]

    @property
    def as_planted(self) -> bool:
        """The shop honours all of its contracts, the clinic does not."""
        honoured = not self.failing and not self.unknown
        return honoured if self.name == HONOURING else bool(self.failing)


def summarise_demo(connection: Connection) -> tuple[ProjectSummary, ...]:
    """One summary per sample project, in their order. Raises ControlPlaneError when one has no complete scan."""
    with control_plane_errors(), connection.transaction():
        return tuple(_summary(connection, project) for project in SAMPLE_PROJECTS)


def summarise_demo_repository(connection: Connection) -> RepositorySummary:
    """Raises ControlPlaneError when it has no complete scan."""
    with control_plane_errors(), connection.transaction():
        target_id, scan, score = _scanned(connection, TargetKind.REPOSITORY, demo_repository.NAME)
        opened = findings.open_findings(connection, target_id)
        rows_written = _rows_written(connection, scan)
    failing = [f for f in opened if f.result.outcome is Outcome.FAIL]
    broken = {f.result.rule for f in failing}
    planted = demo_repository.planted_rules()
    expected = {code for rule in planted for code in (rule.code, *rule.also_fires)}
    return RepositorySummary(
        name=demo_repository.NAME,
        score=score.raw_display,
        objects=scan.object_count or 0,
        rows_written=rows_written,
        new_findings=sum(f.first_seen_scan == scan.scan_id for f in failing),
        found=tuple(rule.code for rule in planted if rule.code in broken),
        missed=tuple(rule.code for rule in planted if rule.code not in broken),
        not_planted=tuple(f for f in failing if f.result.rule not in expected),
        unknown=tuple(sorted({f.result.rule for f in opened if f.result.outcome is Outcome.UNKNOWN})),
    )


def summarise_demo_parity(connection: Connection) -> tuple[ParitySummary, ...]:
    """One summary per sample project with contracts. Raises ControlPlaneError when one of them was not held against it."""
    with control_plane_errors(), connection.transaction():
        return tuple(_parity(connection, name) for name in CONTRACTS)


def _parity(connection: Connection, name: str) -> ParitySummary:
    stored = targets.find(connection, TargetKind.SUPABASE_PROJECT, name)
    run = parity.named(connection, stored.target_id, parity.LATEST) if stored else None
    if run is None:
        raise ControlPlaneError(f"the contracts of {name} were not held against it: the run did not reach them")
    score, results = run.report.parity.score, run.report.results
    return ParitySummary(
        name=name,
        score=score.raw_display if score else None,
        passed=sum(r.outcome is Outcome.PASS for r in results),
        unknown=sum(r.outcome is Outcome.UNKNOWN for r in results),
        failing=tuple(f"{r.contract}: {r.check}" for r in results if r.outcome is Outcome.FAIL),
    )


def _scanned(connection: Connection, kind: TargetKind, name: str) -> tuple[int, ScanRecord, Score]:
    """Id, latest complete scan and score of a target."""
    stored = targets.find(connection, kind, name)
    scan = scans.latest(connection, stored.target_id) if stored else None
    if stored is None or scan is None or scan.score is None:
        raise ControlPlaneError(f"{name} has no complete scan: the run did not reach it")
    return stored.target_id, scan, scan.score


def _rows_written(connection: Connection, scan: ScanRecord) -> int:
    return int(one_row(connection.execute("select count(*) from ops.inventory_history where scan_id = %s", (scan.scan_id,)))[0])


def _summary(connection: Connection, project: SampleProject) -> ProjectSummary:
    target_id, scan, score = _scanned(connection, TargetKind.SUPABASE_PROJECT, project.name)
    opened = findings.open_findings(connection, target_id)
    by_object = {(f.result.rule, f.result.object.canonical, f.result.outcome): f for f in opened}
    expected = {(fault.rule, fault.object, fault.outcome): fault for fault in planted_faults(project.name)}
    planted = {key: fault for key, fault in expected.items() if not fault.awaits_counters}
    judged = {key: f for key, f in by_object.items() if key not in expected or key in planted}
    return ProjectSummary(
        name=project.name,
        environment=project.environment.value,
        score=score.raw_display,
        objects=scan.object_count or 0,
        rows_written=_rows_written(connection, scan),
        new_findings=sum(f.first_seen_scan == scan.scan_id for f in judged.values()),
        open_findings=tuple(judged.values()),
        found=tuple(fault for key, fault in planted.items() if key in judged),
        missed=tuple(fault for key, fault in planted.items() if key not in judged),
        not_planted=tuple(f for key, f in judged.items() if key not in planted),
        awaiting_counters=tuple(f for key, f in by_object.items() if key not in judged),
        plan=plans.latest(connection, target_id),
    )
