"""Apply rules to an observed connector. What could not be observed becomes UNKNOWN here, once, for every rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from platformkit_pipeline.model.connector import DEFAULT_LIMITS, ConnectorFacet, ConnectorLimits, ConnectorSnapshot
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.rules.connector_subject import ConnectorSubject
from platformkit_pipeline.rules.registry import Rule, unknown
from platformkit_pipeline.rules.results import judged, result_of


def evaluate_connector(snapshot: ConnectorSnapshot, rules: Sequence[Rule], limits: ConnectorLimits = DEFAULT_LIMITS) -> tuple[Result, ...]:
    """Judge one connector by `rules`, all of which must be about connectors; sorted by severity, rule and identity."""
    subject = ConnectorSubject(snapshot, limits)
    results = [result for rule in rules for result in _results(rule, subject)]
    return tuple(sorted(results, key=lambda r: r.sort_key))


def _results(rule: Rule, subject: ConnectorSubject) -> Iterator[Result]:
    snapshot = subject.snapshot
    facets = [facet for facet in rule.requires if isinstance(facet, ConnectorFacet)]
    missing = [f"{facet.value}: {snapshot.why_unobserved(facet)}" for facet in facets if not snapshot.observed(facet)]
    if missing:
        yield result_of(rule, unknown(subject.identity, f"not judged, because it could not be observed: {'; '.join(missing)}"))
        return
    yield from judged(rule, subject, subject.identity)
