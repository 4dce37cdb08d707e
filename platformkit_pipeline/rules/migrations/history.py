"""A repository's history as a whole: does it make a project, and is that project the one that is live (clause 8.2)?

Both judge a `MigrationHistory`, which `operations.replay_migrations` and `operations.check_drift` bring about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.model.drift import Aspect, Difference, DifferenceKind
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.migration_history import FailureCause, MigrationHistory, ReplayFailure
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import Family, Passes, Scope, Source, Verdict, Verdicts, failed, rule, unknown

_SIDES = {DifferenceKind.ONLY_LIVE: "exists only live", DifferenceKind.ONLY_DECLARED: "is declared by the migrations and is not there"}
BY_HAND = "-- and then, in the dashboard:\n"
"""What stands below it in an example is no migration."""
_MOST_TOLD = 3
_SHORT = 60


@rule(
    "MIG050",
    "history-does-not-replay",
    clause="8.2",
    severity=Severity.HIGH,
    scope=Scope.REPOSITORY,
    family=Family.MIGRATIONS,
    source=Source.REPLAY,
    title="The migrations can be applied to an empty project, in the order of their versions.",
    why="Preview branches, new environments and disaster recovery run the whole history. A file that was edited later, or that "
    "needs what somebody made in the dashboard, stops them all, and nobody can say what the schema should be.",
    how_to_fix="Mend the file that is named so that it applies to an empty project, and keep its version. What was made by hand "
    "comes into a migration before the first that needs it. Try again with `platformkit replay`.",
    requires=(),
    violating="""
create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references public.customers (id) on delete restrict  -- made in the dashboard
);
""",
    clean="""
create table public.customers (id uuid primary key default gen_random_uuid());
create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  customer_id uuid not null references public.customers (id) on delete restrict
);
""",
)
def history_does_not_replay(history: MigrationHistory) -> Verdicts:
    """The first file that fails, and one pass for each that was applied."""
    replay = history.replay
    if replay.applied:
        yield Passes(len(replay.applied))
    if replay.failure is not None:
        failure = replay.failure
        judged = failed if failure.cause is FailureCause.MIGRATION else unknown
        yield judged(migration_identity(failure.file), _told(failure, len(replay.untried)), **_failure_evidence(failure, replay.untried))


def migration_identity(path: str) -> ObjectIdentity:
    """A file by its path in the folder of migrations."""
    return ObjectIdentity("migration", None, path)


def history_identity(history: MigrationHistory) -> ObjectIdentity:
    """The folder as a whole."""
    return ObjectIdentity("migrations", None, history.folder)


def _told(failure: ReplayFailure, untried: int) -> str:
    after = f"; {untried} later file{'s were' if untried != 1 else ' was'} not tried" if untried else ""
    reason = f" ({failure.reason})" if failure.reason else ""
    match failure.cause:
        case FailureCause.MIGRATION:
            return f"line {failure.line} fails on an empty project: {failure.message}{reason}{after}"
        case FailureCause.STAND_IN:
            return f"it cannot be told whether it applies: {failure.reason} (line {failure.line}: {failure.message}){after}"
    return f"it cannot be told whether it applies: {failure.reason or failure.message} (line {failure.line}){after}"


def _failure_evidence(failure: ReplayFailure, untried: tuple[str, ...]) -> dict[str, Any]:
    return {
        "line": failure.line,
        "statement": failure.statement,
        "server_message": failure.message,
        "sqlstate": failure.sqlstate,
        "cause": failure.cause.value,
        "reason": failure.reason,
        "untried": list(untried),
    }


@rule(
    "MIG051",
    "drift",
    clause="8.2",
    severity=Severity.HIGH,
    scope=Scope.REPOSITORY,
    family=Family.MIGRATIONS,
    source=Source.REPLAY,
    title="The live schema is the one that the migrations make.",
    why="What was changed in the dashboard is in no review, in no other environment and gone after a restore; what a migration "
    "declares and the project lacks was never applied or was taken away. The next migration is written for a schema that is not there.",
    how_to_fix="Decide object by object which side is right. Is it the live one: write a migration that makes it so and record it "
    "as applied there. Is it the declared one: apply a migration that restores it. Do not edit the history table to make the "
    "difference disappear: `migration repair` changes what is recorded, not what is there.",
    requires=(),
    violating=f"""
create table public.notes (id uuid primary key, body text);
alter table public.notes enable row level security;
{BY_HAND}alter table public.notes disable row level security;
grant select on public.notes to anon;
""",
    clean="""
create table public.notes (id uuid primary key, body text);
alter table public.notes enable row level security;
""",
)
def drift(history: MigrationHistory) -> Verdicts:
    """Each object that differs; the others pass. Nothing is said where nothing was compared because nobody asked for it."""
    if history.differences is None:
        if history.to_compare:
            yield unknown(history_identity(history), "what is live was not compared: the migrations do not replay to their end")
        return
    seen = sum(1 + len(d.folded) for d in history.differences if d.kind is not DifferenceKind.UNKNOWN)
    yield Passes(history.compared - seen)
    for difference in history.differences:
        yield _verdict(difference)


def _verdict(difference: Difference) -> Verdict:
    if difference.kind is DifferenceKind.UNKNOWN:
        return unknown(difference.object, f"cannot be compared: {difference.reason}", kind=difference.kind.value)
    evidence = {
        "kind": difference.kind.value,
        "aspects": [{"aspect": a.name, "declared": a.declared, "live": a.live} for a in difference.aspects],
        "folded": list(difference.folded),
    }
    return failed(difference.object, f"{difference.object} {told_difference(difference)}", **evidence)


def told_difference(difference: Difference) -> str:
    """One line: on which side it is, or in what it differs."""
    if difference.kind in _SIDES:
        count = len(difference.folded)
        return _SIDES[difference.kind] + (f", with {count} object{'' if count == 1 else 's'} of its own" if count else "")
    told = list(_aspects(difference.aspects[:_MOST_TOLD]))
    more = len(difference.aspects) - len(told)
    return f"differs: {'; '.join(told)}{f'; and {more} more' if more > 0 else ''}"


def _aspects(aspects: tuple[Aspect, ...]) -> Iterator[str]:
    for aspect in aspects:
        texts = (aspect.declared or "none", aspect.live or "none")
        if all(len(text) <= _SHORT and "\n" not in text for text in texts):
            yield f"{aspect.name} is declared as {texts[0]} and live {texts[1]}"
        else:
            yield aspect.name
