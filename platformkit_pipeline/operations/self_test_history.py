"""Put the rules about histories to the test: each example is replayed, what stands below its marker is then done by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from platformkit_pipeline.introspection.postgres.differences import compare_schemas
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.migration import MigrationFile, MigrationSet
from platformkit_pipeline.model.migration_history import MigrationHistory
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.rules.evaluate import evaluate_history
from platformkit_pipeline.rules.migrations.history import BY_HAND
from platformkit_pipeline.rules.registry import Rule, Source, all_rules
from platformkit_pipeline.sandbox.databases import connect
from platformkit_pipeline.sandbox.replay.applying import apply_files
from platformkit_pipeline.sandbox.replay.limits import Limits
from platformkit_pipeline.sandbox.replay.server import replay_database
from platformkit_pipeline.sandbox.supabase import GrantRegime

_PATH = "20261101000000_example.sql"


def complaints_about_history_rule(rule: Rule) -> Iterator[str]:
    """The violating example must make the rule fail and no other of its kind, the clean one none. Raises SandboxError."""
    rules = tuple(r for r in all_rules() if r.source is Source.REPLAY)
    violating = [r for r in evaluate_history(history_of(rule.violating), rules) if r.is_finding]
    if not any(r.rule == rule.code and r.outcome is Outcome.FAIL for r in violating):
        yield f"violating: {rule.code} does not fail anything"
    yield from (f"violating: {_told(r)}" for r in violating if r.rule != rule.code)
    yield from (f"clean: {_told(r)}" for r in evaluate_history(history_of(rule.clean), rules) if r.is_finding)


def history_of(example: str) -> MigrationHistory:
    """One migration, and what somebody did afterwards."""
    migration, _, by_hand = example.partition(BY_HAND)
    files = MigrationSet((MigrationFile(_PATH, _PATH[:14], "example", migration),))
    with (
        tempfile.TemporaryDirectory(prefix="platformkit-self-test-") as parent,
        replay_database(grants=GrantRegime.EXPLICIT, parent=Path(parent)) as database,
    ):
        replay = apply_files(database, files.files, limits=Limits())
        if not replay.complete:
            return MigrationHistory("example", files, replay)
        declared = observe(database.admin)
        if by_hand:
            with connect(database.owner) as connection:
                connection.execute(by_hand.encode())
        comparison = compare_schemas(declared, observe(database.admin))
    return MigrationHistory("example", files, replay, comparison.differences, compared=comparison.compared)


def _told(result: Result) -> str:
    return f"{result.rule} {result.outcome.value} {result.object.canonical}: {result.message}"
