"""Judge the migrations of a commit: every folder `supabase/migrations` of its tree, by the rules about files (clause 8.2)."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.migrations import MAX_FILE_BYTES
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.migration import ROLLBACK_FOLDER, Change, ChangedMigrations
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.rules.registry import Rule
from platformkit_pipeline.rules.repository_subject import file_identity, repository_identity

FOLDER = "supabase/migrations"
_LONGEST_NAME = 255
_CUT_NAME = 200


def migration_folders(files: Files) -> tuple[str, ...]:
    """Folders of the tree that hold migrations, in order."""
    found = set()
    for path in files.paths:
        folder, _, name = path.rpartition("/")
        if name.endswith(".sql") and (folder == FOLDER or folder.endswith(f"/{FOLDER}")):
            found.add(folder)
    return tuple(sorted(found))


def lint_committed(files: Files, rules: Sequence[Rule], base: str | None, changed: Mapping[str, Change]) -> Iterator[Result]:
    """What `rules` say about the migrations of a commit; with a `base` only about files that changed since.

    The objects are files of the repository. Rules that find nothing are passes of the folder.
    """
    from platformkit_pipeline.introspection.repository.migrations import read_migrations
    from platformkit_pipeline.operations.lint_migrations import LintOptions, subject_of
    from platformkit_pipeline.rules.evaluate_migrations import evaluate_migrations

    for folder in migration_folders(files):
        with tempfile.TemporaryDirectory(prefix="platformkit-migrations-") as place:
            copy = Path(place) / "migrations"
            names = _copied(files, folder, copy)
            _copied(files, f"{folder.removesuffix('migrations')}{ROLLBACK_FOLDER}", copy.parent / ROLLBACK_FOLDER)
            about = {path.removeprefix(f"{folder}/"): change for path, change in changed.items() if path.startswith(f"{folder}/")}
            inside = {_file_name(name): change for name, change in about.items()}
            changes = ChangedMigrations(base, MappingProxyType(inside)) if base is not None else None
            subject = subject_of(read_migrations(copy), changes, LintOptions())
            for result in evaluate_migrations(subject, rules):
                yield replace(result, object=_in_the_repository(result.object, folder, names))


def _copied(files: Files, folder: str, target: Path) -> dict[str, str]:
    """Write the files that lie in a folder itself; what cannot be read stays a name, for a linter must not overlook it.

    Returns their names by what they are called in `target`.
    """
    target.mkdir()
    names: dict[str, str] = {}
    for entry in files.below(folder):
        name = entry.path.removeprefix(f"{folder}/")
        if "/" in name or not name.endswith(".sql"):
            continue
        names[_file_name(name)] = name
        try:
            (target / _file_name(name)).write_bytes(files.data(entry.path, MAX_FILE_BYTES))
        except UnreadableError:
            (target / _file_name(name)).write_bytes(b"\0")
    return names


def _file_name(name: str) -> str:
    """The name, cut where a file system would not take it: git has no limit, and `\\xNN` is longer than its byte."""
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name.encode()[:_CUT_NAME].decode(errors='ignore')}-{digest}.sql"


def _in_the_repository(identity: ObjectIdentity, folder: str, names: Mapping[str, str]) -> ObjectIdentity:
    name = names.get(identity.name, identity.name)
    return file_identity(f"{folder}/{name}", **dict(identity.detail)) if name else repository_identity(folder)
