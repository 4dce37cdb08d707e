"""Rules about versions, changelogs and tags, on records that say one thing each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.model.repository.semantic_version import BumpKind, ChangeKind, SemanticVersion, bump_between, bump_called_for
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.tree import Head, Tag, TreeFile
from platformkit_pipeline.model.repository.versions import ChangeCount, Changelog, Release, VersionSource
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import find_rule

TODAY = date(2026, 2, 1)
DAY = "2026-01-05"
FILES = (TreeFile("README.md", "100644", "0" * 40, 1),)
ROOT = VersionSource("pyproject.toml", "1.2.0", 3, python=True)


def release(version: str, day: str | None = DAY, **changes: int) -> Release:
    counted = tuple(ChangeCount(ChangeKind(kind), count) for kind, count in sorted(changes.items()))
    return Release(version, 5, day, day is not None and day.startswith("20"), changes=counted)


def changelog(*releases: Release, path: str = "CHANGELOG.md", unreleased: bool = False) -> Changelog:
    return Changelog(path, releases, () if unreleased else None)


def tags(*names: str) -> tuple[Tag, ...]:
    return tuple(Tag(name, "0" * 40) for name in sorted(names))


def judged(
    code: str, *, versions: Sequence[VersionSource] = (), changelogs: Sequence[Changelog] = (), names: Sequence[str] = ()
) -> list[Result]:
    """What one rule finds; passes are left out."""
    snapshot = RepositorySnapshot(
        Head("0" * 40, "main"), files=FILES, tags=tags(*names), versions=tuple(versions), changelogs=tuple(changelogs)
    )
    rule = find_rule(code)
    assert rule is not None
    return [result for result in evaluate_repository(snapshot, [rule], TODAY) if result.is_finding]


def objects(results: Sequence[Result]) -> list[str]:
    return [str(result.object) for result in results]


# -- VER001 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.2", "v1.2.0", "1.02.0", "2026-01-05", "latest", ""])
def test_a_version_of_another_form_is_a_finding(version: str) -> None:
    assert objects(judged("VER001", versions=[VersionSource("VERSION", version, 1)])) == ["VERSION"]


def test_a_python_project_may_write_pre_releases_as_python_does() -> None:
    assert judged("VER001", versions=[VersionSource("pyproject.toml", "1.2.0rc1", 1, python=True)]) == []
    assert objects(judged("VER001", versions=[VersionSource("package.json", "1.2.0rc1", 1)])) == ["package.json"]


def test_a_repository_that_says_no_version_is_a_finding_unless_tags_do() -> None:
    assert objects(judged("VER001")) == ["version"]
    assert objects(judged("VER001", names=["nightly", "v1"])) == ["version"]
    assert judged("VER001", names=["v1.2.0"]) == []


def test_a_version_from_tags_needs_one() -> None:
    source = VersionSource("pyproject.toml", from_tags=True, python=True)
    assert objects(judged("VER001", versions=[source], names=["v1"])) == ["pyproject.toml"]
    assert judged("VER001", versions=[source], names=["shop-v1.2.0"]) == []


def test_a_version_that_cannot_be_read_is_unknown() -> None:
    (result,) = judged("VER001", versions=[VersionSource("pyproject.toml", fault="is no TOML that can be read")])
    assert (result.outcome, result.message) == (Outcome.UNKNOWN, "pyproject.toml is no TOML that can be read")


def test_the_latest_entry_is_a_version_as_well() -> None:
    assert objects(judged("VER001", versions=[ROOT], changelogs=[changelog(release("1.2"), release("1.1.0"))])) == ["CHANGELOG.md"]
    assert judged("VER001", versions=[ROOT], changelogs=[changelog(release("1.2.0"), release("1.1"))]) == []


# -- VER002, VER003 -----------------------------------------------------------------------------------------------------


def test_every_module_has_a_changelog_of_its_own_or_above() -> None:
    modules = [VersionSource("a/package.json", "1.0.0", 1, module="a"), VersionSource("b/package.json", "1.0.0", 1, module="b")]
    own = changelog(release("1.0.0"), path="a/CHANGELOG.md")
    assert objects(judged("VER002", versions=modules, changelogs=[own])) == ["b/CHANGELOG.md"]
    assert judged("VER002", versions=modules, changelogs=[own, changelog(release("1.0.0"))]) == []


def test_a_changelog_without_sections_is_none_and_one_that_cannot_be_read_is_unknown() -> None:
    assert [r.outcome for r in judged("VER002", changelogs=[changelog()])] == [Outcome.FAIL]
    assert [r.outcome for r in judged("VER002", changelogs=[Changelog("CHANGELOG.md", fault="is a symbolic link")])] == [Outcome.UNKNOWN]
    assert judged("VER002", changelogs=[changelog(unreleased=True)]) == []


def test_places_that_say_another_version_than_the_changelog_are_findings() -> None:
    sources = [ROOT, VersionSource("src/shop/__init__.py", "1.1.9", 1, python=True)]
    assert objects(judged("VER003", versions=sources, changelogs=[changelog(release("1.2.0"))])) == ["src/shop/__init__.py"]
    assert objects(judged("VER003", versions=sources, changelogs=[changelog(release("1.3.0"))])) == [
        "pyproject.toml",
        "src/shop/__init__.py",
    ]


def test_a_module_with_versions_of_its_own_lacks_a_changelog() -> None:
    sources = [ROOT, VersionSource("ui/package.json", "0.3.0", 1, module="ui")]
    above = [changelog(release("1.2.0"))]
    assert judged("VER003", versions=sources, changelogs=above) == []
    assert objects(judged("VER002", versions=sources, changelogs=above)) == ["ui/CHANGELOG.md [ui/package.json]"]
    lone = [VersionSource("backend/pyproject.toml", "1.1.0", 1, module="backend", python=True)]
    assert objects(judged("VER003", versions=lone, changelogs=above)) == ["backend/pyproject.toml"]
    assert judged("VER002", versions=lone, changelogs=above) == []


def test_work_towards_a_release_is_a_pre_release_with_unreleased_entries() -> None:
    ahead = [VersionSource("pyproject.toml", "1.3.0.dev1", 3, python=True)]
    assert judged("VER003", versions=ahead, changelogs=[changelog(release("1.2.0"), unreleased=True)]) == []
    assert objects(judged("VER003", versions=ahead, changelogs=[changelog(release("1.2.0"))])) == ["pyproject.toml"]
    behind = [VersionSource("pyproject.toml", "1.2.0.dev1", 3, python=True)]
    assert objects(judged("VER003", versions=behind, changelogs=[changelog(release("1.2.0"), unreleased=True)])) == ["pyproject.toml"]


def test_before_the_first_release_the_places_agree_with_each_other() -> None:
    unreleased = [changelog(unreleased=True)]
    assert judged("VER003", versions=[ROOT], changelogs=unreleased) == []
    other = VersionSource("src/shop/__init__.py", "1.3.0", 1, python=True)
    assert objects(judged("VER003", versions=[ROOT, other], changelogs=unreleased)) == ["src/shop/__init__.py"]


def test_the_same_pre_release_may_be_spelled_twice() -> None:
    source = VersionSource("pyproject.toml", "1.3.0rc1", 3, python=True)
    assert judged("VER003", versions=[source], changelogs=[changelog(release("1.3.0-rc.1"))]) == []


# -- VER004 -------------------------------------------------------------------------------------------------------------

FINAL = st.builds(SemanticVersion, st.integers(0, 3), st.integers(0, 5), st.integers(0, 5))
CHANGES = st.dictionaries(st.sampled_from([kind.value for kind in ChangeKind]), st.integers(1, 3))


@given(FINAL, FINAL, CHANGES)
def test_a_release_is_a_finding_exactly_when_it_raises_too_little(
    older: SemanticVersion, newer: SemanticVersion, changes: dict[str, int]
) -> None:
    found = judged("VER004", changelogs=[changelog(release(str(newer), DAY, **changes), release(str(older), DAY, added=3))])
    if newer == older:
        assert found == []  # twice the same is VER007's
    else:
        called = bump_called_for({ChangeKind(kind): count for kind, count in changes.items()}, older)
        too_small = newer < older or bump_between(older, newer) < called
        assert [r.outcome for r in found] == ([Outcome.FAIL] if too_small else [])


def test_the_message_says_which_version_it_should_have_been() -> None:
    (found,) = judged("VER004", changelogs=[changelog(release("1.2.0", removed=1, fixed=2), release("1.1.1"))])
    assert found.message == "CHANGELOG.md: 1.2.0 raises MINOR after 1.1.1, and its entries (removed) call for MAJOR: 2.0.0"
    assert found.evidence["entries"] == {"fixed": 2, "removed": 1}
    assert (found.evidence["raised"], found.evidence["called_for"]) == (BumpKind.MINOR.name, BumpKind.MAJOR.name)


def test_entries_of_pre_releases_count_for_the_release() -> None:
    log = changelog(release("1.2.0", fixed=1), release("1.2.0-rc.1", removed=1), release("1.1.1"))
    assert len(judged("VER004", changelogs=[log])) == 1


def test_a_release_of_an_older_line_is_compared_with_its_own_line() -> None:
    assert judged("VER004", changelogs=[changelog(release("1.9.5", fixed=1), release("2.0.0", removed=1), release("1.9.4"))]) == []
    assert len(judged("VER004", changelogs=[changelog(release("1.9.5", added=1), release("2.0.0"), release("1.9.4"))])) == 1


def test_the_first_release_has_nothing_to_be_compared_with() -> None:
    assert judged("VER004", changelogs=[changelog(release("0.1.0", added=9))]) == []


# -- VER005 to VER007 ---------------------------------------------------------------------------------------------------


def test_tags_of_final_versions_need_an_entry() -> None:
    names = ["v1.2.0", "1.1.0", "shop-v1.0.0", "shop@0.9.0", "v2.0.0-rc.1", "v1", "v1.3", "weekly-2026.1.5", "list/1.2.0"]
    logs = [changelog(release("1.2.0"), release("1.0.0"))]
    assert objects(judged("VER005", changelogs=logs, names=names)) == ["1.1.0", "shop@0.9.0", "weekly-2026.1.5"]
    assert judged("VER005", names=names) == []


def test_releases_but_for_the_latest_need_a_tag() -> None:
    logs = [changelog(release("1.3.0"), release("1.2.0"), release("1.2.0-rc.1"), release("1.1.0"))]
    (found,) = judged("VER006", changelogs=logs, names=["v1.1.0"])
    assert found.evidence["versions"] == ["1.2.0"]
    assert judged("VER006", changelogs=logs, names=["v1.1.0", "v1.2.0"]) == []


@pytest.mark.parametrize(
    ("releases", "problem"),
    [
        ([release("1.2.0", None)], "1.2.0 has no date"),
        ([release("1.2.0", "5 January")], "is not written as YYYY-MM-DD"),
        ([release("1.2.0", "2026-02-02")], "is yet to come"),
        ([release("1.2.0"), release("1.2.0")], "1.2.0 has a second section"),
        ([release("1.1.0", "2025-01-01"), release("1.2.0", "2026-01-01")], "1.2.0 stands below 1.1.0, and is newer"),
    ],
)
def test_a_changelog_out_of_order_is_a_finding(releases: list[Release], problem: str) -> None:
    (found,) = judged("VER007", changelogs=[changelog(*releases)])
    assert problem in found.message


@pytest.mark.parametrize(
    "releases",
    [
        [release("1.2.0", "2026-02-01"), release("1.1.0", "2026-01-01")],
        [release("2.0.0", "2026-01-01"), release("1.9.5", "2026-01-20"), release("1.9.4", "2025-01-01")],
        [release("1.9.5", "2026-01-20"), release("2.0.0", "2026-01-01"), release("1.9.4", "2025-01-01")],
    ],
)
def test_the_order_of_versions_or_that_of_days_will_do(releases: list[Release]) -> None:
    assert judged("VER007", changelogs=[changelog(*releases)]) == []
