"""The properties that make the score worth trusting (design: score and gate)."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import Outcome, PatchKind, Result, Severity
from platformkit_pipeline.model.score import compliance_score, display


def result(severity: Severity, outcome: Outcome) -> Result:
    return Result("X001", "x", "2.1", severity, outcome, ObjectIdentity("table", "public", "t"), "", PatchKind.MANUAL)


results = st.lists(st.builds(result, st.sampled_from(list(Severity)), st.sampled_from(list(Outcome))), max_size=30)
scored = st.sampled_from([s for s in Severity if s is not Severity.INFO])


@given(results)
def test_it_is_between_0_and_100(listed: list[Result]) -> None:
    assert 0 <= compliance_score(listed).raw <= 100


@given(results)
def test_it_is_100_exactly_when_everything_scored_passes(listed: list[Result]) -> None:
    clean = all(r.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE) for r in listed if r.severity is not Severity.INFO)
    assert (compliance_score(listed).raw == 100) is clean


@given(results, scored, st.sampled_from([Outcome.FAIL, Outcome.UNKNOWN]), st.randoms())
def test_a_fix_never_lowers_it(listed: list[Result], severity: Severity, before: Outcome, random: object) -> None:
    assert compliance_score([*listed, result(severity, Outcome.PASS)]).raw >= compliance_score([*listed, result(severity, before)]).raw


@given(results, scored)
def test_losing_sight_never_raises_it(listed: list[Result], severity: Severity) -> None:
    for seen in (Outcome.PASS, Outcome.FAIL):
        assert compliance_score([*listed, result(severity, Outcome.UNKNOWN)]).raw <= compliance_score([*listed, result(severity, seen)]).raw


@given(results, st.sets(st.integers(0, 29)))
def test_a_waiver_never_moves_raw_and_never_lowers_effective(listed: list[Result], waived: set[int]) -> None:
    without, with_waivers = compliance_score(listed), compliance_score(listed, frozenset(waived))
    assert with_waivers.raw == without.raw
    assert with_waivers.effective >= without.effective == without.raw


@given(results)
def test_an_unknown_cannot_be_waived(listed: list[Result]) -> None:
    unknown = [r for r in listed if r.outcome is Outcome.UNKNOWN]
    assert compliance_score(unknown, frozenset(range(len(unknown)))).effective == compliance_score(unknown).raw


@given(results, st.randoms(use_true_random=False))
def test_order_does_not_matter(listed: list[Result], random: object) -> None:
    shuffled = list(listed)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis has no type for it
    assert compliance_score(shuffled).raw == compliance_score(listed).raw


@given(results, st.integers(0, 500))
def test_clean_objects_never_lift_a_cap(listed: list[Result], clean: int) -> None:
    listed = [*listed, result(Severity.CRITICAL, Outcome.FAIL)]
    assert compliance_score([*listed, *[result(Severity.LOW, Outcome.PASS)] * clean]).raw <= 49


@given(results, st.integers(0, 500))
def test_a_failing_high_caps_at_89(listed: list[Result], clean: int) -> None:
    listed = [*listed, result(Severity.HIGH, Outcome.UNKNOWN)]
    assert compliance_score([*listed, *[result(Severity.CRITICAL, Outcome.PASS)] * clean]).raw <= 89


def test_the_weights_are_the_contract() -> None:
    listed = [
        result(Severity.MEDIUM, Outcome.FAIL),
        result(Severity.CRITICAL, Outcome.PASS),
        result(Severity.HIGH, Outcome.PASS),
        result(Severity.LOW, Outcome.PASS),
        result(Severity.INFO, Outcome.FAIL),
    ]
    assert compliance_score(listed).raw == Fraction(100 * 37, 40)


def test_display_rounds_down_so_that_100_means_all() -> None:
    assert display(Fraction(9999, 100)) == 99.9
    assert display(Fraction(100)) == 100.0
