"""Changelogs of every common form, read into counts, and release notes out of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.introspection.repository.changelog_text import notes_of, release_of, sections_of
from platformkit_pipeline.model.repository.versions import Release


def releases(text: str) -> list[Release]:
    return [release_of(section) for section in sections_of(text)]


def counts(release: Release) -> dict[str, int]:
    return {change.kind.value: change.count for change in release.changes}


KEEP = """\
# Changelog

## [Unreleased]

### Added

- One.
  - A detail of it.
- Two,
  over two lines.

## [1.2.0] - 2026-01-05 [YANKED]

### Removed

- Three.

### Security

- Four.

## [1.1.1] - 2025-12-01

[Unreleased]: https://example.com/compare/1.2.0...HEAD
[1.2.0]: https://example.com/1.2.0
"""


def test_keep_a_changelog_is_read() -> None:
    unreleased, latest, first = releases(KEEP)
    assert (unreleased.version, counts(unreleased)) == ("", {"added": 2})
    assert (latest.version, latest.date, latest.date_is_iso, latest.yanked, latest.line) == ("1.2.0", "2026-01-05", True, True, 12)
    assert counts(latest) == {"removed": 1, "security": 1}
    assert (first.version, first.date, first.changes) == ("1.1.1", "2025-12-01", ())


def test_what_conventional_changelog_writes_is_read() -> None:
    text = """\
# [2.0.0](https://example.com/compare/v1.1.1...v2.0.0) (2026-01-05)

### Bug Fixes

