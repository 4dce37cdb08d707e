"""Every check of the data contracts as an asset check of its own, beside the verdict over all of them.

Which checks there are stands in files that change while the code location runs. Those that were there when it was loaded are declared, and
so are listed in the web interface; evaluations of the others are kept as well, and are listed when the location is loaded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.orchestration.keys import parity_key
from platformkit_pipeline.orchestration.partitions import supabase_projects
from platformkit_pipeline.orchestration.recording import Event, Recorder
from platformkit_pipeline.reporting.parity_checks import check_name, shown_checks

MOST_CHECKS = 200
"""Of one project, and of all projects in the web interface; the verdict counts all of them."""
_KEY = parity_key(Dimension.DATA)
_WORST_FIRST = (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS, Outcome.NOT_APPLICABLE)


def single_check_specs(declared: Iterable[tuple[str, str]]) -> tuple[dg.AssetCheckSpec, ...]:
    """Of (contract, check), each name once."""
    named = {check_name(_placeholder(contract, check)): (contract, check) for contract, check in declared}
    return tuple(
        dg.AssetCheckSpec(name, asset=_KEY, description=f"{contract}: {check}", blocking=False, partitions_def=supabase_projects)
        for name, (contract, check) in list(named.items())[:MOST_CHECKS]
    )


def single_check_events(record: Recorder, results: Sequence[CheckResult]) -> Iterator[Event]:
    """The worst first. Rows that failed are shown as far as their contract lets them be shown."""
    listed = sorted(results, key=lambda r: (_WORST_FIRST.index(r.outcome), r.severity.rank, r.sort_key))
    for shown in shown_checks(listed[:MOST_CHECKS]):
        yield record.checked(
            _KEY,
            shown.name,
            passed=shown.passed,
            severity=dg.AssetCheckSeverity[shown.severity],
            description=shown.description,
            metadata={name: _value(value) for name, value in shown.metadata.items()},
        )


def _placeholder(contract: str, check: str) -> CheckResult:
    return CheckResult(Dimension.DATA, contract, check, Severity.INFO, Outcome.UNKNOWN)


def _value(value: str | float | bool) -> dg.MetadataValue:
    match value:
        case bool():
            return dg.MetadataValue.bool(value)
        case int():
            return dg.MetadataValue.int(value)
        case float():
            return dg.MetadataValue.float(value)
        case str():
            return dg.MetadataValue.text(value)
