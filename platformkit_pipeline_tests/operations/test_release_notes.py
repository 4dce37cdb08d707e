"""Release notes and the next version, from what is committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.operations.release_notes import committed_changelog, next_version_of, release_notes
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder, build_well_kept

TEXT = """\
# Changelog

## [Unreleased]

### Fixed

- Five.

## [1.2.0] - 2026-01-05

### Added

- One, see [docs].

## [1.2.0-rc.1] - 2026-01-02

## [1.1.1] - 2025-12-01

- Two.

[docs]: https://example.com
"""


def test_the_latest_release_is_meant_unless_one_is_named() -> None:
    assert release_notes(TEXT) == release_notes(TEXT, "v1.2.0") == "### Added\n\n- One, see [docs].\n\n[docs]: https://example.com\n"
    assert release_notes(TEXT, "1.1.1") == "- Two.\n"
    assert release_notes(TEXT, "unreleased") == "### Fixed\n\n- Five.\n"
    assert release_notes(TEXT, "1.2.0rc1") == ""


@pytest.mark.parametrize("version", ["1.3.0", "", "latest", "1.2"])
def test_a_version_without_a_section_is_an_error_that_names_the_others(version: str) -> None:
    with pytest.raises(ConfigurationError, match=r"it has unreleased, 1\.2\.0, 1\.2\.0-rc\.1, 1\.1\.1"):
        release_notes(TEXT, version)


@pytest.mark.parametrize(
    ("section", "after", "version"),
    [
        ("Fixed", "1.2.0", "1.2.1"),
        ("Added", "1.2.0", "1.3.0"),
        ("Removed", "1.2.0", "2.0.0"),
        ("Removed", "0.2.0", "0.3.0"),
        ("Fixed", "1.3.0-rc.1", "1.2.1"),
    ],
)
def test_the_next_version_follows_the_highest_release(section: str, after: str, version: str) -> None:
    entries = f"## Unreleased\n\n### {section}\n\n- One\n\n"
    older = "## 1.2.0\n\n" if after.startswith("1.3") else ""
    assert str(next_version_of(f"{entries}## {after}\n\n{older}## 0.1.0\n")) == version


def test_the_first_version_and_nothing_to_release() -> None:
    assert str(next_version_of("## Unreleased\n\n- Added one\n")) == "0.1.0"
    for text in ("## Unreleased\n\n## 1.0.0\n", "## 1.0.0\n\n- One\n", ""):
        with pytest.raises(ConfigurationError, match="nothing to release"):
            next_version_of(text)
    with pytest.raises(ConfigurationError, match="semantic"):
        next_version_of("## Unreleased\n\n- One\n\n## 1.0\n")


def test_what_is_committed_counts(tmp_path: Path) -> None:
    builder = build_well_kept(tmp_path)
    before = committed_changelog(tmp_path)
    builder.write("CHANGELOG.md", "## 9.9.9\n")
    assert committed_changelog(tmp_path) == before
    builder.commit("Rewrite")
    assert committed_changelog(tmp_path) == "## 9.9.9\n"


def test_a_repository_without_a_changelog_says_so(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    builder.init()
    with pytest.raises(ConfigurationError, match=r"no CHANGELOG\.md"):
        committed_changelog(tmp_path)
    builder.write("CHANGELOG.md", b"\xff")
    builder.commit("Bytes")
    with pytest.raises(ConfigurationError, match="no UTF-8"):
        committed_changelog(tmp_path)
