"""The interface and its four questions (clause 9.1)."""

from __future__ import annotations

import time
from typing import cast

from platformkit_pipeline.connectors import answers
from platformkit_pipeline.connectors.acceptance.check import Fails, check
from platformkit_pipeline.connectors.acceptance.trial import Trial, another_connector
from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.connectors.questions import NoAnswer, ask
from platformkit_pipeline.connectors.secrecy import told
from platformkit_pipeline.model.connector import Capability, ConnectorObject, Health, HealthStatus
from platformkit_pipeline.model.result import Outcome

_TELLS_DOWN_SECONDS = 10.0


@check("interface.complete", "9.1", "Registration accepts the connector, and on_bench() puts it on the bench")
def interface_complete(trial: Trial) -> None:
    bench = trial.workbench.fresh()
    answer = ask(lambda: trial.connector_class.on_bench(bench, trial.options), seconds=trial.limits.call_seconds)
    if answer.error is not None:
        raise Fails(f"on_bench() raises {told(answer.error, trial.secrets)}")
    for fault in another_connector(answer.value, trial.connector_class):
        raise Fails(fault)
    trial.call("close()", cast("Connector", answer.value).close)


def _inventory(trial: Trial) -> tuple[ConnectorObject, ...]:
    connector = trial.connector(trial.workbench.fresh())
    return trial.call("inventory()", lambda: answers.read_inventory(connector))


@check("inventory.well_formed", "9.1", "Every object has kind, name and JSON attributes, and stands there once")
def inventory_well_formed(trial: Trial) -> None:
    found = trial.once("inventory", _inventory)
    for fault in answers.inventory_faults(found):
        raise Fails(fault)
    if not found:
        raise Fails("inventory() is empty: a connector reaches something")


@check("inventory.stable", "9.1", "Two looks at the same other side give the same inventory", after=("inventory.well_formed",))
def inventory_stable(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    found = [trial.call("inventory()", lambda: answers.read_inventory(connector)) for _ in range(2)]
    looks = [sorted((o.kind, o.name, repr(answers.plain(o.attributes))) for o in look) for look in found]
    if looks[0] != looks[1]:
        changed = sorted(set(looks[0]) ^ set(looks[1]))
        kind, name, _ = changed[0]
        raise Fails(f"two calls of inventory() differ though nothing changed, as in {kind} {name}")


@check("health.answers_in_time", "9.1", "A healthy connector says UP within the limit (2 s unless told otherwise)")
def health_answers_in_time(trial: Trial) -> None:
    health, seconds = _health(trial, trial.connector(trial.workbench.fresh()))
    if seconds > trial.limits.health_seconds:
        raise Fails(f"health() took {seconds:.2f} s, the limit is {trial.limits.health_seconds:g} s")
    if health.status is not HealthStatus.UP:
        raise Fails(f"health() says {health.status} of a healthy other side: {health.message}")


@check("health.tells_down", "9.1", "When the other side is down, health() says DOWN instead of raising or saying UP")
def health_tells_down(trial: Trial) -> None:
    health, _ = _health(trial, trial.connector(trial.workbench.down))
    if health.status is not HealthStatus.DOWN:
        raise Fails(f"health() says {health.status} though neither database nor service answers")


@check(
    "contract_tests.pass",
    "9.1",
    "The connector validates itself: its own tests pass on the bench, and not all of them where nobody answers",
)
def contract_tests_pass(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    results = trial.call("contract_tests()", connector.contract_tests)
    for fault in answers.contract_test_faults(results):
        raise Fails(fault)
    if not results:
        raise Fails("contract_tests() is empty: the connector validates nothing of itself")
    for result in results:
        if result.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            raise Fails(f"{result.name}: {result.outcome}: {result.message}")
    if all(result.outcome is Outcome.NOT_APPLICABLE for result in results):
        raise Fails("contract_tests() has tried nothing: all of its tests are not applicable")
    alone = ask(trial.connector(trial.workbench.down).contract_tests, seconds=trial.limits.call_seconds).value
    if alone and all(result.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE) for result in alone):
        raise Fails("contract_tests() all pass though neither database nor service answers: they try nothing")


@check("schema.valid", "9.1", "schema() returns an OpenAPI, AsyncAPI or JSON Schema document", needs=Capability.SCHEMA)
def schema_valid(trial: Trial) -> None:
    connector = trial.connector(trial.workbench.fresh())
    document = trial.call("schema()", connector.schema)
    for fault in answers.schema_faults(document):
        raise Fails(fault)


def _health(trial: Trial, connector: Connector) -> tuple[Health, float]:
    began = time.monotonic()
    answer = ask(connector.health, seconds=_TELLS_DOWN_SECONDS)
    seconds = time.monotonic() - began
    if isinstance(answer.error, NoAnswer):
        raise Fails(f"health() gives {answer.error}")
    if answer.error is not None:
        raise Fails(f"health() raises {told(answer.error, trial.secrets)}")
    for fault in answers.health_faults(answer.value):
        raise Fails(fault)
    return cast("Health", answer.value), seconds
