"""Events reach their destination, each once in effect, whatever fails on the way (clause 9.2)."""

from __future__ import annotations

from platformkit_pipeline.model.connector import AcceptanceCheck, ConnectorFacet
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.connector_subject import ConnectorSubject, accepted, connector_rule
from platformkit_pipeline.rules.registry import Verdicts

_DEBEZIUM = "https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html"
_BACKOFF = "https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/"


@connector_rule(
    "CON004",
    "idempotency-not-honoured",
    clause="9.2",
    severity=Severity.HIGH,
    title="The same event takes effect more than once",
    why="Over a network an event arrives at least once, and twice sooner or later: an order is shipped twice, a payment is taken twice.",
    how_to_fix="Publish through `Outbox` and receive through `Inbox` of `platformkit_pipeline.connectors.delivery`, "
    "or remember the id of each event in the transaction of its effect.",
    references=(_DEBEZIUM,),
    requires=(ConnectorFacet.CAPABILITIES,),
    violating="""
class: platformkit_pipeline.connectors.examples.broken_consumers:NoMemory
options: {url: "{service}"}
""",
    clean="""
class: platformkit_pipeline.connectors.examples.well_kept:WellKeptConnector
options: {url: "{service}"}
""",
)
def idempotency_not_honoured(subject: ConnectorSubject) -> Verdicts:
    yield from accepted(
        subject,
        *(AcceptanceCheck.PUBLISH_IDEMPOTENT, AcceptanceCheck.RETRY_SAME_KEY, AcceptanceCheck.CRASH_ONE_EFFECT),
        *(AcceptanceCheck.RECEIVE_IDEMPOTENT, AcceptanceCheck.RECEIVE_CONCURRENT, AcceptanceCheck.RECEIVE_ONE_TRANSACTION),
    )


@connector_rule(
    "CON005",
    "no-growing-backoff",
    clause="9.2",
    severity=Severity.MEDIUM,
    title="Failed deliveries are not tried again, or not with growing delay",
    why="A destination that is down for a minute loses what is not sent again; one that just comes back goes down again under what "
    "is sent without pause.",
    how_to_fix="Deliver through `Relay` of `platformkit_pipeline.connectors.delivery`: its `RetryPolicy` doubles the delay and spreads it, "
    "and it waits as long as `Retry-After` asks.",
    references=(_BACKOFF,),
    requires=(ConnectorFacet.CAPABILITIES,),
    violating="""
class: platformkit_pipeline.connectors.examples.broken_publishers:ConstantRetry
options: {url: "{service}"}
""",
    clean="""
class: platformkit_pipeline.connectors.examples.well_kept:WellKeptConnector
options: {url: "{service}"}
""",
)
def no_growing_backoff(subject: ConnectorSubject) -> Verdicts:
    yield from accepted(
        subject,
        *(AcceptanceCheck.RETRY_TRIES_AGAIN, AcceptanceCheck.RETRY_BACK_OFF, AcceptanceCheck.RETRY_HONOURS_RETRY_AFTER),
    )


@connector_rule(
    "CON006",
    "no-dead-letters",
    clause="9.2",
    severity=Severity.HIGH,
    title="An event that cannot be delivered is lost, or blocks the others",
    why="What is dropped nobody can send again, and nobody learns of it; what is tried for ever keeps all others waiting.",
    how_to_fix="Deliver through `Relay` of `platformkit_pipeline.connectors.delivery`: it keeps what is refused, or failed too often, "
    "as a dead letter with its reason, and goes on.",
    requires=(ConnectorFacet.CAPABILITIES,),
    violating="""
class: platformkit_pipeline.connectors.examples.broken_publishers:EndlessRetry
options: {url: "{service}"}
""",
    clean="""
class: platformkit_pipeline.connectors.examples.well_kept:WellKeptConnector
options: {url: "{service}"}
""",
)
def no_dead_letters(subject: ConnectorSubject) -> Verdicts:
    yield from accepted(
        subject,
        *(AcceptanceCheck.DEAD_LETTERS_REFUSED_AT_ONCE, AcceptanceCheck.DEAD_LETTERS_AFTER_ATTEMPTS),
        *(AcceptanceCheck.DEAD_LETTERS_REASON, AcceptanceCheck.POISON_DOES_NOT_BLOCK),
    )
