"""Apply rules to a snapshot. What could not be observed becomes UNKNOWN here, once, for every rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from platformkit_pipeline.model.identity import database_identity
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import Rule, Verdict, unknown


def evaluate(snapshot: Snapshot, declarations: Declarations, rules: Sequence[Rule]) -> tuple[Result, ...]:
    """Judge one database by `rules`; results of every outcome, sorted by severity, rule and identity."""
    catalog = Catalog(snapshot, declarations)
    results = [_result(rule, verdict) for rule in rules for verdict in _verdicts(rule, catalog)]
    return tuple(sorted(results, key=lambda r: r.sort_key))


def _verdicts(rule: Rule, catalog: Catalog) -> Iterable[Verdict]:
    blind = [u for u in catalog.snapshot.unobserved if u.what in {kind.value for kind in rule.requires}]
    if blind:
        reasons = "; ".join(f"{u.what}: {u.why}" for u in blind)
        return [unknown(database_identity(catalog.snapshot.server.database), f"not judged, because it could not be observed: {reasons}")]
    return _once(rule, rule.check(catalog))


def _once(rule: Rule, verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    """A rule speaks once about an object; twice would count twice in the score."""
    seen = set()
    for verdict in verdicts:
        if verdict.object in seen:
            raise AssertionError(f"rule {rule.code} judged {verdict.object.canonical} twice")
        seen.add(verdict.object)
        yield verdict


def _result(rule: Rule, verdict: Verdict) -> Result:
    return Result(
        rule=rule.code,
        name=rule.name,
        clause=rule.clause,
        severity=rule.severity,
        outcome=verdict.outcome,
        object=verdict.object,
        message=verdict.message,
        patch=rule.patch,
        evidence=verdict.evidence if verdict.outcome is not Outcome.PASS else {},
    )
