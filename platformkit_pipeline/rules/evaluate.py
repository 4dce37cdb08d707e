"""Apply rules to a snapshot. What could not be observed becomes UNKNOWN here, once, for every rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from platformkit_pipeline.model.identity import database_identity
from platformkit_pipeline.model.migration_history import MigrationHistory
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.migrations.history import history_identity
from platformkit_pipeline.rules.registry import Rule, Scope, Source, unknown
from platformkit_pipeline.rules.results import judged, result_of


def evaluate(snapshot: Snapshot, declarations: Declarations, rules: Sequence[Rule]) -> tuple[Result, ...]:
    """Judge one database by `rules`; results sorted by severity, rule and identity.

    Every object that does not pass has a result of its own; the objects that pass a rule are one result with their count.
    Rules about other subjects, a repository's files, say nothing.
    """
    catalog = Catalog(snapshot, declarations)
    results = [result for rule in rules if rule.scope is Scope.PROJECT for result in _results(rule, catalog)]
    return tuple(sorted(results, key=lambda r: r.sort_key))


def evaluate_history(history: MigrationHistory, rules: Sequence[Rule]) -> tuple[Result, ...]:
    """Judge a repository's history by rules that live on a replay; results sorted as those of `evaluate`."""
    whole = history_identity(history)
    results = [result for rule in rules if rule.source is Source.REPLAY for result in judged(rule, history, whole)]
    return tuple(sorted(results, key=lambda r: r.sort_key))


def _results(rule: Rule, catalog: Catalog) -> Iterator[Result]:
    database = database_identity(catalog.snapshot.server.database)
    unobserved = catalog.unobserved_among(rule.requires)
    if unobserved:
        yield result_of(rule, unknown(database, f"not judged, because it could not be observed: {unobserved}"))
        return
    yield from judged(rule, catalog, database)
