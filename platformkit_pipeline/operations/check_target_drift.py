"""Replay a target's migrations, compare them with its stored observation, and store what the rules say (MIG050, MIG051)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from platformkit_pipeline.control_plane import findings
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.introspection.postgres.applied_migrations import applied_versions
from platformkit_pipeline.model.drift import Regression
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.migration_history import DriftReport
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.check_drift import LiveProject, check_observed, history_rules
from platformkit_pipeline.operations.regressions import regressions
from platformkit_pipeline.operations.replay_migrations import ReplayOptions
from platformkit_pipeline.operations.stored_snapshot import latest_observation


@dataclass(frozen=True, slots=True)
class TargetDrift:
    """`report` is None where the settings name no migrations; `regressions` are read from the history of the inventory."""

    scan_id: str
    report: DriftReport | None
    regressions: tuple[Regression, ...]


def check_target_drift(connection: Connection, target: Target, dsn: Dsn, folder: Path | None) -> TargetDrift:
    """Compare the latest observation of `target` with what the migrations of `folder` make, and store the findings. Commits.

    The database behind `dsn` is asked for the versions that it has applied, nothing else. Raises ControlPlaneError, ConfigurationError
    without such a folder, SandboxError without a server for the replay, ObservationError when the versions cannot be asked for.
    """
    with control_plane_errors(), connection.transaction():
        observation = latest_observation(connection, target)
        lost = regressions(connection, target)
    scan_id = observation.scan.scan_id
    if folder is None:
        return TargetDrift(scan_id, None, lost)
    live = LiveProject(observation.snapshot, applied_versions(dsn))
    report = check_observed(live, target=target, folder=folder, options=ReplayOptions())
    report = replace(report, history=replace(report.history, regressions=lost))
    rules = frozenset(r.code for r in history_rules())
    with control_plane_errors(), connection.transaction():
        findings.write(connection, target, observation.target_id, scan_id, report.results, rules=rules)
    return TargetDrift(scan_id, report, lost)
