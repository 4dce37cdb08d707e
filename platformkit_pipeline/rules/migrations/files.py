"""Whether a file of migrations is run at all: its name, its version, its text, its history."""

from __future__ import annotations

from platformkit_pipeline.model.migration import MIGRATION_NAME, Change
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.migration_subject import MigrationSubject, at, failed_at, migration_rule
from platformkit_pipeline.rules.registry import Verdicts, failed, unknown
from platformkit_pipeline.sqltext.migration_actions import NeedsVersion
from platformkit_pipeline.sqltext.secrets import mask_secrets, secrets_in

_CLEAN = "create table if not exists public.notes (id uuid primary key);\nalter table public.notes enable row level security;"


@migration_rule(
    "MIG101",
    "migration-does-not-parse",
    clause="8.2",
    severity=Severity.CRITICAL,
    title="Migration that PostgreSQL's grammar refuses",
    why="The file stops every deployment and every rebuild of the database at this place; what stands behind it is never run.",
    how_to_fix="Finish the statement or take it out. `supabase db reset` shows the same error on a local stack.",
    violating="create tabel public.notes (id uuid primary key);",
    clean=_CLEAN,
    also_fires=("MIG034",),
)
def does_not_parse(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for fault in migration.script.faults:
            marked = " (the file begins with a byte order mark: save it without)" if migration.file.text.startswith("\ufeff") else ""
            message = mask_secrets(fault.message).replace("\ufeff", "")
            yield failed_at(migration, fault.line, "syntax", f"does not parse: {message}{marked}")


@migration_rule(
    "MIG102",
    "psql-meta-command",
    clause="8.2",
    severity=Severity.HIGH,
    title="Command of psql in a migration",
    why=(
        "Backslash commands and rows behind COPY ... FROM stdin belong to psql, not to the server. They come with dumps, and the CLI, "
        "which sends the file to the server, fails at them."
    ),
    how_to_fix="Take the line out; write rows as INSERT. `\\restrict` and `\\unrestrict` of a dump can be removed without loss.",
    violating="\\connect shop",
    clean=_CLEAN,
)
def psql_meta_command(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for found in migration.script.meta_commands:
            what = "rows for COPY ... FROM stdin" if found.command == "COPY" else f"{found.command}, a command of psql"
            yield failed_at(migration, found.line, found.command, f"holds {what}, which the server does not understand")


@migration_rule(
    "MIG103",
    "migration-not-run",
    clause="8.2",
    severity=Severity.MEDIUM,
    title="SQL file that the CLI silently skips, or runs in an order its version does not tell",
    why=(
        "Only `<digits>_<name>.sql` is run. Anything else in the folder looks applied and is not. Names are ordered as text: "
        "`10_b.sql` runs before `9_a.sql`."
    ),
    how_to_fix="Rename the file to a timestamp of 14 digits, an underscore and a name; `supabase migration new` makes such names.",
    violating=f"-- file: 20240101000000-notes.sql\n{_CLEAN}",
    clean=_CLEAN,
)
def migration_not_run(subject: MigrationSubject) -> Verdicts:
    for skipped in subject.set.skipped:
        if skipped.path.lower().endswith(".sql") and subject.is_judged(skipped.path):
            yield failed(at(skipped.path, "name"), f"is never run: it {skipped.reason}", line=1)
    highest, of = -1, ""
    for migration in subject.migrations:
        number = int(migration.file.version[:4000])
        if number < highest and migration.judged:
            yield failed_at(migration, 1, "order", f"runs after {of}, though its version is the lower number: names are ordered as text")
        elif number > highest:
            highest, of = number, migration.path


@migration_rule(
    "MIG104",
    "duplicate-version",
    clause="8.2",
    severity=Severity.MEDIUM,
    title="Version that several migrations carry",
    why="The history of a project holds a version once. Of two files with one version, the second fails or is taken for applied.",
    how_to_fix="Give each file a version of its own, to the second.",
    violating=f"-- file: 20240101_notes.sql\n{_CLEAN}\n-- file: 20240101_tags.sql\n{_CLEAN.replace('notes', 'tags')}",
    clean=f"-- file: 20240101000000_notes.sql\n{_CLEAN}\n-- file: 20240101000001_tags.sql\n{_CLEAN.replace('notes', 'tags')}",
)
def duplicate_version(subject: MigrationSubject) -> Verdicts:
    for duplicate in subject.set.duplicates:
        for path in duplicate.paths:
            if subject.is_judged(path):
                others = ", ".join(other for other in duplicate.paths if other != path)
                yield failed(at(path, "version"), f"has the version {duplicate.version[:40]}, as {others} has", line=1)


@migration_rule(
    "MIG105",
    "migration-unreadable",
    clause="8.2",
    severity=Severity.HIGH,
    title="Migration that could not be read",
    why="The CLI runs the file, and nobody can say here what is in it: it is no UTF-8 text, too large, or a link out of the folder.",
    how_to_fix="Save the file as UTF-8, split it, or put the file itself in the place of the link.",
    violating="-- file: 20240101000000_notes.sql (latin-1)\nselect 'é';",
    clean=_CLEAN,
)
def migration_unreadable(subject: MigrationSubject) -> Verdicts:
    for file in subject.set.unreadable:
        if subject.is_judged(file.path):
            yield unknown(at(file.path, "text"), f"could not be judged: it {file.reason}", line=1)


@migration_rule(
    "MIG106",
    "applied-migration-changed",
    clause="8.2",
    severity=Severity.HIGH,
    title="Migration edited or deleted after it was merged",
    why=(
        "A merged migration counts as applied. Databases that have run it never see the edit, new ones see only the edit: "
        "from then on the environments differ, and nobody is told."
    ),
    how_to_fix="Restore the file as it was and write what should change into a new migration.",
    violating=f"-- applied: 20240101000000_notes.sql\nselect 1;\n-- file: 20240101000000_notes.sql\n{_CLEAN}",
    clean=f"-- applied: 20240101000000_one.sql\nselect 1;\n-- file: 20240102000000_notes.sql\n{_CLEAN}",
)
def applied_migration_changed(subject: MigrationSubject) -> Verdicts:
    if subject.changes is None:
        return
    for path, change in sorted(subject.changes.changes.items()):
        if change is not Change.ADDED and MIGRATION_NAME.fullmatch(path):
            yield failed(
                at(path, change.value), f"was {change.value} since {subject.changes.base[:12]}, where it was applied already", line=1
            )


@migration_rule(
    "MIG107",
    "needs-newer-server",
    clause="8.2",
    severity=Severity.HIGH,
    title="Migration that the project's PostgreSQL does not understand",
    why="Dumps of newer servers hold settings and privileges that older ones refuse; the file fails on every database of the project.",
    how_to_fix="Take the statement out, or name the version that the project runs with `--pg-version`.",
    violating="set transaction_timeout = 0;",
    clean="set statement_timeout = '5s';",
)
def needs_newer_server(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for action in migration.actions:
            if isinstance(action, NeedsVersion) and action.version > subject.server_major:
                message = f"uses {action.what}, which PostgreSQL {subject.server_major} does not have; {action.version} has"
                yield failed_at(migration, action.line, action.what, message)


@migration_rule(
    "MIG108",
    "version-before-applied",
    clause="8.2",
    severity=Severity.MEDIUM,
    title="New migration that sorts before one that is applied already",
    why="The CLI refuses to push it (`--include-all` forces it), and a new database runs it in another place than the old ones did.",
    how_to_fix="Give the file a version later than that of every merged migration.",
    violating=f"-- applied: 20240102000000_one.sql\nselect 1;\n-- file: 20240101000000_notes.sql\n{_CLEAN}",
    clean=f"-- applied: 20240101000000_one.sql\nselect 1;\n-- file: 20240102000000_notes.sql\n{_CLEAN}",
)
def version_before_applied(subject: MigrationSubject) -> Verdicts:
    if subject.changes is None:
        return
    applied = [m.path for m in subject.migrations if subject.changes.changes.get(m.path) is not Change.ADDED]
    for migration in subject.judged:
        if applied and migration.path < applied[-1] and migration.path not in applied:
            yield failed_at(migration, 1, "order", f"sorts before {applied[-1]}, which is applied already")


@migration_rule(
    "MIG116",
    "inline-suppression",
    clause="10.1",
    severity=Severity.MEDIUM,
    title="Comment that would switch off a rule",
    why="Exceptions are approved and expire (clause 10). A comment in the file does neither; it was ignored here.",
    how_to_fix="Take the comment out. What cannot be mended is a waiver or an exception.",
    violating="-- squawk-ignore ban-drop-table\nselect 1;",
    clean="select 1;",
)
def inline_suppression(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for found in migration.suppressions:
            which = ", ".join(found.rules) or "all rules"
            yield failed_at(migration, found.line, which, f"asks squawk to pass over {which}; the comment was not obeyed", tool="squawk")


@migration_rule(
    "MIG127",
    "secret-in-migration",
    clause="2.4",
    severity=Severity.CRITICAL,
    title="Secret in a migration",
    why="Migrations are in the repository and in its history; whoever can read either holds the key.",
    how_to_fix="Revoke the secret, keep the new one in Supabase Vault, and read it from there. Taking the line out does not help.",
    references=("cwe:798",),
    violating="alter database postgres set app.webhook_secret = 'whsec_abcdefghijklmnopqrstuvwx';",
    clean="select vault.decrypted_secret from vault.decrypted_secrets as vault where vault.name = 'webhook';",
)
def secret_in_migration(subject: MigrationSubject) -> Verdicts:
    for migration in subject.judged:
        for use in secrets_in(migration.file.text):
            yield failed_at(migration, use.line, use.kind, f"holds {use.description}", secret_kind=use.kind)
