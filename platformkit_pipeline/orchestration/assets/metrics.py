"""The night's figures: `ops/metrics`."""

# No `from __future__ import annotations` here: Dagster compares the annotation of `context` with the class itself.

from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.operations.roll_up_metrics import roll_up_metrics
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.keys import FLEET_REPORT, METRICS
from platformkit_pipeline.orchestration.metadata import table
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.resources import ControlPlaneResource


@dg.asset(
    key=METRICS,
    deps=[FLEET_REPORT],
    group_name="ops",
    description=(
        "Error rate of every operation in the last 24 hours, and how many findings, alerts, waivers and late targets there are: one "
        "measurement each and day in `ops.metrics` (clause 7.2). What single operations measured stands there already. "
        "`platformkit metrics` and the dashboards in `deploy/` read it."
    ),
    owners=OWNERS,
    kinds={"postgres"},
    code_version="1",
    metadata=code_of(roll_up_metrics),
)
def platform_metrics(context: dg.AssetExecutionContext, control_plane: ControlPlaneResource) -> dg.MaterializeResult[None]:
    """Materialize the figures of today."""
    try:
        with bind_ids(run_id=context.run.run_id), control_plane.session() as connection:
            rolled = roll_up_metrics(connection, datetime.now(UTC))
    except ControlPlaneError as error:
        raise dg.Failure(description=sentence_of(error), allow_retries=False) from None
    columns = {"operation": "string", "count": "int", "failed": "int", "error_rate_percent": "float"}
    rows = [(rate.operation, rate.count, rate.failed, rate.error_rate) for rate in rolled.rates]
    return dg.MaterializeResult(
        metadata={
            "operations": table(columns, rows),
            "new_measurements": dg.MetadataValue.int(rolled.stored),
            **{f"open_{severity}": dg.MetadataValue.int(count) for severity, count in rolled.open_findings},
            **{f"{rate.operation}_error_rate": dg.MetadataValue.float(rate.error_rate) for rate in rolled.rates},
            "alerts_open": dg.MetadataValue.int(rolled.alerts),
            "waivers_active": dg.MetadataValue.int(rolled.waivers),
            "exceptions_active": dg.MetadataValue.int(rolled.exceptions),
            "targets": dg.MetadataValue.int(rolled.targets),
            "targets_stale": dg.MetadataValue.int(rolled.stale),
        }
    )
