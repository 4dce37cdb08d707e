"""The annual review of the constitution, opened in the first quarter."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.annual_review import open_review
from platformkit_pipeline.operations.measured import measured
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.keys import ANNUAL_REVIEW
from platformkit_pipeline.orchestration.metadata import MARKDOWN_LIMIT
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource


@dg.asset(
    key=ANNUAL_REVIEW,
    group_name="governance",
    description=(
        "The review of the constitution (clause 11.2): opened once a year in the first quarter, with an agenda and the figures since the "
        "last one. `platformkit review complete` ends it."
    ),
    owners=OWNERS,
    kinds={"python", "postgres"},
    code_version="1",
    metadata=code_of(open_review),
)
def annual_review(settings: SettingsResource, control_plane: ControlPlaneResource) -> dg.MaterializeResult[None]:
    """Open the review of this year where it is time; another materialization opens no second one."""
    try:
        with measured(control_plane.session, "governance", run_id=dg.AssetExecutionContext.get().run.run_id):
            given = settings.read()
            with control_plane.session() as connection:
                state = open_review(connection, given, datetime.now(UTC))
    except PlatformkitError as error:
        raise dg.Failure(description=sentence_of(error), allow_retries=False) from None
    review = state.review
    if review is None:
        return dg.MaterializeResult(metadata={"state": "not due: reviews are opened in the first quarter", "opened": False})
    done = review.completed_at is not None
    return dg.MaterializeResult(
        metadata={
            "state": f"completed by {review.completed_by}" if done else f"open, due by {review.due}",
            "opened": state.opened,
            "year": review.year,
            "agenda": dg.MetadataValue.md(review.agenda[:MARKDOWN_LIMIT]),
        }
    )
