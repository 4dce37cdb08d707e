"""Changelogs that are there, and have an entry for the version (clause 8.1)."""

from __future__ import annotations

import re

from platformkit_pipeline.introspection.repository.changelog_text import sections_of
from platformkit_pipeline.model.repository.semantic_version import (
    SemanticVersion,
    bump_between,
    bump_called_for,
    next_version,
    read_version,
)
from platformkit_pipeline.model.repository.versions import Changelog, VersionSource, changelog_of
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext

_NEW = """\
# Changelog

The format follows [Keep a Changelog](https://keepachangelog.com/en/1.1.0/), the versions
[Semantic Versioning](https://semver.org/spec/v2.0.0.html).

## [Unreleased]
"""
_HEADING = re.compile(r"(?P<marks>#{1,3})[ \t]+(?P<bracket>\[?)unreleased\]?[ \t]*\r?\Z", re.IGNORECASE)


def add_changelog(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """A changelog with nothing but the place for what is not released yet: what was released before only people can tell."""
    path = finding.object.name
    if path in context.files:
        data = context.files.data(path)
        if data != _NEW.encode():
            return ByHand(
                "it is there, and has no section about a version", ("Give each version a heading such as `## [1.2.0] - 2026-01-05`.",)
            )
    note = "Earlier releases are not in it; add what is known about them."
    return Edit(f"Add {path}", {path: _NEW.encode()}, (note,), successors=("VER005",))


def enter_release(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """What is under `Unreleased` becomes the entry of the version that the manifest has, dated today."""
    source = next((source for source in context.snapshot.versions if source.path == finding.object.name), None)
    changelog = changelog_of(source.module, context.snapshot.changelogs) if source is not None else None
    if source is None or changelog is None or not changelog.releases:
        return ByHand("the version and the changelog cannot be compared", ())
    version, latest = _semantic(source), read_version(changelog.releases[0].version, python=True)
    if version is not None and version == latest:
        return Edit(_title(source, changelog), {changelog.path: context.files.data(changelog.path)})
    if (doubt := _doubt(context, changelog, version, latest)) is not None:
        return ByHand(doubt, ("Make the version and the latest entry of the changelog the same.",))
    text = _entered(context.files.data(changelog.path).decode("utf-8"), f"{version}", context.today.isoformat())
    if text is None:
        return ByHand("the heading of what is not released has a form that is not known", ("Add a heading for the version below it.",))
    return Edit(_title(source, changelog), {changelog.path: text.encode()}, ("The entry is dated with the day of the plan.",))


def _doubt(context: RepositoryContext, changelog: Changelog, version: SemanticVersion | None, latest: SemanticVersion | None) -> str | None:
    """Why only a person can tell what to enter; None when the unreleased entries are those of the version."""
    if version is None or latest is None or version <= latest or version.pre:
        return "the version is none that follows the latest entry"
    changes = {change.kind: change.count for change in changelog.unreleased or ()}
    if not any(changes.values()):
        return "nothing under Unreleased says what the version changes"
    if bump_between(latest, version) < bump_called_for(changes, latest):
        return f"the unreleased entries call for {next_version(latest, changes)}, and the version is {version}"
    about = [other for other in context.snapshot.versions if changelog_of(other.module, context.snapshot.changelogs) == changelog]
    if any(_semantic(other) not in (version, None) for other in about):
        return "several places say different versions"
    return None


def _entered(text: str, version: str, day: str) -> str | None:
    section = next((section for section in sections_of(text.replace("\r\n", "\n")) if section.version is None), None)
    lines = text.split("\n")
    heading = _HEADING.match(lines[section.line - 1].lstrip("\ufeff")) if section is not None else None
    if section is None or heading is None:
        return None
    end = "\r" if lines[section.line - 1].endswith("\r") else ""
    name = f"[{version}]" if heading["bracket"] else version
    lines[section.line : section.line] = [end, f"{heading['marks']} {name} - {day}{end}"]
    return "\n".join(lines)


def _title(source: VersionSource, changelog: Changelog) -> str:
    return f"Enter {source.version} in {changelog.path}"


def _semantic(source: VersionSource) -> SemanticVersion | None:
    return read_version(source.version or "", python=source.python)
