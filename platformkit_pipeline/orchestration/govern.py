"""What the platform does once a day about its rules instead of its targets, and once a year.

Each part is an asset of its own, so that one which fails stops no other; they run in one process, one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import dagster as dg

from platformkit_pipeline.model.settings import Schedule
from platformkit_pipeline.orchestration.schedules import daily

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

GOVERN, ANNUAL_REVIEW_JOB = "govern", "annual_review"
FIRST = {"dagster/priority": "2"}
"""Tags of an asset that decides what covers something: before everything that counts with covers."""

DAILY = tuple(
    dg.AssetKey(key.split("/"))
    for key in (
        "governance/exceptions",
        "governance/waivers",
        "introspection/control_plane",
        "compliance/control_plane",
        "governance/amendments",
        "ops/metrics",
        "reporting/enterprise_readme",
    )
)
"""Parts of the daily job, as far as this code location has them."""
_YEARLY = dg.AssetKey(["governance", "annual_review"])


def govern_jobs(defined: Collection[dg.AssetKey]) -> Iterator[UnresolvedAssetJobDefinition]:
    """The daily job over those of its parts that are `defined`, and the yearly one where its asset is."""
    yield dg.define_asset_job(
        GOVERN,
        selection=dg.AssetSelection.assets(*(key for key in DAILY if key in defined)),
        description="Exceptions, waivers, the platform's own state, amendments, figures, the organisation's README (clauses 3.4, 10-13).",
    )
    if _YEARLY in defined:
        yield dg.define_asset_job(
            ANNUAL_REVIEW_JOB,
            selection=dg.AssetSelection.assets(_YEARLY),
            description="Opens the review of the constitution (clause 11.2); a second run in a year opens no second one.",
        )


def govern_schedules(schedule: Schedule, defined: Collection[dg.AssetKey]) -> Iterator[dg.ScheduleDefinition]:
    """`schedule.governance` and `schedule.annual_review` of the settings."""
    yield daily(schedule, "daily_governance", GOVERN, schedule.governance, "Starts the daily governance when the nightly runs are over.")
    if _YEARLY in defined:
        yield daily(schedule, ANNUAL_REVIEW_JOB, ANNUAL_REVIEW_JOB, schedule.annual_review, "Opens the annual review in the first quarter.")
