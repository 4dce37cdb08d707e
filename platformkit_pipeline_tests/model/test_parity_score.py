"""The properties of the parity score and of the merge gate (design: score and gate)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from platformkit_pipeline.model.contract import WHOLE_CONTRACT, CheckResult, Dimension
from platformkit_pipeline.model.merge_inputs import compared_again, merge_inputs
from platformkit_pipeline.model.parity import ParityReport, counts, one_per_check, parity_score, rescored
from platformkit_pipeline.model.parity_document import comparison_from_json, comparison_to_json, parity_from_json, parity_to_json
from platformkit_pipeline.model.parity_gate import Base, BestScore, Comparison, compare, refuses
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.target import Target, TargetKind

WEIGHTS = {Dimension.API: 30, Dimension.DATA: 30, Dimension.EVENT: 20, Dimension.BEHAVIOR: 20, Dimension.DRIFT: 20}
FIVE = Fraction(5)
MEASURED = (Outcome.PASS, Outcome.FAIL)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop")


def check(
    name: str,
    outcome: Outcome = Outcome.PASS,
    severity: Severity = Severity.HIGH,
    dimension: Dimension = Dimension.DATA,
    contract: str = "orders",
    count: int = 1,
) -> CheckResult:
    return CheckResult(dimension, contract, name, severity, outcome, count=count)


def score(results: list[CheckResult], declared: frozenset[Dimension] = frozenset()) -> Fraction:
    found = parity_score(results, declared or frozenset(r.dimension for r in results), WEIGHTS).score
    assert found is not None
    return found.raw


def report(results: list[CheckResult], declared: frozenset[Dimension] = frozenset(), parity_id: str = "head") -> ParityReport:
    dimensions = tuple(d for d in Dimension if d in (declared or {r.dimension for r in results}))
    listed = one_per_check(results)
    return ParityReport(parity_id, SHOP, NOW, 1.0, "digest", dimensions, WEIGHTS, listed, parity_score(listed, dimensions, WEIGHTS))


def verdict(head: list[CheckResult], base: list[CheckResult] | None = None, best: Fraction | None = None) -> str:
    compared = Base("base", tuple(base)) if base is not None else None
    return compare(report(head), compared, BestScore("best", best) if best is not None else None, FIVE).verdict


severities, outcomes, dimensions = st.sampled_from(list(Severity)), st.sampled_from(list(Outcome)), st.sampled_from(list(Dimension))
one = st.builds(
    check,
    st.sampled_from([*"abcdefghij", WHOLE_CONTRACT]),
    outcomes,
    severities,
    dimensions,
    st.sampled_from(["orders", "customers"]),
    st.integers(1, 20),
)
some = st.lists(one, min_size=1, max_size=25, unique_by=lambda r: r.key)
scored = st.sampled_from([s for s in Severity if s is not Severity.INFO])


def with_one(others: list[CheckResult], outcome: Outcome, severity: Severity, dimension: Dimension, count: int = 1) -> list[CheckResult]:
    return [*others, check("the one", outcome, severity, dimension, count=count)]


@given(some)
def test_it_is_between_0_and_100_and_so_is_every_dimension(results: list[CheckResult]) -> None:
    parity = parity_score(results, tuple(Dimension), WEIGHTS)
    assert parity.score is not None
    assert 0 <= parity.score.raw <= 100
    assert all(0 <= d.score.raw <= 100 for d in parity.dimensions)


@given(some)
def test_it_is_100_exactly_when_every_declared_dimension_is_measured_and_passes(results: list[CheckResult]) -> None:
    declared = {r.dimension for r in results}
    whole = all(r.outcome not in (Outcome.FAIL, Outcome.UNKNOWN) for r in results if counts(r) or r.check == WHOLE_CONTRACT)
    measured = all(any(counts(r) for r in results if r.dimension is d) for d in declared)
    assert (score(results) == 100) is (whole and measured)


@given(some, st.sampled_from([Outcome.FAIL, Outcome.UNKNOWN]), scored, dimensions, st.integers(1, 9))
def test_a_fix_never_lowers_it(others: list[CheckResult], before: Outcome, severity: Severity, dimension: Dimension, count: int) -> None:
    declared = frozenset(Dimension)
    was = score(with_one(others, before, severity, dimension), declared)
    assert score(with_one(others, Outcome.PASS, severity, dimension, count), declared) >= was


@given(some, severities, dimensions)
def test_whether_a_check_fails_or_cannot_be_told_is_the_same(others: list[CheckResult], severity: Severity, dimension: Dimension) -> None:
    assert score(with_one(others, Outcome.FAIL, severity, dimension)) == score(with_one(others, Outcome.UNKNOWN, severity, dimension))


@given(some, severities, dimensions, st.integers(1, 9))
def test_losing_sight_of_a_check_never_raises_it(others: list[CheckResult], severity: Severity, dimension: Dimension, count: int) -> None:
    seen = score(with_one(others, Outcome.PASS, severity, dimension, count))
    assert score(with_one(others, Outcome.UNKNOWN, severity, dimension)) <= seen


@given(some, st.sampled_from(["orders", "customers"]), dimensions)
def test_losing_a_whole_contract_never_raises_it(results: list[CheckResult], contract: str, dimension: Dimension) -> None:
    others = [r for r in results if (r.dimension, r.contract) != (dimension, contract)]
    lost = CheckResult(dimension, contract, WHOLE_CONTRACT, Severity.CRITICAL, Outcome.UNKNOWN)
    declared = frozenset(Dimension)
    assert score([*others, lost], declared) <= score(results, declared)


@given(some, st.data())
def test_a_waiver_never_moves_raw_and_its_expiry_never_raises_effective(results: list[CheckResult], data: st.DataObject) -> None:
    keys = [r.key for r in results]
    waived = frozenset(data.draw(st.sets(st.sampled_from(keys))))
    left = frozenset(data.draw(st.sets(st.sampled_from(sorted(waived))))) if waived else frozenset()
    scores = [parity_score(results, tuple(Dimension), WEIGHTS, w).score for w in (frozenset(), left, waived)]
    none, fewer, all_of_them = (s for s in scores if s is not None)
    assert none.raw == fewer.raw == all_of_them.raw
    assert none.raw == none.effective <= fewer.effective <= all_of_them.effective


@given(some)
def test_what_cannot_be_told_cannot_be_waived(results: list[CheckResult]) -> None:
    unknown = [replace(r, outcome=Outcome.UNKNOWN) for r in results]
    parity = parity_score(unknown, tuple(Dimension), WEIGHTS, frozenset(r.key for r in unknown)).score
    assert parity is not None
    assert parity.raw == parity.effective == 0


@given(some, st.randoms(use_true_random=False))
def test_order_does_not_matter(results: list[CheckResult], random: Random) -> None:
    shuffled = list(results)
    random.shuffle(shuffled)
    assert parity_score(shuffled, tuple(Dimension), WEIGHTS) == parity_score(results, tuple(Dimension), WEIGHTS)


@given(some, st.integers(1, 500), dimensions)
def test_clean_objects_never_lift_a_cap(results: list[CheckResult], clean: int, dimension: Dimension) -> None:
    more = check("clean", severity=Severity.CRITICAL, dimension=dimension, count=clean)
    assert score([*results, check("x", Outcome.FAIL, Severity.CRITICAL), more]) <= 49
    assert score([*results, check("x", Outcome.UNKNOWN, Severity.HIGH), more]) <= 89


def test_the_weights_of_the_declared_dimensions_make_up_the_whole() -> None:
    results = [
        check("a", dimension=Dimension.API),
        check("b", Outcome.FAIL, Severity.MEDIUM, Dimension.DATA),
        check("c", Outcome.PASS, Severity.MEDIUM, Dimension.DATA),
    ]
    assert score(results) == Fraction(30 * 100 + 30 * 50, 60)
    assert score(results, frozenset({Dimension.API, Dimension.DATA, Dimension.BEHAVIOR})) == Fraction(30 * 100 + 30 * 50, 80)


def test_nothing_declared_is_no_score_and_never_100() -> None:
    parity = parity_score([check("a")], (), WEIGHTS)
    assert parity.score is None
    assert "no contract is declared" in parity.reason


def test_declared_dimensions_without_any_weight_are_no_score() -> None:
    parity = parity_score([check("a")], (Dimension.DATA,), {**WEIGHTS, Dimension.DATA: 0})
    assert parity.score is None
    assert "weight 0" in parity.reason


def test_a_dimension_with_a_contract_lost_as_a_whole_is_0_and_says_so() -> None:
    lost = CheckResult(Dimension.DATA, "customers", WHOLE_CONTRACT, Severity.CRITICAL, Outcome.UNKNOWN)
    [data] = parity_score([check("a"), lost], (Dimension.DATA,), WEIGHTS).dimensions
    assert data.score.raw == 0
    assert data.reason == "could not be told in whole: customers"


def test_of_two_answers_about_one_check_the_worse_counts() -> None:
    [kept] = one_per_check([check("a"), check("a", Outcome.FAIL), check("a", Outcome.UNKNOWN)])
    assert kept.outcome is Outcome.FAIL


# ---------------------------------------------------------------- the gate


@given(st.fractions(0, 100), st.none() | st.fractions(0, 100), st.none() | st.fractions(0, 100), st.integers(0, 100).map(Fraction))
def test_the_gate_refuses_exactly_when_the_inequality_holds(
    head: Fraction, base: Fraction | None, best: Fraction | None, drop: Fraction
) -> None:
    least = 1 - drop / 100
    below_base = base is not None and head < least * base
    below_best = best is not None and head < least * best and (base is None or head < base)
    assert refuses(head, base, best, drop) is (below_base or below_best)


def graded(passing: int, severity: Severity = Severity.LOW) -> list[CheckResult]:
    """A hundred checks of one weight: the score is the number of those that pass."""
    return [check(f"c{i}", Outcome.PASS if i < passing else Outcome.FAIL, severity) for i in range(100)]


def test_a_drop_of_six_percent_blocks_and_one_of_four_does_not() -> None:
    assert verdict(graded(94), graded(100)) == "no"
    assert verdict(graded(96), graded(100)) == "yes"
    assert verdict(graded(95), graded(100)) == "yes"


def test_ten_drops_of_four_percent_block() -> None:
    best, verdicts, passing = Fraction(100), [], 100
    for _ in range(10):
        after = passing * 96 // 100 + 1
        verdicts.append(verdict(graded(after), graded(passing), best))
        passing = after
    assert verdicts == ["yes"] + ["no"] * 9


def test_a_change_that_does_not_lower_the_score_passes_however_good_it_once_was() -> None:
    assert verdict(graded(80), graded(80), Fraction(100)) == "yes"
    assert verdict(graded(79), graded(80), Fraction(100)) == "no"


def test_a_critical_failure_blocks_whatever_the_score() -> None:
    both = [*graded(100), check("leak", Outcome.FAIL, Severity.CRITICAL)]
    assert verdict(both, both) == "no"


def test_losing_sight_of_a_critical_check_blocks_where_the_cap_hides_it() -> None:
    capped = [check("other", Outcome.UNKNOWN, Severity.CRITICAL, contract="b"), *graded(100)]
    base = [*capped, check("leak", Outcome.FAIL, Severity.CRITICAL)]
    head = [*capped, check("leak", Outcome.UNKNOWN, Severity.CRITICAL)]
    assert verdict(head, base) == "no"
    assert verdict(head, head) == "yes"


def test_a_new_check_that_fails_does_not_block_an_unrelated_change() -> None:
    assert verdict([*graded(100), check("new", Outcome.FAIL)], graded(100)) == "yes"
    assert verdict([*graded(100), check("new", Outcome.FAIL)], [*graded(100), check("new")]) == "no"


def test_a_fault_that_is_told_only_where_it_is_counts_against_head_where_the_base_had_none() -> None:
    base = [check("breaking-changes", count=9), check("request: orders")]
    broken = [check("breaking-changes", count=8), check("breaking-changes/5b92fdef", Outcome.FAIL), check("request: orders")]
    assert verdict(broken, base) == "no"
    assert verdict(broken, broken) == "yes", "the base had it as well"
    assert verdict(broken, [check("request: orders")]) == "yes", "the base did not look for any"


def test_breaking_a_contract_as_a_whole_does_not_take_the_base_down_with_it() -> None:
    lost = CheckResult(Dimension.DATA, "orders", WHOLE_CONTRACT, Severity.CRITICAL, Outcome.UNKNOWN)
    kept = [check("a", dimension=Dimension.API)]
    assert verdict([*kept, lost], [*kept, *graded(100)]) == "no"
    assert rescored(graded(100), [lost]) == one_per_check(graded(100))


def test_a_broken_new_contract_blocks() -> None:
    lost = CheckResult(Dimension.DATA, "brand-new", WHOLE_CONTRACT, Severity.CRITICAL, Outcome.UNKNOWN)
    assert verdict([*graded(100), lost], graded(100)) == "no"


def test_a_broken_contract_of_a_new_dimension_does_not_take_the_base_down_where_a_cap_hides_it() -> None:
    base = [check("blind", Outcome.UNKNOWN, Severity.CRITICAL), *graded(90, Severity.HIGH)]
    lost = CheckResult(Dimension.API, "orders", WHOLE_CONTRACT, Severity.CRITICAL, Outcome.UNKNOWN)
    found = compare(report([*base, lost]), Base("base", tuple(base)), None, FIVE)
    assert found.base is not None
    assert [d.dimension for d in found.base.dimensions] == [Dimension.DATA]
    assert found.verdict == "no"


def test_new_checks_do_not_make_up_for_what_a_change_breaks() -> None:
    base = [check(f"c{i}") for i in range(10)]
    broken = [replace(r, outcome=Outcome.FAIL) if i < 6 else r for i, r in enumerate(base)]
    new = [check("new", severity=Severity.CRITICAL), *(check(f"more{i}", severity=Severity.CRITICAL) for i in range(50))]
    assert verdict(broken, base) == "no"
    assert verdict([*broken, new[0]], base) == "no"
    assert verdict([*broken, *new], base) == "no"
    assert verdict([*base, *new], base) == "yes"


def test_more_objects_under_an_old_check_do_not_make_up_for_what_a_change_breaks() -> None:
    old = check("old", Outcome.FAIL)
    base = [old, check("breaking-changes", count=10), *(check(f"c{i}") for i in range(10))]
    head = [old, check("breaking-changes", count=1000), *(check(f"c{i}", Outcome.FAIL) for i in range(10))]
    assert verdict(head, base) == "no"


def test_a_critical_check_that_a_change_breaks_blocks_though_the_change_makes_it_weigh_less() -> None:
    base = [*graded(100), check("leak", severity=Severity.CRITICAL)]
    for outcome in (Outcome.FAIL, Outcome.UNKNOWN):
        assert verdict([*graded(100), check("leak", outcome, Severity.INFO)], base) == "no"
    assert verdict([*graded(100), check("leak", severity=Severity.INFO)], base) == "yes"
    failing = [*graded(100), check("leak", Outcome.FAIL, Severity.CRITICAL)]
    assert verdict([*graded(100), check("leak", Outcome.FAIL, Severity.LOW)], failing) == "yes", "it failed before: that is for a reviewer"


def test_removed_checks_have_no_say_and_are_named() -> None:
    found = compare(report(graded(100)), Base("base", (*graded(100), check("gone", Outcome.FAIL))), None, FIVE)
    assert found.verdict == "yes"
    assert [r.check for r in found.removed] == ["gone"]
    assert any("removes" in reason and "1 did not" in reason for reason in found.reasons)


def test_base_is_scored_by_the_severities_of_head() -> None:
    was = [check("a", Outcome.FAIL, Severity.LOW), check("b")]
    [a, _] = sorted(rescored(was, [check("a", Outcome.FAIL, Severity.CRITICAL), check("b")]), key=lambda r: r.check)
    assert (a.severity, a.outcome) == (Severity.CRITICAL, Outcome.FAIL)


def test_a_check_that_head_makes_weigh_less_is_named_for_the_reviewer() -> None:
    base = Base("base", (check("a", Outcome.FAIL), check("b"), check("c")))
    softer = [check("a", Outcome.FAIL, Severity.LOW), replace(check("b"), outcome=Outcome.NOT_APPLICABLE), check("c")]
    reasons = compare(report(softer), base, None, FIVE).reasons
    assert "checks that weigh less by this change, or are declared not applicable: data/orders/a, data/orders/b" in reasons


@given(some, st.data())
def test_losing_sight_never_turns_a_no_into_a_yes(head: list[CheckResult], data: st.DataObject) -> None:
    """Of what base could tell; a check that is new with this change weighs nothing against it but a critical failure."""
    base = [replace(r, outcome=data.draw(outcomes)) for r in head]
    told = [now for now, then in zip(head, base, strict=True) if then.outcome in MEASURED and now.outcome in MEASURED]
    assume(told)
    lost = data.draw(st.sampled_from(told))
    blinded = [replace(r, outcome=Outcome.UNKNOWN) if r is lost else r for r in head]
    if verdict(head, base) == "no":
        assert verdict(blinded, base) != "yes"


def test_without_anything_to_compare_with_the_first_run_passes_and_says_so() -> None:
    found = compare(report(graded(60)), None, None, FIVE)
    assert found.verdict == "yes"
    assert "nothing yet to compare" in found.reasons[0]


def test_without_a_base_the_best_of_the_default_branch_decides() -> None:
    assert verdict(graded(94), best=Fraction(100)) == "no"
    assert verdict(graded(96), best=Fraction(100)) == "yes"


def test_nothing_declared_and_nothing_measured_are_unknown_never_yes() -> None:
    assert verdict([]) == "unknown"
    blind = [replace(r, outcome=Outcome.UNKNOWN) for r in graded(100)]
    assert verdict(blind) == "unknown"
    assert verdict(blind, graded(100)) == "unknown"


@given(some, some)
def test_scores_and_comparisons_survive_their_json(head: list[CheckResult], base: list[CheckResult]) -> None:
    found = compare(report(head), Base("base", tuple(base)), BestScore("best", Fraction(200, 3)), FIVE)
    assert comparison_from_json(comparison_to_json(found)) == found
    assert parity_from_json(parity_to_json(found.head)) == found.head


@given(some, st.none() | some, st.none() | st.integers(0, 100), st.booleans(), st.data())
def test_from_its_stored_inputs_a_comparison_comes_out_the_same(
    head: list[CheckResult], base: list[CheckResult] | None, best: int | None, of_default: bool, data: st.DataObject
) -> None:
    waived = frozenset(data.draw(st.sets(st.sampled_from([r.key for r in head]))))
    now = report(head)
    now = replace(now, waived=waived, parity=parity_score(now.results, now.declared, WEIGHTS, waived))
    then = Base(None, one_per_check(base), of_default) if base is not None else None
    compared = compare(now, then, BestScore("best", Fraction(best)) if best is not None else None, FIVE)
    inputs = json.loads(json.dumps(merge_inputs(now, then, compared)))
    assert compared_again(SHOP, "head", inputs) == compared_without_words(compared)
    common = inputs["common"]
    diluted = any(reason.startswith("over the checks that the base has as well") for reason in compared.reasons)
    assert not diluted or Fraction(common["head_exact"]) < Fraction(common["base_exact"]) * Fraction(95, 100)


def compared_without_words(compared: Comparison) -> Comparison:
    """Messages and evidence are no inputs."""

    def silent(results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
        return tuple(replace(r, message="", evidence={}) for r in results)

    return replace(
        compared,
        blocking=silent(compared.blocking),
        failing=silent(compared.failing),
        worse=silent(compared.worse),
        removed=silent(compared.removed),
    )
