"""The road of one connector from observation to gate, as one step over any number of connectors (see `each_target`)."""

# No `from __future__ import annotations` here: Dagster compares the annotation of `context` with the class itself.

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.settings import Settings, target_of
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations.read_settings import find_connector
from platformkit_pipeline.orchestration.assets.connector.compliance import CONNECTOR_COMPLIANCE
from platformkit_pipeline.orchestration.assets.connector.governance import CONNECTOR_GOVERNANCE
from platformkit_pipeline.orchestration.assets.connector.introspection import CONNECTOR_INTROSPECTION
from platformkit_pipeline.orchestration.assets.each_target import for_each_target, prepared_settings, through_stages
from platformkit_pipeline.orchestration.assets.stage import ConnectorRun
from platformkit_pipeline.orchestration.partitions import connectors
from platformkit_pipeline.orchestration.recording import Event, Recorder, Selection
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource

STAGES = (CONNECTOR_INTROSPECTION, CONNECTOR_COMPLIANCE, CONNECTOR_GOVERNANCE)
CONNECTOR_KEYS = tuple(key for stage in STAGES for key in stage.keys)


@dg.multi_asset(
    name="connector_scan",
    specs=[spec for stage in STAGES for spec in stage.specs],
    check_specs=[check for stage in STAGES for check in stage.checks],
    partitions_def=connectors,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    description="Observe, store, judge and decide for every connector of the run, one after the other.",
)
def connector_scan(context: dg.AssetExecutionContext, settings: SettingsResource, control_plane: ControlPlaneResource) -> Iterator[Event]:
    """Carry every connector of the run through the selected stages; fail at the end if one of them failed."""
    listed = prepared_settings(settings, control_plane)
    yield from for_each_target(
        context, control_plane, lambda name: _scan(context, name, listed, control_plane), scanned=TargetKind.CONNECTOR
    )


def _scan(context: dg.AssetExecutionContext, name: str, listed: Settings, control_plane: ControlPlaneResource) -> Iterator[Event]:
    connector = find_connector(listed, name)

    def run_of(connection: Connection, selection: Selection, recorder: Recorder) -> ConnectorRun:
        return ConnectorRun(connector, connection, context.run.run_id, selection, recorder)

    yield from through_stages(context, control_plane, target_of(connector), STAGES, run_of)
