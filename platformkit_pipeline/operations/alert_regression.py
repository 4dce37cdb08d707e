"""Tell the owners of a target that its parity got worse, in the transaction that stores why.

The default branch has a life of it (`ops.alerts`): told when it begins, again only when it falls by more than `FURTHER_DROP` below what
was told last, and once more when the score is back to what it was before. What a merge gate refuses is told once per run.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.control_plane.alerts import open_alerts_of, raise_alert, settle_alert
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.scans import storable_text
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.parity import ParityReport
from platformkit_pipeline.model.parity_document import score_to_json
from platformkit_pipeline.model.parity_gate import name_of
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.operations.announce import SETTLED, TOLD_AT, event_about

EVENT_TYPE = "parity.regressed"
AGGREGATE_TYPE = "target"
FURTHER_DROP = Fraction(5)
"""Points, as the merge gate allows by default: ten small drops in a row are not ten messages."""
_SUBJECT = "default-branch"
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
    return Event(
        event_id, AGGREGATE_TYPE, f"{target.kind.value}/{target.name}", EVENT_TYPE, payload, {TOLD_AT: report.started_at.isoformat()}
    )


def tell_of_default_branch(connection: Connection, target_id: int, report: ParityReport, regressed: Regressed | None) -> None:
    """What a new run of the default branch changes in the life of its regression; the caller's transaction ends with it."""
    now, score, target = report.started_at, report.parity.score, report.target
    known = next(iter(open_alerts_of(connection, AlertKind.PARITY_REGRESSED, target_id, target)), None)
    if known is None:
        if regressed is not None and regressed.before is not None:
            _tell(connection, target_id, report, regressed, regressed.before.effective)
        return
    before, told = (_fraction(known.payload[name]) for name in ("before", "after"))
    if score is not None and before is not None and score.effective >= before:
        life = settle_alert(connection, known.kind, target_id, known.subject, now)
        if life is not None:
            payload = {
                "headline": f"the parity of {target.name} is back at {score.effective_display:g}",
                "severity": known.severity.value,
                "parity_id": report.parity_id,
                "raised_at": life.raised_at.isoformat(),
                "run_id": report.run_id,
            }
            Outbox("ops").publish(connection, [event_about(target, report.parity_id, f"{EVENT_TYPE}{SETTLED}", payload, now)])
    elif regressed is not None and before is not None and told is not None and (score is None or told - score.effective > FURTHER_DROP):
        settle_alert(connection, known.kind, target_id, known.subject, now)  # goes on as another life, which remembers what is told now
        _tell(connection, target_id, report, regressed, before)


def _tell(connection: Connection, target_id: int, report: ParityReport, regressed: Regressed, before: Fraction) -> None:
    score = report.parity.score
    payload = {"before": str(before), "after": str(score.effective) if score else None, "parity_id": report.parity_id}
    headline = f"the parity of {report.target.name} fell"
    alert = Alert(AlertKind.PARITY_REGRESSED, _SUBJECT, Severity.HIGH, headline, report.target, payload, run_id=report.run_id)
    if raise_alert(connection, target_id, alert, report.started_at) is not None:
        tell_owners(connection, report, regressed)


def _fraction(value: str | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def tell_owners(connection: Connection, report: ParityReport, regressed: Regressed) -> None:
    """Put the event into the outbox, in the caller's transaction; once per run."""
    Outbox("ops").publish(connection, [regression_event(report, regressed)])


def _told(text: str) -> str:
    """An event is bounded; the whole message stands in `ops.contract_results`."""
    return storable_text(text)[:_LONGEST_TEXT]
