"""What rules about migrations judge: a set of files in order, each read into acts, and which of them are new."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.migration import Change, ChangedMigrations, MigrationFile, MigrationSet, SquawkReport
from platformkit_pipeline.rules.registry import Family, Scope, Source, Verdict, failed, rule, unknown
from platformkit_pipeline.sqltext.migration_actions import Action, FunctionCalled, FunctionWritten, QualifiedName
from platformkit_pipeline.sqltext.migration_reader import called_actions, read_actions
from platformkit_pipeline.sqltext.migration_script import Script, Suppression, read_script, without_suppressions

KIND = "migration"
migration_rule = partial(rule, scope=Scope.REPOSITORY, family=Family.MIGRATIONS, source=Source.FILES, requires=())
"""Registers a rule about the text of migrations: a function from a `MigrationSubject` to what it finds."""
_ROLLBACK = re.compile(r"^--[ \t]*platformkit:rollback[ \t]*\r?\n(?P<section>(?:[ \t]*--[^\n]*(?:\n|\Z))+)", re.MULTILINE)
_COMMENTED = re.compile(r"^[ \t]*--[ ]?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its text, its statements and what they do. `judged` is False for what was applied before the change."""

    file: MigrationFile
    judged: bool
    script: Script
    actions: tuple[Action, ...]
    suppressions: tuple[Suppression, ...]
    rollback: str | None
    """SQL that takes it back, from the file of its name or from its own section; None where there is none that parses."""

    @property
    def path(self) -> str:
        return self.file.path


@dataclass(frozen=True)
class MigrationSubject:
    """A folder of migrations; what squawk said about it; the server that it is meant for; the schemas that clients reach."""

    set: MigrationSet
    squawk: SquawkReport
    changes: ChangedMigrations | None = None
    server_major: int = 15
    exposed_schemas: frozenset[str] = frozenset({"public"})

    def with_squawk(self, report: SquawkReport) -> MigrationSubject:
        """The same set, with squawk's answer; what was read is not read again."""
        subject = replace(self, squawk=report)
        vars(subject).update(migrations=self.migrations, judged=self.judged)
        return subject

    @cached_property
    def migrations(self) -> tuple[Migration, ...]:
        return tuple(_with_called([self._read(file) for file in self.set.files]))

    @cached_property
    def judged(self) -> tuple[Migration, ...]:
        return tuple(m for m in self.migrations if m.judged)

    @property
    def acts(self) -> Iterator[tuple[Migration, Action]]:
        """Every act of the set in the order of application, with its file."""
        return ((migration, action) for migration in self.migrations for action in migration.actions)

    def is_judged(self, path: str) -> bool:
        """All files are judged where nobody named a base; else those that are new or were edited."""
        return self.changes is None or self.changes.changes.get(path) in (Change.ADDED, Change.EDITED)

    def _read(self, file: MigrationFile) -> Migration:
        script = read_script(file.text)
        _, suppressions = without_suppressions(file.text)
        rollback = self.set.rollbacks.get(file.path) or _section(file.text)
        return Migration(file, self.is_judged(file.path), script, read_actions(script), suppressions, _usable(rollback))


def _with_called(migrations: Iterable[Migration]) -> Iterator[Migration]:
    """The migrations with what functions of the set do where a file calls them, at the line of the call."""
    functions: dict[tuple[QualifiedName, str], FunctionWritten] = {}
    for migration in migrations:
        actions: list[Action] = []
        for action in migration.actions:
            actions.append(action)
            if isinstance(action, FunctionWritten):
                functions[action.name, action.arguments] = action
            elif isinstance(action, FunctionCalled):
                actions += _done_by(action, functions, set())
        yield replace(migration, actions=tuple(actions))


def _done_by(
    call: FunctionCalled, functions: Mapping[tuple[QualifiedName, str], FunctionWritten], followed: set[tuple[QualifiedName, str]]
) -> Iterator[Action]:
    """Acts of every function that the call may mean, and of those that they call; each is followed once."""
    meant = [k for k in functions if k[0].name == call.name and call.schema in ("", k[0].schema) and k not in followed]
    followed.update(meant)
    for key in meant:
        for action in called_actions(functions[key]):
            done = replace(action, line=call.line, certain=call.certain and action.certain)
            yield done
            if isinstance(done, FunctionCalled):
                yield from _done_by(done, functions, followed)


def _section(text: str) -> str | None:
    """The commented SQL below `-- platformkit:rollback`."""
    match = _ROLLBACK.search(text)
    return _COMMENTED.sub("", match["section"]) if match else None


def _usable(rollback: str | None) -> str | None:
    if rollback is None:
        return None
    script = read_script(rollback)
    return rollback if script.statements and not script.faults else None


def at(path: str, about: str) -> ObjectIdentity:
    """Identity of what a rule speaks of in a file: stable when lines move."""
    return ObjectIdentity(KIND, None, path, (("about", about),))


def failed_at(migration: Migration, line: int, about: str, message: str, **evidence: Any) -> Verdict:
    return failed(at(migration.path, about), message, line=line, **evidence)


def unknown_at(migration: Migration, line: int, about: str, message: str, **evidence: Any) -> Verdict:
    return unknown(at(migration.path, about), message, line=line, **evidence)
