"""The report over all targets and the quality of what is stored, after a night of which one target failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.read_stored import StoredRows
from platformkit_pipeline.orchestration.data_quality import PROMISES, verify
from platformkit_pipeline.orchestration.keys import COMPLIANCE_REPORT, INVENTORY
from platformkit_pipeline.orchestration.partitions import REPOSITORIES, range_tags
from platformkit_pipeline.sandbox.sample_repository.builder import build_well_kept
from platformkit_pipeline_tests.orchestration.conftest import MESSY, WELL_KEPT, Platform, unreachable
from platformkit_pipeline_tests.orchestration.events import evaluations, metadata_of

HASH = "0" * 64


def test_the_report_has_every_target_and_all_promises_are_kept(
    platform: Platform,
    register: Callable[..., None],
    run_job: Callable[..., dg.ExecuteInProcessResult],
    instance: dg.DagsterInstance,
    admin_dsn: Dsn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path / "home"))
    repository = build_well_kept(tmp_path / "shop")
    repository.remove("GEMINI.md")
    repository.commit("Remove a document")
    platform.list_targets(WELL_KEPT, MESSY, lost=unreachable(admin_dsn), repositories={"acme/shop": repository.folder})
    register(MESSY, WELL_KEPT, "lost")
    instance.add_dynamic_partitions(REPOSITORIES, ["acme/shop"])
    assert run_job("scan_target", partition=MESSY).success  # the night would try each of its patches, of which the report says nothing
    assert not run_job("nightly", tags=range_tags([WELL_KEPT, "lost"])).success
    assert run_job("nightly_repositories", tags=range_tags(["acme/shop"])).success
    run = run_job("fleet_report")
    assert run.success
    report = metadata_of(instance, run.run_id, "reporting/compliance_report")
    assert (report["targets"], report["never_scanned"]) == (4, 1)
    rows = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in report["report"].splitlines()[2:]}
    assert [name for name, kind in rows.items() if kind == "project"] == ["lost", MESSY, WELL_KEPT]  # worst first
    assert rows["acme/shop"] == "repository"
    assert len(report["audit_head"]) == 64
    page = Path(report["page"]).read_text(encoding="utf-8")
    assert report["audit_head"] in page
    assert "acme/shop" in page
    figures = metadata_of(instance, run.run_id, "ops/metrics")
    assert (figures["targets"], figures["targets_stale"]) == (4, 1)
    rates = {row.data["operation"]: (row.data["count"], row.data["failed"]) for row in figures["operations"].records}
    assert rates["scan"] == (4, 1), "three that are there, and the one that is lost"
    assert rates["judge"] == (3, 0)
    found = evaluations(instance, run.run_id)
    assert {name for name, _ in found} == {f"{p.asset.to_user_string()}:{p.name}" for p in PROMISES}
    assert [name for (name, _), evaluation in found.items() if not evaluation.passed] == []


def _failing(asset: dg.AssetKey, columns: tuple[str, ...], *rows: tuple[object, ...]) -> set[str]:
    results = verify(StoredRows(columns, rows, truncated=False), [p for p in PROMISES if p.asset == asset])
    return {str(result.check_name) for result in results if not result.passed}


INVENTORY_COLUMNS = ("target", "kind", "identity", "content_hash")
FINDING_COLUMNS = ("target", "rule", "severity", "outcome", "fingerprint", "message")


@pytest.mark.parametrize(
    ("rows", "broken"),
    [
        ([("shop", "table", "public.a", HASH), ("shop", "table", "public.b", HASH)], set()),
        ([], {"inventory_not_empty"}),
        ([("shop", "table", None, HASH)], {"inventory_identity_present"}),
        ([("shop", "table", "public.a", HASH), ("shop", "table", "public.a", HASH)], {"inventory_unique"}),
        ([("shop", "table", "public.a", "abc")], {"inventory_hashed"}),
    ],
    ids=["kept", "empty", "nameless", "twice", "unhashed"],
)
def test_a_broken_promise_about_the_inventory_is_named(rows: list[tuple[object, ...]], broken: set[str]) -> None:
    assert _failing(INVENTORY, INVENTORY_COLUMNS, *rows) == broken


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        (("shop", "RLS001", "critical", "FAIL", "f" * 32, "why"), set()),
        (("shop", "RLS001", "fatal", "FAIL", "f" * 32, "why"), {"findings_severity_known"}),
        (("shop", "RLS001", "critical", "PASS", "f" * 32, "why"), {"findings_outcome_known"}),
        (("shop", "RLS001", "critical", "FAIL", "short", "why"), {"findings_fingerprinted"}),
        (("shop", "RLS001", "critical", "FAIL", "f" * 32, ""), {"findings_explained"}),
    ],
    ids=["kept", "severity", "outcome", "fingerprint", "message"],
)
def test_a_broken_promise_about_findings_is_named(row: tuple[object, ...], broken: set[str]) -> None:
    assert _failing(COMPLIANCE_REPORT, FINDING_COLUMNS, row) == broken


def test_no_finding_at_all_breaks_no_promise() -> None:
    assert _failing(COMPLIANCE_REPORT, FINDING_COLUMNS) == set()


def test_a_frame_without_the_columns_gives_one_failed_result_per_promise() -> None:
    assert _failing(COMPLIANCE_REPORT, ("target",), ("shop",)) == {p.name for p in PROMISES if p.asset == COMPLIANCE_REPORT}
