"""The merge gate (clause 4.3): may a change be merged, seen from its parity score?

Contract: head H is compared with base B, base scored by head's rules. No if H < (1 - max_drop/100) * B; no if H < B and
H < (1 - max_drop/100) * (best of the default branch in 30 days), so that many small drops do not pass where one large would not;
no for a critical check that fails and is not waived, whatever the score, and for one whose answer the change lost. H and B are
compared once more over the checks that both have, so that new ones do not make up for what was lost. The effective scores are
compared. Pure: whoever has the numbers of a decision can decide again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.parity import (
    NOTHING_DECLARED,
    CheckKey,
    ParityReport,
    ParityScore,
    counts,
    lost_contracts,
    parity_score,
    rescored,
)
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.score import display

BEST_OF_DAYS = 30
_MOST_NAMES = 5
_MEASURED = (Outcome.PASS, Outcome.FAIL)


@dataclass(frozen=True, slots=True)
class BestScore:
    """The highest effective score of the default branch in the last 30 days."""

    parity_id: str
    effective: Fraction


@dataclass(frozen=True, slots=True)
class Base:
    """What head is compared with: what the base's checks said. `parity_id` is None for a base that no control plane holds."""

    parity_id: str | None
    results: tuple[CheckResult, ...]
    of_default_branch: bool = True
    """What is merged into the default branch should be compared with it; a base of another one is told to the reviewer."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the gate looked at, exact. `base` is scored by head's rules; None where there is no base."""

    verdict: str
    """yes, no, or unknown: nothing there to decide on."""
    reasons: tuple[str, ...]
    max_drop_percent: Fraction
    head: ParityScore
    base: ParityScore | None
    base_id: str | None
    best: BestScore | None
    blocking: tuple[CheckResult, ...]
    """Checks that are critical at head, or were at base and passed there, and block whatever the score."""
    failing: tuple[CheckResult, ...]
    """Checks of head that do not pass and are not waived."""
    worse: tuple[CheckResult, ...]
    """Those among them that passed at the base."""
    removed: tuple[CheckResult, ...]
    """Checks that base ran and head does not declare, with base's outcome: they have no say, and a reviewer should look at them."""


def refuses(head: Fraction, base: Fraction | None, best: Fraction | None, max_drop_percent: Fraction) -> bool:
    """The inequality of the gate. Without a base, head is held against the best alone; without both, nothing refuses."""
    least = 1 - max_drop_percent / 100
    if base is not None and head < least * base:
        return True
    return best is not None and head < least * best and (base is None or head < base)


def compare(head: ParityReport, base: Base | None, best: BestScore | None, max_drop_percent: Fraction) -> Comparison:
    """Decide on `head`. Nothing is unknown about a score that could be measured, however low: that is a yes or a no."""
    then = _score_of(base, head) if base else None
    score, base_score = head.parity.score, then.score if then else None
    blocking = tuple(_blocking(head.results, base, head.waived))
    was = {r.key: r.outcome for r in rescored(base.results, head.results)} if base else {}
    failing = tuple(r for r in head.results if _not_passing(r, head.waived))
    worse = tuple(r for r in failing if was.get(r.key) is Outcome.PASS)
    removed = _removed(head.results, base)
    doubt = _doubt(head)
    inequality = score is not None and refuses(
        score.effective, base_score.effective if base_score else None, best.effective if best else None, max_drop_percent
    )
    diluted = _diluted(head, base, max_drop_percent)
    if any(r.outcome is Outcome.FAIL for r in blocking):
        verdict = "no"
    elif doubt:
        verdict = "unknown"
    else:
        verdict = "no" if blocking or inequality or diluted else "yes"
    reasons = (
        *_about_blocking(blocking),
        *([doubt] if doubt else []),
        *([] if doubt else _about_scores(head.parity, then, best, max_drop_percent)),
        *([diluted] if diluted and not doubt else []),
        *_about_base(base),
        *_about_lost(head.results),
        *_about_blindness(head.results, blocking),
        *_about_softened(head.results, base),
        *_about_removed(removed),
    )
    base_id = base.parity_id if base else None
    return Comparison(verdict, reasons, max_drop_percent, head.parity, then, base_id, best, blocking, failing, worse, removed)


def _score_of(base: Base, head: ParityReport) -> ParityScore:
    """The base by head's rules. A dimension of which head itself could tell no check is none of the base's: it would count 0 there, too."""
    results = rescored(base.results, head.results)
    told = {r.dimension for r in results}
    return parity_score(results, [d for d in head.declared if d in told], head.weights, head.waived)


def common_scores(head: ParityReport, base: Base | None) -> tuple[Fraction, Fraction] | None:
    """Effective scores of head and base over what both have: the same checks, and no more objects under one than the smaller side."""
    was = {r.key: r for r in base.results if counts(r)} if base else {}
    common = [r for r in head.results if r.key in was]
    if not common:
        return None
    kept = [replace(r, count=min(r.count, was[r.key].count)) for r in common]
    then = [replace(r, count=min(r.count, was[r.key].count)) for r in rescored(was.values(), common)]
    dimensions = {r.dimension for r in common}
    now_score = parity_score(kept, dimensions, head.weights, head.waived).score
    then_score = parity_score(then, dimensions, head.weights, head.waived).score
    return (now_score.effective, then_score.effective) if now_score and then_score else None


def _diluted(head: ParityReport, base: Base | None, max_drop: Fraction) -> str | None:
    """Why the change loses too much of what the base had, whatever it adds: new checks, or objects under an old one."""
    common = common_scores(head, base)
    if common is None or not refuses(*common, None, max_drop):
        return None
    least = f"{_number(100 - max_drop)} % of the base's {_display(common[1])}"
    return f"over the checks that the base has as well, the score {_display(common[0])} is below {least}"


