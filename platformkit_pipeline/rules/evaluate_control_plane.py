"""Apply rules to the control plane as it was observed."""

from __future__ import annotations

from collections.abc import Sequence

from platformkit_pipeline.model.control_plane import ControlPlaneSnapshot
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.rules.control_plane_subject import ControlPlaneSubject
from platformkit_pipeline.rules.registry import Rule
from platformkit_pipeline.rules.results import judged


def evaluate_control_plane(snapshot: ControlPlaneSnapshot, rules: Sequence[Rule]) -> tuple[Result, ...]:
    """Judge the control plane by `rules`, all of which must be about it; sorted by severity, rule and identity."""
    subject = ControlPlaneSubject(snapshot)
    results = [result for rule in rules for result in judged(rule, subject, subject.identity)]
    return tuple(sorted(results, key=lambda r: r.sort_key))