* **core:** one ([abc](https://example.com/abc))

### ⚠ BREAKING CHANGES

* **core:** two

### [1.1.1](https://example.com) (2025-12-01)

### Bug Fixes

* three

### Reverts

* four
"""
    latest, first = releases(text)
    assert (latest.version, latest.date, counts(latest)) == ("2.0.0", "2026-01-05", {"breaking": 1, "fixed": 1})
    assert (first.version, counts(first)) == ("1.1.1", {"fixed": 1, "other": 1})


def test_what_changesets_writes_is_read() -> None:
    text = (
        "# shop\n\n## 2.0.0\n\n### Major Changes\n\n- abc: One\n\n"
        "### Minor Changes\n\n- def: Two\n\n### Patch Changes\n\n- Updated dependencies\n"
    )
    (release,) = releases(text)
    assert (release.version, counts(release)) == ("2.0.0", {"breaking": 1, "added": 1, "other": 1})


def test_underlined_headings_are_read() -> None:
    text = (
        "Changes\n=======\n\n1.2.0 (2026-01-05)\n------------------\n\nAdded\n~~~~~\n"
        "\n* One\n\nv1.1.1 / 2025-12-01\n-------------------\n\n- Fixed two\n"
    )
    latest, first = releases(text)
    assert (latest.version, latest.date, counts(latest)) == ("1.2.0", "2026-01-05", {"added": 1})
    assert (first.version, first.date, counts(first)) == ("1.1.1", "2025-12-01", {"fixed": 1})


@pytest.mark.parametrize(
    ("heading", "version", "date"),
    [
        ("## 1.2.0 (2026-01-05)", "1.2.0", "2026-01-05"),
        ("## v1.2.0", "1.2.0", None),
        ("## [v1.2.0](https://example.com) - 2026-01-05", "1.2.0", "2026-01-05"),
        ("## Version 1.2.0", "1.2.0", None),
        ("## Release 1.2.0 — January 5, 2026", "1.2.0", "January 5, 2026"),
        ("## shop-v1.2.0 (2026-01-05)", "1.2.0", "2026-01-05"),
        ("## @acme/shop@1.2.0", "1.2.0", None),
        ("## 2026-01-05 - 1.2.0", "1.2.0", "2026-01-05"),
        ("## 1.2.0-rc.1 - 2026-01-05", "1.2.0-rc.1", "2026-01-05"),
        ("## 1.2.0rc1 (05/01/2026)", "1.2.0rc1", "05/01/2026"),
        ("## 1.2 - The big one", "1.2", None),
        ("## **1.2.0**", "1.2.0", None),
        ("## `1.2.0`", "1.2.0", None),
    ],
)
def test_a_heading_names_version_and_date(heading: str, version: str, date: str | None) -> None:
    (release,) = releases(f"# Changelog\n\n{heading}\n\n- One\n")
    assert (release.version, release.date) == (version, date)


@pytest.mark.parametrize(
    "line",
    [
        "### 2.0 for those who come from 1.x",
        "## Moved to Python 3.11 for good",
        "### Python 3.11",
        "## Credits",
        "1.2.0",
        "- 1.2.0",
        "## 2026",
        "#1.2.0",
    ],
)
def test_a_line_that_is_about_no_version_opens_no_section(line: str) -> None:
    assert releases(f"# Changelog\n\n{line}\n\n- One\n") == []


@pytest.mark.parametrize(
    "heading",
    ["## [Unreleased]", "## Unreleased", "## UNRELEASED", "## 1.3.0 (unreleased)", "## [Unreleased](https://example.com)", "## Upcoming"],
)
def test_what_is_not_released_has_no_version(heading: str) -> None:
    assert [section.version for section in sections_of(f"{heading}\n\n- One\n")] == [None]


def test_code_and_comments_are_no_entries() -> None:
    text = "## 1.2.0\n\n### Added\n\n- One\n\n```\n## 9.9.9\n- no\n```\n\n<!--\n## 8.8.8\n- no\n-->\n- Two\n\n## 1.1.0\n"
    latest, first = releases(text)
    assert (latest.version, counts(latest), first.version, first.line) == ("1.2.0", {"added": 2}, "1.1.0", 18)


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ("- **BREAKING**: callers must name the tenant", "breaking"),
        ("- BREAKING CHANGE: callers must name the tenant", "breaking"),
        ("- [Breaking] callers must name the tenant", "breaking"),
        ("- feat(orders)!: callers must name the tenant", "breaking"),
        ("- Was never meant to be breaking anything", "added"),
    ],
)
def test_an_entry_may_say_that_it_breaks_callers(entry: str, kind: str) -> None:
    (release,) = releases(f"## 1.2.0\n\n### Added\n\n{entry}\n")
    assert counts(release) == {kind: 1}


def test_entries_without_a_heading_may_say_their_kind() -> None:
    text = "## 1.2.0\n\n- Added one\n- feat: two\n- fix(x): three\n- Removes four\n- Five\n1. Deprecate six\n"
    assert counts(releases(text)[0]) == {"added": 2, "fixed": 1, "removed": 1, "other": 1, "deprecated": 1}


def test_paragraphs_count_where_there_is_no_list() -> None:
    assert counts(releases("## 1.2.0\n\n### Removed\n\nThe old login,\nwith its page.\n\nThe older one.\n")[0]) == {"removed": 2}


def test_a_chapter_ends_the_section_before_it() -> None:
    (release,) = releases("## 1.2.0\n\n### Added\n\n- One\n\n## How we release\n\n- Not an entry\n")
    assert counts(release) == {"added": 1}


def test_notes_are_the_text_with_the_references_that_it_uses() -> None:
    text = (
        "# C\n\n1.2.0\n-----\n\n### Added\n\n- One, see [the page].\n\n```sh\n"
        "run\n```\n\n1.1.0\n-----\n\n- Two\n\n[the page]: https://example.com/page\n[1.1.0]: https://example.com\n"
    )
    latest, first = sections_of(text)
    assert notes_of(text, latest) == "### Added\n\n- One, see [the page].\n\n```sh\nrun\n```\n\n[the page]: https://example.com/page"
    assert notes_of(text, first) == "- Two"


@given(
    st.lists(
        st.sampled_from([*KEEP.splitlines(), "```", "<!--", "-->", "---", "===", "#", "## ", "- ", "[a]: b", "# 1.0.0", "\0", "é"]),
        max_size=60,
    )
)
def test_any_lines_are_read_without_an_error(lines: list[str]) -> None:
    text = "\n".join(lines)
    for section in sections_of(text):
        assert 1 <= section.line <= section.end <= len(lines)
        release_of(section)
        notes_of(text, section)


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, "## " + "1." * 100_000, "## " + "a-" * 100_000, "-" * 500_000, "<!--" * 100_000, "- x\n" * 200_000, "# \n" * 200_000],
)
def test_hostile_text_ends(text: str) -> None:
    assert isinstance(sections_of(text), list)
