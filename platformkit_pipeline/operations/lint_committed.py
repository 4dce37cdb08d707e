"""Judge the migrations of a commit: every folder `supabase/migrations` of its tree, by the rules about files (clause 8.2)."""

from __future__ import annotations

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
            _copied(files, folder, copy)
            _copied(files, f"{folder.removesuffix('migrations')}{ROLLBACK_FOLDER}", copy.parent / ROLLBACK_FOLDER)
            inside = {path.removeprefix(f"{folder}/"): change for path, change in changed.items() if path.startswith(f"{folder}/")}
            changes = ChangedMigrations(base, MappingProxyType(inside)) if base is not None else None
            subject = subject_of(read_migrations(copy), changes, LintOptions())
            for result in evaluate_migrations(subject, rules):
                yield replace(result, object=_in_the_repository(result.object, folder))


def _copied(files: Files, folder: str, target: Path) -> None:
    """Write the files that lie in a folder itself; what cannot be read stays a name, for a linter must not overlook it."""
    target.mkdir()
    for entry in files.below(folder):
        name = entry.path.removeprefix(f"{folder}/")
        if "/" in name or not name.endswith(".sql"):
            continue
        try:
            (target / name).write_bytes(files.data(entry.path, MAX_FILE_BYTES))
        except UnreadableError:
            (target / name).write_bytes(b"\0")


def _in_the_repository(identity: ObjectIdentity, folder: str) -> ObjectIdentity:
    return file_identity(f"{folder}/{identity.name}", **dict(identity.detail)) if identity.name else repository_identity(folder)
