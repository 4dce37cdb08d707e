"""The fleet: one report over all targets, made after the nightly run whatever became of single targets."""

# No `from __future__ import annotations` here: Dagster compares the annotation of `context` with the class itself.

from datetime import UTC, datetime, timedelta

import dagster as dg

from platformkit_pipeline.locations import home_directory
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.operations.keep_report import keep_report
from platformkit_pipeline.operations.measured import measured
from platformkit_pipeline.operations.report_fleet import report_fleet
from platformkit_pipeline.operations.report_platform import report_platform
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.keys import COMPLIANCE_REPORT, CONNECTOR_REPORT, FLEET_REPORT, REPOSITORY_REPORT
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.resources import ControlPlaneResource
from platformkit_pipeline.reporting.fleet import fleet_markdown

_REPORTS = (COMPLIANCE_REPORT, REPOSITORY_REPORT, CONNECTOR_REPORT)
_LATE = timedelta(hours=26)
_MISSING = timedelta(hours=36)


@dg.asset(
    key=FLEET_REPORT,
    deps=[dg.AssetDep(report, partition_mapping=dg.AllPartitionMapping()) for report in _REPORTS],
    group_name="reporting",
    description=(
        "Score and open findings of every project, repository and connector, read from `ops`: what was stored, not what a partition says "
        "(clauses 1.2, 7.2). Fresh when the nightly run really ran: a warning after 26 hours, a failure after 36."
    ),
    owners=OWNERS,
    kinds={"markdown", "postgres"},
    code_version="1",
    metadata=code_of(report_fleet),
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=_MISSING, warn_window=_LATE),
)
def compliance_report(context: dg.AssetExecutionContext, control_plane: ControlPlaneResource) -> dg.MaterializeResult[None]:
    """Materialize the fleet report."""
    try:
        with (
            bind_ids(run_id=context.run.run_id),
            measured(control_plane.session, "report", run_id=context.run.run_id),
            control_plane.session() as connection,
        ):
            now = datetime.now(UTC)
            fleet = report_fleet(connection, now)
            page = keep_report(report_platform(connection, now), home_directory())
    except ControlPlaneError as error:
        raise dg.Failure(description=sentence_of(error), allow_retries=False) from None
    scanned = [s for s in fleet.standings if s.raw_score is not None]
    metadata: dict[str, dg.MetadataValue] = {
        "report": dg.MetadataValue.md(fleet_markdown(fleet.standings)),
        "targets": dg.MetadataValue.int(len(fleet.standings)),
        "never_scanned": dg.MetadataValue.int(len(fleet.standings) - len(scanned)),
        **{f"open_{s.value}": dg.MetadataValue.int(sum(t.open_findings[s] for t in fleet.standings)) for s in Severity},
        "audit_head": dg.MetadataValue.text(fleet.audit_head),
    }
    if page is not None:
        metadata["page"] = dg.MetadataValue.path(str(page))
    if fleet.mean_score is not None:
        metadata["mean_score"] = dg.MetadataValue.float(fleet.mean_score)
    return dg.MaterializeResult(metadata=metadata)
