"""The acceptance suite as a library: every check on one connector, and what each said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from platformkit_pipeline.connectors.acceptance import (
    check_back_off,
    check_crashes,
    check_dead_letters,
    check_interface,
    check_order,
    check_publishing,
    check_queue,
    check_receiving,
    check_retrying,
)
from platformkit_pipeline.connectors.acceptance.check import CannotTell, Check, Fails, checks_of
from platformkit_pipeline.connectors.acceptance.trial import Limits, Trial
from platformkit_pipeline.connectors.acceptance.workbench import Workbench, open_workbench
from platformkit_pipeline.connectors.interface import Connector
from platformkit_pipeline.connectors.registration import ConnectorRefused, Registration, register_class
from platformkit_pipeline.connectors.secrecy import sentence, told
from platformkit_pipeline.model.connector import ContractTestResult
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Outcome

CHECKS: tuple[Check, ...] = checks_of(
    check_interface,
    check_publishing,
    check_receiving,
    check_retrying,
    check_back_off,
    check_dead_letters,
    check_queue,
    check_order,
    check_crashes,
)
"""All checks; what one rests on stands before it."""

FIRST = "interface.complete"
"""Without it nothing else is tried."""


class Acceptance:
    """The checks of one connector, made when their result is asked for."""

    def __init__(
        self, connector_class: type[Connector], options: Mapping[str, Any], workbench: Workbench, *, limits: Limits | None = None
    ) -> None:
        self._trial = Trial(connector_class, options, workbench, limits or Limits())
        self._registration: Registration = register_class(connector_class, options)
        self._results: dict[str, ContractTestResult] = {}
        workbench.on_close.callback(self.close)

    def result(self, name: str) -> ContractTestResult:
        """What a check said; NOT_APPLICABLE where the capability is not declared. Raises KeyError for a name that is no check."""
        if name not in self._results:
            outcome, message = self._made(_BY_NAME[name])
            self._results[name] = ContractTestResult(name, outcome, sentence(message, self._trial.secrets))
        return self._results[name]

    def close(self) -> None:
        """Let the connectors give back what they hold; happens at the latest when the workbench goes."""
        self._trial.close()

    def _made(self, wanted: Check) -> tuple[Outcome, str]:
        if wanted.name != FIRST:
            if self.result(FIRST).outcome is not Outcome.PASS:
                return Outcome.UNKNOWN, "not tried: the connector is not registered"
            if wanted.needs is not None and wanted.needs not in self._registration.capabilities:
                return Outcome.NOT_APPLICABLE, f"the capability {wanted.needs} is not declared"
        for other in wanted.after:
            if self.result(other).outcome is not Outcome.PASS:
                return Outcome.UNKNOWN, f"not tried: it rests on {other}, which did not pass"
        try:
            if wanted.name == FIRST:
                self._registration.required()
            wanted.function(self._trial)
        except ConnectorRefused as refused:
            return Outcome.FAIL, "; ".join(refused.missing)
        except Fails as failure:
            return Outcome.FAIL, str(failure)
        except CannotTell as reason:
            return Outcome.UNKNOWN, str(reason)
        except (Exception, SystemExit) as error:  # not the connector's calls, which are guarded each; maybe an object that it answered
            return Outcome.UNKNOWN, f"the bench failed: {told(error)}"
        return Outcome.PASS, ""


def accept(
    connector_class: type[Connector],
    options: Mapping[str, Any],
    bench: Workbench,
    checks: Iterable[str] | None = None,
    *,
    limits: Limits | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> tuple[ContractTestResult, ...]:
    """Put the connector through all checks, or those named, and return what each said in the order of the suite.

    PASS was seen, FAIL was seen, UNKNOWN says what kept the suite from seeing, NOT_APPLICABLE that the capability is not declared.
    `progress` hears the name of each check before it is made. Raises ConfigurationError for a check that does not exist.
    """
    wanted = _named(checks)
    with closing(Acceptance(connector_class, options, bench, limits=limits)) as acceptance:
        return tuple(_heard(acceptance, check.name, progress) for check in wanted)


@contextmanager
def bench_of(connector_class: type[Connector], server: Dsn | None = None) -> Iterator[Workbench]:
    """A workbench with the stand-in behind its wire that the connector brings along, if any."""
    with connector_class.stand_in() as service, open_workbench(server, service=service) as workbench:
        yield workbench


def _heard(acceptance: Acceptance, name: str, progress: Callable[[str], None]) -> ContractTestResult:
    progress(name)
    return acceptance.result(name)


_BY_NAME = {check.name: check for check in CHECKS}


def _named(names: Iterable[str] | None) -> tuple[Check, ...]:
    if names is None:
        return CHECKS
    wanted = set(names)
    if unknown := sorted(wanted - _BY_NAME.keys()):
        raise ConfigurationError(f"there is no check {', '.join(unknown)}; there are {', '.join(_BY_NAME)}")
    return tuple(check for check in CHECKS if check.name in wanted)
