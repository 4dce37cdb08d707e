"""From what a rule says to results: verdicts with the metadata of their rule, and passes counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.rules.registry import Passes, Rule, Verdict


def judged(rule: Rule, subject: Any, whole: ObjectIdentity) -> Iterator[Result]:
    """What the rule says about a subject; `whole` is what its passes speak of."""
    passes = 0
    seen: set[ObjectIdentity] = set()
    for verdict in rule.check(subject):
        if verdict is None:
            passes += 1
            continue
        if isinstance(verdict, Passes):
            passes += verdict.count
            continue
        if verdict.object in seen:  # twice would count twice in the score
            raise AssertionError(f"rule {rule.code} judged {verdict.object.canonical} twice")
        seen.add(verdict.object)
        yield result_of(rule, verdict)
    if passes:
        yield result_of(rule, Verdict(whole, Outcome.PASS), count=passes)


def result_of(rule: Rule, verdict: Verdict, *, count: int = 1) -> Result:
    """The verdict with the metadata of its rule."""
    return Result(
        rule=rule.code,
        name=rule.name,
        clause=rule.clause,
        severity=rule.severity,
        outcome=verdict.outcome,
        object=verdict.object,
        message=verdict.message,
        patch=rule.patch,
        evidence=verdict.evidence,
        count=count,
    )
