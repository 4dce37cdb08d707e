from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft202012Validator

from platformkit_pipeline.model.identity import ObjectIdentity, relation_identity
from platformkit_pipeline.model.result import Outcome, finding_fingerprint
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.reporting.example_languages import EXAMPLE_LANGUAGES
from platformkit_pipeline.reporting.sarif import FINGERPRINT_KEY, sarif_document, sarif_json, virtual_path
from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline_tests.reporting.scan_reports import ORDERS, SHOP, mixed_report, report, result

OFFICIAL_SCHEMA = Path(__file__).parent.parent / "data" / "sarif-2.1.0.json"


def run_of(scanned: ScanReport) -> dict[str, Any]:
    return cast(dict[str, Any], sarif_document(scanned, all_rules())["runs"][0])


@pytest.mark.parametrize("scanned", [report(), mixed_report()])
def test_a_report_is_valid_against_the_official_schema(scanned: ScanReport) -> None:
    validator = Draft202012Validator(json.loads(OFFICIAL_SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(json.loads(sarif_json(scanned, all_rules())))] == []


def test_every_rule_that_was_applied_is_described_with_its_help() -> None:
    described = run_of(report())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in described] == [rule.code for rule in all_rules()]
    languages = {rule.code: EXAMPLE_LANGUAGES.get(rule.source, "sql") for rule in all_rules()}
    assert (languages["RLS001"], languages["DOC001"], languages["CON001"]) == ("sql", "text", "yaml")
    for rule in described:
        assert rule["help"]["text"]
        assert f"```{languages[rule['id']]}\n" in rule["help"]["markdown"]


@pytest.mark.parametrize(
    ("code", "security", "level"),
    [("RLS001", "9.5", "error"), ("RLS005", "8.0", "error"), ("FKY003", "5.5", "warning"), ("FUN002", "2.0", "warning")],
)
def test_a_severity_becomes_a_number_and_a_level(code: str, security: str, level: str) -> None:
    rule = next(r for r in run_of(report())["tool"]["driver"]["rules"] if r["id"] == code)
    assert rule["properties"]["security-severity"] == security
    assert rule["defaultConfiguration"]["level"] == level


def test_a_failure_is_of_kind_fail_and_carries_its_level() -> None:
    (finding,) = run_of(report(result()))["results"]
    assert (finding["kind"], finding["level"]) == ("fail", "error")


def test_something_unknown_is_for_review_and_has_no_level_as_the_standard_asks() -> None:
    (finding,) = run_of(report(result(outcome=Outcome.UNKNOWN)))["results"]
    assert (finding["kind"], finding["level"]) == ("review", "none")


def test_passed_and_inapplicable_results_are_left_out() -> None:
    assert run_of(report(result(outcome=Outcome.PASS), result("TEN001", Outcome.NOT_APPLICABLE)))["results"] == []


def test_a_result_points_at_its_rule() -> None:
    run = run_of(mixed_report())
    for finding in run["results"]:
        assert run["tool"]["driver"]["rules"][finding["ruleIndex"]]["id"] == finding["ruleId"]


def test_a_result_is_recognised_by_the_fingerprint_of_the_finding() -> None:
    (finding,) = run_of(report(result()))["results"]
    assert finding["partialFingerprints"] == {FINGERPRINT_KEY: finding_fingerprint(SHOP, "RLS001", ORDERS)}


def test_an_object_is_named_in_full_as_a_logical_location() -> None:
    identity = ObjectIdentity("policy", "public", "orders", (("policy", "own rows"),))
    (finding,) = run_of(report(result("TEN003", identity=identity)))["results"]
    assert finding["locations"][0]["logicalLocations"] == [
        {"name": "own rows", "fullyQualifiedName": 'public.orders."own rows"', "kind": "policy"}
    ]


def test_every_result_lies_at_a_relative_path_as_code_scanning_demands() -> None:
    for finding in run_of(mixed_report())["results"]:
        physical = finding["locations"][0]["physicalLocation"]
        uri = physical["artifactLocation"]["uri"]
        assert urlsplit(uri).scheme == urlsplit(uri).netloc == ""
        assert not uri.startswith("/")
        assert physical["region"] == {"startLine": 1}


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a b", "50%", "ü", "line\nbreak", ""])
def test_a_name_stays_one_segment_of_the_path(name: str) -> None:
    path = virtual_path(SHOP, relation_identity("table", "public", name))
    segments = path.split("/")
    assert segments[:3] == ["database", "shop", "public"]
    assert len(segments) == 4
    assert segments[3] not in ("", ".", "..")
    assert unquote(segments[3]) == name or not name.strip(".")


def test_what_could_not_be_observed_is_a_notification_of_the_run() -> None:
    (invocation,) = run_of(mixed_report())["invocations"]
    assert (
        invocation["toolExecutionNotifications"][0]["message"]["text"]
        == "Not observed: storage_buckets: permission denied for schema storage"
    )
    assert (invocation["startTimeUtc"], invocation["endTimeUtc"]) == ("2026-01-31T02:00:00.125Z", "2026-01-31T02:00:00.539Z")


def test_uploads_for_several_targets_do_not_replace_each_other() -> None:
    assert run_of(report())["automationDetails"] == {"id": "platformkit/supabase_project/shop/"}
