"""Changelogs that are there and know every version (clause 8.1). What changed, only people and commits tell: no entry is made up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.introspection.repository.changelog_text import Section, sections_of
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
from platformkit_pipeline.remediation.repository.text_files import EditableText, editable
from platformkit_pipeline.rules.repository.version_tags import version_tags

_PLAIN_TAG = re.compile(r"v?\d", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_HEAD = (
    "# Changelog\n\nThe format follows [Keep a Changelog](https://keepachangelog.com/en/1.1.0/), the versions\n"
    "[Semantic Versioning](https://semver.org/spec/v2.0.0.html).\n\n## [Unreleased]\n"
)
_UNWRITTEN = "Nobody kept a list of the changes; the commits up to {tag} tell them."
_UNRELEASED = re.compile(r"#{1,3}[ \t]+\[?unreleased\]?[ \t]*\Z", re.IGNORECASE)
_NOT_LISTED = "No change was listed when this version was written; the commits since the version before tell them."
_TO_WRITE = "Sections of past versions say that nobody kept a list then: write what is worth knowing."


def add_changelog(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """A changelog with a section for what is to come, for the tags, and for the version that is declared."""
    path = finding.object.name
    there = next((changelog for changelog in context.snapshot.changelogs if changelog.path == path), None)
    if there is not None:
        if there.releases or there.unreleased is not None:
            return Edit("Add a changelog", {path: context.files.data(path)})
        return ByHand(f"{path} has another form than a list of versions", (f"Give {path} a section `## [Unreleased]` and one a version.",))
    if path in context.files:
        return ByHand(f"{path} cannot be read as a changelog", (f"Give {path} a section `## [Unreleased]` and one for each version.",))
    module = path.rpartition("/")[0]
    sections: dict[SemanticVersion, str] = {}
    if not module:
        for tag, version in version_tags(context.snapshot.tags):
            if _PLAIN_TAG.match(tag.name) and not version.pre:
                sections[version] = f"\n## [{version}]{_dated(tag.tagged_at)}\n\n{_UNWRITTEN.format(tag=tag.name)}\n"
    declared = [s for s in context.snapshot.versions if s.module == module and s.path == dict(finding.object.detail).get("version", s.path)]
    for source in declared:
        released = _read(source)
        if released is not None and not released.pre:
            sections.setdefault(released, f"\n## [{source.version}]{_dated(context.snapshot.head.committed_at)}\n\n{_NOT_LISTED}\n")
    text = _HEAD + "".join(sections[version] for version in sorted(sections, reverse=True))
    return Edit(f"Add {path}", {path: text.encode()}, (_TO_WRITE,) if sections else ())


def add_release(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """The section of the version that a manifest has: with what is under `Unreleased`, where there is something."""
    source = next((s for s in context.snapshot.versions if s.path == finding.object.name), None)
    changelog = changelog_of(source.module, context.snapshot.changelogs) if source else None
    version = _read(source) if source else None
    if source is None or changelog is None or version is None or not changelog.releases:
        return ByHand("places disagree about the version, and the changelog has none yet", ("Write the same version into each of them.",))
    latest = read_version(changelog.releases[0].version, python=True)
    if version == latest:
        return Edit("Release", {changelog.path: context.files.data(changelog.path)})
    if (doubt := _doubt(context, changelog, version, latest)) is not None:
        steps = (
            f"Decide which version this is: {source.path} says {source.version}, and {changelog.path} {changelog.releases[0].version}.",
            "Then write it into every place that says a version, and give the changelog its section, with what changed.",
        )
        return ByHand(doubt, steps)
    document = editable(context.files, changelog.path)
    sections = sections_of(document.text)
    unreleased = next((section for section in sections if section.version is None), None)
    first = next(section for section in sections if section.version is not None)
    if version.pre:
        if unreleased is not None:
            return Edit("Release", {changelog.path: context.files.data(changelog.path)})
        lines = [_heading(document, first, "Unreleased", None)]
        return _inserted(document, changelog, first.line, lines, "Add a section for what is to come", more=True)
    if unreleased is None or unreleased.line > first.line or not _UNRELEASED.match(document.lines[unreleased.line - 1]):
        step = f"Give {changelog.path} a heading for {version} below that of what is not released."
        return ByHand("the heading of what is not released has a form that is not known", (step,))
    date = (context.snapshot.head.committed_at or "")[:10] or context.today.isoformat()
    lines = ["", _heading(document, first, source.version or str(version), date)]
    notes = ("The entry is dated with the day of the commit.",)
    return _inserted(document, changelog, unreleased.line + 1, lines, f"Release {version} in {changelog.path}", notes)


def _doubt(context: RepositoryContext, changelog: Changelog, version: SemanticVersion, latest: SemanticVersion | None) -> str | None:
    """Why only a person can tell what to enter; None when the unreleased entries are those of the version."""
    if latest is None or version < latest:
        return "the version is none that follows the latest entry"
    if any(other != version for other in _versions_about(context, changelog)):
        return "several places say different versions"
    changes = {change.kind: change.count for change in changelog.unreleased or ()}
    if version.pre:
        return None
    if not any(changes.values()):
        return "nothing under Unreleased says what the version changes"
    if bump_between(latest, version) < bump_called_for(changes, latest):
        return f"the unreleased entries call for {next_version(latest, changes)}, and the version is {version}"
    return None


def add_tagged(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """The section of a version that was tagged, at its place in the order."""
    tagged = next(((tag, version) for tag, version in version_tags(context.snapshot.tags) if tag.name == finding.object.name), None)
    step = f"Add the section of {finding.object.name} to the changelog of its module."
    if tagged is None or len(context.snapshot.changelogs) != 1:
        return ByHand("which changelog the tag belongs to cannot be told", (step,))
    (changelog,), (tag, version) = context.snapshot.changelogs, tagged
    releases = [(read_version(release.version, python=True), release) for release in changelog.releases]
    if any(known == version for known, _ in releases):
        return Edit("Add a section", {changelog.path: context.files.data(changelog.path)})
    document = editable(context.files, changelog.path)
    sections = [section for section in sections_of(document.text) if section.version is not None]
    if not sections or any(known is None for known, _ in releases):
        return ByHand(f"not every section of {changelog.path} is about a semantic version", (step,))
    below = next((section for section in sections if _known(section) < version), None)
    heading = _heading(document, sections[0], str(version), (tag.tagged_at or "")[:10] or None)
    text = _UNWRITTEN.format(tag=tag.name)
    title, notes = f"Add {version} to {changelog.path}", (_TO_WRITE,)
    if below is not None:
        return _inserted(document, changelog, below.line, [heading, "", text], title, notes, more=True)
    last = sections[-1]
    return _inserted(document, changelog, _end_of(document, last), ["", heading, "", text], title, notes)


def _inserted(
    document: EditableText,
    changelog: Changelog,
    line: int,
    lines: list[str],
    title: str,
    notes: tuple[str, ...] = (),
    *,
    more: bool = False,
) -> Edit:
    """New lines before that line (from 1), with a blank one behind them where `more` follows at once."""
    old = document.lines
    made = [*old[: line - 1], *lines, *([""] if more else []), *old[line - 1 :]]
    return Edit(title, {changelog.path: document.encoded("\n".join(made))}, notes)


def _heading(document: EditableText, like: Section, version: str, date: str | None) -> str:
    """A heading of the form that the others have, without their links."""
    line = document.lines[like.line - 1]
    level = "#" * like.level
    bracketed = re.search(r"\[v?\d", line) is not None and "](" not in line
    named = f"[{version}]" if bracketed or version == "Unreleased" else f"v{version}" if re.search(r"\bv\d", line) else version
    if date is None:
        return f"{level} {named}"
    return f"{level} {named} ({date})" if re.search(r"\(\d{4}-", line) else f"{level} {named} - {date}"


def _end_of(document: EditableText, section: Section) -> int:
    """The line behind a section, without the blank lines and link references at its end."""
    lines = document.lines
    end = min(section.end, len(lines))
    while end > section.line and (not lines[end - 1].strip() or re.match(r" {0,3}\[[^\]]+\]:", lines[end - 1])):
        end -= 1
    return end + 1


def _versions_about(context: RepositoryContext, changelog: Changelog) -> Iterator[SemanticVersion]:
    for source in context.snapshot.versions:
        version = _read(source)
        if version is not None and changelog_of(source.module, context.snapshot.changelogs) == changelog:
            yield version


def _known(section: Section) -> SemanticVersion:
    version = read_version(section.version or "", python=True)
    if version is None:
        raise LookupError("every section was read before")
    return version


def _read(source: VersionSource) -> SemanticVersion | None:
    return read_version(source.version, python=source.python) if source.version is not None else None


def _dated(moment: str | None) -> str:
    found = _DATE.match(moment or "")
    return f" - {found[0]}" if found else ""
