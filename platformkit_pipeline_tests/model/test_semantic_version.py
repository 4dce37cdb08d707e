"""Semantic versions: the standard's own examples, its order, and what changes call for."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.model.repository.semantic_version import (
    BumpKind,
    ChangeKind,
    SemanticVersion,
    bump_between,
    bump_called_for,
    bumped,
    next_version,
    read_version,
)

NUMBERS = st.integers(0, 10**6)
IDENTIFIERS = st.from_regex(r"\A(?:0|[1-9][0-9]{0,5}|[0-9]{0,3}[a-zA-Z-][0-9a-zA-Z-]{0,5})\Z")
VERSIONS = st.builds(SemanticVersion, NUMBERS, NUMBERS, NUMBERS, st.lists(IDENTIFIERS, max_size=4).map(tuple))
FINAL = st.builds(SemanticVersion, NUMBERS, NUMBERS, NUMBERS)
CHANGES = st.dictionaries(st.sampled_from(ChangeKind), st.integers(0, 3))


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.4", "1.2.3", "10.20.30", "1.1.2-prerelease+meta", "1.1.2+meta", "1.0.0-alpha", "1.0.0-alpha.beta.1", "1.0.0-alpha0.valid"),
        *("1.0.0-rc.1+build.123", "1.2.3----RC-SNAPSHOT.12.9.1--.12+788", "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "1.0.0-0A.is.legal"),
        "99999999999999999999999.999999999999999999.99999999999999999",
    ],
)
def test_what_the_standard_calls_valid_is_read(text: str) -> None:
    assert SemanticVersion.parse(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("1", "1.2", "1.2.3-0123", "1.2.3-0123.0123", "1.1.2+.123", "+invalid", "-invalid", "alpha", "1.0.0-alpha_beta", "1.0.0-alpha.."),
        *("01.1.1", "1.01.1", "1.1.01", "1.2.3.DEV", "1.2-SNAPSHOT", "1.2.31.2.3----RC", "-1.0.3-gamma+b7718", "9.8.7+meta+meta", "v1.2.3"),
        *("1.2.3\n", " 1.2.3", "1.2.٣", "", "1.2.3-", "1.2.3+", "9" * 5000 + ".0.0"),
    ],
)
def test_what_the_standard_calls_invalid_is_not_read(text: str) -> None:
    assert SemanticVersion.parse(text) is None
    assert read_version(text) is None


def test_precedence_is_that_of_the_standard() -> None:
    names = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "2.0.0",
    ]
    versions = [SemanticVersion.parse(name) for name in [*names, "2.1.0", "2.1.1"]]
    assert all(low is not None and high is not None and low < high for low, high in pairwise(versions))


@given(VERSIONS)
def test_a_version_is_read_as_it_is_written(version: SemanticVersion) -> None:
    assert SemanticVersion.parse(str(version)) == version
    assert SemanticVersion.parse(f"{version}+build.7") == version


@given(VERSIONS, VERSIONS, VERSIONS)
def test_the_order_is_total(first: SemanticVersion, second: SemanticVersion, third: SemanticVersion) -> None:
    assert (first < second) + (first == second) + (first > second) == 1
    low, middle, high = sorted((first, second, third))
    assert low <= middle <= high
    assert low <= high


@pytest.mark.parametrize(
    ("python", "semantic"),
    [
        ("1.2.0rc1", "1.2.0-rc.1"),
        ("1.2.0a0", "1.2.0-a.0"),
        ("1.2.0.dev3", "1.2.0-dev.3"),
        ("1.2.0b2.dev1", "1.2.0-b.2.dev.1"),
        ("1.2.0+cu12", "1.2.0"),
    ],
)
def test_pre_releases_of_python_are_read_where_python_is_spoken(python: str, semantic: str) -> None:
    assert read_version(python, python=True) == SemanticVersion.parse(semantic)
    assert read_version("1.2.0rc1") is None


@pytest.mark.parametrize("text", ["1!1.2.0", "1.2.0.post1", "1.2", "1.2.0.4", "v1.2.0", "1.2.0-1.x_y"])
def test_what_has_no_semantic_counterpart_is_not_read_in_python_either(text: str) -> None:
    assert read_version(text, python=True) is None


@given(FINAL, st.sampled_from(BumpKind))
def test_a_bump_raises_exactly_what_it_says(version: SemanticVersion, kind: BumpKind) -> None:
    assert bump_between(version, bumped(version, kind)) is kind
    assert bump_between(bumped(version, kind), version) is BumpKind.NONE


@given(FINAL, CHANGES)
def test_the_next_version_is_the_least_that_raises_enough(version: SemanticVersion, changes: dict[ChangeKind, int]) -> None:
    found = next_version(version, changes)
    called = bump_called_for(changes, version)
    assert bump_between(version, found) is called
    assert (found == version) == (not any(changes.values()))
    smaller = [bumped(version, kind) for kind in BumpKind if kind < called]
    assert all(other < found for other in smaller)


@given(FINAL, CHANGES, st.sampled_from(ChangeKind))
def test_one_more_change_never_calls_for_less(version: SemanticVersion, changes: dict[ChangeKind, int], kind: ChangeKind) -> None:
    more = changes | {kind: changes.get(kind, 0) + 1}
    assert bump_called_for(more, version) >= bump_called_for(changes, version)
    assert bump_called_for(more, version) > BumpKind.NONE


@pytest.mark.parametrize(
    ("kind", "since", "called"),
    [
        (ChangeKind.REMOVED, "1.4.2", "2.0.0"),
        (ChangeKind.BREAKING, "1.4.2", "2.0.0"),
        (ChangeKind.REMOVED, "0.4.2", "0.5.0"),
        (ChangeKind.BREAKING, "0.4.2", "0.5.0"),
        (ChangeKind.ADDED, "1.4.2", "1.5.0"),
        (ChangeKind.CHANGED, "0.4.2", "0.5.0"),
        (ChangeKind.DEPRECATED, "1.4.2", "1.5.0"),
        (ChangeKind.FIXED, "1.4.2", "1.4.3"),
        (ChangeKind.SECURITY, "0.4.2", "0.4.3"),
        (ChangeKind.OTHER, "1.4.2", "1.4.3"),
    ],
)
def test_each_kind_of_change_calls_for_its_bump(kind: ChangeKind, since: str, called: str) -> None:
    version = SemanticVersion.parse(since)
    assert version is not None
    assert str(next_version(version, {kind: 1})) == called
