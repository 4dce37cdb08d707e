"""A plan for a database as it is now, without a control plane, and plans as files."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.target import NO_OPTIONS, Declarations, ObservationOptions, Target
from platformkit_pipeline.operations.judge import judge
from platformkit_pipeline.operations.observe_all import observe_all
from platformkit_pipeline.operations.prove_plan import Progress, prove
from platformkit_pipeline.operations.write_folder import write_folder
from platformkit_pipeline.remediation.migration_files import migration_files
from platformkit_pipeline.remediation.plan import plan_for
from platformkit_pipeline.rules.registry import Scope, rules_for


def propose_plan(
    dsn: Dsn,
    *,
    target: Target,
    declarations: Declarations,
    options: ObservationOptions = NO_OPTIONS,
    proven: bool = True,
    progress: Progress = lambda _: None,
) -> Plan:
    """Observe the database in one read-only transaction, judge it, plan for what fails, and prove the plan on a shadow.

    Nothing is stored, and the database is not changed. Raises TargetUnreachable, TargetBusy or another ObservationError, and
    SandboxError when there is no server to be had for the shadow.
    """
    progress(f"observing {target.name}")
    snapshot = observe_all(dsn, options)
    report = judge(
        snapshot,
        target=target,
        declarations=declarations,
        rules=rules_for(Scope.PROJECT),
        scan_id=str(uuid.uuid4()),
        started_at=datetime.now(UTC),
    )
    plan = plan_for(report, snapshot, declarations)
    return prove(plan, snapshot, declarations, progress) if proven else plan


def write_plan(plan: Plan, directory: Path, *, first_version: datetime | None = None) -> tuple[Path, ...]:
    """Write the plan's files below `directory`, all or none; returns their paths.

    Raises ConfigurationError when the folder exists and is not empty, because mixing two plans loses track of both.
    """
    if directory.exists() and any(directory.iterdir()):
        raise ConfigurationError(f"{directory} is not empty: give a new folder for the plan's files")
    files = migration_files(plan, first_version or datetime.now(UTC))
    return write_folder(directory, {file.path: file.text for file in files})
