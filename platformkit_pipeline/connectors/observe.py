"""One observation of one connector: everything that it answers, and what it did not (clause 9.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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

INVENTORY, HEALTH, CONTRACT_TESTS, QUEUE = "inventory", "health", "contract_tests", "queue"
ACCEPTANCE, LIVE = "acceptance", "the real other side"
"""What an observation may leave out, as `unobserved` names it."""

T = TypeVar("T")


def observe_connector(
    name: str,
    class_path: str,
    options: Mapping[str, Any],
    *,
    acceptance: bool,
    live: bool = True,
    bench_dsn: Dsn | None = None,
    checks: Iterable[str] | None = None,
    seconds: float = QUESTION_SECONDS,
    progress: Callable[[str], None] = lambda step: None,
) -> ConnectorSnapshot:
    """Register the connector and ask it everything. Raises nothing that the connector is to blame for, and tells no secret.

    With `acceptance` the acceptance suite (or those `checks` of it) is run as well, on a database of its own beside `bench_dsn`, or
    on a server of its own without one. Without `live` the real other side is left alone. `seconds` bounds each question; `progress`
    hears what is asked next. What has not the form that the interface promises is left out and said in `missing`. Raises
    ConfigurationError for a check that does not exist.
    """
    registration = register(class_path, options)
    secrets = secrets_of(options)
    if registration.connector is None:
        missing = tuple(sorted(sentence(fault, secrets) for fault in registration.missing))
        return ConnectorSnapshot(name, class_path, version=version_of(class_path), missing=missing)
    asked = _Asked(registration.connector, secrets, seconds, progress)
    if live:
        asked.everything(queue=Capability.PUBLISH in registration.capabilities)
    else:
        asked.unobserved.append(Unobserved(LIVE, "the real other side was not asked"))
    accepted: tuple[ContractTestResult, ...] = ()
    if acceptance:
        accepted = _accepted(type(registration.connector), options, bench_dsn, checks, asked)
    else:
        asked.unobserved.append(Unobserved(ACCEPTANCE, "the acceptance suite was not asked for"))
    return ConnectorSnapshot(
        name=name,
        class_path=class_path,
        version=version_of(class_path),
        missing=tuple(sorted(asked.missing)),
        capabilities=registration.capabilities,
        objects=asked.objects,
        health=asked.health,
        contract_tests=asked.contract_tests,
        acceptance=asked.clean_results(accepted),
        queue=asked.queue,
        unobserved=tuple(sorted(asked.unobserved, key=lambda item: (item.what, item.why))),
    )


class _Asked:
    """A connector under questions: its answers, what is wrong with them, and what it did not answer."""

    def __init__(self, connector: Connector, secrets: tuple[str, ...], seconds: float, progress: Callable[[str], None]) -> None:
        self._connector, self._secrets, self._seconds, self.progress = connector, secrets, seconds, progress
        self.missing: list[str] = []
        self.unobserved: list[Unobserved] = []
        self.objects: tuple[ConnectorObject, ...] = ()
        self.health: Health | None = None
        self.contract_tests: tuple[ContractTestResult, ...] = ()
        self.queue: QueueDepth | None = None

    def everything(self, *, queue: bool) -> None:
        """The questions that go to the real other side."""
        found = self.one(INVENTORY, lambda: tuple(self._connector.inventory()), answers.inventory_faults)
        self.objects = tuple(self._clean_object(item) for item in sorted(found or ()))
        health = self.one(HEALTH, self._connector.health, answers.health_faults)
        if health is not None:
            self.health = Health(health.status, health.latency_seconds, sentence(health.message, self._secrets))
        self.contract_tests = self.clean_results(
            self.one(CONTRACT_TESTS, self._connector.contract_tests, answers.contract_test_faults) or ()
        )
        if queue:
            self.queue = self.one(QUEUE, self._connector.queue_depth, answers.queue_faults)
        ask(self._connector.close, seconds=self._seconds)

    def one(self, what: str, question: Callable[[], T], faults_of: Callable[[T], Iterator[str]]) -> T | None:
        """The answer when it has its form; None otherwise, and why is noted."""
        self.progress(what)
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

    def clean_results(self, results: Iterable[ContractTestResult]) -> tuple[ContractTestResult, ...]:
        cleaned = (ContractTestResult(sentence(r.name, self._secrets), r.outcome, sentence(r.message, self._secrets)) for r in results)
        return tuple(sorted(cleaned))

    def _clean_object(self, item: ConnectorObject) -> ConnectorObject:
        attributes = without_secrets(dict(item.attributes), self._secrets)
        return ConnectorObject(sentence(item.kind, self._secrets), sentence(item.name, self._secrets), attributes)


def _accepted(
    connector_class: type[Connector], options: Mapping[str, Any], server: Dsn | None, checks: Iterable[str] | None, asked: _Asked
) -> tuple[ContractTestResult, ...]:
    from platformkit_pipeline.connectors.acceptance.suite import accept, bench_of
    from platformkit_pipeline.model.errors import ObservationError, SandboxError

    try:
        with bench_of(connector_class, server) as workbench:
            return accept(connector_class, options, workbench, checks, progress=asked.progress)
    except (ObservationError, SandboxError) as error:  # there is no bench: nothing was said of the connector
        asked.unobserved.append(Unobserved(ACCEPTANCE, told(error)))
        return ()
