"""The JSON document of a parity run: version 1 of the contract, and the same read back as the base of another run.

Two runs of the same contracts against the same target differ in `parity_id`, `started_at`, `duration_seconds` and `gate.decided_at` only,
unless what a check saw differs.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from platformkit_pipeline import __version__
from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.merge_decision import MergeDecision, merge_decision_to_json
from platformkit_pipeline.model.parity import ParityReport, one_per_check
from platformkit_pipeline.model.parity_document import parity_to_json, result_from_json, result_to_json
from platformkit_pipeline.model.parity_gate import Base
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.reporting.scan_document import TOOL_NAME, utc_text

SCHEMA_VERSION = 1


def parity_document(report: ParityReport, decision: MergeDecision | None = None) -> dict[str, Any]:
    """The run as JSON values, in the key order of the contract; `gate` is null where nothing was compared."""
    outcomes = Counter(r.outcome for r in report.results)
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": TOOL_NAME, "version": __version__},
        "target": {
            "kind": report.target.kind.value,
            "name": report.target.name,
            "environment": report.target.environment.value,
        },
        "parity": {
            "parity_id": report.parity_id,
            "started_at": utc_text(report.started_at),
            "duration_seconds": round(report.duration_seconds, 3),
            "contracts_digest": report.contracts_digest,
            "commit": report.commit,
            "branch": report.branch,
            **parity_to_json(report.parity),
        },
        "summary": {
            "checks": len(report.results),
            "pass": outcomes[Outcome.PASS],
            "fail": outcomes[Outcome.FAIL],
            "unknown": outcomes[Outcome.UNKNOWN],
            "not_applicable": outcomes[Outcome.NOT_APPLICABLE],
        },
        "results": [result_to_json(r, report.waived) for r in report.results],
        "gate": merge_decision_to_json(decision) if decision else None,
    }


def parity_json(report: ParityReport, decision: MergeDecision | None = None) -> str:
    """`parity_document` as text; keys of evidence are sorted."""
    document = parity_document(report, decision)
    for result in document["results"]:
        result["evidence"] = json.loads(json.dumps(result["evidence"], sort_keys=True, default=str))
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def base_from_document(text: str, where: str) -> Base:
    """An earlier `parity_json` as a base. `where` names it in messages. Raises ConfigurationError for anything else."""
    wrong = f"{where} is no report of `platformkit parity --format json`"
    try:
        document = json.loads(text)
        if document["schema_version"] != SCHEMA_VERSION:
            raise ConfigurationError(f"{where} has schema_version {document['schema_version']!r}; this version reads {SCHEMA_VERSION}")
        results: list[CheckResult] = [result_from_json(value) for value in document["results"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ConfigurationError(wrong) from None
    return Base(None, one_per_check(results))
