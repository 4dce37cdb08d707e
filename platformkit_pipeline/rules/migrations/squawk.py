"""squawk's rules under their own names: what takes long locks, rewrites tables or breaks clients, with a severity each.

squawk itself is asked elsewhere (`introspection.repository.squawk`), with every suppression switched off. What its own
default set does not know is reported under MIG049, so that a new version of squawk hides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from platformkit_pipeline.model.migration import SquawkFinding
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.rules.migration_subject import MigrationSubject, at, migration_rule
from platformkit_pipeline.rules.registry import Verdict, Verdicts, failed, unknown
from platformkit_pipeline.sqltext.secrets import mask_secrets

SYNTAX_ERROR = "syntax-error"
CATCH_ALL = "MIG049"
_H, _M, _L = Severity.HIGH, Severity.MEDIUM, Severity.LOW
_NEW = """-- applied: 20240101000000_notes.sql
create table if not exists public.notes (id bigint primary key, body text, size int);
alter table public.notes enable row level security;
-- file: 20240102000000_change.sql
"""
_BACK = "\n-- rollback: 20240102000000_change.sql\nselect 'restored by hand from the copy';"
_NOTES = "alter table public.notes"
_TABLE = "create table if not exists public.tags ({});\nalter table public.tags enable row level security;"
_CLEAN = _NEW + f"{_NOTES} add column if not exists tag text;"

_TIMED = _NEW + "set lock_timeout = '2s';\nset statement_timeout = '30s';\n" + f"{_NOTES} add column if not exists tag text;"


@dataclass(frozen=True, slots=True)
class _Peer:
    """One rule of squawk, and what we say about it. `sql` breaks it, `clean` does not."""

    code: str
    name: str
    severity: Severity
    title: str
    why: str
    fix: str
    sql: str
    clean: str = _CLEAN
    also: tuple[str, ...] = ()


_LOCKS = "The statement reads the whole table while nobody can write to it, or not even read."
_CLIENTS = "Clients of the old release still use what is taken away or narrowed here, until the last of them is gone."
_SIZES = "The type runs out of values or cuts them off, and changing it later rewrites the table."

_PEERS = (
    _Peer("MIG001", "require-concurrent-index-creation", _M, "Index built while writers wait", _LOCKS,
          "CREATE INDEX CONCURRENTLY, alone in its file.",
          _NEW + "create index if not exists notes_body on public.notes (body);",
          _NEW + "create index concurrently if not exists notes_body on public.notes (body);"),
    _Peer("MIG002", "require-concurrent-index-deletion", _M, "Index dropped while everybody waits", _LOCKS,
          "DROP INDEX CONCURRENTLY, alone in its file.",
          _NEW + "drop index if exists public.notes_body;",
          _NEW + "drop index concurrently if exists public.notes_body;"),
    _Peer("MIG003", "constraint-missing-not-valid", _M, "Constraint that is checked for every row at once", _LOCKS,
          "Add it NOT VALID, and VALIDATE CONSTRAINT in a later file.",
          _NEW + f"{_NOTES} add constraint sized check (size > 0);", also=("MIG115",)),
    _Peer("MIG004", "adding-field-with-default", _M, "Column whose default has to be worked out for every row",
          "A volatile default, as of random(), rewrites the table under an exclusive lock.",
          "Add the column without it, set the default, and fill old rows in batches.",
          _NEW + f"{_NOTES} add column if not exists dice float8 default random();"),
    _Peer("MIG005", "adding-foreign-key-constraint", _M, "Foreign key that locks two tables while every row is checked", _LOCKS,
          "Add it NOT VALID, and VALIDATE CONSTRAINT in a later file.",
          _NEW + f"{_NOTES} add constraint kept foreign key (size) references public.sizes (id);", also=("MIG003", "MIG115")),
    _Peer("MIG006", "changing-column-type", _M, "Type of a column changed in place",
          "Most changes rewrite the table under an exclusive lock, and clients meet a type that they do not expect.",
          "Add a column of the new type, copy, switch clients over, drop the old one later.",
          _NEW + f"{_NOTES} alter column size type bigint;" + _BACK, also=("MIG114",)),
    _Peer("MIG007", "adding-not-nullable-field", _M, "NOT NULL set on a column that is there", _LOCKS,
          "Add a CHECK (column is not null) NOT VALID, validate it, then set NOT NULL: PostgreSQL uses the constraint.",
          _NEW + f"update public.notes set body = '' where body is null;\n{_NOTES} alter column body set not null;" + _BACK,  # noqa: S608 - an example, never run on data
          also=("MIG114",)),
    _Peer("MIG008", "adding-serial-primary-key-field", _H, "Key column that numbers every row at once",
          "The table is rewritten and indexed under an exclusive lock.",
          "Add a nullable column, fill it in batches, build a unique index concurrently, and make that the key.",
          _NEW + "alter table public.logs add column if not exists id bigserial primary key;", also=("MIG015",)),
    _Peer("MIG009", "renaming-column", _M, "Column renamed", _CLIENTS,
          "Add a column, keep both in step by a trigger or a view, drop the old one later.",
          _NEW + f"{_NOTES} rename column body to content;" + _BACK, also=("MIG114", "MIG115")),
    _Peer("MIG010", "renaming-table", _M, "Table renamed", _CLIENTS,
          "Leave a view under the old name until no client uses it.",
          _NEW + f"{_NOTES} rename to remarks;" + _BACK, also=("MIG114", "MIG115")),
    _Peer("MIG011", "disallowed-unique-constraint", _M, "Unique constraint that builds its index while everybody waits", _LOCKS,
          "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... USING INDEX.",
          _NEW + f"{_NOTES} add constraint once unique (body);", also=("MIG003", "MIG115")),
    _Peer("MIG012", "ban-drop-database", _H, "Database dropped", "Nothing in a database survives it, and no migration needs it.",
          "Take the statement out.", "drop database if exists shop;", "select 1;"),
    _Peer("MIG013", "prefer-bigint-over-int", _L, "Integer of 32 bits", _SIZES, "Use bigint.",
          _TABLE.format("id bigint primary key, size int"), _TABLE.format("id bigint primary key, size bigint")),
    _Peer("MIG014", "prefer-bigint-over-smallint", _L, "Integer of 16 bits", _SIZES, "Use bigint.",
          _TABLE.format("id bigint primary key, size smallint"), _TABLE.format("id bigint primary key, size bigint")),
    _Peer("MIG015", "prefer-identity", _L, "Serial column",
          "The sequence of a serial column has rights of its own, and anybody may write numbers that it will give out later.",
          "`bigint generated always as identity`.", _TABLE.format("id bigserial primary key"),
          _TABLE.format("id bigint generated always as identity primary key")),
    _Peer("MIG016", "prefer-robust-stmts", _L, "Statement that cannot be repeated after a half-way failure",
          "Outside of a transaction a file stops in the middle, and running it again fails at what was done already.",
          "IF NOT EXISTS, IF EXISTS.",
          _NEW + "create index concurrently notes_body on public.notes (body);",
          _NEW + "create index concurrently if not exists notes_body on public.notes (body);", also=("MIG115",)),
    _Peer("MIG017", "prefer-text-field", _L, "Text with a length in its type", "Raising the length later needs an exclusive lock.",
          "text, with a CHECK for the length.", _TABLE.format("id bigint primary key, name varchar(20)"),
          _TABLE.format("id bigint primary key, name text")),
    _Peer("MIG018", "prefer-timestamp-tz", _L, "Time without time zone", "Nobody can say which moment is meant.", "timestamptz.",
          _TABLE.format("id bigint primary key, made timestamp"), _TABLE.format("id bigint primary key, made timestamptz")),
    _Peer("MIG019", "ban-drop-column", _M, "Column dropped", _CLIENTS, "Stop using it, release, and drop it in a later release.",
          _NEW + f"{_NOTES} drop column if exists body;" + _BACK, also=("MIG110", "MIG114")),
    _Peer("MIG020", "ban-drop-table", _M, "Table dropped", _CLIENTS, "Rename it away, release, and drop it in a later release.",
          _NEW + "drop table if exists public.notes;" + _BACK, also=("MIG110", "MIG114")),
    _Peer("MIG021", "ban-drop-not-null", _M, "NOT NULL taken away", "Clients that rely on a value meet NULL.",
          "Keep it, or make sure that every client copes.", _NEW + f"{_NOTES} alter column id drop not null;"),
    _Peer("MIG022", "transaction-nesting", _M, "Transaction of its own inside the one that runs the file",
          "BEGIN inside of a transaction does nothing, and COMMIT ends the one that should have held the whole file together.",
          "Take BEGIN and COMMIT out.", "begin;\nselect 1;\ncommit;", "select 1;"),
    _Peer("MIG023", "adding-required-field", _M, "Required column added to a table that is there", _CLIENTS,
          "Give it a default, or add it nullable and fill it.", _NEW + f"{_NOTES} add column if not exists tag text not null;" + _BACK,
          also=("MIG111", "MIG114")),
    _Peer("MIG024", "ban-concurrent-index-creation-in-transaction", _H, "CONCURRENTLY beside other statements",
          "A file of several statements is run in one transaction, in which CONCURRENTLY is refused.", "Give it a file of its own.",
          _NEW + f"{_NOTES} add column if not exists tag text;\ncreate index concurrently if not exists notes_tag on public.notes (tag);",
          _NEW + "create index concurrently if not exists notes_tag on public.notes (tag);"),
    _Peer("MIG025", "ban-create-domain-with-constraint", _M, "Domain with a constraint",
          "Changing the constraint later checks every table that uses the domain, all of them locked.", "A CHECK on the column.",
          "create domain public.amount as bigint check (value > 0);", "select 1;", also=("MIG115",)),
    _Peer("MIG026", "ban-alter-domain-with-add-constraint", _M, "Constraint added to a domain",
          "Every table that uses the domain is read while it is locked.", "A CHECK on the column, NOT VALID first.",
          "alter domain public.amount add constraint positive check (value > 0);", "select 1;"),
    _Peer("MIG027", "ban-truncate-cascade", _M, "TRUNCATE that reaches other tables",
          "CASCADE empties every table that refers to this one, also those that nobody thought of.", "Name every table that is meant.",
          _NEW + "truncate public.notes cascade;" + _BACK, also=("MIG110", "MIG114")),
    _Peer("MIG028", "ban-uncommitted-transaction", _H, "BEGIN without COMMIT", "What the file does is rolled back when its session ends.",
          "Take BEGIN out: the file is run in a transaction anyway.", "begin;\nselect 1;", "select 1;", also=("MIG022",)),
    _Peer("MIG029", "require-enum-value-ordering", _L, "Value added to an enum at its end, unsaid",
          "The order of an enum's values is that of sorting and comparing.", "ADD VALUE ... AFTER or BEFORE.",
          "alter type public.mood add value if not exists 'glad';",
          "alter type public.mood add value if not exists 'glad' after 'calm';"),
    _Peer("MIG030", "identifier-too-long", _M, "Name longer than 63 bytes", "PostgreSQL cuts it off, and two names may become one.",
          "Shorten it.", f"create table if not exists public.{'n' * 70} (id bigint primary key);\n"
          f"alter table public.{'n' * 70} enable row level security;", _TABLE.format("id bigint primary key")),
    _Peer("MIG031", "require-concurrent-partition-detach", _M, "Partition detached while everybody waits", _LOCKS,
          "DETACH PARTITION ... CONCURRENTLY, alone in its file.",
          _NEW + "alter table public.events detach partition public.events_2024;"),
    _Peer("MIG032", "require-concurrent-reindex", _M, "REINDEX while writers wait", _LOCKS, "REINDEX ... CONCURRENTLY, alone in its file.",
          _NEW + "reindex table public.notes;", _NEW + "reindex table concurrently public.notes;"),
    _Peer("MIG033", "require-lock-timeout", _L, "Exclusive lock without a lock_timeout",
          "While the statement waits for its lock, every query that comes after it waits as well.",
          "`set lock_timeout = '2s'` before it, and try again.",
          _NEW + "set statement_timeout = '30s';\n" + f"{_NOTES} add column if not exists tag text;", _TIMED),
    _Peer("MIG035", "require-statement-timeout", _L, "Slow statement without a statement_timeout",
          "Nothing ends it when it takes longer than anybody thought.", "`set statement_timeout = '30s'` before it.",
          _NEW + "set lock_timeout = '2s';\n" + f"{_NOTES} add column if not exists tag text;", _TIMED),
    _Peer("MIG036", "ban-char-field", _L, "char(n)", "It is padded with blanks, and compared without them.", "text.",
          _TABLE.format("id bigint primary key, code char(3)"), _TABLE.format("id bigint primary key, code text")),
    _Peer("MIG037", "ban-drop-constraint", _L, "Constraint dropped", "What it guaranteed to clients no longer holds.",
          "Say in the file what guarantees it now.", _NEW + f"{_NOTES} drop constraint if exists sized;"),
    _Peer("MIG038", "ban-drop-domain", _M, "Domain dropped", _CLIENTS, "Release without it first.",
          _NEW + "drop domain if exists public.amount;" + _BACK, also=("MIG114",)),
    _Peer("MIG039", "ban-drop-extension", _M, "Extension dropped", "Its types, functions and indexes go with it.",
          "Release without it first.", _NEW + "drop extension if exists pg_trgm;"),
    _Peer("MIG040", "ban-drop-function", _M, "Function dropped", _CLIENTS, "Keep it until no release calls it.",
          _NEW + "drop function if exists public.total(bigint);" + _BACK, also=("MIG114",)),
    _Peer("MIG041", "ban-drop-generated-expression", _M, "Generated column made a plain one",
          "From here on nobody fills it.", "Make sure that every client writes it.",
          _NEW + f"{_NOTES} alter column size drop expression if exists;"),
    _Peer("MIG042", "ban-drop-schema", _M, "Schema dropped", _CLIENTS, "Drop what is in it one by one, release by release.",
          _NEW + "drop schema if exists old;" + _BACK, also=("MIG110", "MIG114")),
    _Peer("MIG043", "ban-drop-sequence", _M, "Sequence dropped", _CLIENTS, "Release without it first.",
          _NEW + "drop sequence if exists public.numbers;" + _BACK, also=("MIG114",)),
    _Peer("MIG044", "ban-drop-type", _M, "Type dropped", _CLIENTS, "Release without it first.",
          _NEW + "drop type if exists public.mood;" + _BACK, also=("MIG114",)),
    _Peer("MIG045", "ban-drop-view", _M, "View dropped", _CLIENTS, "Keep it until no release reads it.",
          _NEW + "drop view if exists public.recent;" + _BACK, also=("MIG114",)),
    _Peer("MIG046", "ban-set-schema", _M, "Object moved to another schema", _CLIENTS, "Leave a view or a function under the old name.",
          _NEW + "alter function public.total(bigint) set schema api;" + _BACK, also=("MIG114",)),
    _Peer("MIG047", "renaming-object", _M, "Object renamed", _CLIENTS, "Leave the old name in place until no client uses it.",
          _NEW + "alter function public.total(bigint) rename to sum_of;" + _BACK, also=("MIG114",)),
    _Peer("MIG048", "ban-disable-trigger", _M, "Trigger or row level security switched off",
          "A trigger that is off keeps no audit log; a policy that is off keeps nobody out.", "Take the statement out.",
          _NEW + f"{_NOTES} disable trigger all;"),
)  # fmt: skip


def _of(peer: _Peer) -> Callable[[MigrationSubject], Verdicts]:
    def check(subject: MigrationSubject) -> Verdicts:
        yield from _told(subject, lambda name: name == peer.name)

    return check


def _told(subject: MigrationSubject, wanted: Callable[[str], bool]) -> Iterator[Verdict]:
    if subject.squawk.unavailable is not None:
        yield unknown(at("", "squawk"), f"not judged, because squawk could not be asked: {subject.squawk.unavailable}")
        return
    for finding in subject.squawk.findings:
        if wanted(finding.rule):
            yield failed(at(finding.path, finding.rule), mask_secrets(finding.message), **_evidence(finding))


def _evidence(finding: SquawkFinding) -> dict[str, str | int]:
    return {
        "line": finding.line,
        "column": finding.column + 1,
        "tool": "squawk",
        "tool_rule": finding.rule,
        **({"help": finding.help} if finding.help else {}),
    }


for _peer in _PEERS:
    migration_rule(
        _peer.code,
        _peer.name,
        clause="8.2",
        severity=_peer.severity,
        title=_peer.title,
        why=_peer.why,
        how_to_fix=_peer.fix,
        references=(f"squawk:{_peer.name}",),
        violating=_peer.sql,
        clean=_peer.clean,
        also_fires=_peer.also,
    )(_of(_peer))


@migration_rule(
    "MIG034",
    SYNTAX_ERROR,
    clause="8.2",
    severity=Severity.HIGH,
    title="File that squawk cannot read",
    why="squawk has a grammar of its own. Where it gives up, none of its rules has judged the file, whatever PostgreSQL thinks of it.",
    how_to_fix="Where PostgreSQL refuses the text as well (MIG101), mend that. Else write the statement in a plainer way.",
    references=("squawk:syntax-error",),
    violating="select from where;",
    clean="select 1;",
    also_fires=("MIG101",),
)
def syntax_error(subject: MigrationSubject) -> Verdicts:
    for verdict in _told(subject, lambda name: name == SYNTAX_ERROR):
        blind = verdict.outcome is Outcome.UNKNOWN
        yield verdict if blind else unknown(verdict.object, f"not judged by squawk: {verdict.message}", **verdict.evidence)


MAPPED = frozenset({*(peer.name for peer in _PEERS), SYNTAX_ERROR})


@migration_rule(
    CATCH_ALL,
    "other-squawk-rule",
    clause="8.2",
    severity=Severity.MEDIUM,
    title="Finding of a squawk rule that has no code of its own here",
    why="squawk learns new rules. What it says counts, also before we have put a severity to it.",
    how_to_fix="See the message; squawk's documentation has a page per rule.",
    violating="alter system set work_mem = '1GB';",
    clean="select 1;",
)
def other_squawk_rule(subject: MigrationSubject) -> Verdicts:
    yield from _told(subject, lambda name: name not in MAPPED)
