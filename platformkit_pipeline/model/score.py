"""The compliance score: weighted share of passing results, capped by the worst failing severity.

Contract: weights critical 27, high 9, medium 3, low 1; raw = 100 * sum(w of PASS) / sum(w of PASS, FAIL, UNKNOWN), an
exact fraction, shown rounded down; any failing or unknown critical caps at 49, any high at 89. NA and info results do
not count. A project with nothing to judge scores 100.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from platformkit_pipeline.model.result import Outcome, Result, Severity

WEIGHTS = {Severity.CRITICAL: 27, Severity.HIGH: 9, Severity.MEDIUM: 3, Severity.LOW: 1, Severity.INFO: 0}
CAPS = {Severity.CRITICAL: Fraction(49), Severity.HIGH: Fraction(89)}


@dataclass(frozen=True, slots=True)
class Score:
    """`raw` ignores waivers; `effective` treats validly waived FAILs as PASS and is used by gates only."""

    raw: Fraction
    effective: Fraction

    @property
    def raw_display(self) -> float:
        return display(self.raw)

    @property
    def effective_display(self) -> float:
        return display(self.effective)


def display(score: Fraction) -> float:
    """One decimal, rounded down, so that 100.0 means that everything passed."""
    return int(score * 10) / 10


def exact(score: Fraction) -> str:
    """`numerator/denominator`, which `Fraction` reads back."""
    return f"{score.numerator}/{score.denominator}"


Judged = tuple[Severity, Outcome, int]
"""What a score looks at: severity, outcome, and how many objects they speak for."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The weights of what was judged. `cap` is that of the worst severity that did not pass, else 100."""

    passed: int
    total: int
    cap: Fraction

    @property
    def share(self) -> Fraction | None:
        """100 times the weighted share of what passed, before the cap; None when nothing of it counts."""
        return Fraction(100 * self.passed, self.total) if self.total else None


def tally(judged: Iterable[Judged]) -> Tally:
    """Add up by weight; NA and info do not count."""
    passed = total = 0
    cap = Fraction(100)
    for severity, outcome, count in judged:
        weight = WEIGHTS[severity] * count
        if outcome is Outcome.NOT_APPLICABLE or not weight:
            continue
        total += weight
        if outcome is Outcome.PASS:
            passed += weight
        else:
            cap = min(cap, CAPS.get(severity, Fraction(100)))
    return Tally(passed, total, cap)


def compliance_score(results: Iterable[Result], waived: frozenset[int] = frozenset()) -> Score:
    """Score `results`; `waived` holds the positions of FAIL results that a valid waiver covers."""
    listed = list(results)
    return Score(
        raw=_score((r.severity, r.outcome, r.count) for r in listed),
        effective=_score(
            (r.severity, Outcome.PASS if position in waived and r.outcome is Outcome.FAIL else r.outcome, r.count)
            for position, r in enumerate(listed)
        ),
    )


def score_of_counts(counts: Mapping[Outcome, Mapping[Severity, int]], covered: Mapping[Severity, int]) -> Score:
    """The same from numbers of results, of whose FAILs so many are `covered`; more than there are cover no more than there are."""
    judged: list[Judged] = [(s, outcome, n) for outcome, by in counts.items() for s, n in by.items() if n]
    failing = counts.get(Outcome.FAIL, {})
    excused = {s: min(n, failing.get(s, 0)) for s, n in covered.items()}
    effective = [(s, o, n - excused.get(s, 0) if o is Outcome.FAIL else n) for s, o, n in judged]
    effective += [(s, Outcome.PASS, n) for s, n in excused.items()]
    return Score(_score(judged), _score(one for one in effective if one[2]))


def _score(judged: Iterable[Judged]) -> Fraction:
    added = tally(judged)
    share = added.share
    return Fraction(100) if share is None else min(added.cap, share)
