"""First stage: ask a connector everything, put it to the acceptance suite, and store what it said."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from platformkit_pipeline.model.connector import ConnectorSnapshot
from platformkit_pipeline.operations.observe_connector_target import ConnectorObservation, observe_connector_target
from platformkit_pipeline.orchestration.assets.introspection import INVENTORY_COLUMNS, rows_metadata
from platformkit_pipeline.orchestration.assets.stage import ConnectorRun, Stage
from platformkit_pipeline.orchestration.keys import CONNECTORS, SOURCE_CONNECTORS
from platformkit_pipeline.orchestration.metadata import Metadata, kinds_metadata, table, unobserved_metadata
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.partitions import connectors
from platformkit_pipeline.orchestration.recording import Event

_TEST_COLUMNS = {"test": "string", "outcome": "string", "message": "string"}


def _observe(run: ConnectorRun) -> Iterator[Event]:
    yield _event(run, observe_connector_target(run.connection, run.connector, run_id=run.run_id))


def _event(run: ConnectorRun, observation: ConnectorObservation) -> Event:
    snapshot = observation.snapshot
    return run.record.materialized(
        CONNECTORS,
        {
            "scan_id": dg.MetadataValue.text(observation.scan_id),
            "duration_seconds": dg.MetadataValue.float(observation.duration_seconds),
            "software": dg.MetadataValue.text(snapshot.software),
            "capabilities": dg.MetadataValue.text(", ".join(snapshot.capabilities) or "none"),
            "missing": table({"missing": "string"}, [(item,) for item in snapshot.missing]),
            "contract_tests": table(_TEST_COLUMNS, [(r.name, r.outcome.value, r.message) for r in snapshot.contract_tests]),
            "acceptance": table(_TEST_COLUMNS, [(r.name, r.outcome.value, r.message) for r in snapshot.acceptance]),
            "fingerprint": dg.MetadataValue.text(observation.fingerprint),
            **_measures(snapshot),
            **rows_metadata(observation.changes),
            **kinds_metadata(observation.object_counts),
            **unobserved_metadata(snapshot.unobserved),
        },
        data_version=observation.fingerprint,
    )


def _measures(snapshot: ConnectorSnapshot) -> Metadata:
    """Numbers, each with a plot over time; what was not measured has no point in it."""
    health, queue = snapshot.health, snapshot.queue
    measured: dict[str, dg.MetadataValue] = {"health": dg.MetadataValue.text(health.status.value if health else "unknown")}
    if health is not None:
        measured["latency_seconds"] = dg.MetadataValue.float(health.latency_seconds)
    if snapshot.success_rate is not None:
        measured["success_rate_percent"] = dg.MetadataValue.float(snapshot.success_rate)
    if queue is not None:
        measured |= {
            "queue_pending": dg.MetadataValue.int(queue.pending),
            "queue_oldest_age_seconds": dg.MetadataValue.float(queue.oldest_age_seconds),
            "dead_letters": dg.MetadataValue.int(queue.dead_letters),
        }
    return measured


CONNECTOR_INTROSPECTION = Stage(
    specs=(
        dg.AssetSpec(
            CONNECTORS,
            deps=[SOURCE_CONNECTORS],
            group_name="introspection",
            description=(
                "What a connector answers: inventory, health, capabilities, contract tests, queue; and what the acceptance suite shows of "
                "it on a bench of its own, never on its real destination. One row per object in `ops.inventory_objects`, one per check in "
                "`ops.connector_health`; an unchanged connector writes only the latter (clauses 9.1, 9.2)."
            ),
            owners=OWNERS,
            kinds={"python", "postgres"},
            code_version="1",
            metadata={
                **code_of(observe_connector_target),
                "dagster/column_schema": INVENTORY_COLUMNS,
                "dagster/table_name": "ops.inventory_objects",
            },
            partitions_def=connectors,
            skippable=True,
        ),
    ),
    carry_out=_observe,
    operation="scan",
)
