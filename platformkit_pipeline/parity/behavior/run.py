"""Go through a user journey on a live target: one result per declared check, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.parity.behavior.document import BehaviorContract, HttpStep, IsolationStep, SqlStep, references_of
from platformkit_pipeline.parity.behavior.http_steps import verdict_of_http
from platformkit_pipeline.parity.behavior.isolation_steps import names_of, verdicts_of_isolation
from platformkit_pipeline.parity.behavior.sql_steps import Journey, journey_on
from platformkit_pipeline.parity.behavior.verdicts import Verdict, undecided
from platformkit_pipeline.parity.contract_files import Contract
from platformkit_pipeline.parity.surroundings import Surroundings


def run(contract: Contract, surroundings: Surroundings) -> Iterator[CheckResult]:
    """One result per step, in their order; for a trial of isolation, one per table.

    Raises ConfigurationError, before anything is run, for a file that is no such contract or holds SQL that may not stand in it.
    """
    document = contract.read_as(BehaviorContract)
    with ExitStack() as opened:
        walk = _Walk(surroundings, opened)
        for step in document.steps:
            surroundings.progress(step.name)
            started = time.perf_counter()
            for name, verdict in walk.verdicts(step):
                seconds, started = time.perf_counter() - started, time.perf_counter()
                yield CheckResult(
                    Dimension.BEHAVIOR,
                    contract.name,
                    name,
                    step.severity,
                    verdict.outcome,
                    redact(verdict.message),
                    verdict.evidence,
                    duration_seconds=seconds,
                )


@dataclass(slots=True)
class _Walk:
    """Where the journey stands: values saved so far, and the transaction once a step needs it."""

    surroundings: Surroundings
    opened: ExitStack
    saved: dict[str, Any] = field(default_factory=dict)
    _journey: Journey | None = None
    _lost: str | None = None

    def verdicts(self, step: SqlStep | HttpStep | IsolationStep) -> Iterator[tuple[str, Verdict]]:
        missing = sorted(references_of(step) - self.saved.keys())
        if missing:
            yield step.name, undecided(f"it needs {missing[0]}, which the step that saves it did not give")
            return
        match step:
            case SqlStep():
                yield step.name, self._kept(self._guarded(lambda: self._sql(step)))
            case HttpStep():
                yield step.name, self._kept(verdict_of_http(step, self.saved, self.surroundings))
            case IsolationStep():
                yield from self._isolation(step)

    def _kept(self, verdict: Verdict) -> Verdict:
        self.saved.update(verdict.saved)
        return verdict

    def _isolation(self, step: IsolationStep) -> Iterator[tuple[str, Verdict]]:
        """Either every check of the trial, or why there is none."""
        try:
            found = list(verdicts_of_isolation(step, self.surroundings))
        except ObservationError as error:
            found = [(name, undecided(str(error))) for name in names_of(step)]
        yield from found

    def _guarded(self, verdict: Callable[[], Verdict]) -> Verdict:
        try:
            return verdict()
        except ObservationError as error:
            self._lost = str(error)
            return undecided(self._lost)

    def _sql(self, step: SqlStep) -> Verdict:
        if self._lost is not None:
            return undecided(self._lost)
        if self.surroundings.dsn is None:
            return undecided("the target has no database")
        if self._journey is None:
            journey = journey_on(
                self.surroundings.dsn,
                writes_allowed=self.surroundings.writes_allowed,
                timeout_seconds=self.surroundings.statement_timeout_seconds,
            )
            self._journey = self.opened.enter_context(journey)
        return self._journey.verdict(step, self.saved)
