"""A connector answers what it is asked, and keeps what it declares (clause 9.1)."""

from __future__ import annotations

from platformkit_pipeline.model.connector import AcceptanceCheck, ConnectorFacet
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.connector_subject import ConnectorSubject, accepted, connector_rule, judged_test
from platformkit_pipeline.rules.registry import PASSED, Verdicts, failed


@connector_rule(
    "CON001",
    "interface-incomplete",
    clause="9.1",
    severity=Severity.CRITICAL,
    title="A connector does not have the interface of connectors",
    why="Whoever asks it for its inventory, its health or its contract tests gets no answer, or one of another form. "
    "Nothing can be said of such a connector, so it is not registered.",
    how_to_fix="Write what is listed as missing: `platformkit connectors test` says it again in seconds, "
    "and `platformkit connectors new` writes a connector that has it all.",
    requires=(),
    violating="""
class: platformkit_pipeline.connectors.examples.broken_answers:Incomplete
""",
    clean="""
class: platformkit_pipeline.connectors.examples.well_kept:WellKeptConnector
options: {url: "{service}"}
""",
    also_fires=("CON002", "CON003", "CON004", "CON005", "CON006", "CON007", "CON008"),
)
def interface_incomplete(subject: ConnectorSubject) -> Verdicts:
    missing = subject.snapshot.missing
    if missing:
        yield failed(subject.identity, f"{subject.snapshot.class_path} is not registered: {'; '.join(missing)}", missing=list(missing))
    else:
        yield PASSED
    if not subject.snapshot.refused:
        yield from accepted(
            subject,
            *(AcceptanceCheck.INTERFACE_COMPLETE, AcceptanceCheck.INVENTORY_WELL_FORMED, AcceptanceCheck.INVENTORY_STABLE),
        )


@connector_rule(
    "CON002",
    "contract-test-fails",
    clause="9.1",
    severity=Severity.HIGH,
    title="A contract test of a connector fails",
    why="The other side is not what the connector was written for: events and answers may be lost or misread from now on.",
    how_to_fix="Compare what the test expects with what the other side does now, and mend the one that left the contract. "
    "A connector without any contract test has to gain one.",
    requires=(ConnectorFacet.CAPABILITIES, ConnectorFacet.CONTRACT_TESTS),
    violating="""
class: platformkit_pipeline.connectors.examples.broken_answers:FailingContractTests
options: {url: "{service}"}
""",
    clean="""
class: platformkit_pipeline.connectors.examples.well_kept:WellKeptConnector
options: {url: "{service}"}
""",
)
def contract_test_fails(subject: ConnectorSubject) -> Verdicts:
    tests = subject.snapshot.contract_tests
    for test in tests:
        yield from judged_test(test, subject.contract_test_identity(test.name))
    if not tests:
        yield failed(subject.identity, f"{subject.snapshot.name} has no contract test, so nothing shows that it fits the other side")
    yield from accepted(subject, AcceptanceCheck.CONTRACT_TESTS_PASS)


@connector_rule(
    "CON008",
    "capability-fails",
    clause="9.1",
    severity=Severity.HIGH,
    title="A capability that a connector declares does not work",
    why="Others build on what is declared: who relies on order, replay or a description that is not there loses it without a trace.",
    how_to_fix="Make the capability work, or no longer declare it in `capabilities()`.",
    requires=(ConnectorFacet.CAPABILITIES,),
    violating="""
class: platformkit_pipeline.connectors.examples.broken_answers:CapabilityLie
options: {url: "{service}"}
""",
    clean="""
class: platformkit_pipeline.connectors.examples.well_kept:WellKeptConnector
options: {url: "{service}"}
""",
)
def capability_fails(subject: ConnectorSubject) -> Verdicts:
    yield from accepted(
        subject,
        *(AcceptanceCheck.PUBLISH_DELIVERS, AcceptanceCheck.CRASH_NOTHING_LOST, AcceptanceCheck.RECEIVE_TAKES_EFFECT),
        *(AcceptanceCheck.ORDERING_PER_KEY, AcceptanceCheck.ORDERING_OTHER_KEYS_GO_ON),
        *(AcceptanceCheck.REPLAY_DELIVERS, AcceptanceCheck.SCHEMA_VALID),
    )
