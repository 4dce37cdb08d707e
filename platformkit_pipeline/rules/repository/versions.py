"""Versions are semantic, and the changelog says so as well (clause 8.1)."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.semantic_version import read_version
from platformkit_pipeline.model.repository.versions import Changelog, Release, VersionSource, changelog_of
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository.version_tags import version_tags
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_identity, repository_rule

_SEMVER = "https://semver.org/spec/v2.0.0.html"
_KEEP = "https://keepachangelog.com/en/1.1.0/"
_FACETS = (RepositoryFacet.VERSIONS, RepositoryFacet.CHANGELOG)


@repository_rule(
    "VER001",
    "version-not-semver",
    clause="8.1",
    severity=Severity.HIGH,
    family=Family.VERSIONING,
    title="A version is not semantic",
    why="Whoever depends on a module reads from MAJOR.MINOR.PATCH whether an update may break them. "
    "A version of another form, or none, says nothing.",
    how_to_fix="Write versions as three numbers, `1.2.0`, with a pre-release behind a hyphen. A Python project may write `1.2.0rc1`. "
    "A repository that releases nothing declares VER001 not applicable in `.platformkit.yaml`, with the reason.",
    references=(_SEMVER,),
    requires=(*_FACETS, RepositoryFacet.TAGS),
    may_not_apply=True,
    violating="""
=== replace pyproject.toml
version = "1.2.0"
=>
version = "1.2"
""",
    clean="""
=== file src/shop/_version.py
# The version is in pyproject.toml.
""",
)
def version_not_semver(subject: RepositorySubject) -> Verdicts:
    snapshot = subject.snapshot
    tagged = any(version is not None for _, version in version_tags(snapshot.tags))
    for source in snapshot.versions:
        yield _judged_source(source, tagged)
    if not snapshot.versions and snapshot.files:
        if tagged:
            yield PASSED
        else:
            yield failed(repository_identity("version"), "nothing says which version this is: no manifest, no VERSION file and no tag")
    for changelog in snapshot.changelogs:
        top = next(iter(changelog.releases), None)
        if top is not None and read_version(top.version, python=True) is None:
            message = f"{changelog.path}: the latest entry is called {top.version!r}, which is no semantic version"
            yield failed(file_identity(changelog.path), message, line=top.line, version=top.version)
        elif top is not None:
            yield PASSED


def _judged_source(source: VersionSource, tagged: bool) -> Verdict | None:
    if source.from_tags:
        if tagged:
            return PASSED
        message = f"{source.path} takes its version from tags, and no tag is a semantic version"
        return failed(file_identity(source.path), message, line=source.line)
    if source.version is None:
        return unknown(file_identity(source.path), f"{source.path} {source.fault}", line=source.line)
    if read_version(source.version, python=source.python) is None:
        message = f"{source.path}: {source.version!r} is no semantic version"
        return failed(file_identity(source.path), message, line=source.line, version=source.version)
    return PASSED


@repository_rule(
    "VER002",
    "changelog-missing",
    clause="8.1",
    severity=Severity.MEDIUM,
    family=Family.VERSIONING,
    title="There is no changelog",
    why="Without a list of what changed nobody can check that a version raises what its changes call for, and release notes are guessed.",
    how_to_fix="Keep a CHANGELOG.md beside the manifest, with a section `## [Unreleased]` and one for each version. "
    "A module with versions of its own needs one in its own folder.",
    references=(_KEEP,),
    patch=PatchKind.FILE,
    requires=_FACETS,
    may_not_apply=True,
    violating="=== remove CHANGELOG.md",
    clean="""
=== remove CHANGELOG.md
=== file CHANGES.md
# Changes

## 1.2.0 (2026-01-05)

### Features

* Orders can be cancelled.

## 1.1.1 (2025-12-01)

### Bug Fixes

