"""What a branch changes: paths, lines, folders at the top, and what its changelog says that is new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.git import GitRepository
from platformkit_pipeline.introspection.repository.markdown import LineKind, kinds_of, sections_of
from platformkit_pipeline.model.migration import Change as ChangeKind
from platformkit_pipeline.model.repository.change import Change, ChangedPath, ChangelogEntries, How

MAX_PATHS = 20_000
CHANGELOG = "CHANGELOG.md"
_RELEASE = re.compile(r"\[?v?(?P<version>\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.-]{1,60})?)(?![\w.])")
_ENTRY = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
_HOW = {ChangeKind.ADDED: How.ADDED, ChangeKind.DELETED: How.DELETED, ChangeKind.EDITED: How.EDITED}


def observe_change(repository: GitRepository, base: str, commit: str, files: Files) -> Change:
    """From `base` to `commit`, whose files are `files`. Raises ObservationError when git cannot tell."""
    before = repository.files(base)
    kinds, numbers = repository.changed(base, commit), repository.changed_lines(base, commit)
    paths = [ChangedPath(path, _HOW[kind], *numbers.get(path, (0, 0))) for path, kind in sorted(kinds.items())]
    old, new = _changelog(before), _changelog(files)
    return Change(
        base=base,
        paths=tuple(paths[:MAX_PATHS]),
        more_paths=max(0, len(paths) - MAX_PATHS),
        new_folders=tuple(sorted(_top_folders(files) - _top_folders(before))),
        version_before=_latest(old),
        version_after=_latest(new),
        changelog_entries=tuple(_gained(old, new)),
    )


def _top_folders(files: Files) -> set[str]:
    return {folder for path in files.paths for folder, inside, _ in (path.partition("/"),) if inside}


def _changelog(files: Files) -> str:
    try:
        return files.text(CHANGELOG)
    except UnreadableError:
        return ""


def _latest(changelog: str) -> str | None:
    """The first release that a heading of the second level names; what is not released yet has no version."""
    headings = (section.heading for section in sections_of(changelog) if section.level == 2)
    return next((match["version"] for heading in headings if (match := _RELEASE.match(heading))), None)


def _gained(old: str, new: str) -> Iterator[ChangelogEntries]:
    known, found = Counter(_entries(old)), Counter(_entries(new))
    gained: Counter[str] = Counter()
    for (heading, entry), count in found.items():
        gained[heading] += max(0, count - known[heading, entry])
    yield from (ChangelogEntries(heading, count) for heading, count in sorted(gained.items()) if count)


def _entries(changelog: str) -> Iterator[tuple[str, str]]:
    """Kind of change, in lower case, and text of the first line of each entry; an entry that moved to its release is the same."""
    for section in sections_of(changelog):
        if section.level < 3:
            continue
        for line, kind in zip(section.lines, kinds_of(section.lines), strict=True):
            if kind is LineKind.TEXT and _ENTRY.match(line):
                yield section.heading.casefold()[:80], " ".join(line.split())
