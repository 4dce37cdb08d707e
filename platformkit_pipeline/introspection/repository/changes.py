"""Which migrations a branch adds, edits and deletes, without running anything that the repository brings along.

The tree of the merge base is listed (`git ls-tree`) and compared with the files as they lie there. Neither the index nor a
diff is asked for: these are where hooks, file-system monitors, clean filters, external diffs and textconv would be run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from platformkit_pipeline.introspection.repository.git_process import GitFailed, git
from platformkit_pipeline.introspection.repository.object_ids import object_id
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.migration import Change, ChangedMigrations

_REGULAR = ("100644", "100755", "100664")
_SYMLINK = "120000"


def changed_migrations(folder: Path, base: str) -> ChangedMigrations:
    """Entries of `folder` that differ from the merge base of `base` and HEAD, whether committed or not.

    Raises ConfigurationError when the folder is in no repository, `base` names no commit, or there is no merge base.
    """
    if base.startswith("-") or not base.strip():
        raise ConfigurationError(f"--base {base!r}: is no name of a commit")
    merge_base = _merge_base(folder, base)
    before = dict(_listed(folder, merge_base))
    changes: dict[str, Change] = {}
    present: set[str] = set()
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            continue
        present.add(entry.name)
        if entry.name not in before:
            changes[entry.name] = Change.ADDED
        elif not _is_same(entry, *before[entry.name]):
            changes[entry.name] = Change.EDITED
    changes.update((name, Change.DELETED) for name in before if name not in present and name.endswith(".sql"))
    return ChangedMigrations(merge_base, MappingProxyType(dict(sorted(changes.items()))))


def _merge_base(folder: Path, base: str) -> str:
    try:
        inside = _git(folder, "rev-parse", "--is-inside-work-tree").strip() == b"true"
    except ConfigurationError as error:
        raise ConfigurationError(f"--base needs a git repository that can be read; {error}") from None
    if not inside:
        raise ConfigurationError(f"--base needs a working tree, and {folder} is in none")
    try:
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}").strip().decode()
    except ConfigurationError:
        raise ConfigurationError(f"--base {base!r}: there is no such commit here; fetch it first, e.g. `git fetch origin main`") from None
    try:
        return _git(folder, "merge-base", commit, "HEAD").strip().decode()
    except ConfigurationError:
        raise ConfigurationError(
            f"--base {base!r}: it has no history in common with HEAD; a shallow clone needs `git fetch --unshallow`"
        ) from None


def _listed(folder: Path, commit: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """File name → (mode, id of its blob), of the folder itself and not of folders in it."""
    prefix = _prefix(folder)
    for record in _git(folder, "ls-tree", "-z", "--full-tree", commit, *([prefix] if prefix else [])).split(b"\0"):
        if not record:
            continue
        about, _, name = record.partition(b"\t")
        mode, kind, blob = about.decode().split()
        if kind == "blob":
            yield os.fsdecode(name).removeprefix(prefix), (mode, blob)


def _prefix(folder: Path) -> str:
    """Path of the folder in its repository, with a `/` behind it; empty for the top."""
    return os.fsdecode(_git(folder, "rev-parse", "--show-prefix").removesuffix(b"\n"))


def _is_same(entry: Path, mode: str, blob: str) -> bool:
    """The bytes that git would store for the file, with its line ends or with those of a checkout on Windows."""
    if entry.is_symlink():
        return mode == _SYMLINK and object_id(os.fsencode(entry.readlink()), digits=len(blob)) == blob
    if mode not in _REGULAR or not entry.is_file():
        return False
    data = entry.read_bytes()
    return blob in (object_id(stored, digits=len(blob)) for stored in (data, data.replace(b"\r\n", b"\n")))


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        return git(folder, *arguments)
    except GitFailed as failed:
        raise ConfigurationError(str(failed)) from None
