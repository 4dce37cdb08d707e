"""Contracts between a target and those who rely on it (clause 4.3), and what came of testing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from platformkit_pipeline.model.result import Outcome, Severity

WHOLE_CONTRACT = "contract"
"""Name of the check that stands for a contract whose checks could not all be told: UNKNOWN, and its dimension scores 0 then."""


WITHIN = "/"
"""`family/rest` is told only where it does not pass, if `family` is a check as well: where that passes, all within it does."""


class Dimension(StrEnum):
    """Kinds of contracts, and the folders below `contracts/` that their files lie in."""

    API = "api"
    DATA = "data"
    EVENT = "event"
    BEHAVIOR = "behavior"
    DRIFT = "drift"
    """Environment drift: another environment of the same project, object by object."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check of one contract said. `evidence` holds JSON values only and never a secret or a row's content.

    (`contract`, `check`) names the check in every run: neither holds a number that shifts when another check is added.
    """

    dimension: Dimension
    contract: str
    """Name of the contract, unique within its dimension."""
    check: str
    severity: Severity
    outcome: Outcome
    message: str = ""
    """Why it is not PASS; for a person who must act."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    """How many objects a PASS speaks for."""
    duration_seconds: float = 0.0

    @property
    def key(self) -> tuple[Dimension, str, str]:
        return (self.dimension, self.contract, self.check)

    @property
    def sort_key(self) -> tuple[str, str, int, str]:
        return (self.dimension.value, self.contract, self.severity.rank, self.check)
