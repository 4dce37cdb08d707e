"""What a run over the sample platform found, held against the list of faults that were planted there."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.control_plane import findings, plans, scans, targets
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors, one_row
from platformkit_pipeline.control_plane.findings import OpenFinding
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.target import TargetKind
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


def summarise_demo(connection: Connection) -> tuple[ProjectSummary, ...]:
    """One summary per sample project, in their order. Raises ControlPlaneError when one has no complete scan."""
    with control_plane_errors(), connection.transaction():
        return tuple(_summary(connection, project) for project in SAMPLE_PROJECTS)


def _summary(connection: Connection, project: SampleProject) -> ProjectSummary:
    stored = targets.find(connection, TargetKind.SUPABASE_PROJECT, project.name)
    scan = scans.latest(connection, stored.target_id) if stored else None
    if stored is None or scan is None or scan.score is None:
        raise ControlPlaneError(f"{project.name} has no complete scan: the run did not reach it")
    rows = one_row(connection.execute("select count(*) from ops.inventory_history where scan_id = %s", (scan.scan_id,)))
    opened = findings.open_findings(connection, stored.target_id)
    by_object = {(f.result.rule, f.result.object.canonical, f.result.outcome): f for f in opened}
    expected = {(fault.rule, fault.object, fault.outcome): fault for fault in planted_faults(project.name)}
    planted = {key: fault for key, fault in expected.items() if not fault.awaits_counters}
    judged = {key: f for key, f in by_object.items() if key not in expected or key in planted}
    return ProjectSummary(
        name=project.name,
        environment=project.environment.value,
        score=scan.score.raw_display,
        objects=scan.object_count or 0,
        rows_written=int(rows[0]),
        new_findings=sum(f.first_seen_scan == scan.scan_id for f in judged.values()),
        open_findings=tuple(judged.values()),
        found=tuple(fault for key, fault in planted.items() if key in judged),
        missed=tuple(fault for key, fault in planted.items() if key not in judged),
        not_planted=tuple(f for key, f in judged.items() if key not in planted),
        awaiting_counters=tuple(f for key, f in by_object.items() if key not in judged),
        plan=plans.latest(connection, stored.target_id),
    )
