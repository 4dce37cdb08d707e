"""What rules about a connector judge: an observation, and what the owners hold the connector to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType

from platformkit_pipeline.model.connector import (
    DEFAULT_LIMITS,
    AcceptanceCheck,
    Capability,
    ConnectorFacet,
    ConnectorLimits,
    ConnectorSnapshot,
    ContractTestResult,
)
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.rules.registry import PASSED, Family, Scope, Source, Verdict, Verdicts, failed, not_applicable, rule, unknown

connector_rule = partial(rule, scope=Scope.CONNECTOR, source=Source.CONNECTOR, family=Family.CONNECTORS)
"""Registers a rule about a connector: a function from a `ConnectorSubject` to one verdict per judged object."""

NEEDED_FOR: Mapping[AcceptanceCheck, Capability] = MappingProxyType(
    {
        AcceptanceCheck.SCHEMA_VALID: Capability.SCHEMA,
        AcceptanceCheck.PUBLISH_DELIVERS: Capability.PUBLISH,
        AcceptanceCheck.PUBLISH_IDEMPOTENT: Capability.PUBLISH,
        AcceptanceCheck.QUEUE_DEPTH_TRUE: Capability.PUBLISH,
        AcceptanceCheck.RECEIVE_TAKES_EFFECT: Capability.CONSUME,
        AcceptanceCheck.RECEIVE_IDEMPOTENT: Capability.CONSUME,
        AcceptanceCheck.RECEIVE_CONCURRENT: Capability.CONSUME,
        AcceptanceCheck.RECEIVE_ONE_TRANSACTION: Capability.CONSUME,
        AcceptanceCheck.RETRY_TRIES_AGAIN: Capability.PUBLISH,
        AcceptanceCheck.RETRY_BACK_OFF: Capability.PUBLISH,
        AcceptanceCheck.RETRY_SAME_KEY: Capability.PUBLISH,
        AcceptanceCheck.RETRY_HONOURS_RETRY_AFTER: Capability.PUBLISH,
        AcceptanceCheck.DEAD_LETTERS_REFUSED_AT_ONCE: Capability.PUBLISH,
        AcceptanceCheck.DEAD_LETTERS_AFTER_ATTEMPTS: Capability.PUBLISH,
        AcceptanceCheck.DEAD_LETTERS_REASON: Capability.PUBLISH,
        AcceptanceCheck.REPLAY_DELIVERS: Capability.REPLAY,
        AcceptanceCheck.ORDERING_PER_KEY: Capability.ORDERED,
        AcceptanceCheck.ORDERING_OTHER_KEYS_GO_ON: Capability.ORDERED,
        AcceptanceCheck.POISON_DOES_NOT_BLOCK: Capability.PUBLISH,
        AcceptanceCheck.CRASH_NOTHING_LOST: Capability.PUBLISH,
        AcceptanceCheck.CRASH_ONE_EFFECT: Capability.PUBLISH,
    }
)
"""A check that is not named here is for every connector; one of a capability that is not declared is for none."""


@dataclass(frozen=True)
class ConnectorSubject:
    """One connector as it was observed."""

    snapshot: ConnectorSnapshot
    limits: ConnectorLimits = DEFAULT_LIMITS

    @property
    def identity(self) -> ObjectIdentity:
        """The connector as a whole."""
        return connector_identity(self.snapshot)

    def check_identity(self, name: str) -> ObjectIdentity:
        """A check of the acceptance suite on this connector."""
        return ObjectIdentity("acceptance_check", None, self.snapshot.name, (("check", name),))

    def contract_test_identity(self, name: str) -> ObjectIdentity:
        """One of its own contract tests."""
        return ObjectIdentity("contract_test", None, self.snapshot.name, (("test", name),))

    @cached_property
    def acceptance(self) -> Mapping[str, ContractTestResult]:
        """What the acceptance suite said, by the name of the check."""
        return {result.name: result for result in self.snapshot.acceptance}

    def has(self, capability: Capability) -> bool:
        return capability in self.snapshot.capabilities

    def concerns(self, check: AcceptanceCheck) -> bool:
        """Whether the connector declares what the check tries."""
        return check not in NEEDED_FOR or self.has(NEEDED_FOR[check])


def connector_identity(snapshot: ConnectorSnapshot) -> ObjectIdentity:
    return ObjectIdentity("connector", None, snapshot.name)


def accepted(subject: ConnectorSubject, *checks: AcceptanceCheck) -> Verdicts:
    """One verdict for each of `checks` that concerns the connector; nothing where none does.

    Where the suite was not run, one UNKNOWN says so for all of them.
    """
    wanted = [check for check in checks if subject.concerns(check)]
    if wanted and not subject.snapshot.observed(ConnectorFacet.ACCEPTANCE):
        why = subject.snapshot.why_unobserved(ConnectorFacet.ACCEPTANCE)
        yield unknown(subject.identity, f"not judged, because the acceptance suite did not run: {why}")
        return
    for check in wanted:
        result = subject.acceptance.get(check.value)
        yield from judged_test(result, subject.check_identity(check.value)) if result else [_unsaid(subject, check)]


def judged_test(result: ContractTestResult, identity: ObjectIdentity) -> Iterator[Verdict | None]:
    """What a test said as a verdict about `identity`."""
    match result.outcome:
        case Outcome.PASS:
            yield PASSED
        case Outcome.FAIL:
            yield failed(identity, f"{result.name}: {result.message or 'failed, and did not say why'}")
        case Outcome.UNKNOWN:
            yield unknown(identity, f"{result.name} could not be tried: {result.message or 'it did not say why'}")
        case Outcome.NOT_APPLICABLE:
            yield not_applicable(identity, result.message)


def _unsaid(subject: ConnectorSubject, check: AcceptanceCheck) -> Verdict:
    return unknown(subject.check_identity(check.value), f"the acceptance suite said nothing about {check.value}")
