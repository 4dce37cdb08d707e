"""Plan the remediation of a target's open findings, and write plans out as migration files."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from platformkit_pipeline.control_plane import audit, findings, plans
from platformkit_pipeline.control_plane.audit import AuditEntry
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.operations.stored_snapshot import latest_observation
from platformkit_pipeline.remediation.migration_files import migration_files
from platformkit_pipeline.remediation.plan import build_plan


def plan_remediation(connection: Connection, target: Target, declarations: Declarations, *, run_id: str | None) -> Plan:
    """Build the plan for the open findings of the latest observation, store it and commit.

    The same findings on the same catalogue give the plan that is already stored; a new one goes to the audit log
    (clause 11.1). Raises ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        observation = latest_observation(connection, target)
        results = tuple(f.result for f in findings.open_findings(connection, observation.target_id))
        scan = observation.scan
        plan = build_plan(target, scan.scan_id, scan.catalog_fingerprint, results, observation.snapshot, declarations)
        if plans.store(connection, observation.target_id, plan):
            detail = {
                "target": target.name,
                "patches": len(plan.patches),
                "manual_items": len(plan.manual_items),
                "base_fingerprint": plan.base_fingerprint,
            }
            audit.append(connection, [AuditEntry("remediation.planned", plan.plan_id, detail, scan_id=scan.scan_id, run_id=run_id)])
    return plan


def write_plan(plan: Plan, directory: Path, *, first_version: datetime | None = None) -> tuple[Path, ...]:
    """Write the plan's files below `directory`, all or none; returns their paths.

    Raises ConfigurationError when the folder exists and is not empty, because mixing two plans loses track of both.
    """
    if directory.exists() and any(directory.iterdir()):
        raise ConfigurationError(f"{directory} is not empty: give a new folder for the plan's files")
    files = migration_files(plan, first_version or datetime.now(UTC))
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for file in files:
            path = staging / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
        staging.chmod(0o755)
        if directory.exists():
            directory.rmdir()
        os.replace(staging, directory)  # noqa: PTH105 - the rename is the commit
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return tuple(directory / file.path for file in files)
