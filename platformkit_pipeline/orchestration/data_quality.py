"""Data quality of what the pipeline itself stored, as Great Expectations suites over pandas frames.

The suites say what a reader of `ops` may rely on. Both libraries are imported where they are used: together they cost
seconds and 200 MB, and nothing but the nightly report needs them.
"""

# No `from __future__ import annotations` here: Dagster compares the annotation of `context` with the class itself.

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.operations.read_stored import STORED_ROW_LIMIT, StoredRows, stored_findings, stored_inventory
from platformkit_pipeline.orchestration.failures import origin_of, sentence_of
from platformkit_pipeline.orchestration.keys import COMPLIANCE_REPORT, INVENTORY
from platformkit_pipeline.orchestration.metadata import Metadata, table
from platformkit_pipeline.orchestration.resources import ControlPlaneResource
from platformkit_pipeline.parity.data.expectations import quiet_context

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations.expectation import Expectation

_SAMPLE = 20


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing a reader may rely on. `expectation` and `arguments` are Great Expectations' own names."""

    asset: dg.AssetKey
    name: str
    sentence: str
    expectation: str
    arguments: Mapping[str, Any]


_HEX = {32: r"^[0-9a-f]{32}\Z", 64: r"^[0-9a-f]{64}\Z"}

PROMISES: tuple[Promise, ...] = (
    Promise(INVENTORY, "inventory_not_empty", "There is an inventory.", "ExpectTableRowCountToBeBetween", {"min_value": 1}),
    Promise(
        INVENTORY, "inventory_identity_present", "Every object has an identity.", "ExpectColumnValuesToNotBeNull", {"column": "identity"},
    ),
    Promise(
        INVENTORY, "inventory_unique", "An object is stored once per target.", "ExpectCompoundColumnsToBeUnique",
        {"column_list": ["target", "kind", "identity"]},
    ),
    Promise(
        INVENTORY, "inventory_hashed", "Every row carries a SHA-256 of its payload.", "ExpectColumnValuesToMatchRegex",
        {"column": "content_hash", "regex": _HEX[64]},
    ),
    Promise(
        COMPLIANCE_REPORT, "findings_fingerprinted", "Every open finding has a fingerprint.", "ExpectColumnValuesToMatchRegex",
        {"column": "fingerprint", "regex": _HEX[32]},
    ),
    Promise(COMPLIANCE_REPORT, "findings_unique", "A finding is open once.", "ExpectColumnValuesToBeUnique", {"column": "fingerprint"}),
    Promise(
        COMPLIANCE_REPORT, "findings_severity_known", "Severities are those of the contract.", "ExpectColumnValuesToBeInSet",
        {"column": "severity", "value_set": ["critical", "high", "medium", "low", "info"]},
    ),
    Promise(
        COMPLIANCE_REPORT, "findings_outcome_known", "An open finding failed or could not be judged.", "ExpectColumnValuesToBeInSet",
        {"column": "outcome", "value_set": ["FAIL", "UNKNOWN"]},
    ),
    Promise(
        COMPLIANCE_REPORT, "findings_explained", "Every open finding says what is wrong.", "ExpectColumnValueLengthsToBeBetween",
        {"column": "message", "min_value": 1},
    ),
)  # fmt: skip


@dg.multi_asset_check(
    name="stored_data_quality",
    specs=[dg.AssetCheckSpec(p.name, asset=p.asset, description=p.sentence, blocking=False) for p in PROMISES],
    can_subset=True,
    description="What readers of `ops` may rely on, over all targets.",
)
def stored_data_quality(context: dg.AssetCheckExecutionContext, control_plane: ControlPlaneResource) -> Iterator[dg.AssetCheckResult]:
    """Hold the stored inventory and findings against their promises; exactly one result per selected check."""
    selected = {check.name for check in context.selected_asset_check_keys}
    promises = [p for p in PROMISES if p.name in selected]
    try:
        with control_plane.session() as connection:
            stored = {key: _stored(connection, key) for key in {p.asset for p in promises}}
    except ControlPlaneError as error:
        raise dg.Failure(description=sentence_of(error), allow_retries=False) from None
    for key, rows in stored.items():
        yield from verify(rows, [p for p in promises if p.asset == key])


def verify(rows: StoredRows, promises: Sequence[Promise]) -> Iterator[dg.AssetCheckResult]:
    """One result per promise, also when Great Expectations itself fails on one."""
    import pandas as pd

    # Objects, not pandas' own strings: a missing value must stay missing.
    frame = pd.DataFrame(rows.rows, columns=list(rows.columns), dtype=object)
    batch = quiet_context().data_sources.add_pandas("ops").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
    for promise in promises:
        try:
            outcome = batch.get_batch({"dataframe": frame}).validate(_expectation(promise), result_format="SUMMARY")
        except Exception as error:
            yield _result(promise, passed=False, sentence=sentence_of(error), metadata={"origin": dg.MetadataValue.text(origin_of(error))})
            continue
        yield _result(promise, passed=bool(outcome.success), sentence=promise.sentence, metadata=_evidence(rows, frame, outcome.result))


def _expectation(promise: Promise) -> "Expectation":
    import great_expectations.expectations as gxe

    made: Expectation = getattr(gxe, promise.expectation)(**promise.arguments)
    return made


def _evidence(rows: StoredRows, frame: "pd.DataFrame", result: Mapping[str, Any]) -> Metadata:
    sample = [(str(value),) for value in list(result.get("partial_unexpected_list") or ())[:_SAMPLE]]
    return {
        "rows": dg.MetadataValue.int(len(frame)),
        "truncated": dg.MetadataValue.bool(rows.truncated),
        "row_limit": dg.MetadataValue.int(STORED_ROW_LIMIT),
        "unexpected": dg.MetadataValue.int(int(result.get("unexpected_count") or 0)),
        "sample": table({"value": "string"}, sample),
    }


def _result(promise: Promise, *, passed: bool, sentence: str, metadata: Metadata) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=promise.asset,
        check_name=promise.name,
        severity=dg.AssetCheckSeverity.ERROR,
        description=sentence,
        metadata={"expectation": dg.MetadataValue.text(promise.expectation), **metadata},
    )


def _stored(connection: Connection, key: dg.AssetKey) -> StoredRows:
    return stored_inventory(connection) if key == INVENTORY else stored_findings(connection)
