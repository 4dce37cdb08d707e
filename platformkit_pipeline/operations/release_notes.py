"""Release notes and the next version, from the changelog of a repository's latest commit (clause 8.1)."""

from __future__ import annotations

from pathlib import Path

from platformkit_pipeline.introspection.repository.changelog_text import Section, changes_of, notes_of, sections_of
from platformkit_pipeline.introspection.repository.files import UnreadableError
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.versions import observe_changelogs
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.repository.semantic_version import SemanticVersion, next_version, read_version

UNRELEASED = "unreleased"
"""Stands for the section of what is not released yet, where a version is asked for."""
FIRST = SemanticVersion(0, 1, 0)


def release_notes(changelog_text: str, version: str | None = None) -> str:
    """The Markdown of one version's section, without its heading; of the latest release when `version` is None.

    Raises ConfigurationError for a version that has no section.
    """
    sections = sections_of(changelog_text)
    section = next((section for section in sections if _is_about(section, version)), None)
    if section is None:
        known = ", ".join([s.version or UNRELEASED for s in sections][:10]) or "no section about a version"
        asked = "released version" if version is None else f"section about {version!r}"
        raise ConfigurationError(f"the changelog has no {asked}; it has {known}")
    notes = notes_of(changelog_text, section)
    return f"{notes}\n" if notes else ""


def next_version_of(changelog_text: str) -> SemanticVersion:
    """The least version under which the unreleased entries may be released. Raises ConfigurationError when there are none."""
    sections = sections_of(changelog_text)
    unreleased = next((section for section in sections if section.version is None), None)
    changes = {change.kind: change.count for change in changes_of(unreleased)} if unreleased else {}
    if not changes:
        raise ConfigurationError("the changelog has no unreleased entries, so there is nothing to release")
    released = [version for section in sections if section.version and (version := read_version(section.version, python=True))]
    final = [version for version in released if not version.pre]
    if not final:
        if any(section.version for section in sections):
            raise ConfigurationError("the changelog has no release with a semantic version that a next one could follow")
        return FIRST
    return next_version(max(final), changes)


def committed_changelog(repository: Path) -> str:
    """The text of the changelog at the root, as the latest commit has it. Raises ConfigurationError, ObservationError."""
    with open_repository(repository) as opened:
        files = opened.files(opened.borrowed.commit)
        changelog = next((found for found in observe_changelogs(files) if not found.module), None)
        if changelog is None:
            raise ConfigurationError(f"{repository}: the latest commit has no CHANGELOG.md at its root")
        try:
            return files.text(changelog.path)
        except UnreadableError as error:
            raise ConfigurationError(f"{changelog.path} {error}") from None


def _is_about(section: Section, version: str | None) -> bool:
    if version is None:
        return section.version is not None
    if version.lower() == UNRELEASED:
        return section.version is None
    asked = version.removeprefix("v")
    if section.version is None or section.version == asked:
        return section.version == asked
    semantic = read_version(asked, python=True)
    return semantic is not None and semantic == read_version(section.version, python=True)
