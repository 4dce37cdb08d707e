"""Reports on the fleet when the nightly run has ended, however it ended: one unreachable target must not silence the rest."""

from __future__ import annotations

import dagster as dg

from platformkit_pipeline.orchestration.jobs import fleet_report, nightly, nightly_connectors, nightly_repositories


def _after_nightly(name: str, status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name=name,
        run_status=status,
        monitored_jobs=[nightly, nightly_repositories, nightly_connectors],
        request_job=fleet_report,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts the fleet report after a nightly run that ended as {status.value}.",
    )
    def report(context: dg.RunStatusSensorContext) -> dg.RunRequest:
        # A sensor drops a repeated key for ever and silently, so the key is the night's own.
        return dg.RunRequest(run_key=context.dagster_run.run_id, tags={"platformkit/after_run": context.dagster_run.run_id})

    return report


FLEET_REPORT_SENSORS = (
    _after_nightly("fleet_report_after_success", dg.DagsterRunStatus.SUCCESS),
    _after_nightly("fleet_report_after_failure", dg.DagsterRunStatus.FAILURE),
)
