"""Results of contracts as asset checks show them: a name that Dagster allows, passed or not, how grave, and what there is to see.

Pure, and without Dagster: whoever wires the assets makes evaluations of these. What may not be shown was taken out of the evidence where
it was measured; nothing is added here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.result import Outcome, Severity

MetadataValue = str | int | float | bool
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_NAME = 100
_DIGEST = 8
LONGEST_TEXT = 2000
"""Characters of one value of the metadata."""


@dataclass(frozen=True, slots=True)
class ShownCheck:
    """One result, ready for an asset check. `severity` is the name of a severity of Dagster."""

    name: str
    passed: bool
    severity: Literal["ERROR", "WARN"]
    description: str
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)


def shown_checks(results: Iterable[CheckResult]) -> Iterator[ShownCheck]:
    """One per result. A check that could not be tried is shown as not passed; names are the same in every run."""
    for result in results:
        passed = result.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)
        yield ShownCheck(
            name=check_name(result),
            passed=passed,
            severity="ERROR" if result.severity.at_least(Severity.HIGH) else "WARN",
            description=_bounded(result.message) or f"{result.contract}: {result.check}",
            metadata=_metadata(result),
        )


def check_name(result: CheckResult) -> str:
    """Letters, digits and underscores, as Dagster wants them; the digest keeps names apart that differ in other characters only."""
    contract, check = (_NOT_OF_A_NAME.sub("_", text).strip("_") for text in (result.contract, result.check))
    whole = "\x1f".join((result.dimension.value, result.contract, result.check))
    digest = hashlib.sha256(whole.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    return f"{f'{contract}__{check}'[:_LONGEST_NAME].rstrip('_')}_{digest}"


def _metadata(result: CheckResult) -> dict[str, MetadataValue]:
    told: dict[str, MetadataValue] = {
        "dimension": result.dimension.value,
        "contract": result.contract,
        "check": result.check,
        "outcome": result.outcome.value,
        "contract_severity": result.severity.value,
    }
    # What the catalogue answers takes no time, and a plot of zeros says nothing.
    if seconds := round(result.duration_seconds, 3):
        told["duration_seconds"] = seconds
    return told | {f"evidence_{name}": _value(value) for name, value in result.evidence.items() if value is not None}


def _value(value: object) -> MetadataValue:
    if isinstance(value, bool | int | float):
        return value
    return _bounded(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _bounded(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
