"""Releases raise what their changes call for, and tags, dates and entries belong together (clause 8.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.semantic_version import (
    BumpKind,
    ChangeKind,
    SemanticVersion,
    bump_between,
    bump_called_for,
    bumped,
    read_version,
)
from platformkit_pipeline.model.repository.versions import Changelog, Release
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed
from platformkit_pipeline.rules.repository.version_tags import version_tags
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_rule

_SEMVER = "https://semver.org/spec/v2.0.0.html"
_KEEP = "https://keepachangelog.com/en/1.1.0/"
_MOST_NAMED = 10
_HISTORY = """
## [1.1.1] - 2025-12-01

### Fixed

- Totals are rounded once.
"""


@repository_rule(
    "VER004",
    "bump-too-small",
    clause="8.1",
    severity=Severity.HIGH,
    family=Family.VERSIONING,
    title="A release raises less than its changes call for",
    why="A removal in a MINOR release reaches everybody who updates within a MAJOR version, which is what they were told is safe.",
    how_to_fix="Release what removes or breaks something as the next MAJOR version (before 1.0.0: MINOR), and what adds, changes "
    "or deprecates something at least as MINOR. `platformkit docs release-notes --next-version` says which version the unreleased "
    "entries call for.",
    references=(_SEMVER,),
    requires=(RepositoryFacet.CHANGELOG,),
    violating=f"""
=== file CHANGELOG.md
# Changelog

## [1.2.0] - 2026-01-05

### Removed

- Orders can no longer be changed once they are paid.
{_HISTORY}""",
    clean=f"""
=== file CHANGELOG.md
# Changelog

## [Unreleased]

### Removed

- Orders can no longer be changed once they are paid.

## [1.2.0] - 2026-01-05

### Deprecated

- Changing an order once it is paid.
{_HISTORY}""",
)
def bump_too_small(subject: RepositorySubject) -> Verdicts:
    for changelog in subject.snapshot.changelogs:
        releases = list(_semantic(changelog))
        if not releases or changelog.releases[0] is not releases[0][1]:
            continue  # nothing released, or VER001 says that the latest entry is no version
        yield _judged_bump(changelog, releases)


def _judged_bump(changelog: Changelog, releases: list[tuple[SemanticVersion, Release]]) -> Verdict | None:
    latest, release = releases[0]
    earlier = [version for version, _ in releases if not version.pre and version.core != latest.core]
    if not earlier:
        return PASSED
    before = max((version for version in earlier if version < latest), default=None)
    identity = file_identity(changelog.path, version=release.version)
    if before is None:
        message = f"{changelog.path}: {latest} stands above {earlier[0]}, and is lower than every other release"
        return failed(identity, message, line=release.line)
    changes: Counter[ChangeKind] = Counter()
    for version, between in releases:
        if before < version <= latest:
            changes.update({change.kind: change.count for change in between.changes})
    called, done = bump_called_for(changes, before), bump_between(before, latest)
    if done >= called:
        return PASSED
    telling = sorted(kind.value for kind, count in changes.items() if count and bump_called_for({kind: 1}, before) is called)
    message = (
        f"{changelog.path}: {latest} raises {done.name} after {before}, and its entries ({', '.join(telling)}) call for {called.name}: "
        f"{bumped(before, called)}"
    )
    counts = {kind.value: count for kind, count in sorted(changes.items()) if count}
    return failed(identity, message, line=release.line, raised=BumpKind(done).name, called_for=called.name, entries=counts)


@repository_rule(
    "VER005",
    "tag-without-entry",
    clause="8.1",
    severity=Severity.LOW,
    family=Family.VERSIONING,
    title="A version was tagged that the changelog does not know",
    why="What was released under that tag can only be told from its commits.",
    how_to_fix="Add the section of that version to the changelog. A pre-release needs none.",
    references=(_KEEP,),
    requires=(RepositoryFacet.TAGS, RepositoryFacet.CHANGELOG),
    violating="=== tag v1.1.2",
    clean="=== tag v1.3.0-rc.1\n=== tag last-before-the-move",
)
def tag_without_entry(subject: RepositorySubject) -> Verdicts:
    changelogs = [changelog for changelog in subject.snapshot.changelogs if not changelog.fault]
    if not changelogs:
        return
    known = {version for changelog in changelogs for version, _ in _semantic(changelog)}
    for tag, version in version_tags(subject.snapshot.tags):
        if version in known:
            yield PASSED
        elif not version.pre:
            yield failed(ObjectIdentity("tag", None, tag.name), f"tag {tag.name}: no changelog has an entry about {version}")


@repository_rule(
    "VER006",
    "release-without-tag",
    clause="8.1",
    severity=Severity.INFO,
    family=Family.VERSIONING,
    title="A released version has no tag",
    why="Nobody can check out what that release was. The latest entry is not asked for one: its tag follows the merge.",
    how_to_fix="Tag the commit of the release, e.g. `git tag --annotate v1.1.0 COMMIT`, and push the tag.",
    references=(_KEEP,),
    requires=(RepositoryFacet.TAGS, RepositoryFacet.HISTORY, RepositoryFacet.CHANGELOG),
    violating=f"""
