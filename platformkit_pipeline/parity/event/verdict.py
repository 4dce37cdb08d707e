"""What one check came to, before it is told as a result of its contract."""

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


PASSED = Verdict(Outcome.PASS)


def failed(message: str, **evidence: Any) -> Verdict:
    return Verdict(Outcome.FAIL, message, evidence)


def unknown(message: str) -> Verdict:
    return Verdict(Outcome.UNKNOWN, message)
