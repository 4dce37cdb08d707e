"""The road of one project from its contracts to the merge gate, as one step over any number of projects (see `each_target`)."""

# No `from __future__ import annotations` here: Dagster compares the annotation of `context` with the class itself.

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext

import dagster as dg

from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.decide_merge_gate import stored_base
from platformkit_pipeline.operations.gate_roads import BASE_RUN_TAG, BRANCH_TAG, COMMIT_TAG, VERDICT
from platformkit_pipeline.operations.measured import measuring
from platformkit_pipeline.operations.parity_subject import subject_of_project
from platformkit_pipeline.operations.read_settings import find_project
from platformkit_pipeline.operations.score_parity import DEFAULT_BRANCH, Revision
from platformkit_pipeline.orchestration.assets.each_target import for_each_target, prepared_settings
from platformkit_pipeline.orchestration.assets.parity.contracts import CONTRACTS
from platformkit_pipeline.orchestration.assets.parity.merge_gate import MERGING
from platformkit_pipeline.orchestration.assets.parity.parity_run import DEFAULT_BRANCH_TAG, ParityRun
from platformkit_pipeline.orchestration.assets.parity.scores import SCORES
from platformkit_pipeline.orchestration.assets.parity.single_checks import single_check_specs
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event, Recorder, Selection
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource

PARITY_STAGES = (CONTRACTS, SCORES, MERGING)
PARITY_KEYS = tuple(key for stage in PARITY_STAGES for key in stage.keys)
_SPECS = {spec.key: spec for stage in PARITY_STAGES for spec in stage.specs}


def parity_scan_of(declared: Iterable[tuple[str, str]] = ()) -> dg.AssetsDefinition:
    """The step. `declared` are (contract, check) of data contracts, each of which is an asset check."""

    @dg.multi_asset(
        name="parity_scan",
        specs=[spec for stage in PARITY_STAGES for spec in stage.specs],
        check_specs=[*(check for stage in PARITY_STAGES for check in stage.checks), *single_check_specs(declared)],
        partitions_def=supabase_projects,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
        description="Hold the contracts of every project of the run against it, score them and decide, one project after the other.",
    )
    def parity_scan(context: dg.AssetExecutionContext, settings: SettingsResource, control_plane: ControlPlaneResource) -> Iterator[Event]:
        listed = prepared_settings(settings, control_plane)
        yield from for_each_target(context, control_plane, lambda name: _scan(context, name, listed, settings, control_plane))

    return parity_scan


def _scan(
    context: dg.AssetExecutionContext, name: str, listed: Settings, settings: SettingsResource, control_plane: ControlPlaneResource
) -> Iterator[Event]:
    subject = subject_of_project(settings.file, listed, find_project(listed, name)).showing(context.log.debug)
    selection = Selection(frozenset(context.selected_asset_keys), frozenset(context.selected_asset_check_keys))
    recorder = Recorder(name, _SPECS, context.instance)
    tags = context.run.tags
    with (
        measuring(control_plane.session, target=subject.target, run_id=context.run.run_id) as measures,
        control_plane.session() as connection,
    ):
        # A base that is not there is said before minutes of measuring.
        reference = tags.get(BASE_RUN_TAG)
        base = stored_base(connection, subject.target, reference) if reference and selection.wants(*MERGING.keys) else None
        run = ParityRun(subject, connection, context.run.run_id, selection, recorder, _revision(tags), base)
        for stage in PARITY_STAGES:
            if selection.wants(*stage.keys):
                with measures.operation(stage.operation) if stage.operation else nullcontext():
                    yield from (event for event in stage.carry_out(run) if _admitted(selection, event))
    context.log.info("%s: done", name)


def _admitted(selection: Selection, event: Event) -> bool:
    """Single checks go with the verdict over them, whether they were declared when the location was loaded or not."""
    if isinstance(event, dg.AssetCheckEvaluation):
        return dg.AssetCheckKey(event.asset_key, VERDICT) in selection.checks
    return selection.admits(event)


def _revision(tags: Mapping[str, str]) -> Revision:
    """Whoever launches the run says of which state of the code it speaks; else it speaks of what is live."""
    return Revision(tags.get(COMMIT_TAG), tags.get(BRANCH_TAG), tags.get(DEFAULT_BRANCH_TAG, DEFAULT_BRANCH))
