"""What a run left in the event log, in words that tests can compare."""

from __future__ import annotations

from typing import Any

import dagster as dg


def materialized(instance: dg.DagsterInstance, run_id: str) -> set[tuple[str, str | None]]:
    """(asset, partition) of every materialization of a run."""
    found = set()
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        if entry.dagster_event and entry.dagster_event.asset_key:
            found.add((entry.dagster_event.asset_key.to_user_string(), entry.dagster_event.partition))
    return found


def metadata_of(instance: dg.DagsterInstance, run_id: str, asset: str, partition: str | None = None) -> dict[str, Any]:
    """Metadata values of one materialization."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.dagster_event
        if event and event.asset_key and event.asset_key.to_user_string() == asset and event.partition == partition:
            return {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}
    raise AssertionError(f"run {run_id} did not materialize {asset} of {partition}")


def evaluations(instance: dg.DagsterInstance, run_id: str) -> dict[tuple[str, str | None], dg.AssetCheckEvaluation]:
    """(check, partition) to evaluation; the check is named `asset:name`."""
    found = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event:
            evaluation = entry.dagster_event.asset_check_evaluation_data
            found[f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}", evaluation.partition] = evaluation
    return found


def failure_of(instance: dg.DagsterInstance, run_id: str) -> str:
    """What the failed step said."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        if entry.dagster_event and entry.dagster_event.step_failure_data.user_failure_data:
            return entry.dagster_event.step_failure_data.user_failure_data.description or ""
    raise AssertionError(f"no step of run {run_id} failed with a message of ours")


def data_versions(instance: dg.DagsterInstance, run_id: str) -> dict[str, str | None]:
    """Data version of every asset that a run materialized; None where it has none."""
    found = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.dagster_event
        if event and event.asset_key:
            tags = event.step_materialization_data.materialization.tags or {}
            found[event.asset_key.to_user_string()] = tags.get("dagster/data_version")
    return found