=== file CHANGELOG.md
# Changelog

## [1.2.0] - 2026-01-05

### Added

- Orders can be cancelled.
{_HISTORY}
## [1.1.0] - 2025-11-03

### Added

- Orders.
""",
    clean=f"""
=== file CHANGELOG.md
# Changelog

## [1.2.1] - 2026-01-20

### Fixed

- A cancelled order stays cancelled.

## [1.2.0] - 2026-01-05

### Added

- Orders can be cancelled.
{_HISTORY}
=== replace pyproject.toml
version = "1.2.0"
=>
version = "1.2.1"
""",
)
def release_without_tag(subject: RepositorySubject) -> Verdicts:
    tagged = {version for _, version in version_tags(subject.snapshot.tags)}
    for changelog in subject.snapshot.changelogs:
        missing = [release for version, release in list(_semantic(changelog))[1:] if not version.pre and version not in tagged]
        if missing:
            names = ", ".join(release.version for release in missing[:_MOST_NAMED]) + (" and more" if len(missing) > _MOST_NAMED else "")
            message = f"{changelog.path}: there is no tag for {names}"
            yield failed(file_identity(changelog.path), message, line=missing[0].line, versions=[r.version for r in missing[:100]])
        elif changelog.releases:
            yield PASSED


@repository_rule(
    "VER007",
    "changelog-disordered",
    clause="8.1",
    severity=Severity.LOW,
    family=Family.VERSIONING,
    title="Entries of the changelog are out of order or badly dated",
    why="The newest entry is found at the top, and dates say when what was released. Programs that read changelogs rely on both.",
    how_to_fix="Put the newest release first, each version once, each with its date as YYYY-MM-DD.",
    references=(_KEEP,),
    requires=(RepositoryFacet.CHANGELOG,),
    violating=f"""
=== file CHANGELOG.md
# Changelog

## [1.2.0] - 05/01/2026

### Added

- Orders can be cancelled.
{_HISTORY}""",
    clean=f"""
=== file CHANGELOG.md
# Changelog

## [1.2.0] (2026-01-05)

### Features

* **orders:** can be cancelled
{_HISTORY}""",
)
def changelog_disordered(subject: RepositorySubject) -> Verdicts:
    for changelog in subject.snapshot.changelogs:
        problems = list(_problems(changelog, subject.today))
        if problems:
            line, first = problems[0]
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            evidence = [text for _, text in problems[:_MOST_NAMED]]
            yield failed(file_identity(changelog.path), f"{changelog.path}: {first}{more}", line=line, problems=evidence)
        elif changelog.releases:
            yield PASSED


def _problems(changelog: Changelog, today: date) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    above: Release | None = None
    for release in changelog.releases:
        if release.version in seen:
            yield release.line, f"{release.version} has a second section"
        seen.add(release.version)
        if release.date is None:
            yield release.line, f"{release.version} has no date"
        elif not release.date_is_iso:
            yield release.line, f"the date of {release.version}, {release.date!r}, is not written as YYYY-MM-DD"
        elif release.date > today.isoformat():
            yield release.line, f"{release.version} is dated {release.date}, which is yet to come"
        if above is not None and _ascends(above, release):
            yield release.line, f"{release.version} stands below {above.version}, and is newer"
        above = release


def _ascends(above: Release, below: Release) -> bool:
    """Out of order by date and by version: a release of an older line may stand in the order of either."""
    dated = above.date_is_iso and below.date_is_iso
    if not dated or (above.date or "") >= (below.date or ""):
        return False
    first, second = read_version(above.version, python=True), read_version(below.version, python=True)
    return first is None or second is None or first < second


def _semantic(changelog: Changelog) -> Iterator[tuple[SemanticVersion, Release]]:
    for release in changelog.releases:
        version = read_version(release.version, python=True)
        if version is not None:
            yield version, release