def _doubt(head: ParityReport) -> str | None:
    """Why nothing can be decided."""
    if head.parity.score is None:
        return head.parity.reason or NOTHING_DECLARED
    if not any(counts(r) and r.outcome in _MEASURED for r in head.results):
        return "none of the checks could be measured"
    return None


def _blocking(results: Iterable[CheckResult], base: Base | None, waived: frozenset[CheckKey]) -> Iterator[CheckResult]:
    told = {r.key for r in base.results if r.outcome in _MEASURED} if base else set()
    told_contracts = {(r.dimension, r.contract) for r in base.results if r.outcome in _MEASURED} if base else set()
    lost = lost_contracts(results)
    critical = {r.key for r in base.results if r.severity is Severity.CRITICAL and r.outcome is Outcome.PASS} if base else set()
    for result in results:
        # What a change breaks weighs what it weighed before the change.
        if result.severity is not Severity.CRITICAL and result.key not in critical:
            continue
        failed = result.outcome is Outcome.FAIL and result.key not in waived
        # Losing sight is no cure: what base could tell, head has to tell.
        contract = (result.dimension, result.contract)
        blinded = result.outcome is Outcome.UNKNOWN and (result.key in told or (contract in lost and contract in told_contracts))
        if failed or blinded:
            yield result


def _removed(results: Iterable[CheckResult], base: Base | None) -> tuple[CheckResult, ...]:
    declared = {r.key for r in results}
    lost = lost_contracts(results)
    left = (r for r in base.results if r.key not in declared and (r.dimension, r.contract) not in lost) if base else ()
    return tuple(sorted(left, key=lambda r: r.sort_key))


def _not_passing(result: CheckResult, waived: frozenset[CheckKey]) -> bool:
    return result.outcome is Outcome.UNKNOWN or (result.outcome is Outcome.FAIL and result.key not in waived)


# ---------------------------------------------------------------- reasons for a person


def _about_blocking(blocking: tuple[CheckResult, ...]) -> Iterator[str]:
    for r in blocking:
        what = "fails" if r.outcome is Outcome.FAIL else "could be told at the base and no longer can"
        yield f"critical check {name_of(r)} {what}, which blocks whatever the score"


def _about_scores(head: ParityScore, base: ParityScore | None, best: BestScore | None, max_drop: Fraction) -> Iterator[str]:
    if head.score is None:
        return
    least, now = 1 - max_drop / 100, head.score.effective
    kept = f"{_number(100 - max_drop)} %"
    then = base.score.effective if base and base.score else None
    if then is not None:
        if now < least * then:
            yield f"the score {_display(now)} is below {kept} of the base's {_display(then)}"
        elif now < then:
            yield f"the score {_display(now)} is lower than the base's {_display(then)}, within the {_number(max_drop)} % that may be lost"
        else:
            yield f"the score {_display(now)} is not lower than the base's {_display(then)}"
    if best is not None and now < least * best.effective:
        once = f"{_display(best.effective)}, the best of the default branch in {BEST_OF_DAYS} days"
        said = f"the score {_display(now)} is below {kept} of {once}"
        yield said if then is None or now < then else f"{said}; this change does not lower it"
    if then is None and best is not None and now >= least * best.effective:
        yield f"no base was given; the score {_display(now)} keeps {kept} of the default branch's best, {_display(best.effective)}"
    if then is None and best is None:
        known = "no base was given, and no score of the default branch is known"
        yield f"there is nothing yet to compare the score {_display(now)} with: {known}"


def _about_base(base: Base | None) -> Iterator[str]:
    if base and not base.of_default_branch:
        yield "the base is no run of the default branch: whoever chose it chose what this change is held against"


def _about_lost(results: Iterable[CheckResult]) -> Iterator[str]:
    for dimension, contract in sorted(lost_contracts(results)):
        yield f"contract {dimension.value}/{contract} could not be told in whole, so {dimension.value} counts 0"


def _about_blindness(results: Iterable[CheckResult], blocking: tuple[CheckResult, ...]) -> Iterator[str]:
    blind = [r for r in results if r.severity is Severity.CRITICAL and r.outcome is Outcome.UNKNOWN and r not in blocking]
    if blind:
        yield f"critical checks that cannot be told, and could not be at the base: {_names(blind)}"


def _about_softened(results: Iterable[CheckResult], base: Base | None) -> Iterator[str]:
    """Head's rules count, so a change can make its own failures weigh less; a reviewer should hear of it."""
    was = {r.key: r for r in base.results if counts(r)} if base else {}
    softened = [r for r in results if r.key in was and (r.outcome is Outcome.NOT_APPLICABLE or r.severity.rank > was[r.key].severity.rank)]
    if softened:
        yield f"checks that weigh less by this change, or are declared not applicable: {_names(sorted(softened, key=name_of))}"


def _names(results: list[CheckResult]) -> str:
    more = f" and {len(results) - _MOST_NAMES} more" if len(results) > _MOST_NAMES else ""
    return ", ".join(name_of(r) for r in results[:_MOST_NAMES]) + more


def _about_removed(removed: tuple[CheckResult, ...]) -> Iterator[str]:
    if removed:
        passed = sum(r.outcome is Outcome.PASS for r in removed)
        failed = sum(r.outcome in (Outcome.FAIL, Outcome.UNKNOWN) for r in removed)
        yield f"checks that this change removes and that have no say: {len(removed)} ({passed} passed at the base, {failed} did not)"


def name_of(result: CheckResult) -> str:
    """How people call a check."""
    return f"{result.dimension.value}/{result.contract}/{result.check}"


def _number(value: Fraction) -> str:
    return f"{float(value):g}"


def _display(score: Fraction) -> str:
    return f"{display(score):g}"
