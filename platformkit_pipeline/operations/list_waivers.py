"""All waivers as they stand on a day, with what they match (clause 10.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from platformkit_pipeline.control_plane import targets, waivers
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.governance.coverage import CoverIndex
from platformkit_pipeline.governance.waivers import covers_of, days_left, state_of
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import UnknownTarget
from platformkit_pipeline.model.target import Environment, Target
from platformkit_pipeline.model.waiver import Waiver, WaiverState
from platformkit_pipeline.operations.waive import open_violations

_ENDED = (WaiverState.LAPSED, WaiverState.REVOKED)


@dataclass(frozen=True, slots=True)
class ListedWaiver:
    """`days_left` is 0 on the last day, and of what has ended.

    `matches` counts the open violations that it is about, whether it covers them on that day or not.
    """

    waiver: Waiver
    target: Target
    state: WaiverState
    days_left: int
    matches: int


def list_waivers(connection: Connection, today: date, *, target: str | None = None, ended: bool = False) -> tuple[ListedWaiver, ...]:
    """Waivers of active targets by their last day; those that have `ended` only where they are asked for.

    Raises UnknownTarget, ControlPlaneError.
    """
    with control_plane_errors(), connection.transaction():
        active = {row.target_id: row.target for row in targets.list_active(connection)}
        wanted = {key: value for key, value in active.items() if target in (None, value.name)}
        if target is not None and not wanted:
            raise UnknownTarget(f"the control plane has no target {redact(target)!r}: `platformkit targets` lists those of the settings")
        listed = [w for w in waivers.all_waivers(connection) if w.target_id in wanted]
        about = {
            # what they say, not whether it counts here
            target_id: CoverIndex(covers_of((w for w in listed if w.target_id == target_id), Environment.DEVELOPMENT)).about(
                open_violations(connection, target_id)
            )
            for target_id in {w.target_id for w in listed}
        }
    found = []
    for waiver in listed:
        environment = wanted[waiver.target_id].environment
        state = state_of(waiver, environment, today)
        if state in _ENDED and not ended:
            continue
        matching = len(about[waiver.target_id].get(waiver.waiver_id, ()))
        left = 0 if state in _ENDED else max(days_left(waiver, today), 0)
        found.append(ListedWaiver(waiver, wanted[waiver.target_id], state, left, matching))
    return tuple(found)
