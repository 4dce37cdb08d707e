"""One observation of one connector: everything that it answers, and what it did not (clause 9.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
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

_MOST_FAULTS = 20
"""Of one answer; after so many the rest is no news."""

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
        connector = self._connector
        found = self.one(INVENTORY, lambda: answers.read_inventory(connector), answers.inventory_faults, self._clean_objects)
        self.objects = found or ()
        self.health = self.one(HEALTH, connector.health, answers.health_faults, self._clean_health)
        tests = self.one(CONTRACT_TESTS, connector.contract_tests, answers.contract_test_faults, self.clean_results)
        self.contract_tests = tuple(tests or ())
        if queue:
            self.queue = self.one(QUEUE, connector.queue_depth, answers.queue_faults, _plain_depth)
        ask(connector.close, seconds=self._seconds)

    def one(self, what: str, question: Callable[[], T], faults_of: Callable[[T], Iterator[str]], cleaned: Callable[[T], T]) -> T | None:
        """A clean copy of the answer when it has its form; None otherwise, and why is noted."""
        self.progress(what)

        def judged() -> tuple[list[str], T | None]:
            """Within the question's time: what foreign code answers may misbehave whenever it is touched."""
            value = question()
            faults = [sentence(fault, self._secrets) for fault in islice(faults_of(value), _MOST_FAULTS)]
            if faults:
                return faults, None
            copy = cleaned(value)
            return [
                sentence(f"{fault}, as it is kept: one line, bounded, without secrets") for fault in islice(faults_of(copy), _MOST_FAULTS)
            ], copy

        answer = ask(judged, seconds=self._seconds)
        if answer.error is not None or answer.value is None:
            self.unobserved.append(Unobserved(what, told(answer.error, self._secrets) if answer.error else "no answer"))
            return None
        faults, copy = answer.value
        if faults:
            self.missing += faults
            self.unobserved.append(Unobserved(what, "the answer has not the form that the interface promises"))
            return None
        return copy

    def clean_results(self, results: Sequence[ContractTestResult]) -> tuple[ContractTestResult, ...]:
        cleaned = (ContractTestResult(sentence(r.name, self._secrets), r.outcome, sentence(r.message, self._secrets)) for r in results)
        return tuple(sorted(cleaned))

    def _clean_health(self, answer: Health) -> Health:
        return Health(answer.status, float(answer.latency_seconds), sentence(answer.message, self._secrets))

    def _clean_objects(self, items: tuple[ConnectorObject, ...]) -> tuple[ConnectorObject, ...]:
        return tuple(sorted(self._clean_object(item) for item in items))

    def _clean_object(self, item: ConnectorObject) -> ConnectorObject:
        attributes = without_secrets(json.loads(json.dumps(dict(item.attributes))), self._secrets)
        return ConnectorObject(sentence(item.kind, self._secrets), sentence(item.name, self._secrets), attributes)


def _plain_depth(depth: QueueDepth) -> QueueDepth:
    return QueueDepth(int(depth.pending), int(depth.due), float(depth.oldest_age_seconds), int(depth.dead_letters))


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
