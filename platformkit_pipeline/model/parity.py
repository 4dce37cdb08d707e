"""The parity score (clause 4.3): one number over the contracts of a target, dimension by dimension.

Contract: raw of a dimension = 100 * sum(w of PASS) / sum(w of PASS, FAIL, UNKNOWN); NA and info do not count. A dimension
counts when it is declared, and one that is declared and unmeasured is 0. Parity is the mean of the declared dimensions by the
weights of the settings, capped as every score is: 49 below a critical check that does not pass, 89 below a high one.
`effective` treats validly waived FAILs as PASS; gates use it, and it never stands without `raw`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from platformkit_pipeline.model.contract import WHOLE_CONTRACT, WITHIN, CheckResult, Dimension
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.score import WEIGHTS, Judged, Score, tally
from platformkit_pipeline.model.target import Target

CheckKey = tuple[Dimension, str, str]
"""`CheckResult.key`: dimension, contract, check."""

_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
NOTHING_DECLARED = "no contract is declared, so there is no score"
NO_WEIGHT = "every dimension that is declared has weight 0 in the settings (parity.weights), so there is no score"
_BY_BADNESS = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """One declared dimension, before the caps of the whole."""

    dimension: Dimension
    weight: int
    score: Score
    passed: int
    failed: int
    unknown: int
    """Checks that count, by outcome; a PASS that speaks for many objects is one check."""
    reason: str = ""
    """Why it is 0 whatever its checks say; empty when it was measured."""


@dataclass(frozen=True, slots=True)
class ParityScore:
    """`score` is None when there is nothing to score; `reason` says why then. Dimensions are in the order of `Dimension`."""

    dimensions: tuple[DimensionScore, ...]
    score: Score | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ParityReport:
    """One run of the contracts of one target. Results are in the order of their `sort_key`, one per check."""

    parity_id: str
    """UUID as text."""
    target: Target
    started_at: datetime
    duration_seconds: float
    contracts_digest: str
    declared: tuple[Dimension, ...]
    weights: Mapping[Dimension, int]
    results: tuple[CheckResult, ...]
    parity: ParityScore
    waived: frozenset[CheckKey] = frozenset()
    commit: str | None = None
    branch: str | None = None
    of_default_branch: bool = False
    """It tells how the default branch, or what is live, stands; changes under review do not."""
    scan_id: str | None = None
    """The stored observation of the same target that it goes with."""
    run_id: str | None = None


def parity_score(
    results: Iterable[CheckResult],
    declared: Collection[Dimension],
    weights: Mapping[Dimension, int],
    waived: frozenset[CheckKey] = frozenset(),
) -> ParityScore:
    """Score `results` of the `declared` dimensions; others are left out. `waived` names checks whose FAIL a valid waiver covers."""
    listed = [r for r in results if r.dimension in declared]
    dimensions = tuple(
        _dimension(dimension, weights.get(dimension, 0), [r for r in listed if r.dimension is dimension], waived)
        for dimension in Dimension
        if dimension in declared
    )
    total = sum(d.weight for d in dimensions)
    if not total:
        return ParityScore(dimensions, None, NO_WEIGHT if dimensions else NOTHING_DECLARED)
    raw = sum((d.weight * d.score.raw for d in dimensions), Fraction()) / total
    effective = sum((d.weight * d.score.effective for d in dimensions), Fraction()) / total
    capped = Score(min(raw, tally(map(_raw, listed)).cap), min(effective, tally(_effective(listed, waived)).cap))
    return ParityScore(dimensions, capped)


def full_commit(commit: str | None) -> str | None:
    """`commit`. Raises ConfigurationError when it is shortened, or something else: what it names later must not be another."""
    if commit is not None and not _COMMIT.match(commit):
        raise ConfigurationError("the commit must be given in full: 40 or 64 hex digits, lower case")
    return commit


def counts(result: CheckResult) -> bool:
    """Whether the check has a say in the score."""
    return bool(WEIGHTS[result.severity]) and result.outcome is not Outcome.NOT_APPLICABLE


def one_per_check(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """`results` in order, one per check; of several about one check the worst, so that a runner's slip never flatters."""
    kept: dict[CheckKey, CheckResult] = {}
    for result in results:
        earlier = kept.get(result.key)
        if earlier is None or _badness(result) < _badness(earlier):
            kept[result.key] = result
    return tuple(sorted(kept.values(), key=lambda r: r.sort_key))


