"""Judge a folder of migrations, or what a branch changes in it, by the rules about files (clause 8.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.cycle_collector import collector_paused
from platformkit_pipeline.introspection.repository.changes import changed_migrations
from platformkit_pipeline.introspection.repository.migrations import read_migrations
from platformkit_pipeline.introspection.repository.squawk import ask_squawk
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.lint import LintReport, decide
from platformkit_pipeline.model.migration import ChangedMigrations, MigrationSet, SquawkReport
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.rules.evaluate_migrations import evaluate_migrations
from platformkit_pipeline.rules.migration_subject import MigrationSubject
from platformkit_pipeline.rules.migrations.compatibility import APPROVAL, BREAKING
from platformkit_pipeline.rules.registry import Rule, rules_about_files, ruleset_digest
from platformkit_pipeline.sqltext.migration_script import runs_outside_a_transaction, without_suppressions

DEFAULT_FOLDER = Path("supabase") / "migrations"
DEFAULT_SERVER_MAJOR = 15


@dataclass(frozen=True, slots=True)
class LintOptions:
    """What the caller decides. `base` names the commit that the change is compared with; None judges the whole folder."""

    base: str | None = None
    server_major: int = DEFAULT_SERVER_MAJOR
    exposed_schemas: tuple[str, ...] = ("public",)
    fail_on: Severity | None = Severity.HIGH
    approved_by: str | None = None


def find_folder(folder: Path | None) -> Path:
    """The named folder, else `supabase/migrations` here or in a folder above. Raises ConfigurationError with what to do."""
    if folder is not None:
        return folder
    here = Path.cwd()
    for place in (here, *here.parents):
        if (place / DEFAULT_FOLDER).is_dir():
            return place / DEFAULT_FOLDER
        if (place / ".git").exists():
            break
    raise ConfigurationError(f"there is no {DEFAULT_FOLDER} here; name the folder: `platformkit lint-migrations DIR`")


@collector_paused()
def lint_migrations(folder: Path, options: LintOptions, rules: Sequence[Rule]) -> LintReport:
    """Read, compare, ask squawk, judge, decide. Nothing is run and nothing written.

    Raises ConfigurationError for a folder or a base that is none.
    """
    found = read_migrations(folder)
    changes = changed_migrations(folder, options.base) if options.base is not None else None
    subject = subject_of(found, changes, options)
    results = evaluate_migrations(subject, rules)
    chosen = {rule.code for rule in rules}
    return LintReport(
        target=Target(TargetKind.REPOSITORY, _name_of(folder)),
        folder=_shown(folder),
        base=changes.base if changes else None,
        server_major=options.server_major,
        files=len(found.files) + len(found.unreadable),
        judged=tuple(migration.path for migration in subject.judged),
        skipped=found.skipped,
        ruleset_digest=ruleset_digest(rules),
        results=results,
        decision=decide(results, fail_on=options.fail_on, breaking=BREAKING, approval=APPROVAL, approved_by=options.approved_by),
        fail_on=options.fail_on,
        approved_by=options.approved_by,
        left_out=tuple(rule.code for rule in rules_about_files() if rule.code not in chosen),
    )


def subject_of(found: MigrationSet, changes: ChangedMigrations | None, options: LintOptions) -> MigrationSubject:
    """A set with what squawk says about those of its files that are judged."""
    blind = MigrationSubject(found, SquawkReport(), changes, options.server_major, frozenset(options.exposed_schemas))
    judged = blind.judged
    report = ask_squawk(
        {m.path: without_suppressions(m.file.text)[0] for m in judged},
        outside_transactions=frozenset(m.path for m in judged if runs_outside_a_transaction(m.script)),
        server_major=options.server_major,
    )
    return blind.with_squawk(report)


def _name_of(folder: Path) -> str:
    """The repository's own name: the folder around `supabase/migrations`, else the folder's."""
    resolved = folder.resolve()
    return (resolved.parents[1] if resolved.parts[-2:] == DEFAULT_FOLDER.parts else resolved).name or "repository"


def _shown(folder: Path) -> str:
    """Relative to where the program was called, as annotations on a pull request want it; else as named."""
    resolved = folder.resolve()
    here = Path.cwd().resolve()
    return resolved.relative_to(here).as_posix() if resolved.is_relative_to(here) else folder.as_posix()
