"""Apply rules to an observed repository. What could not be observed becomes UNKNOWN here, once, for every rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.generated_readme import RenderedReadme
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.rules.registry import Rule, not_applicable, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, repository_identity
from platformkit_pipeline.rules.results import judged, result_of


def evaluate_repository(
    snapshot: RepositorySnapshot,
    rules: Sequence[Rule],
    today: date,
    *,
    recorded_exceptions: tuple[str, ...] | None = None,
    rendered_readme: RenderedReadme | None = None,
) -> tuple[Result, ...]:
    """Judge one repository by `rules`, all of which must be about repositories; sorted by severity, rule and identity.

    `recorded_exceptions` are the paths of documents that `ops.exceptions` names for it, None where no control plane was asked;
    `rendered_readme` is what the control plane rendered last for a file of it.
    """
    subject = RepositorySubject(snapshot, today, recorded_exceptions, rendered_readme)
    results = [result for rule in rules for result in _results(rule, subject)]
    return tuple(sorted(results, key=lambda r: r.sort_key))


def _results(rule: Rule, subject: RepositorySubject) -> Iterator[Result]:
    declared = next((d for d in subject.declarations.not_applicable if d.rule == rule.code), None)
    if declared and rule.may_not_apply:
        yield result_of(rule, not_applicable(repository_identity(), f"declared not applicable: {declared.reason}"))
        return
    facets = [facet for facet in rule.requires if isinstance(facet, RepositoryFacet)]
    missing = [f"{facet.value}: {subject.snapshot.why_unobserved(facet)}" for facet in facets if not subject.snapshot.observed(facet)]
    if missing:
        yield result_of(rule, unknown(repository_identity(), f"not judged, because it could not be observed: {'; '.join(missing)}"))
        return
    yield from judged(rule, subject, repository_identity())
