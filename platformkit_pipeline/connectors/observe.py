"""One observation of one connector: everything that it answers, and what it did not (clause 9.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from platformkit_pipeline.connectors import answers
from platformkit_pipeline.connectors.class_path import version_of
from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.connectors.questions import ask
from platformkit_pipeline.connectors.registration import register
from platformkit_pipeline.connectors.secrecy import secrets_of, sentence, told, without_secrets
from platformkit_pipeline.model.connector import (
    Capability,
    ConnectorObject,
    ConnectorSnapshot,
    ContractTestResult,
    Health,
    QueueDepth,
)
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import Unobserved

QUESTION_SECONDS = 30.0
"""How long a connector may take for one question before it counts as not answered."""

INVENTORY, HEALTH, CONTRACT_TESTS, QUEUE, ACCEPTANCE = "inventory", "health", "contract_tests", "queue", "acceptance"

T = TypeVar("T")


def observe_connector(
    name: str,
    class_path: str,
    options: Mapping[str, Any],
    *,
    acceptance: bool,
    bench_dsn: Dsn | None = None,
    seconds: float = QUESTION_SECONDS,
) -> ConnectorSnapshot:
    """Register the connector and ask it everything. Raises nothing that the connector is to blame for, and tells no secret.

    With `acceptance` the acceptance suite is run as well, on a database of its own beside `bench_dsn`, or on a server of its own
    without one. `seconds` bounds each question. What has not the form that the interface promises is left out and said in `missing`.
    """
    registration = register(class_path, options)
    if registration.connector is None:
        missing = tuple(sorted(sentence(fault, secrets_of(options)) for fault in registration.missing))
        return ConnectorSnapshot(name, class_path, version=version_of(class_path), missing=missing)
    asked = _Asked(registration.connector, secrets_of(options), seconds)
    objects = asked.objects()
    health = asked.one(HEALTH, registration.connector.health, answers.health_faults)
    tests = asked.one(CONTRACT_TESTS, registration.connector.contract_tests, answers.contract_test_faults)
    queue = None
    if Capability.PUBLISH in registration.capabilities:
        queue = asked.one(QUEUE, registration.connector.queue_depth, answers.queue_faults)
    ask(registration.connector.close, seconds=seconds)
    accepted: tuple[ContractTestResult, ...] = ()
    if acceptance:
        accepted = _accepted(type(registration.connector), options, bench_dsn, asked)
    else:
        asked.unobserved.append(Unobserved(ACCEPTANCE, "the acceptance suite was not asked for"))
    return ConnectorSnapshot(
        name=name,
        class_path=class_path,
        version=version_of(class_path),
        missing=tuple(sorted(asked.missing)),
        capabilities=registration.capabilities,
        objects=objects,
        health=asked.clean_health(health),
        contract_tests=asked.clean_results(tests or ()),
        acceptance=asked.clean_results(accepted),
        queue=queue if isinstance(queue, QueueDepth) else None,
        unobserved=tuple(sorted(asked.unobserved, key=lambda item: (item.what, item.why))),
    )


class _Asked:
    """A connector under questions; collects what is wrong with its answers and what it did not answer."""

    def __init__(self, connector: Connector, secrets: tuple[str, ...], seconds: float) -> None:
        self._connector, self._secrets, self._seconds = connector, secrets, seconds
        self.missing: list[str] = []
        self.unobserved: list[Unobserved] = []

    def one(self, what: str, question: Callable[[], T], faults_of: Callable[[T], Iterator[str]]) -> T | None:
        """The answer when it has its form; None otherwise, and why is noted."""
        answer = ask(question, seconds=self._seconds)
        if answer.error is not None:
            self.unobserved.append(Unobserved(what, told(answer.error, self._secrets)))
            return None
        faults = [sentence(fault, self._secrets) for fault in faults_of(answer.value)]  # type: ignore[arg-type]  # None is judged too
        if faults:
            self.missing += faults
            self.unobserved.append(Unobserved(what, "the answer has not the form that the interface promises"))
            return None
        return answer.value

    def objects(self) -> tuple[ConnectorObject, ...]:
        found = self.one(INVENTORY, lambda: tuple(self._connector.inventory()), answers.inventory_faults)
        return tuple(
            ConnectorObject(
                sentence(item.kind, self._secrets),
                sentence(item.name, self._secrets),
                without_secrets(dict(item.attributes), self._secrets),
            )
            for item in sorted(found or ())
        )

    def clean_health(self, health: Health | None) -> Health | None:
        return None if health is None else Health(health.status, health.latency_seconds, sentence(health.message, self._secrets))

    def clean_results(self, results: tuple[ContractTestResult, ...] | Any) -> tuple[ContractTestResult, ...]:
        return tuple(
            sorted(ContractTestResult(sentence(r.name, self._secrets), r.outcome, sentence(r.message, self._secrets)) for r in results)
        )


def _accepted(
    connector_class: type[Connector], options: Mapping[str, Any], bench_dsn: Dsn | None, asked: _Asked
) -> tuple[ContractTestResult, ...]:
    from platformkit_pipeline.connectors.acceptance.suite import accept, bench_of
    from platformkit_pipeline.model.errors import PlatformkitError

    try:
        with bench_of(connector_class, bench_dsn) as workbench:
            return accept(connector_class, options, workbench)
    except PlatformkitError as error:  # there is no bench: nothing was said of the connector
        asked.unobserved.append(Unobserved(ACCEPTANCE, told(error)))
        return ()
