"""Exception documents go on record, once a day."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.measured import measured
from platformkit_pipeline.operations.sync_exceptions import sync_exceptions
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.govern import FIRST
from platformkit_pipeline.orchestration.keys import EXCEPTIONS, REPOSITORY
from platformkit_pipeline.orchestration.metadata import table
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource


@dg.asset(
    key=EXCEPTIONS,
    deps=[dg.AssetDep(REPOSITORY, partition_mapping=dg.AllPartitionMapping())],
    group_name="governance",
    description=(
        "The exception documents of every repository as they were last observed (clause 10.1), and the reminders and ends of those on "
        "record. What a document lacks, it does not cover anything for."
    ),
    owners=OWNERS,
    kinds={"python", "postgres"},
    code_version="1",
    metadata=code_of(sync_exceptions),
    op_tags=FIRST,
)
def exceptions(settings: SettingsResource, control_plane: ControlPlaneResource) -> dg.MaterializeResult[None]:
    """Record them, remind, and tell of those that lapsed."""
    run_id = dg.AssetExecutionContext.get().run.run_id
    try:
        with measured(control_plane.session, "governance", run_id=run_id):
            listed = settings.read()
            with control_plane.session() as connection:
                night = sync_exceptions(connection, listed, datetime.now(UTC), run_id=run_id)
    except PlatformkitError as error:
        raise dg.Failure(description=sentence_of(error), allow_retries=False) from None
    rows = [
        (repository, what, path)
        for repository, changes in night.changes.items()
        for what, paths in (("recorded", changes.recorded), ("changed", changes.changed), ("removed", changes.removed))
        for path in paths
    ]
    return dg.MaterializeResult(
        metadata={
            "changes": table(dict.fromkeys(("repository", "what", "document"), "string"), rows),
            "not_read": table(dict.fromkeys(("repository", "why"), "string"), list(night.unread.items())),
            "told": dg.MetadataValue.int(night.told),
            "settled": dg.MetadataValue.int(night.settled),
        }
    )
