"""`python -m platformkit_pipeline.orchestration.run_now`: the nightly runs and the fleet report, now, in this process.

For a machine without daemon and webserver: `platformkit demo`, a container job, cron. Instance and settings come from the
environment, as they do for Dagster's own processes. Ends with 0 when all runs succeeded, else with 3.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack

import dagster as dg

from platformkit_pipeline.logs import configure_logging, get_logger
from platformkit_pipeline.orchestration.build import build_defs
from platformkit_pipeline.orchestration.jobs import fleet_report, nightly, nightly_connectors, nightly_parity, nightly_repositories
from platformkit_pipeline.orchestration.partitions import (
    CONNECTORS,
    PARTITION_TAG,
    REPOSITORIES,
    SUPABASE_PROJECTS,
    partition_changes,
    range_tags,
)
from platformkit_pipeline.orchestration.resources import SettingsResource

EXIT_RUN_FAILED = 3

_log = get_logger("orchestration.run_now")


def run_now(instance: dg.DagsterInstance, definitions: dg.Definitions, settings: SettingsResource) -> bool:
    """Register the targets of the settings as partitions, run the jobs of the night on them, and say whether all succeeded."""
    listed = settings.read()
    runs = [
        *_nightly_runs(instance, nightly.name, SUPABASE_PROJECTS, [project.name for project in listed.projects]),
        *_nightly_runs(instance, nightly_repositories.name, REPOSITORIES, [repository.name for repository in listed.repositories]),
        *_nightly_runs(instance, nightly_parity.name, SUPABASE_PROJECTS, [project.name for project in listed.projects]),
        *_nightly_runs(instance, nightly_connectors.name, CONNECTORS, [connector.name for connector in listed.connectors]),
        (fleet_report.name, {}),
    ]
    outcomes = [_succeeds(instance, definitions, job, tags) for job, tags in runs]
    return all(outcomes)


def _nightly_runs(instance: dg.DagsterInstance, job: str, partitions: str, names: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """Job and tags of the runs over `names`, which are registered here; none when there are no names."""
    changes = partition_changes(names, instance.get_dynamic_partitions(partitions), in_flight=())
    instance.add_dynamic_partitions(partitions, list(changes.added))
    if not names or changes.removed:  # partitions of other settings lie between ours, so a range would take them along
        return [(job, {PARTITION_TAG: name}) for name in names]
    return [(job, range_tags(instance.get_dynamic_partitions(partitions)))]


def _succeeds(instance: dg.DagsterInstance, definitions: dg.Definitions, job: str, tags: dict[str, str]) -> bool:
    run = definitions.resolve_job_def(job).execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    _log.info("run ended", job=job, run_id=run.run_id, success=run.success)
    return bool(run.success)


def main() -> int:
    configure_logging()
    with ExitStack() as stack:
        instance = stack.enter_context(dg.DagsterInstance.get())
        return 0 if run_now(instance, build_defs(), SettingsResource()) else EXIT_RUN_FAILED


if __name__ == "__main__":
    sys.exit(main())
