"""The migrations of a checkout, as the Supabase CLI lays them out, and how new ones get there: whole, once, in order.

`supabase/migrations/<14 digits>_<name>.sql`, and the undo under the same name in `supabase/rollbacks/`.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.remediation.migration_files import DOWN_FOLDER, UP_FOLDER

_ROOT = "supabase"
_FILE = re.compile(r"(?P<version>[0-9]+)_(?P<name>.+)\.sql\Z")
_VERSION = "%Y%m%d%H%M%S"
_VERSION_DIGITS = 14
_DRAFT = ".platformkit."
"""Beginning of the names of unfinished files; the CLI passes over them."""


@dataclass(frozen=True, slots=True)
class NewMigration:
    """`name` is the part of the file name behind the version."""

    name: str
    up: str
    down: str


@dataclass(frozen=True, slots=True)
class MigrationFolder:
    """The folder `supabase` of a checkout."""

    checkout: Path

    @property
    def migrations(self) -> Path:
        return self.checkout / _ROOT / UP_FOLDER

    @property
    def rollbacks(self) -> Path:
        return self.checkout / _ROOT / DOWN_FOLDER

    def scripts(self, *, before: Path | None = None) -> Iterator[tuple[Path, str]]:
        """File and text of the migrations in the order in which the CLI applies them, up to but without `before`."""
        for path in _listed(self.migrations):
            if before is not None and path.name >= before.name:
                return
            yield path, _read(path)

    def find(self, name: str) -> Path | None:
        """The migration of that name, whatever its version; the first one where there are several."""
        return next((path for path in _listed(self.migrations) if _name_of(path) == name), None)

    def store(self, migration: NewMigration, *, now: datetime) -> tuple[Path, ...]:
        """Write the migration and its undo; returns the files that were written, none when both are there already.

        The version is `now` (UTC), or one second after the newest file. Raises ConfigurationError, and nothing is written,
        when files of this name hold something else, when a newer file is not called by a time, or when writing fails.
        """
        wanted = {self.migrations: migration.up, self.rollbacks: migration.down}
        try:
            with _made(*wanted), _locked(self.migrations):
                for folder in wanted:
                    _sweep(folder)
                there = {folder: [p for p in _listed(folder) if _name_of(p) == migration.name] for folder in wanted}
                for folder, paths in there.items():
                    for path in paths:
                        if _read(path) != wanted[folder]:
                            raise ConfigurationError(_other_content(path))
                known = sorted({path.name for paths in there.values() for path in paths})
                file_name = known[0] if known else f"{self._next_version(now, migration.name)}_{migration.name}.sql"
                # The undo comes first: a crash in between leaves no migration without one, and the next call adds what is missing.
                missing = {folder / file_name: wanted[folder] for folder in reversed(wanted) if not there[folder]}
                write_new_files(missing)
                return tuple(reversed(missing))
        except OSError as error:
            raise ConfigurationError(
                f"{error.filename or self.migrations} cannot be written or read: {error.strerror or type(error).__name__}"
            ) from None

    def _next_version(self, now: datetime, name: str) -> str:
        taken = sorted(path.name for folder in (self.migrations, self.rollbacks) for path in _listed(folder))
        version = now.astimezone(UTC).strftime(_VERSION)
        if not taken or taken[-1] < f"{version}_":
            return version
        newest = taken[-1]
        digits = newest.partition("_")[0]
        with suppress(ValueError, OverflowError):
            if len(digits) == _VERSION_DIGITS:
                later = datetime.strptime(digits, _VERSION).replace(tzinfo=UTC) + timedelta(seconds=1)
                if f"{later.strftime(_VERSION)}_{name}.sql" > newest:
                    return later.strftime(_VERSION)
        raise ConfigurationError(
            f"{newest} would be applied after every migration that is named by a time, so a new one cannot follow it: "
            "rename it to <14 digits>_<name>.sql, then try again"
        )


def write_new_files(files: dict[Path, str]) -> None:
    """Make all of these files with these texts, or none. Raises OSError, FileExistsError for one that is there already."""
    placed: list[Path] = []
    drafts: list[tuple[Path, Path]] = []
    try:
        for path, text in files.items():
            handle, draft = tempfile.mkstemp(prefix=_DRAFT, dir=path.parent)
            drafts.append((Path(draft), path))
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(0o644)
        for finished, path in drafts:
            path.hardlink_to(finished)  # refuses to replace what somebody else has put there meanwhile
            placed.append(path)
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise
    finally:
        for finished, _ in drafts:
            finished.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what a generator that was killed left unfinished; under the lock nobody else is writing."""
    for draft in folder.glob(f"{_DRAFT}*"):
        draft.unlink(missing_ok=True)


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _FILE.match(path.name) and path.is_file()), key=lambda path: path.name)


def _name_of(path: Path) -> str:
    found = _FILE.match(path.name)
    return found["name"] if found else ""


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from None


def _other_content(path: Path) -> str:
    return (
        f"{path} has this name and other content, so nothing was written: keep it and write the change as a migration of its own "
        "(it may have been applied), or, where it never was, delete it together with its undo and try again"
    )


@contextmanager
def _made(*folders: Path) -> Iterator[None]:
    """The folders exist inside; those that were made here and stayed empty are gone again afterwards."""
    made: list[Path] = []
    try:
        for folder in folders:
            missing = [f for f in (folder, *folder.parents) if not f.exists()]
            folder.mkdir(parents=True, exist_ok=True)
            made += missing
        yield
    finally:
        for folder in sorted(made, key=lambda f: len(f.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One generator at a time per checkout; the lock ends with the process, however it ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