def rescored(base: Iterable[CheckResult], head: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """What `base` said about the checks that `head` declares, at head's severities: base scored by head's rules.

    A check that base did not run is UNKNOWN there, so a new check never blocks an unrelated change, unless it is within one that
    passed at base (see `WITHIN`): then it passed there as well. One that head declares to be not applicable is so in both. A contract
    that head lost as a whole declares nothing that can be told: there base's own checks stay, else breaking a contract would take
    base down as well.
    """
    was = {r.key: r for r in one_per_check(base)}
    listed = one_per_check(head)
    lost = lost_contracts(listed)
    kept = [r for r in was.values() if (r.dimension, r.contract) in lost]
    kept += [_at_base(r, was) for r in listed if (r.dimension, r.contract) not in lost]
    return tuple(sorted(kept, key=lambda r: r.sort_key))


def lost_contracts(results: Iterable[CheckResult]) -> frozenset[tuple[Dimension, str]]:
    """Contracts whose checks could not all be told."""
    return frozenset((r.dimension, r.contract) for r in results if _lost(r))


def _dimension(dimension: Dimension, weight: int, results: list[CheckResult], waived: frozenset[CheckKey]) -> DimensionScore:
    counted = [r for r in results if counts(r)]
    by_outcome = {outcome: sum(r.outcome is outcome for r in counted) for outcome in Outcome}
    reason = ""
    if lost := sorted({r.contract for r in results if _lost(r)}):
        reason = f"could not be told in whole: {', '.join(lost)}"
    elif not counted:
        reason = "not measured: no check of it counts" if results else "not measured"
    raw, effective = tally(map(_raw, results)).share, tally(_effective(results, waived)).share
    score = Score(Fraction(), Fraction()) if reason or raw is None or effective is None else Score(raw, effective)
    return DimensionScore(dimension, weight, score, by_outcome[Outcome.PASS], by_outcome[Outcome.FAIL], by_outcome[Outcome.UNKNOWN], reason)


def _at_base(now: CheckResult, was: Mapping[CheckKey, CheckResult]) -> CheckResult:
    then = was.get(now.key)
    if now.outcome is Outcome.NOT_APPLICABLE:
        return now
    family = was.get((now.dimension, now.contract, now.check.partition(WITHIN)[0]))
    if then is None and family is not None and family.outcome is Outcome.PASS:
        return replace(now, outcome=Outcome.PASS, message="", evidence={}, count=1)
    if then is None or then.outcome is Outcome.NOT_APPLICABLE:
        return replace(now, outcome=Outcome.UNKNOWN, message="the base did not run this check", evidence={}, count=1)
    return replace(then, severity=now.severity)


def _lost(result: CheckResult) -> bool:
    return result.check == WHOLE_CONTRACT and result.outcome in (Outcome.FAIL, Outcome.UNKNOWN)


def _raw(result: CheckResult) -> Judged:
    return (result.severity, result.outcome, result.count)


def _effective(results: Iterable[CheckResult], waived: frozenset[CheckKey]) -> Iterable[Judged]:
    for r in results:
        excused = r.outcome is Outcome.FAIL and r.key in waived
        yield (r.severity, Outcome.PASS if excused else r.outcome, r.count)


def _badness(result: CheckResult) -> tuple[int, int]:
    return (_BY_BADNESS.index(result.outcome), result.severity.rank)
