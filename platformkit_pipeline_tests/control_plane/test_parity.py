"""Runs of contracts in `ops`: stored once, read back as they were, compared by the gate, decided once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import psycopg
import pytest
from psycopg import sql

from platformkit_pipeline.control_plane import parity
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.parity import StoredDecision
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.parity import ParityReport, one_per_check, parity_score
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline_tests.control_plane.builders import FIRST_NIGHT, SHOP, stored_scan

WEIGHTS = dict.fromkeys(Dimension, 20)


def run(night: int, passing: int = 2, *, of_default_branch: bool = True, declared: bool = True, scan_id: str | None = None) -> ParityReport:
    """Three checks of one weight, of which `passing` pass; one that fails is waived."""
    results = one_per_check(
        CheckResult(
            Dimension.DATA,
            "orders",
            f"check {i}",
            Severity.LOW,
            Outcome.PASS if i < passing else Outcome.FAIL,
            "" if i < passing else "broken\0 here \udcff",
            {"rows": [1, None, "\0 \udcff é"]},
            count=i + 1,
            duration_seconds=0.25,
        )
        for i in range(3 if declared else 0)
    )
    dimensions = (Dimension.DATA,) if declared else ()
    waived = frozenset(r.key for r in results if r.outcome is Outcome.FAIL and r.check == "check 2")
    return ParityReport(
        parity_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"parity/{night}")),
        target=SHOP,
        started_at=FIRST_NIGHT + timedelta(days=night),
        duration_seconds=1.5,
        contracts_digest="0123456789abcdef",
        declared=dimensions,
        weights=WEIGHTS,
        results=results,
        parity=parity_score(results, dimensions, WEIGHTS, waived),
        waived=waived,
        commit="a" * 40,
        branch="main",
        of_default_branch=of_default_branch,
        scan_id=scan_id,
        run_id="run-1",
    )


def stored(connection: Connection, target_id: int, *reports: ParityReport) -> None:
    for report in reports:
        assert parity.store(connection, target_id, report)


def test_a_run_is_read_back_as_it_was(pipeline: Connection, shop: StoredTarget) -> None:
    report = run(1, scan_id=stored_scan(pipeline, shop.target_id))
    stored(pipeline, shop.target_id, report)
    found = parity.find(pipeline, report.parity_id)
    assert found is not None
    assert found.report.parity == report.parity
    assert found.report.results[2].message == "broken� here ?"
    assert found.report.results[2].evidence == {"rows": [1, None, "� ? é"]}
    assert found.report.waived == report.waived
    assert (found.report.scan_id, found.report.run_id, found.report.commit) == (report.scan_id, "run-1", "a" * 40)


def test_the_same_run_twice_is_stored_once_and_another_under_its_id_is_refused(pipeline: Connection, shop: StoredTarget) -> None:
    stored(pipeline, shop.target_id, run(1))
    assert parity.store(pipeline, shop.target_id, run(1)) is False
    measured_again = replace(run(2, 0), parity_id=run(1).parity_id)
    assert parity.store(pipeline, shop.target_id, measured_again) is False
    for other in (replace(measured_again, run_id="run-2"), replace(measured_again, run_id=None)):
        with pytest.raises(ControlPlaneError, match="an id of its own"):
            parity.store(pipeline, shop.target_id, other)
    found = parity.find(pipeline, run(1).parity_id)
    assert found is not None
    assert found.report.parity == run(1).parity
    row = pipeline.execute("select count(*) from ops.contract_results").fetchone()
    assert row == (3,)


def test_a_run_without_a_score_is_stored_with_the_reason(pipeline: Connection, shop: StoredTarget) -> None:
    stored(pipeline, shop.target_id, run(1, declared=False))
    row = pipeline.execute("select raw_score, effective_score_exact, reason <> '' from ops.parity_scores").fetchone()
    assert row == (None, None, True)
    found = parity.find(pipeline, run(1).parity_id)
    assert found is not None
    assert found.report.parity.score is None


def test_a_contract_whose_file_has_an_impossible_name_is_stored_all_the_same(pipeline: Connection, shop: StoredTarget) -> None:
    odd = CheckResult(Dimension.DATA, "or\udcffders", "a", Severity.LOW, Outcome.PASS)
    stored(pipeline, shop.target_id, replace(run(1), results=(odd,)))
    found = parity.find(pipeline, run(1).parity_id)
    assert found is not None
    assert [r.check for r in found.report.results] == ["a"]


def test_what_is_no_id_of_a_run_finds_nothing(pipeline: Connection) -> None:
    assert parity.find(pipeline, "main") is None
    assert parity.find(pipeline, str(uuid.uuid4())) is None


def test_best_and_predecessor_look_at_the_default_branch_only(pipeline: Connection, shop: StoredTarget) -> None:
    reports = [run(1, 1), run(2, 2), run(3, 3, of_default_branch=False), run(4, 1)]
    stored(pipeline, shop.target_id, *reports)
    since, until = FIRST_NIGHT, FIRST_NIGHT + timedelta(days=9)
    best = parity.best(pipeline, shop.target_id, since=since, until=until, but="00000000-0000-0000-0000-000000000000")
    assert best is not None
    assert (best.parity_id, best.effective) == (reports[1].parity_id, Fraction(100))
    assert parity.best(pipeline, shop.target_id, since=since + timedelta(days=8), until=until, but=reports[0].parity_id) is None
    before = parity.predecessor(pipeline, shop.target_id, reports[3])
    assert before is not None
    assert before.report.parity_id == reports[1].parity_id
    assert parity.predecessor(pipeline, shop.target_id, reports[0]) is None
    assert [p.parity_id for p in parity.history(pipeline, shop.target_id)] == [reports[i].parity_id for i in (3, 1, 0)]
    assert parity.history(pipeline, shop.target_id)[0].dimensions[Dimension.DATA] == reports[3].parity.dimensions[0].score


def test_the_view_shows_the_latest_run_of_the_default_branch(pipeline: Connection, shop: StoredTarget) -> None:
    stored(pipeline, shop.target_id, run(1, 3), run(2, 1), run(3, 3, of_default_branch=False))
    rows = pipeline.execute("select target_name, parity_id::text, passed, failed, unknown from ops.latest_parity").fetchall()
    assert rows == [("shop-production", run(2).parity_id, 1, 2, 0)]


def test_a_decision_is_stored_once(pipeline: Connection, shop: StoredTarget) -> None:
    stored(pipeline, shop.target_id, run(1))
    decision = StoredDecision("merge", run(1).parity_id, None, "no", ("a reason",), {"head": "95/1"}, FIRST_NIGHT)
    first = parity.store_decision(pipeline, shop.target_id, decision)
    assert parity.store_decision(pipeline, shop.target_id, decision) == first
    assert pipeline.execute("select verdict, reasons, inputs from ops.gate_decisions").fetchall() == [
        ("no", ["a reason"], {"head": "95/1"})
    ]


@pytest.mark.parametrize("table", ["parity_scores", "contract_results", "gate_decisions"])
def test_the_pipeline_cannot_rewrite_what_was_measured_and_decided(pipeline: Connection, table: str) -> None:
    for statement in ("update ops.{} set created_at = now()", "delete from ops.{}"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), pipeline.transaction():
            pipeline.execute(sql.SQL(statement).format(sql.Identifier(table)))
