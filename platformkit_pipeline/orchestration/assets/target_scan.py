"""The road of one project from observation to gate, as one step over any number of projects (see `each_target`)."""

# No `from __future__ import annotations` here: Dagster compares the annotation of `context` with the class itself.

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.settings import Settings, target_of
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations.check_drift import migrations_folder
from platformkit_pipeline.operations.read_settings import find_project
from platformkit_pipeline.orchestration.assets.compliance import COMPLIANCE
from platformkit_pipeline.orchestration.assets.each_target import for_each_target, prepared_settings, through_stages
from platformkit_pipeline.orchestration.assets.governance import GOVERNANCE
from platformkit_pipeline.orchestration.assets.introspection import INTROSPECTION
from platformkit_pipeline.orchestration.assets.migrations import DRIFT
from platformkit_pipeline.orchestration.assets.proofs import PROVING
from platformkit_pipeline.orchestration.assets.remediation import REMEDIATION
from platformkit_pipeline.orchestration.assets.stage import TargetRun
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event, Recorder, Selection
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource

STAGES = (INTROSPECTION, COMPLIANCE, REMEDIATION, GOVERNANCE, PROVING, DRIFT)
TARGET_KEYS = tuple(key for stage in STAGES for key in stage.keys)
UNHURRIED_KEYS = (*PROVING.keys, *DRIFT.keys)
"""What takes a server of its own, and nobody waits for."""


@dg.multi_asset(
    name="target_scan",
    specs=[spec for stage in STAGES for spec in stage.specs],
    check_specs=[check for stage in STAGES for check in stage.checks],
    partitions_def=supabase_projects,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    description="Observe, store, judge, plan, decide and prove for every target of the run, one after the other.",
)
def target_scan(context: dg.AssetExecutionContext, settings: SettingsResource, control_plane: ControlPlaneResource) -> Iterator[Event]:
    """Carry every target of the run through the selected stages; fail at the end if one of them failed."""
    listed = prepared_settings(settings, control_plane)
    yield from for_each_target(
        context, control_plane, lambda name: _scan(context, name, listed, settings, control_plane), scanned=TargetKind.SUPABASE_PROJECT
    )


def _scan(
    context: dg.AssetExecutionContext, name: str, listed: Settings, settings: SettingsResource, control_plane: ControlPlaneResource
) -> Iterator[Event]:
    project = find_project(listed, name)
    migrations = migrations_folder(listed, settings.file, project)

    def run_of(connection: Connection, selection: Selection, recorder: Recorder) -> TargetRun:
        return TargetRun(project, connection, context.run.run_id, selection, recorder, migrations)

    yield from through_stages(context, control_plane, target_of(project), STAGES, run_of)
