"""Read a folder of migrations by the rules of the Supabase CLI: which files it runs, in which order, and which it passes over.

Only `<digits>_<name>.sql` counts, the version is the digits before the first underscore, and the order is that of the file
names. Symbolic links that lead out of the folder are not followed: what they lead to is no part of the repository.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.migration import (
    MIGRATION_NAME,
    ROLLBACK_FOLDER,
    DuplicateVersion,
    MigrationFile,
    MigrationSet,
    SkippedFile,
    UnreadableFile,
)

MAX_FILES = 20_000
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_TOTAL_BYTES = 128 * 1024 * 1024

_OLD_INIT = re.compile(r"(?P<version>[0-9]{14})_init\.sql")
_INIT_IS_RUN_SINCE = "20211209000000"
"""An older `..._init.sql` at the front is a leftover of the CLI's first releases, which the CLI does not run."""


class _UnreadableError(Exception):
    """Why a file's text is not to be had, as the rest of a sentence about the file."""


@dataclass(slots=True)
class _Budget:
    """How many bytes may still be read."""

    left: int = MAX_TOTAL_BYTES


def read_migrations(folder: Path) -> MigrationSet:
    """The migrations of `folder` (usually `supabase/migrations`) and the files beside it that take them back.

    Raises ConfigurationError when the folder cannot be listed or holds more than 20,000 entries. A file that cannot be read
    is no error: it is listed in `unreadable`.
    """
    budget = _Budget()
    files: list[MigrationFile] = []
    skipped: list[SkippedFile] = []
    unreadable: list[UnreadableFile] = []
    for position, entry in enumerate(_entries(folder)):
        match = MIGRATION_NAME.fullmatch(entry.name)
        reason = _passed_over(entry, position, matches=match is not None)
        if reason or match is None:
            skipped.append(SkippedFile(entry.name, reason))
            continue
        try:
            files.append(MigrationFile(entry.name, match["version"], match["name"], _text(entry, folder, budget)))
        except _UnreadableError as error:
            unreadable.append(UnreadableFile(entry.name, match["version"], str(error)))
    return MigrationSet(
        files=tuple(files),
        skipped=tuple(skipped),
        unreadable=tuple(unreadable),
        duplicates=tuple(_duplicates((*files, *unreadable))),
        rollbacks=MappingProxyType(dict(_rollbacks(folder.resolve().parent / ROLLBACK_FOLDER, budget))),
    )


def _entries(folder: Path) -> list[Path]:
    """Entries in the order of their names, character by character, as the CLI lists them."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name.encode("utf-8", errors="surrogateescape"))
    except FileNotFoundError:
        raise ConfigurationError(f"{folder}: there is no such folder; name the folder that holds the migrations") from None
    except NotADirectoryError:
        raise ConfigurationError(f"{folder}: is no folder; name the folder that holds the migrations") from None
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be listed: {error.strerror or type(error).__name__}") from None
    if len(entries) > MAX_FILES:
        raise ConfigurationError(f"{folder}: holds {len(entries)} entries; more than {MAX_FILES} are not read")
    return entries


def _passed_over(entry: Path, position: int, *, matches: bool) -> str:
    """Why the CLI does not run an entry; empty when it does."""
    if not matches:
        return "is not called <digits>_<name>.sql"
    old = _OLD_INIT.fullmatch(entry.name)
    if position == 0 and old and old["version"] < _INIT_IS_RUN_SINCE:
        return "is called init and older than the CLI's own history, which begins in December 2021"
    return "is a folder" if entry.is_dir() else ""


def _text(entry: Path, folder: Path, budget: _Budget) -> str:
    """The file's text. Raises _UnreadableError."""
    try:
        if entry.is_symlink() and not entry.resolve().is_relative_to(folder.resolve()):
            raise _UnreadableError("is a symbolic link that leads out of the folder")
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _UnreadableError("is no regular file")
        if status.st_size > min(MAX_FILE_BYTES, budget.left):
            what = "a file" if status.st_size > MAX_FILE_BYTES else "all files together"
            raise _UnreadableError(f"is too large: {status.st_size} bytes, and {what} may have {_most(status.st_size)}")
        data = entry.read_bytes()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise _UnreadableError(f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}") from None
    budget.left -= len(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _UnreadableError(f"is no UTF-8 text: byte {error.start + 1} cannot be decoded") from None
    if "\0" in text:
        raise _UnreadableError(f"is no text: it holds a zero byte at character {text.index(chr(0)) + 1}")
    return text


def _most(size: int) -> int:
    return MAX_FILE_BYTES if size > MAX_FILE_BYTES else MAX_TOTAL_BYTES


def _duplicates(files: tuple[MigrationFile | UnreadableFile, ...]) -> Iterator[DuplicateVersion]:
    by_version: dict[str, list[str]] = {}
    for file in files:
        by_version.setdefault(file.version, []).append(file.path)
    yield from (DuplicateVersion(version, tuple(sorted(paths))) for version, paths in sorted(by_version.items()) if len(paths) > 1)


def _rollbacks(folder: Path, budget: _Budget) -> Iterator[tuple[str, str]]:
    """Texts by file name; what cannot be read takes nothing back."""
    if not folder.is_dir():
        return
    for entry in _entries(folder):
        if not MIGRATION_NAME.fullmatch(entry.name):
            continue
        try:
            yield entry.name, _text(entry, folder, budget)
        except _UnreadableError:
            continue
