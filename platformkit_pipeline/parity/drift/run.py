"""Hold one environment against another, as the catalogue fingerprint sees them; one result per check of `checks.SEVERITIES`.

Both databases are only observed. What either side could not show is UNKNOWN, never equal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from platformkit_pipeline.introspection.postgres.differences import Comparison, compare_schemas
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.drift import Difference, DifferenceKind
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.parity.contract_files import Contract
from platformkit_pipeline.parity.drift.checks import SEVERITIES, aspects_for, checks_of
from platformkit_pipeline.parity.drift.document import DriftContract, Ignored
from platformkit_pipeline.parity.surroundings import Surroundings

MOST_OBJECTS = 50
"""Objects in the evidence of one check; how many there are is told always."""
_LONGEST_TEXT = 500
_NAMED = 3
_KINDS = {
    DifferenceKind.ONLY_LIVE: "only here",
    DifferenceKind.ONLY_DECLARED: "only there",
    DifferenceKind.DIFFERENT: "different",
}


def run(contract: Contract, surroundings: Surroundings) -> Iterator[CheckResult]:
    """Every check once. Raises ConfigurationError for a file that is none, and for a project that the settings do not know."""
    declared = contract.read_as(DriftContract)
    if declared.against == surroundings.target.name:
        raise ConfigurationError(f"{contract.path}: against: {declared.against} is this project itself; name its other environment")
    severities: Mapping[str, Severity] = {**SEVERITIES, **declared.severity}
    started = time.monotonic()
    try:
        here, there = surroundings.observe(), surroundings.other_environment(declared.against)
    except ObservationError as error:
        for check, severity in severities.items():
            yield _result(contract, check, severity, Outcome.UNKNOWN, redact(str(error)))
        return
    comparison = compare_schemas(there, here, sides=(declared.against, surroundings.target.name))
    lasted = time.monotonic() - started
    for check, severity in severities.items():
        yield _judged(contract, check, severity, comparison, declared, lasted)


def _judged(
    contract: Contract, check: str, severity: Severity, comparison: Comparison, declared: DriftContract, lasted: float
) -> CheckResult:
    concerned = [d for d in comparison.differences if check in checks_of(d)]
    kept = [d for d in concerned if not _ignored(d, declared.ignore)]
    differing = [d for d in kept if d.kind is not DifferenceKind.UNKNOWN]
    unseen = [d for d in kept if d.kind is DifferenceKind.UNKNOWN]
    evidence = {"against": declared.against, "differing": len(differing), "ignored": len(concerned) - len(kept)}
    if differing:
        shown = [_shown(check, d) for d in differing[:MOST_OBJECTS]]
        return _result(contract, check, severity, Outcome.FAIL, _told(differing, declared.against), evidence | {"objects": shown}, lasted)
    if unseen:
        why = "; ".join(f"{d.object.name}: {d.reason}" for d in unseen)
        return _result(contract, check, severity, Outcome.UNKNOWN, redact(f"could not be compared: {why}"), evidence, lasted)
    if any(d.kind is DifferenceKind.UNKNOWN for d in concerned):
        return _result(contract, check, severity, Outcome.NOT_APPLICABLE, _reasons(concerned, declared.ignore), evidence, lasted)
    return _result(contract, check, severity, Outcome.PASS, "", evidence | {"compared": comparison.compared}, lasted)


def _ignored(difference: Difference, ignore: Sequence[Ignored]) -> bool:
    return any(_matches(i.object, difference.object.canonical) for i in ignore)


def _reasons(differences: Sequence[Difference], ignore: Sequence[Ignored]) -> str:
    return "; ".join(i.reason for i in ignore if any(_matches(i.object, d.object.canonical) for d in differences))


def _matches(pattern: str, name: str) -> bool:
    """Only `*` is special: names of functions hold brackets, which other wildcards would give a meaning.

    By search, piece after piece: a regular expression of many stars would try for ever.
    """
    first, *pieces = pattern.split("*")
    if not pieces:
        return pattern == name
    last, at = pieces.pop(), len(first)
    for piece in pieces:
        found = name.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return name.startswith(first) and name.endswith(last) and len(name) - len(last) >= at


def _told(differing: Sequence[Difference], against: str) -> str:
    named = ", ".join(f"{d.object.canonical} ({_KINDS[d.kind]})" for d in differing[:_NAMED])
    more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
    return f"{len(differing)} not as in {against}: {named}{more}"


def _shown(check: str, difference: Difference) -> dict[str, Any]:
    return {
        "object": difference.object.canonical,
        "difference": _KINDS[difference.kind],
        "aspects": [{"aspect": a.name, "there": _cut(a.declared), "here": _cut(a.live)} for a in aspects_for(check, difference)],
        "with_it": len(difference.folded),
    }


def _cut(text: str | None) -> str | None:
    if text is None:
        return None
    clean = redact(text)
    return clean if len(clean) <= _LONGEST_TEXT else f"{clean[:_LONGEST_TEXT]}…"


def _result(
    contract: Contract,
    check: str,
    severity: Severity,
    outcome: Outcome,
    message: str,
    evidence: Mapping[str, Any] | None = None,
    lasted: float = 0.0,
) -> CheckResult:
    return CheckResult(Dimension.DRIFT, contract.name, check, severity, outcome, message, evidence or {}, duration_seconds=lasted)
