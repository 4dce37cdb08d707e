"""What the rules say about observations of connectors, whatever these came from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from platformkit_pipeline.connectors.acceptance.suite import CHECKS
from platformkit_pipeline.model.connector import (
    AcceptanceCheck,
    Capability,
    ConnectorFacet,
    ConnectorLimits,
    ConnectorSnapshot,
    ContractTestResult,
    Health,
    HealthStatus,
    QueueDepth,
)
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Unobserved
from platformkit_pipeline.rules.connector_subject import NEEDED_FOR
from platformkit_pipeline.rules.evaluate_connector import evaluate_connector
from platformkit_pipeline.rules.registry import rules_about_connectors

WELL = ConnectorSnapshot(
    "stripe",
    "acme.stripe:Stripe",
    capabilities=tuple(sorted(Capability)),
    health=Health(HealthStatus.UP, 0.1),
    contract_tests=(ContractTestResult("signature", Outcome.PASS),),
    acceptance=tuple(sorted(ContractTestResult(check.value, Outcome.PASS) for check in AcceptanceCheck)),
    queue=QueueDepth(0, 0, 0.0, 0),
)
EVERY = {rule.code for rule in rules_about_connectors()}
OF_EVENTS = EVERY - {"CON001", "CON002", "CON003"}


def found(snapshot: ConnectorSnapshot, outcome: Outcome = Outcome.FAIL, limits: ConnectorLimits | None = None) -> dict[str, str]:
    """Messages by rule and object, of findings with that outcome; with no finding of another."""
    results = [r for r in evaluate_connector(snapshot, rules_about_connectors(), limits or ConnectorLimits()) if r.is_finding]
    assert {r.outcome for r in results} <= {outcome}
    return {f"{r.rule} {r.object.canonical}": r.message for r in results}


def rules_of(findings: dict[str, str]) -> set[str]:
    return {key.partition(" ")[0] for key in findings}


def with_check(check: AcceptanceCheck, outcome: Outcome, message: str = "seen on the wire") -> ConnectorSnapshot:
    others = [r for r in WELL.acceptance if r.name != check.value]
    return replace(WELL, acceptance=tuple(sorted([*others, ContractTestResult(check.value, outcome, message)])))


def test_the_checks_are_those_of_the_acceptance_suite_for_the_same_capabilities() -> None:
    assert {check.name: check.needs for check in CHECKS} == {check.value: NEEDED_FOR.get(check) for check in AcceptanceCheck}


def test_a_connector_that_keeps_everything_has_no_finding_and_every_rule_has_judged_it() -> None:
    results = evaluate_connector(WELL, rules_about_connectors())
    assert {r.rule: r.outcome for r in results} == dict.fromkeys(EVERY, Outcome.PASS)


@pytest.mark.parametrize("check", AcceptanceCheck)
def test_every_check_of_the_suite_is_judged_by_exactly_one_rule(check: AcceptanceCheck) -> None:
    failed = found(with_check(check, Outcome.FAIL))
    assert len(failed) == 1
    [(key, message)] = failed.items()
    assert key.endswith(f'acceptance_check stripe."{check.value}"')
    assert message == f"{check.value}: seen on the wire"
    unknown = found(with_check(check, Outcome.UNKNOWN), Outcome.UNKNOWN)
    assert list(unknown) == [key]
    unsaid = replace(WELL, acceptance=tuple(r for r in WELL.acceptance if r.name != check.value))
    assert list(found(unsaid, Outcome.UNKNOWN)) == [key]


def test_without_the_acceptance_suite_every_rule_that_needs_it_is_unknown_with_the_reason() -> None:
    bare = replace(WELL, acceptance=(), unobserved=(Unobserved(ConnectorFacet.ACCEPTANCE, "no server could be started"),))
    findings = found(bare, Outcome.UNKNOWN)
    assert rules_of(findings) == EVERY
    assert all("no server could be started" in message for message in findings.values())


def test_a_connector_without_events_is_not_asked_about_them() -> None:
    checks = tuple(r for r in WELL.acceptance if AcceptanceCheck(r.name) not in NEEDED_FOR)
    quiet = replace(WELL, capabilities=(), queue=None, acceptance=checks)
    results = evaluate_connector(quiet, rules_about_connectors())
    assert not [r for r in results if r.is_finding]
    assert {r.rule for r in results} == EVERY - OF_EVENTS
    without_suite = found(replace(quiet, acceptance=()), Outcome.UNKNOWN)
    assert rules_of(without_suite) == EVERY - OF_EVENTS


def test_a_connector_that_is_not_registered_fails_once_and_nothing_else_of_it_is_taken_for_granted() -> None:
    refused = ConnectorSnapshot("stripe", "acme.stripe:Stripe", missing=("health() is missing", "inventory() is missing"))
    results = [r for r in evaluate_connector(refused, rules_about_connectors()) if r.is_finding]
    assert [r.rule for r in results if r.outcome is Outcome.FAIL] == ["CON001"]
    assert results[0].message == "acme.stripe:Stripe is not registered: health() is missing; inventory() is missing"
    assert {r.rule for r in results if r.outcome is Outcome.UNKNOWN} == EVERY - {"CON001"}
    assert all("registration was refused" in r.message for r in results if r.outcome is Outcome.UNKNOWN)


@pytest.mark.parametrize(
    ("health", "message"),
    [
        (Health(HealthStatus.DOWN, 0.1, "connection refused"), "stripe is down: connection refused"),
        (Health(HealthStatus.DEGRADED, 0.1), "stripe is degraded: it does not say why"),
        (Health(HealthStatus.UP, 0.51), "stripe answers after more than 0.5 s"),
    ],
)
def test_health_is_judged_by_what_it_says_and_by_the_limit_of_the_owners(health: Health, message: str) -> None:
    limits = ConnectorLimits(latency_seconds=0.5)
    assert found(replace(WELL, health=health), limits=limits) == {"CON003 connector stripe": message}
    assert found(replace(WELL, health=Health(HealthStatus.UP, 0.5)), limits=limits) == {}


def test_health_and_queue_that_were_not_answered_are_unknown() -> None:
    silent = replace(WELL, health=None, queue=None, unobserved=(Unobserved("health", "it raised"), Unobserved("queue", "it hung")))
    assert found(silent, Outcome.UNKNOWN) == {
        "CON003 connector stripe": "not judged, because it could not be observed: health: it raised",
        "CON007 connector stripe": "not judged, because its queue could not be observed: it hung",
    }


@pytest.mark.parametrize(
    ("queue", "what"),
    [
        (QueueDepth(11, 0, 0.0, 0), "more than 10 events wait"),
        (QueueDepth(1, 1, 61.0, 0), "the oldest has waited for more than 60 s"),
        (QueueDepth(11, 1, 61.0, 0), "more than 10 events wait and the oldest has waited for more than 60 s"),
    ],
)
def test_a_queue_is_held_to_the_limits_of_the_owners(queue: QueueDepth, what: str) -> None:
    limits = ConnectorLimits(pending=10, oldest_age_seconds=60)
    assert found(replace(WELL, queue=queue), limits=limits) == {"CON007 connector stripe": f"stripe: {what}"}
    assert found(replace(WELL, queue=QueueDepth(10, 10, 60.0, 0)), limits=limits) == {}


def test_own_contract_tests_are_judged_one_by_one_and_none_at_all_is_a_failure() -> None:
    tests = (
        ContractTestResult("amounts", Outcome.UNKNOWN, "no test account"),
        ContractTestResult("signature", Outcome.FAIL, "unsigned events are taken"),
    )
    results = evaluate_connector(replace(WELL, contract_tests=tests), rules_about_connectors())
    assert [(r.rule, r.outcome, r.message) for r in results if r.is_finding] == [
        ("CON002", Outcome.UNKNOWN, "amounts could not be tried: no test account"),
        ("CON002", Outcome.FAIL, "signature: unsigned events are taken"),
    ]
    assert list(found(replace(WELL, contract_tests=()))) == ["CON002 connector stripe"]
