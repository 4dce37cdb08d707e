"""Tell the owners of a target that its parity got worse: one event per run, in the transaction that stores why."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.parity import ParityReport
from platformkit_pipeline.model.parity_document import score_to_json
from platformkit_pipeline.model.parity_gate import name_of
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.score import Score

EVENT_TYPE = "parity.regressed"
AGGREGATE_TYPE = "target"
_MOST_CHECKS = 100
_LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True)
class Regressed:
    """`lost` are the checks that passed before and do not now, at most a hundred; `reasons` are for a person."""

    reasons: tuple[str, ...]
    before: Score | None
    lost: tuple[CheckResult, ...]
    compared_with: str | None
    """Parity run that it is worse than, where that is stored."""


def regressed_since(before: ParityReport, now: ParityReport) -> Regressed | None:
    """In what `now` is worse than the run before it; None when its effective score is not lower. Having no score any more is worse."""
    was, score = before.parity.score, now.parity.score
    if was is None or (score is not None and score.effective >= was.effective):
        return None
    told = (
        "there is no score any more" if score is None else f"the score fell from {was.effective_display:g} to {score.effective_display:g}"
    )
    return Regressed((told,), was, lost_checks(before.results, now.results), before.parity_id)


def lost_checks(before: Iterable[CheckResult], now: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Checks of `now` that do not pass and did `before`, in order."""
    passed = {r.key for r in before if r.outcome is Outcome.PASS}
    return tuple(r for r in now if r.key in passed and r.outcome in (Outcome.FAIL, Outcome.UNKNOWN))


def regression_event(report: ParityReport, regressed: Regressed) -> Event:
    """The same run gives the same event id, however often it is told and for whichever reason."""
    target = report.target
    payload: dict[str, Any] = {
        "target": {"kind": target.kind.value, "name": target.name, "environment": target.environment.value},
        "owners": list(target.owners),
        "parity_id": report.parity_id,
        "compared_with": regressed.compared_with,
        "reasons": [_told(reason) for reason in regressed.reasons[:_MOST_CHECKS]],
        "score": score_to_json(report.parity.score),
        "score_before": score_to_json(regressed.before),
        "lost_checks": [
            {"check": _told(name_of(r)), "severity": r.severity.value, "outcome": r.outcome.value, "message": _told(r.message)}
            for r in regressed.lost[:_MOST_CHECKS]
        ],
        "more_lost_checks": max(0, len(regressed.lost) - _MOST_CHECKS),
        "commit": report.commit,
        "branch": report.branch,
        "run_id": report.run_id,
    }
    event_id = str(uuid.uuid5(uuid.UUID(report.parity_id), EVENT_TYPE))
    return Event(event_id, AGGREGATE_TYPE, f"{target.kind.value}/{target.name}", EVENT_TYPE, payload)


def tell_owners(connection: Connection, report: ParityReport, regressed: Regressed) -> None:
    """Put the event into the outbox, in the caller's transaction; once per run."""
    Outbox("ops").publish(connection, [regression_event(report, regressed)])


def _told(text: str) -> str:
    """An event is bounded; the whole message stands in `ops.contract_results`."""
    return storable_text(text)[:_LONGEST_TEXT]
