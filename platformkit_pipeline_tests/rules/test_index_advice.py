"""Recommendations serve every need, and none repeats another or what exists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.rules.database.index_advice import Need, recommend, serves

ORDERS = ("public", "orders")
RELATIONS = st.sampled_from([ORDERS, ("public", "customers")])
NAMES = st.sampled_from(list("abcde"))
NEEDS = st.lists(
    st.builds(
        Need,
        RELATIONS,
        st.frozensets(NAMES, max_size=4),
        st.lists(NAMES, max_size=3, unique=True).map(tuple),
        st.sampled_from(["one", "two", "three"]),
    ),
    max_size=12,
)
EXISTING = st.dictionaries(RELATIONS, st.lists(st.lists(NAMES, min_size=1, max_size=4, unique=True).map(tuple), max_size=4))


def need(equality: str, sorting: str = "", who: str = "") -> Need:
    return Need(ORDERS, frozenset(equality.split()), tuple(sorting.split()), who)


def columns(*needs: Need, existing: list[tuple[str, ...]] | None = None) -> list[tuple[str, ...]]:
    return [r.columns for r in recommend(needs, {ORDERS: existing or []})]


def test_one_index_serves_look_ups_that_begin_alike() -> None:
    assert columns(need("b"), need("a b"), need("a b", "at")) == [("b", "a", "at")]


def test_look_ups_that_contradict_each_other_get_an_index_each() -> None:
    assert columns(need("a b"), need("a"), need("b")) == [("a", "b"), ("b",)]


def test_an_existing_index_serves_in_any_order_of_its_first_columns() -> None:
    assert columns(need("a b"), need("b"), existing=[("b", "a", "c")]) == []


def test_who_needs_it_is_kept() -> None:
    [found] = recommend([need("a", who="two"), need("a b", who="one"), need("a", who="three")], {})
    assert found.needed_by == ("one", "three", "two")


def test_the_preferred_column_comes_first() -> None:
    [found] = recommend([need("a b c")], {}, lambda _, column: {"c": -2.0, "b": -1.0}.get(column, 0.0))
    assert found.columns == ("c", "b", "a")


@given(NEEDS, EXISTING)
def test_nothing_is_repeated_and_every_need_is_served(needs: list[Need], existing: dict[tuple[str, str], list[tuple[str, ...]]]) -> None:
    found = recommend(needs, existing)
    for recommendation in found:
        others = [r.columns for r in found if r is not recommendation and r.relation == recommendation.relation]
        others += existing.get(recommendation.relation, [])
        assert not any(other[: len(recommendation.columns)] == recommendation.columns for other in others)
        assert recommendation.needed_by
        assert len(set(recommendation.columns)) == len(recommendation.columns)
    for wanted in needs:
        sorting = tuple(c for c in wanted.sorting if c not in wanted.equality)
        plain = Need(wanted.relation, wanted.equality, sorting)
        usable = [r.columns for r in found if r.relation == wanted.relation] + existing.get(wanted.relation, [])
        assert not plain.width or any(serves(have, plain) for have in usable)


@given(NEEDS, EXISTING, st.randoms())
def test_the_order_of_the_needs_does_not_matter(
    needs: list[Need], existing: dict[tuple[str, str], list[tuple[str, ...]]], random: object
) -> None:
    shuffled = list(needs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis has no type for it
    assert recommend(shuffled, existing) == recommend(needs, existing)
