"""The road of one target from observation to gate, as one step over any number of targets.

One step, not one per stage: a step that fails abandons all steps after it, for every partition of the run. Here the
target that cannot be reached leaves the road alone; the others reach its end, and the run fails naming who did not.
"""

# No `from __future__ import annotations` here: Dagster compares the annotation of `context` with the class itself.

from collections.abc import Iterator, Sequence

import dagster as dg

from platformkit_pipeline.control_plane.turns import turn_on
from platformkit_pipeline.logs import bind_ids
from platformkit_pipeline.model.errors import ControlPlaneError, PlatformkitError
from platformkit_pipeline.model.settings import Settings, target_of
from platformkit_pipeline.operations.check_drift import migrations_folder
from platformkit_pipeline.operations.read_settings import find_project
from platformkit_pipeline.operations.sync_targets import sync_targets
from platformkit_pipeline.orchestration.assets.compliance import COMPLIANCE
from platformkit_pipeline.orchestration.assets.governance import GOVERNANCE
from platformkit_pipeline.orchestration.assets.introspection import INTROSPECTION
from platformkit_pipeline.orchestration.assets.migrations import DRIFT
from platformkit_pipeline.orchestration.assets.proofs import PROVING
from platformkit_pipeline.orchestration.assets.remediation import REMEDIATION
from platformkit_pipeline.orchestration.assets.stage import TargetRun
from platformkit_pipeline.orchestration.failures import fail_run, origin_of, sentence_of
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event, Recorder, Selection
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource

STAGES = (INTROSPECTION, COMPLIANCE, REMEDIATION, GOVERNANCE, PROVING, DRIFT)
TARGET_KEYS = tuple(key for stage in STAGES for key in stage.keys)
UNHURRIED_KEYS = (*PROVING.keys, *DRIFT.keys)
"""What takes a server of its own, and nobody waits for."""
_SPECS = {spec.key: spec for stage in STAGES for spec in stage.specs}


@dg.multi_asset(
    name="target_scan",
    specs=[spec for stage in STAGES for spec in stage.specs],
    check_specs=[check for stage in STAGES for check in stage.checks],
    partitions_def=supabase_projects,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    description="Observe, store, judge, plan, decide and prove for every target of the run, one after the other.",
)
def target_scan(context: dg.AssetExecutionContext, settings: SettingsResource, control_plane: ControlPlaneResource) -> Iterator[Event]:
    """Carry every target of the run through the selected stages; fail at the end if one of them failed."""
    listed = _prepare(settings, control_plane)
    failures: dict[str, str] = {}
    for name in context.partition_keys:
        try:
            with bind_ids(run_id=context.run.run_id, target=name):
                yield from _scan(context, name, listed, settings, control_plane)
        except PlatformkitError as error:
            failures[name] = sentence_of(error)
            context.log.error("%s: %s", name, failures[name])
        except Exception as error:  # a fault of ours in one target must not hide the state of the others
            failures[name] = sentence_of(error)
            context.log.error("%s: %s\n%s", name, failures[name], origin_of(error))
        if name in failures and not _answers(control_plane):
            failures |= dict.fromkeys(_after(name, context.partition_keys), "not attempted: the control plane went away")
            break
    if failures:
        fail_run(failures, attempted=len(context.partition_keys))


def _prepare(settings: SettingsResource, control_plane: ControlPlaneResource) -> Settings:
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


def _scan(
    context: dg.AssetExecutionContext, name: str, listed: Settings, settings: SettingsResource, control_plane: ControlPlaneResource
) -> Iterator[Event]:
    project = find_project(listed, name)
    selection = Selection(frozenset(context.selected_asset_keys), frozenset(context.selected_asset_check_keys))
    migrations = migrations_folder(listed, settings.file, project)
    recorder = Recorder(name, _SPECS, context.instance)
    with control_plane.session() as connection, turn_on(connection, target_of(project)):
        run = TargetRun(project, connection, context.run.run_id, selection, recorder, migrations)
        for stage in STAGES:
            if selection.wants(*stage.keys):
                yield from filter(selection.admits, stage.carry_out(run))
    context.log.info("%s: done", name)


def _answers(control_plane: ControlPlaneResource) -> bool:
    """Whether it is worth going on: without the control plane every further target would wait for a timeout."""
    try:
        with control_plane.session():
            return True
    except ControlPlaneError:
        return False


def _after(name: str, names: Sequence[str]) -> Sequence[str]:
    return names[names.index(name) + 1 :]
