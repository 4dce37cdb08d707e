"""The code location put together: one function for production, tests and tools."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from platformkit_pipeline.logs import configure_logging, get_logger
from platformkit_pipeline.model.errors import ConfigurationError, SettingsError
from platformkit_pipeline.model.settings import Schedule

# One run is the unit of parallelism: a step in a process of its own would cost two seconds, in this process it costs none.
_EXECUTOR = dg.in_process_executor

_log = get_logger("orchestration.build")


def build_defs(*, resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors. `resources` replaces those of the same name (`settings`, `control_plane`)."""
    configure_logging()
    with warnings.catch_warnings():
        # Partitioned checks are a preview and single-run backfills a beta in this pinned version; both are covered by tests.
        warnings.simplefilter("ignore", category=dg.PreviewWarning)
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        from platformkit_pipeline.orchestration.assets.amendments import amendments
        from platformkit_pipeline.orchestration.assets.annual_review import annual_review
        from platformkit_pipeline.orchestration.assets.connector.connector_scan import connector_scan
        from platformkit_pipeline.orchestration.assets.control_plane import control_plane_scan
        from platformkit_pipeline.orchestration.assets.enterprise_readme import enterprise_readme
        from platformkit_pipeline.orchestration.assets.exceptions import exceptions
        from platformkit_pipeline.orchestration.assets.metrics import platform_metrics
        from platformkit_pipeline.orchestration.assets.parity.parity_scan import parity_scan_of
        from platformkit_pipeline.orchestration.assets.reporting import compliance_report
        from platformkit_pipeline.orchestration.assets.repository.repository_scan import repository_scan
        from platformkit_pipeline.orchestration.assets.sources import source_connectors, source_projects, source_repositories
        from platformkit_pipeline.orchestration.assets.target_scan import target_scan
        from platformkit_pipeline.orchestration.assets.waivers import waivers
        from platformkit_pipeline.orchestration.data_quality import stored_data_quality
        from platformkit_pipeline.orchestration.govern import govern_jobs, govern_schedules
        from platformkit_pipeline.orchestration.jobs import (
            decide_connector_gate,
            decide_gate,
            decide_repository_gate,
            fleet_report,
            nightly,
            nightly_connectors,
            nightly_parity,
            nightly_repositories,
            plan_target,
            prove_target,
            scan_connector,
            scan_repository,
            scan_target,
            score_parity,
        )
        from platformkit_pipeline.orchestration.pruning import prune_runs
        from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource
        from platformkit_pipeline.orchestration.schedules import housekeeping_schedules, nightly_schedules
        from platformkit_pipeline.orchestration.sensors.fleet_report import FLEET_REPORT_SENSORS
        from platformkit_pipeline.orchestration.sensors.outbox_delivery import outbox_delivery
        from platformkit_pipeline.orchestration.sensors.repository_head import repository_head
        from platformkit_pipeline.orchestration.sensors.run_failure import run_failure
        from platformkit_pipeline.orchestration.sensors.schema_change import schema_change
        from platformkit_pipeline.orchestration.sensors.target_registry import target_registry
        from platformkit_pipeline.orchestration.sensors.unplanned_findings import unplanned_findings
        from platformkit_pipeline.orchestration.sensors.waiver_lapses import waiver_lapses

        given = {"settings": SettingsResource(), "control_plane": ControlPlaneResource(), **(resources or {})}
        schedule = _schedule(given["settings"])
        parity_scan = parity_scan_of(_declared_checks(given["settings"]))
        assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
            *(source_projects, target_scan, parity_scan),
            *(source_repositories, repository_scan),
            *(source_connectors, connector_scan),
            compliance_report,
            *(exceptions, waivers, annual_review, amendments, enterprise_readme, platform_metrics),
            control_plane_scan,
        ]
        defined = {key for asset in assets if isinstance(asset, dg.AssetsDefinition) for key in asset.keys}
        return dg.Definitions(
            assets=assets,
            asset_checks=[stored_data_quality],
            jobs=[
                *(scan_target, prove_target, score_parity, scan_repository, scan_connector),
                *(nightly, nightly_repositories, nightly_connectors, nightly_parity, fleet_report),
                *(plan_target, decide_gate, decide_repository_gate, decide_connector_gate, prune_runs),
                *govern_jobs(defined),
            ],
            schedules=[*nightly_schedules(schedule), *housekeeping_schedules(schedule), *govern_schedules(schedule, defined)],
            sensors=[
                *(target_registry, repository_head, outbox_delivery, *FLEET_REPORT_SENSORS),
                *(schema_change, unplanned_findings, run_failure, waiver_lapses),
            ],
            resources=given,
            executor=_EXECUTOR,
        )


def _declared_checks(settings: Any) -> tuple[tuple[str, str], ...]:
    """Of the data contracts that are there now; without settings none."""
    from platformkit_pipeline.operations.declared_checks import declared_data_checks

    try:
        return tuple(declared_data_checks(settings.file, settings.read()))
    except ConfigurationError:
        return ()


def _schedule(settings: Any) -> Schedule:
    """From the settings if they can be read: malformed ones must not take the whole location down."""
    try:
        schedule: Schedule = settings.read().schedule
    except SettingsError as error:
        _log.warning("settings cannot be read, the nightly schedule keeps its default", reason=str(error))
        return Schedule()
    return schedule
