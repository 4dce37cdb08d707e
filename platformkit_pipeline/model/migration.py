"""A folder of migrations as the Supabase CLI would run it, and what a change did to it.

Paths are relative to the folder of migrations, with `/` between their parts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

MIGRATION_NAME = re.compile(r"(?P<version>[0-9]+)_(?P<name>.*)\.sql", re.DOTALL)
"""What a file is called that the Supabase CLI runs."""
ROLLBACK_FOLDER = "rollbacks"
"""Beside the folder of migrations: files that take a migration back, each under the name of that migration."""


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """A file that the CLI runs: `<version>_<name>.sql`. `version` are the digits before the first underscore, as they stand."""

    path: str
    version: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """An entry of the folder that the CLI passes over, and why. The reason is the rest of a sentence about the file."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file that the CLI runs and that could not be read here: it is no text, too large, or lies elsewhere."""

    path: str
    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class DuplicateVersion:
    """Several files of one version: the CLI records only one of them as applied."""

    version: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MigrationSet:
    """`files` stand in the order in which the CLI runs them: by file name, character by character."""

    files: tuple[MigrationFile, ...]
    skipped: tuple[SkippedFile, ...] = ()
    unreadable: tuple[UnreadableFile, ...] = ()
    duplicates: tuple[DuplicateVersion, ...] = ()
    rollbacks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """File name of a migration → text of the file that takes it back."""


class Change(StrEnum):
    """What happened to a migration since the merge base."""

    ADDED = "added"
    EDITED = "edited"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class ChangedMigrations:
    """What a branch did to the folder. `base` is the commit that it is compared with, in full."""

    base: str
    changes: Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class SquawkFinding:
    """What squawk says about one place of one file. `line` counts from 1, `column` from 0 as squawk counts it."""

    path: str
    line: int
    column: int
    rule: str
    message: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class SquawkReport:
    """What squawk says about a set. `unavailable` tells why it could not be asked; then there are no findings, and no answer."""

    findings: tuple[SquawkFinding, ...] = ()
    unavailable: str | None = None
