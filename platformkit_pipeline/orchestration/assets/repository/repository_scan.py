"""The road of one repository from observation to gate, as one step over any number of repositories (see `each_target`)."""

# No `from __future__ import annotations` here: Dagster compares the annotation of `context` with the class itself.

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.settings import Settings, target_of
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations.read_settings import find_repository
from platformkit_pipeline.orchestration.assets.each_target import for_each_target, prepared_settings, through_stages
from platformkit_pipeline.orchestration.assets.repository.compliance import REPOSITORY_COMPLIANCE
from platformkit_pipeline.orchestration.assets.repository.governance import REPOSITORY_GOVERNANCE
from platformkit_pipeline.orchestration.assets.repository.introspection import REPOSITORY_INTROSPECTION
from platformkit_pipeline.orchestration.assets.stage import RepositoryRun
from platformkit_pipeline.orchestration.partitions import repositories
from platformkit_pipeline.orchestration.recording import Event, Recorder, Selection
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource

STAGES = (REPOSITORY_INTROSPECTION, REPOSITORY_COMPLIANCE, REPOSITORY_GOVERNANCE)
REPOSITORY_KEYS = tuple(key for stage in STAGES for key in stage.keys)


@dg.multi_asset(
    name="repository_scan",
    specs=[spec for stage in STAGES for spec in stage.specs],
    check_specs=[check for stage in STAGES for check in stage.checks],
    partitions_def=repositories,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    description="Observe, store, judge and decide for every repository of the run, one after the other.",
)
def repository_scan(context: dg.AssetExecutionContext, settings: SettingsResource, control_plane: ControlPlaneResource) -> Iterator[Event]:
    """Carry every repository of the run through the selected stages; fail at the end if one of them failed."""
    listed = prepared_settings(settings, control_plane)
    yield from for_each_target(
        context, control_plane, lambda name: _scan(context, name, listed, settings, control_plane), scanned=TargetKind.REPOSITORY
    )


def _scan(
    context: dg.AssetExecutionContext, name: str, listed: Settings, settings: SettingsResource, control_plane: ControlPlaneResource
) -> Iterator[Event]:
    repository = find_repository(listed, name)

    def run_of(connection: Connection, selection: Selection, recorder: Recorder) -> RepositoryRun:
        return RepositoryRun(repository, settings.file, connection, context.run.run_id, selection, recorder)

    yield from through_stages(context, control_plane, target_of(repository), STAGES, run_of)
