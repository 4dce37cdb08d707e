"""Amendments of the constitution, and which target follows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.control_plane.amendments import BoundTarget
from platformkit_pipeline.governance.amendments import Stage, stage_on
from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.measured import measured
from platformkit_pipeline.operations.track_amendments import AmendmentsTracked, track_amendments
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.keys import AMENDMENTS, REPOSITORY
from platformkit_pipeline.orchestration.metadata import table
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource


@dg.asset(
    key=AMENDMENTS,
    deps=[dg.AssetDep(REPOSITORY, partition_mapping=dg.AllPartitionMapping())],
    group_name="governance",
    description=(
        "Amendments of the constitution (clause 13): what each lacks to be accepted, and once it is announced which targets follow it. "
        "They have 90 days from the approval on."
    ),
    owners=OWNERS,
    kinds={"python", "postgres"},
    code_version="1",
    metadata=code_of(track_amendments),
)
def amendments(settings: SettingsResource, control_plane: ControlPlaneResource) -> dg.MaterializeResult[None]:
    """Announce what is accepted, follow what was announced, remind of what is due."""
    now = datetime.now(UTC)
    try:
        with measured(control_plane.session, "governance", run_id=dg.AssetExecutionContext.get().run.run_id):
            given = settings.read()
            with control_plane.session() as connection:
                tracked = track_amendments(connection, given, now)
    except PlatformkitError as error:
        raise dg.Failure(description=sentence_of(error), allow_retries=False) from None
    return dg.MaterializeResult(metadata=_metadata(tracked, now))


def _metadata(tracked: AmendmentsTracked, now: datetime) -> Mapping[str, dg.MetadataValue]:
    documents = [
        (
            a.path,
            a.version or "–",
            str(a.deadline or "–"),
            f"announced on {a.announced_at:%Y-%m-%d}" if a.announced_at else "; ".join(a.faults),
        )
        for a in tracked.amendments
    ]
    # What is late comes first: a table shows its first rows only.
    bound = sorted(tracked.targets, key=lambda b: (b.done_at is not None, b.due, b.path, b.target.name))
    rows = [(b.target.name, b.target.kind.value, b.version, b.path, str(b.due), _state(b, now)) for b in bound]
    columns = dict.fromkeys(("target", "kind", "version", "amendment", "due", "state"), "string")
    return {
        "amendments": table(dict.fromkeys(("path", "version", "deadline", "state"), "string"), documents),
        "targets": table(columns, rows),
        "announced": dg.MetadataValue.int(len(tracked.announced)),
        "outstanding": dg.MetadataValue.int(sum(b.done_at is None for b in tracked.targets)),
        "overdue": dg.MetadataValue.int(len(tracked.overdue(now))),
        "changed_since_announced": dg.MetadataValue.text(", ".join(tracked.changed_since) or "none"),
        **({"not_tracked": dg.MetadataValue.text(tracked.why_not)} if tracked.why_not else {}),
    }


def _state(bound: BoundTarget, now: datetime) -> str:
    if bound.done_at is not None:
        return f"done on {bound.done_at:%Y-%m-%d}, by its {bound.how}"
    return "overdue" if stage_on(bound.due, now.date()) is Stage.OVERDUE else "outstanding"
