"""What came of one step: an outcome with its reason, and the values that later steps may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.model.result import Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    message: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    saved: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Never leaves the run."""


def passed(saved: Mapping[str, Any] | None = None) -> Verdict:
    return Verdict(Outcome.PASS, saved=saved or {})


def failed(differences: list[str]) -> Verdict:
    """`differences` are phrases without a value of any row."""
    return Verdict(Outcome.FAIL, "; ".join(differences), {"differences": differences})


def undecided(reason: str) -> Verdict:
    return Verdict(Outcome.UNKNOWN, reason)
