"""A connector of the settings, put through the acceptance suite on a bench of its own; its real other side hears nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from platformkit_pipeline.connectors.acceptance.suite import CHECKS, Acceptance, bench_of
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError, SandboxError
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.parity.event.verdict import Verdict, failed, unknown
from platformkit_pipeline.parity.surroundings import Surroundings

NAMES = tuple(check.name for check in CHECKS)


def acceptance_of(name: str, checks: Sequence[str], surroundings: Surroundings) -> Iterator[tuple[str, Verdict]]:
    """Every check of `checks`, or of the suite where none is named. Raises ConfigurationError for a connector or a check that is none."""
    known(checks)
    wanted = tuple(checks) or NAMES
    connector = type(surroundings.connector(name))
    told = dict.fromkeys(wanted, False)
    try:
        with bench_of(connector) as bench, closing(Acceptance(connector, surroundings.connector_options(name), bench)) as suite:
            for check in wanted:
                surroundings.progress(f"event: {name}: {check}")
                said = suite.result(check)
                told[check] = True
                yield check, _verdict(said.outcome, said.message, named=bool(checks))
    except (ObservationError, SandboxError) as error:
        yield from ((check, unknown(f"there is no bench: {error}")) for check, done in told.items() if not done)


def known(checks: Iterable[str]) -> None:
    """Raises ConfigurationError for names that are no checks of the suite."""
    if strangers := sorted(set(checks) - set(NAMES)):
        raise ConfigurationError(f"{', '.join(strangers)}: no such check; there are: {', '.join(NAMES)}")


def _verdict(outcome: Outcome, message: str, *, named: bool) -> Verdict:
    """Who names a check in a contract relies on it: a capability that is not declared breaks the contract then."""
    if outcome is Outcome.NOT_APPLICABLE and named:
        return failed(f"the contract relies on it, and {message}")
    return Verdict(outcome, message)
