"""Apply rules to a set of migrations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.rules.migration_subject import KIND, MigrationSubject
from platformkit_pipeline.rules.registry import Rule, Verdict
from platformkit_pipeline.rules.results import result_of


def evaluate_migrations(subject: MigrationSubject, rules: Sequence[Rule]) -> tuple[Result, ...]:
    """Judge the files of a set that are new (all, where nothing says which are); results sorted by severity, rule and place.

    What a rule finds is one result each; the judged files in which it finds nothing are one result with their count.
    """
    results = [result for rule in rules for result in _results(rule, subject)]
    return tuple(sorted(results, key=lambda r: (r.severity.rank, r.rule, r.object.name, r.evidence.get("line", 0), r.object.detail)))


def _results(rule: Rule, subject: MigrationSubject) -> Iterator[Result]:
    seen: Counter[ObjectIdentity] = Counter()
    for verdict in rule.check(subject):
        if not isinstance(verdict, Verdict):
            raise AssertionError(f"rule {rule.code} said more than what it found")
        seen[verdict.object] += 1
        yield result_of(rule, _numbered(verdict, seen[verdict.object]))
    found = {identity.name for identity in seen}
    passes = sum(migration.path not in found for migration in subject.judged)
    if passes and not any(name == "" for name in found):
        yield result_of(rule, Verdict(ObjectIdentity(KIND, None, ""), Outcome.PASS), count=passes)


def _numbered(verdict: Verdict, nth: int) -> Verdict:
    """The same fault twice in one file is two findings."""
    if nth == 1:
        return verdict
    identity = replace(verdict.object, detail=(*verdict.object.detail, ("occurrence", str(nth))))
    return replace(verdict, object=identity)
