from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from platformkit_pipeline import __version__
from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.result import Outcome, finding_fingerprint
from platformkit_pipeline.model.score import Score
from platformkit_pipeline.reporting.scan_document import scan_document, scan_json, utc_text
from platformkit_pipeline.reporting.schemas import scan_schema
from platformkit_pipeline_tests.reporting.scan_reports import ORDERS, SHOP, mixed_report, report, result


def errors_of(document: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(scan_schema()).iter_errors(document)]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(scan_schema())


@pytest.mark.parametrize("scanned", [report(), mixed_report()])
def test_a_report_is_valid_against_the_published_schema(scanned: Any) -> None:
    assert errors_of(json.loads(scan_json(scanned))) == []


@pytest.mark.parametrize(
    "place", [(), ("tool",), ("target",), ("scan",), ("score",), ("summary",), ("findings", 0), ("findings", 0, "object")]
)
def test_the_schema_refuses_a_key_that_is_missing_or_too_many(place: tuple[str | int, ...]) -> None:
    document = scan_document(report(result()))
    spot: Any = document
    for step in place:
        spot = spot[step]
    spot["surplus"] = 1
    assert errors_of(document) != []
    del spot["surplus"]
    spot.popitem()
    assert errors_of(document) != []


def test_a_finding_has_the_form_of_the_contract() -> None:
    document = scan_document(report(result(grants=["anon"], columns=2)))
    assert document["findings"] == [
        {
            "rule": "RLS001",
            "name": "rls-disabled",
            "clause": "2.1",
            "severity": "critical",
            "outcome": "FAIL",
            "object": {"kind": "table", "schema": "public", "name": "orders", "detail": {}},
            "message": "has no row level security",
            "evidence": {"columns": 2, "grants": ["anon"]},
            "fingerprint": finding_fingerprint(SHOP, "RLS001", ORDERS),
            "waiver": None,
            "patch": "sql",
        }
    ]


def test_the_head_of_the_document_has_the_form_of_the_contract() -> None:
    document = scan_document(report(result()))
    assert list(document) == ["schema_version", "tool", "target", "scan", "score", "summary", "findings"]
    assert document["tool"] == {"name": "platformkit", "version": __version__, "ruleset_digest": "0123456789abcdef"}
    assert document["target"] == {"kind": "supabase_project", "name": "shop", "environment": "production", "server_version": "15.18"}
    assert document["scan"]["started_at"] == "2026-01-31T02:00:00.125Z"
    assert document["scan"]["duration_seconds"] == 0.414


def test_the_summary_counts_outcomes_and_the_severities_of_findings() -> None:
    assert scan_document(mixed_report())["summary"] == {
        "evaluated": 6,
        "pass": 1,
        "fail": 4,
        "unknown": 1,
        "by_severity": {"critical": 4, "high": 1, "medium": 0, "low": 0, "info": 0},
    }


def test_findings_are_sorted_by_severity_rule_and_object() -> None:
    tables = [relation_identity("table", "public", name) for name in ("b", "a")]
    scanned = report(*(result(code, Outcome.FAIL, table) for code in ("FKY003", "RLS001", "FUN001") for table in tables))
    found = [(f["rule"], f["object"]["name"]) for f in scan_document(scanned)["findings"]]
    assert found == [("FUN001", "a"), ("FUN001", "b"), ("RLS001", "a"), ("RLS001", "b"), ("FKY003", "a"), ("FKY003", "b")]


def test_a_score_is_rounded_down() -> None:
    scanned = replace(report(), score=Score(Fraction(9999, 100), Fraction(8895, 100)))
    assert scan_document(scanned)["score"] == {"raw": 99.9, "effective": 88.9}


def test_two_scans_of_one_database_differ_in_their_id_and_times_only() -> None:
    one = mixed_report()
    other = replace(one, scan_id="scan-2", started_at=one.started_at + timedelta(hours=1), duration_seconds=9.0)
    changed = [(a, b) for a, b in zip(scan_json(one).splitlines(), scan_json(other).splitlines(), strict=True) if a != b]
    assert [a.strip().split(":")[0] for a, _ in changed] == ['"scan_id"', '"started_at"', '"duration_seconds"']


def test_evidence_is_printed_in_one_order_whatever_order_it_was_gathered_in() -> None:
    assert scan_json(report(result(a=1, b=2))) == scan_json(report(result(b=2, a=1)))


def test_times_are_shown_in_utc() -> None:
    assert utc_text(datetime(2026, 6, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))) == "2026-05-31T23:30:00.000Z"
    assert utc_text(datetime(2026, 6, 1, tzinfo=UTC)) == "2026-06-01T00:00:00.000Z"
