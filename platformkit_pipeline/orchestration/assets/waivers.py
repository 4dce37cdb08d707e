"""Waivers end by themselves: who has one is reminded, what lapsed is told, and what it covered is told of again, once a day."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.alert_every_target import alert_every_target
from platformkit_pipeline.operations.list_waivers import ListedWaiver, list_waivers
from platformkit_pipeline.operations.measured import measured
from platformkit_pipeline.operations.remind_waivers import remind_waivers
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.govern import FIRST
from platformkit_pipeline.orchestration.keys import EXCEPTIONS, WAIVERS
from platformkit_pipeline.orchestration.metadata import table
from platformkit_pipeline.orchestration.ownership import OWNERS, code_of
from platformkit_pipeline.orchestration.resources import ControlPlaneResource

_COLUMNS = ("waiver", "target", "rule", "object", "state", "last_day", "days_left", "matches", "granted_by", "reason")


@dg.asset(
    key=WAIVERS,
    deps=[EXCEPTIONS],
    group_name="governance",
    description=(
        "All waivers that have not ended, as they stand today (clause 10.2). Reminds seven days before the last day, tells of each that "
        "lapsed, and of every critical finding that is covered no more. A repeated run tells nothing."
    ),
    owners=OWNERS,
    kinds={"python", "postgres"},
    code_version="1",
    metadata=code_of(remind_waivers),
    op_tags=FIRST,
)
def waivers(control_plane: ControlPlaneResource) -> dg.MaterializeResult[None]:
    """Remind, tell of lapses, and of what no waiver or exception covers any more."""
    run_id, now = dg.AssetExecutionContext.get().run.run_id, datetime.now(UTC)
    try:
        with measured(control_plane.session, "governance", run_id=run_id), control_plane.session() as connection:
            night = remind_waivers(connection, now, run_id=run_id)
            alert_every_target(connection, now)
            listed = list_waivers(connection, now.date())
    except PlatformkitError as error:
        raise dg.Failure(description=sentence_of(error), allow_retries=False) from None
    return dg.MaterializeResult(
        metadata={
            "waivers": table(dict.fromkeys(_COLUMNS, "string"), list(map(_row, listed))),
            "in_force": dg.MetadataValue.int(len(listed)),
            "reminded": dg.MetadataValue.int(night.reminded),
            "lapsed": dg.MetadataValue.int(night.lapsed),
            "settled": dg.MetadataValue.int(night.settled),
        }
    )


def _row(item: ListedWaiver) -> tuple[str, ...]:
    waiver = item.waiver
    about = waiver.object_pattern or waiver.fingerprint or ""
    numbers = (str(item.days_left), str(item.matches))
    return (
        *(waiver.waiver_id, item.target.name, waiver.rule, about, item.state.value, waiver.expires_on.isoformat()),
        *(*numbers, waiver.granted_by, waiver.reason),
    )
