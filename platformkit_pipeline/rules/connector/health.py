"""A connector and its other side are well, and what waits between them does not pile up (clauses 9.1, 9.2)."""

from __future__ import annotations

from platformkit_pipeline.model.connector import AcceptanceCheck, Capability, ConnectorFacet, HealthStatus
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.connector_subject import ConnectorSubject, accepted, connector_rule
from platformkit_pipeline.rules.registry import PASSED, Verdicts, failed, unknown


@connector_rule(
    "CON003",
    "unhealthy-or-slow",
    clause="9.1",
    severity=Severity.MEDIUM,
    title="A connector is down, degraded or slow, or does not notice when it is",
    why="Everything that goes through it waits or fails, and a connector that calls itself well while its other side is down hides that.",
    how_to_fix="See to the other side, or to the way there. What counts as slow stands under `limits.latency_seconds` of the connector's "
    "entry in the settings, two seconds unless it says otherwise.",
    requires=(ConnectorFacet.HEALTH,),
    violating="""
class: platformkit_pipeline.connectors.examples.broken_answers:AlwaysUp
options: {url: "{service}"}
""",
    clean="""
class: platformkit_pipeline.connectors.examples.well_kept:WellKeptConnector
options: {url: "{service}"}
""",
)
def unhealthy_or_slow(subject: ConnectorSubject) -> Verdicts:
    health, limit = subject.snapshot.health, subject.limits.latency_seconds
    if health is None:  # the evaluation has said so
        return
    measured = {"status": health.status.value, "latency_seconds": health.latency_seconds, "limit_seconds": limit}
    if health.status is not HealthStatus.UP:
        message = f"{subject.snapshot.name} is {health.status.value}: {health.message or 'it does not say why'}"
        yield failed(subject.identity, message, **measured)
    elif health.latency_seconds > limit:
        message = f"{subject.snapshot.name} answers after more than {limit:g} s"
        yield failed(subject.identity, message, **measured)
    else:
        yield PASSED
    yield from accepted(subject, AcceptanceCheck.HEALTH_ANSWERS_IN_TIME, AcceptanceCheck.HEALTH_TELLS_DOWN)


@connector_rule(
    "CON007",
    "queue-above-limit",
    clause="9.2",
    severity=Severity.MEDIUM,
    title="More events wait in a connector's outbox than may, or for longer, or it miscounts them",
    why="A queue that grows is a relay that does not run, or a destination that takes less than comes: what waits longest is late already.",
    how_to_fix="See that the relay runs and the destination answers. The limits stand under `limits.pending` and "
    "`limits.oldest_age_seconds` of the connector's entry in the settings: 10,000 events and 15 minutes unless it says otherwise.",
    requires=(ConnectorFacet.CAPABILITIES,),
    violating="""
class: platformkit_pipeline.connectors.examples.well_kept:WellKeptConnector
options: {url: "{service}"}
limits: {pending: 2}
waiting: 3
""",
    clean="""
class: platformkit_pipeline.connectors.examples.well_kept:WellKeptConnector
options: {url: "{service}"}
limits: {pending: 3}
waiting: 3
""",
)
def queue_above_limit(subject: ConnectorSubject) -> Verdicts:
    snapshot, limits = subject.snapshot, subject.limits
    if not subject.has(Capability.PUBLISH):
        return
    queue = snapshot.queue
    if queue is None:
        why = snapshot.why_unobserved(ConnectorFacet.QUEUE)
        yield unknown(subject.identity, f"not judged, because its queue could not be observed: {why}")
    else:
        too_much = [
            *([f"more than {limits.pending} events wait"] if queue.pending > limits.pending else []),
            *(
                [f"the oldest has waited for more than {limits.oldest_age_seconds:g} s"]
                if queue.oldest_age_seconds > limits.oldest_age_seconds
                else []
            ),
        ]
        measured = {"pending": queue.pending, "due": queue.due, "oldest_age_seconds": queue.oldest_age_seconds}
        said = f"{snapshot.name}: {' and '.join(too_much)}"
        yield failed(subject.identity, said, **measured, dead_letters=queue.dead_letters) if too_much else PASSED
    yield from accepted(subject, AcceptanceCheck.QUEUE_DEPTH_TRUE)
