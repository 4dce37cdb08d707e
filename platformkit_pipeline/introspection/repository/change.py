"""What a branch changes: paths, lines, folders at the top, and what its changelog says that is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.git import GitRepository
from platformkit_pipeline.introspection.repository.versions import observe_changelogs
from platformkit_pipeline.model.migration import Change as Kind
from platformkit_pipeline.model.repository.change import Change, ChangedPath, How
from platformkit_pipeline.model.repository.semantic_version import ChangeKind
from platformkit_pipeline.model.repository.versions import ChangeCount, Changelog

MAX_PATHS = 20_000
_HOW = {Kind.ADDED: How.ADDED, Kind.DELETED: How.DELETED, Kind.EDITED: How.EDITED}


def observe_change(repository: GitRepository, base: str, commit: str, files: Files) -> Change:
    """From `base` to `commit`, whose files are `files`. Raises ObservationError when git cannot tell."""
    before = repository.files(base)
    kinds, numbers = repository.changed(base, commit), repository.changed_lines(base, commit)
    paths = [ChangedPath(path, _HOW[kind], *numbers.get(path, (0, 0))) for path, kind in sorted(kinds.items())]
    old, new = observe_changelogs(before), observe_changelogs(files)
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


def _latest(changelogs: tuple[Changelog, ...]) -> str | None:
    """The first release in the changelog at the root."""
    root = next((changelog for changelog in changelogs if not changelog.module), None)
    return root.releases[0].version if root and root.releases else None


def _gained(old: tuple[Changelog, ...], new: tuple[Changelog, ...]) -> Iterator[ChangeCount]:
    """Entries by kind that there are more of. One that moved to its release is the same."""
    before, after = _entries(old), _entries(new)
    yield from (ChangeCount(kind, after[kind] - before[kind]) for kind in sorted(after) if after[kind] > before[kind])


def _entries(changelogs: tuple[Changelog, ...]) -> Counter[ChangeKind]:
    counted: Counter[ChangeKind] = Counter()
    for changelog in changelogs:
        for counts in (changelog.unreleased or (), *(release.changes for release in changelog.releases)):
            counted.update({each.kind: each.count for each in counts})
    return counted