* Totals are rounded once.
""",
)
def changelog_missing(subject: RepositorySubject) -> Verdicts:
    snapshot = subject.snapshot
    if not snapshot.files:
        return
    judged = set()
    for module in sorted({source.module for source in snapshot.versions} or {""}):
        changelog = changelog_of(module, snapshot.changelogs)
        path = f"{module}/CHANGELOG.md" if module else "CHANGELOG.md"
        if changelog is None:
            yield failed(file_identity(path), f"{path} is missing")
        elif changelog.path not in judged:
            judged.add(changelog.path)
            yield _judged_changelog(changelog)
    for source in snapshot.versions:
        changelog = changelog_of(source.module, snapshot.changelogs)
        if changelog is not None and changelog.module != source.module and _has_own_versions(source, changelog, snapshot.versions):
            path = f"{source.module}/CHANGELOG.md"
            top = changelog.releases[0].version
            message = f"{path} is missing: {source.path} has version {source.version}, and {changelog.path} is about {top}"
            yield failed(file_identity(path, version=source.path), message)


def _judged_changelog(changelog: Changelog) -> Verdict | None:
    if changelog.fault:
        return unknown(file_identity(changelog.path), f"{changelog.path} {changelog.fault}")
    if not changelog.releases and changelog.unreleased is None:
        return failed(file_identity(changelog.path), f"{changelog.path} has no section about a version")
    return PASSED


def _has_own_versions(source: VersionSource, changelog: Changelog, sources: tuple[VersionSource, ...]) -> bool:
    """A module in a folder below, whose version another module's changelog cannot be about: that one is in step already."""
    if not changelog.releases or source.version is None or _same(source, changelog.releases[0]):
        return False
    others = (other for other in sources if changelog_of(other.module, (changelog,)) and other.module != source.module)
    return any(_same(other, changelog.releases[0]) for other in others)


@repository_rule(
    "VER003",
    "changelog-version-differs",
    clause="8.1",
    severity=Severity.HIGH,
    family=Family.VERSIONING,
    title="The changelog and the version differ",
    why="A version without an entry has no release notes, and an entry without its version was never released as what it says. "
    "Two places that disagree about the version publish one of two things by chance.",
    how_to_fix="Raise every place that says the version together with the changelog: move what is under `Unreleased` to a section "
    "of the new version. "
    "Between releases leave the version as it was released, or make it a pre-release such as `1.3.0-dev`.",
    references=(_KEEP,),
    patch=PatchKind.FILE,
    requires=_FACETS,
    violating="""
=== replace pyproject.toml
version = "1.2.0"
=>
version = "1.3.0"
""",
    clean="""
=== file CHANGELOG.md
# Changelog

## [Unreleased]

### Added

- Orders can be split.

## [1.2.0] - 2026-01-05

### Added

- Orders can be cancelled.

## [1.1.1] - 2025-12-01

### Fixed

- Totals are rounded once.
=== replace pyproject.toml
version = "1.2.0"
=>
version = "1.3.0.dev1"
""",
)
def changelog_version_differs(subject: RepositorySubject) -> Verdicts:
    snapshot = subject.snapshot
    for changelog in snapshot.changelogs:
        sources = [source for source in _about(changelog, snapshot.changelogs, snapshot.versions) if _is_semantic(source)]
        if changelog.fault:
            continue  # VER002 says so
        top = next(iter(changelog.releases), None)
        for source in sources:
            if top is None:
                yield from _among_themselves(source, sources[0])
            elif _same(source, top) or _is_ahead(source, top, changelog):
                yield PASSED
            elif not (source.module != changelog.module and _has_own_versions(source, changelog, snapshot.versions)):
                message = f"{source.path} has version {source.version}, and the latest entry of {changelog.path} is {top.version}"
                yield failed(file_identity(source.path), message, line=source.line, version=source.version, changelog=top.version)


def _among_themselves(source: VersionSource, first: VersionSource) -> Iterator[Verdict | None]:
    """Before the first release the changelog has no entry to compare with."""
    if read_version(source.version or "", python=source.python) == read_version(first.version or "", python=first.python):
        yield PASSED
    else:
        message = f"{source.path} has version {source.version}, and {first.path} has {first.version}"
        yield failed(file_identity(source.path), message, line=source.line, version=source.version)


def _about(changelog: Changelog, changelogs: tuple[Changelog, ...], sources: tuple[VersionSource, ...]) -> list[VersionSource]:
    return [source for source in sources if changelog_of(source.module, changelogs) == changelog]


def _is_semantic(source: VersionSource) -> bool:
    """Others are VER001's to judge."""
    return source.version is not None and read_version(source.version, python=source.python) is not None


def _same(source: VersionSource, release: Release) -> bool:
    """The same version; only read as semantic where both are."""
    ours = read_version(source.version or "", python=source.python)
    theirs = read_version(release.version, python=True)
    return source.version == release.version if ours is None or theirs is None else ours == theirs


def _is_ahead(source: VersionSource, top: Release, changelog: Changelog) -> bool:
    """A pre-release of what is being worked on, which the changelog has under `Unreleased`."""
    ours = read_version(source.version or "", python=source.python)
    theirs = read_version(top.version, python=True)
    return ours is not None and theirs is not None and bool(ours.pre) and ours > theirs and changelog.unreleased is not None
