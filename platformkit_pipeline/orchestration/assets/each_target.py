"""One target after the other inside one step: what fails is named at the end, and hides nothing of the others.

One step, not one per stage: a step that fails abandons all steps after it, for every partition of the run. Here the
target that cannot be reached leaves the road alone; the others reach its end, and the run fails naming who did not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.turns import turn_on
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.errors import ControlPlaneError, PlatformkitError
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.alert_scans import tell_of_scan
from platformkit_pipeline.operations.measured import measuring
from platformkit_pipeline.operations.sync_targets import sync_targets
from platformkit_pipeline.orchestration.assets.stage import RunT, Stage
from platformkit_pipeline.orchestration.failures import fail_run, origin_of, sentence_of
from platformkit_pipeline.orchestration.recording import Event, Recorder, Selection
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource


def prepared_settings(settings: SettingsResource, control_plane: ControlPlaneResource) -> Settings:
    """The settings of this run, with their targets registered, so that a run need not wait for the sensor to do it."""
    try:
        listed = settings.read()
        with control_plane.session() as connection:
            sync_targets(connection, listed)
    except PlatformkitError as error:
        sentence = sentence_of(error)
    else:
        return listed
    raise dg.Failure(description=sentence, allow_retries=False)


def for_each_target(
    context: dg.AssetExecutionContext,
    control_plane: ControlPlaneResource,
    scan: Callable[[str], Iterator[Event]],
    *,
    scanned: TargetKind | None = None,
) -> Iterator[Event]:
    """Carry every partition of the run through `scan`; fail at the end if one of them failed.

    Where the partitions are targets that are `scanned`, people are told of each that fails, and that it is scanned again.
    """
    if not (context.has_partition_key or context.has_partition_key_range):
        raise dg.Failure(description="the run names no target: launch it on a partition, which is the name of one", allow_retries=False)
    failures: dict[str, str] = {}
    for name in context.partition_keys:
        try:
            with bind_ids(run_id=context.run.run_id, target=name):
                yield from scan(name)
        except PlatformkitError as error:
            failures[name] = sentence_of(error)
            context.log.error("%s: %s", name, failures[name])
        except Exception as error:  # a fault of ours in one target must not hide the state of the others
            failures[name] = sentence_of(error)
            context.log.error("%s: %s\n%s", name, failures[name], origin_of(error))
        if name in failures and not _answers(control_plane):  # nothing can be stored, so nobody is told but by the run's own failure
            failures |= dict.fromkeys(_after(name, context.partition_keys), "not attempted: the control plane went away")
            break
        if scanned is not None:
            _tell(context, control_plane, scanned, name, failures.get(name))
    if failures:
        fail_run(failures, attempted=len(context.partition_keys))


def through_stages(
    context: dg.AssetExecutionContext,
    control_plane: ControlPlaneResource,
    target: Target,
    stages: Sequence[Stage[RunT]],
    run_of: Callable[[Connection, Selection, Recorder], RunT],
) -> Iterator[Event]:
    """Carry one target through those of `stages` that the run selected, while no other run does the same."""
    selection = Selection(frozenset(context.selected_asset_keys), frozenset(context.selected_asset_check_keys))
    recorder = Recorder(target.name, {spec.key: spec for stage in stages for spec in stage.specs}, context.instance)
    with (
        measuring(control_plane.session, target=target, run_id=context.run.run_id) as measures,
        control_plane.session() as connection,
        turn_on(connection, target),
    ):
        run = run_of(connection, selection, recorder)
        for stage in stages:
            if selection.wants(*stage.keys):
                with measures.operation(stage.operation) if stage.operation else nullcontext():
                    yield from filter(selection.admits, stage.carry_out(run))
    context.log.info("%s: done", target.name)


def _tell(
    context: dg.AssetExecutionContext, control_plane: ControlPlaneResource, kind: TargetKind, name: str, sentence: str | None
) -> None:
    """A message that cannot be written takes nothing from the scan, nor from the targets that follow."""
    try:
        with control_plane.session() as connection:
            tell_of_scan(connection, kind, name, sentence, context.run.run_id, datetime.now(UTC))
    except PlatformkitError as error:
        context.log.error("%s: nobody was told: %s", name, sentence_of(error))


def _answers(control_plane: ControlPlaneResource) -> bool:
    """Whether it is worth going on: without the control plane every further target would wait for a timeout."""
    try:
        with control_plane.session():
            return True
    except ControlPlaneError:
        return False


def _after(name: str, names: Sequence[str]) -> Sequence[str]:
    return names[names.index(name) + 1 :]
