"""What is measured (clause 7.2): every name that may stand in `ops.metrics`, with its unit and labels.

`tools/check_observability.py` refuses code that records another name or unit: a dashboard cannot show what nobody wrote down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Metric:
    """`labels` are those it may carry; `source` is the module that records it."""

    name: str
    unit: str
    meaning: str
    source: str
    labels: tuple[str, ...] = ()


OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "scan": "observing one target",
        "judge": "applying the rules to a stored observation",
        "parity": "running and scoring the contracts of one target",
        "plan": "proposing remediation",
        "prove": "proving a plan on a shadow",
        "apply": "applying a proven plan",
        "gate": "deciding a gate",
        "governance": "one part of the daily governance, or the annual review",
        "report": "making the report over all targets",
    }
)
"""Each has `<operation>.duration`, `.count` and `.error_rate`. Delivery has its own, per destination."""

SELF_TIMED = frozenset({"scan", "parity"})
"""They record the duration of a success themselves, with the scan that it belongs to."""

OUTCOME = "outcome"
DAY = "day"
SUCCESS, FAILURE = "success", "failure"

_MEASURED, _ROLLED_UP = "operations/measured.py", "operations/roll_up_metrics.py"


def _standard() -> tuple[Metric, ...]:
    return tuple(
        metric
        for operation, doing in OPERATIONS.items()
        for metric in (
            Metric(f"{operation}.duration", "seconds", f"How long {doing} took.", _MEASURED, (OUTCOME,)),
            Metric(f"{operation}.count", "operations", f"1 for every time of {doing}.", _MEASURED, (OUTCOME,)),
            Metric(f"{operation}.error_rate", "percent", f"Failures of {doing}, of all in the 24 hours before.", _ROLLED_UP, (DAY,)),
        )
    )


_DELIVERY = "operations/measure_delivery.py"
_HEALTH = "control_plane/connector_health.py"
_JUDGEMENT = "operations/keep_judgement.py"

CATALOGUE: tuple[Metric, ...] = (
    *_standard(),
    Metric("scan.objects", "objects", "Objects that one observation saw.", "operations/keep_observation.py"),
    Metric("compliance.score", "percent", "Raw score of one complete scan.", _JUDGEMENT),
    Metric("compliance.findings", "findings", "Findings of one complete scan.", _JUDGEMENT),
    Metric("parity.score", "percent", "Raw parity score of what is live or on the default branch.", "operations/score_parity.py"),
    Metric("connector.latency", "seconds", "How long a connector's health check took.", _HEALTH),
    Metric("connector.success_rate", "percent", "Contract tests of a connector that passed, of those that were run.", _HEALTH),
    Metric("connector.queue_depth", "events", "Events that wait in a connector's own queue.", _HEALTH),
    Metric("queue.depth", "events", "Events that wait in `ops.outbox`.", _DELIVERY),
    Metric("queue.oldest_age", "seconds", "Age of the oldest event that waits.", _DELIVERY),
    Metric("queue.dead_letters", "events", "Events that were given up and nobody has sent again.", _DELIVERY),
    Metric("delivery.count", "events", "Events settled since the measurement before.", _DELIVERY, ("destination",)),
    Metric("delivery.latency", "seconds", "Mean time from writing an event to its delivery.", _DELIVERY, ("destination",)),
    Metric("delivery.error_rate", "percent", "Attempts that failed, of all.", _DELIVERY, ("destination",)),
    Metric("findings.open", "findings", "Open findings of the fleet, by severity.", _ROLLED_UP, ("severity", DAY)),
    Metric("alerts.open", "alerts", "Alerts that are raised and not settled.", _ROLLED_UP, (DAY,)),
    Metric("waivers.active", "waivers", "Waivers that cover something on the day.", _ROLLED_UP, (DAY,)),
    Metric("exceptions.active", "exceptions", "Exception documents without a fault that have not expired.", _ROLLED_UP, (DAY,)),
    Metric("targets.active", "targets", "Targets that are observed.", _ROLLED_UP, (DAY,)),
    Metric("targets.stale", "targets", "Targets without a complete scan in the last 26 hours.", _ROLLED_UP, (DAY,)),
)
