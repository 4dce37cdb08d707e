"""From measured contracts to a stored decision and an event for the owners; the gate of design section 7, on a real control plane."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import LiteralString

import pytest

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.control_plane import parity
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError
from platformkit_pipeline.model.merge_decision import merge_decision_from_json, merge_decision_to_json
from platformkit_pipeline.model.parity import ParityReport, one_per_check, parity_score
from platformkit_pipeline.model.parity_gate import refuses
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.decide_merge_gate import (
    decide_merge_gate,
    stored_base,
    weigh_merge_gate,
)
from platformkit_pipeline.operations.score_parity import Revision, keep_parity
from platformkit_pipeline.operations.verify_decisions import Recomputed, verify_decisions

WEIGHTS = dict.fromkeys(Dimension, 20)
NIGHT = datetime(2026, 11, 1, 2, tzinfo=UTC)
NOW = NIGHT + timedelta(days=20)


def run(target: Target, passing: int, day: int = 0, branch: str | None = "main", commit: str | None = None) -> ParityReport:
    """A hundred low checks, of which `passing` pass: the score is that number."""
    revision = Revision(commit or f"{day + 1:040x}", branch)
    results = one_per_check(
        CheckResult(
            Dimension.DATA,
            "orders",
            f"check {i:03}",
            Severity.LOW,
            Outcome.PASS if i < passing else Outcome.FAIL,
            "" if i < passing else "off",
        )
        for i in range(100)
    )
    return ParityReport(
        parity_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{passing}/{day}/{branch}")),
        target=target,
        started_at=NIGHT + timedelta(days=day),
        duration_seconds=1.0,
        contracts_digest="d",
        declared=(Dimension.DATA,),
        weights=WEIGHTS,
        results=results,
        parity=parity_score(results, (Dimension.DATA,), WEIGHTS),
        commit=revision.commit,
        branch=revision.branch,
        of_default_branch=revision.of_default_branch,
        run_id="run-1",
    )


def events(connection: Connection) -> list[dict[str, object]]:
    return [row[0] for row in connection.execute("select payload from ops.outbox where type = 'parity.regressed'").fetchall()]


def test_ten_drops_of_four_percent_block_though_each_alone_is_allowed(pipeline: Connection, shop: Target) -> None:
    best = run(shop, 100)
    keep_parity(pipeline, best)
    base, verdicts = best, []
    for step in range(1, 11):
        head = run(shop, base_score(base) * 96 // 100 + 1, step, "feature")
        keep_parity(pipeline, head)
        verdicts.append(decide_merge_gate(pipeline, shop, head, base.parity_id, NOW).verdict)
        base = head
    assert verdicts == ["yes"] + ["no"] * 9


def base_score(report: ParityReport) -> int:
    assert report.parity.score is not None
    return int(report.parity.score.effective)


def test_six_percent_block_and_four_do_not(pipeline: Connection, shop: Target) -> None:
    base, worse, fine = run(shop, 100), run(shop, 94, 1, "feature"), run(shop, 96, 2, "feature")
    for report in (base, worse, fine):
        keep_parity(pipeline, report)
    assert decide_merge_gate(pipeline, shop, worse, base.parity_id, NOW).verdict == "no"
    assert decide_merge_gate(pipeline, shop, fine, base.parity_id, NOW).verdict == "yes"
    assert decide_merge_gate(pipeline, shop, worse, base.parity_id, NOW, max_drop_percent=Fraction(6)).verdict == "yes"


def test_a_stored_decision_can_be_decided_again_from_its_numbers(pipeline: Connection, shop: Target) -> None:
    base, head = run(shop, 100), run(shop, 90, 1, "feature")
    keep_parity(pipeline, base)
    keep_parity(pipeline, head)
    for _ in range(2):
        decision = decide_merge_gate(pipeline, shop, head, base.parity_id, NOW)
    rows = pipeline.execute(
        "select verdict, parity_id::text, base_parity_id::text, inputs from ops.gate_decisions where gate = 'merge'"
    ).fetchall()
    [(verdict, parity_id, base_id, inputs)] = rows
    assert (verdict, parity_id, base_id) == ("no", head.parity_id, base.parity_id)
    now, then = (Fraction(inputs[of]["score"]["effective_exact"]) for of in ("head", "base"))
    again = refuses(now, then, Fraction(inputs["best"]["effective_exact"]), Fraction(inputs["max_drop_percent"]))
    assert again is True
    assert verify_decisions(pipeline).same == 1
    assert decision.decision_id == one_value(pipeline, "select decision_id::text from ops.gate_decisions")
    assert merge_decision_from_json(merge_decision_to_json(decision)) == decision


def test_a_merge_decision_of_before_cannot_be_decided_again_and_is_not_called_equal(
    pipeline: Connection, superuser: Connection, shop: Target
) -> None:
    head = run(shop, 90)
    keep_parity(pipeline, head)
    decide_merge_gate(pipeline, shop, head, None, NOW)
    superuser.execute("update ops.gate_decisions set inputs = (inputs::jsonb - 'version' - 'head_checks' - 'common')::json, judged = null")
    superuser.commit()
    [found] = verify_decisions(pipeline).listed
    assert (found.outcome, found.why) == (Recomputed.NOT_RECOMPUTABLE, "its inputs do not say enough: KeyError: 'version'")


def one_value(connection: Connection, query: LiteralString) -> object:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_an_answer_of_another_gate_with_the_inputs_of_a_merge_is_not_the_same(pipeline: Connection, shop: Target) -> None:
    head = run(shop, 90)
    keep_parity(pipeline, head)
    decide_merge_gate(pipeline, shop, head, None, NOW)
    made_up = (
        "insert into ops.gate_decisions (decision_id, target_id, gate, parity_id, inputs, verdict, judged, reasons, decided_at) "
        "select gen_random_uuid(), target_id, '{}', parity_id, {}, verdict, judged, reasons, decided_at from ops.gate_decisions limit 1"
    )
    pipeline.execute(made_up.format("deploy", "inputs").encode())
    pipeline.execute(made_up.format("merge", "jsonb_set(inputs::jsonb, '{max_drop_percent}', '\"1/0\"')::json").encode())
    pipeline.commit()
    found = verify_decisions(pipeline)
    assert found.same == 1
    assert sorted(v.outcome for v in found.listed) == [Recomputed.DIFFERENT, Recomputed.NOT_RECOMPUTABLE]


def test_a_no_tells_the_owners_once_and_names_what_was_lost(pipeline: Connection, shop: Target) -> None:
    base, head = run(shop, 100), run(shop, 94, 1, "feature")
    keep_parity(pipeline, base)
    keep_parity(pipeline, head)
    decide_merge_gate(pipeline, shop, head, base.parity_id, NOW)
    decide_merge_gate(pipeline, shop, head, base.parity_id, NOW + timedelta(hours=1))
    [event] = events(pipeline)
    assert event["owners"] == ["team:shop"]
    assert event["parity_id"] == head.parity_id
    assert [c["check"] for c in event["lost_checks"]] == [f"data/orders/check {i:03}" for i in range(94, 100)]  # type: ignore[attr-defined]  # a value of JSON
    assert Outbox("ops").depth(pipeline).pending == 1


def test_the_default_branch_getting_worse_tells_the_owners_and_getting_better_does_not(pipeline: Connection, shop: Target) -> None:
    assert keep_parity(pipeline, run(shop, 90)).regressed is None
    assert keep_parity(pipeline, run(shop, 95, 1)).regressed is None
    assert events(pipeline) == []
    kept = keep_parity(pipeline, run(shop, 93, 2))
    assert kept.regressed is not None
    assert kept.regressed.reasons == ("the score fell from 95 to 93",)
    assert keep_parity(pipeline, run(shop, 93, 2)).new is False
    [event] = events(pipeline)
    assert event["compared_with"] == run(shop, 95, 1).parity_id


def test_a_branch_under_review_getting_worse_is_nobodys_alarm(pipeline: Connection, shop: Target) -> None:
    keep_parity(pipeline, run(shop, 90))
    assert keep_parity(pipeline, run(shop, 50, 1, "feature")).regressed is None
    assert events(pipeline) == []


def test_nothing_is_kept_when_the_event_cannot_be_written(pipeline: Connection, superuser: Connection, shop: Target) -> None:
    keep_parity(pipeline, run(shop, 90))
    superuser.execute("revoke insert on ops.outbox from platformkit_pipeline")
    superuser.commit()
    with pytest.raises(Exception, match="permission denied"):
        keep_parity(pipeline, run(shop, 50, 1))
    assert parity.find(pipeline, run(shop, 50, 1).parity_id) is None


def test_a_base_is_named_by_id_by_commit_and_as_the_latest(pipeline: Connection, shop: Target) -> None:
    older, newer, other = run(shop, 90), run(shop, 91, 1), run(shop, 10, 2, "feature")
    for report in (older, newer, other):
        keep_parity(pipeline, report)
    named = {ref: stored_base(pipeline, shop, ref).parity_id for ref in (older.parity_id, str(other.commit), "latest")}
    assert list(named.values()) == [older.parity_id, other.parity_id, newer.parity_id]
    with pytest.raises(ConfigurationError, match="is not in the control plane"):
        stored_base(pipeline, shop, "main")
    with pytest.raises(ConfigurationError, match="another run"):
        stored_base(pipeline, shop, older.parity_id, older)


def test_a_run_that_is_measured_again_is_decided_on_as_it_was_kept(pipeline: Connection, shop: Target) -> None:
    base, kept = run(shop, 100), run(shop, 94, 1, "feature")
    keep_parity(pipeline, base)
    keep_parity(pipeline, kept)
    again = replace(run(shop, 100, 2, "feature"), parity_id=kept.parity_id)
    assert keep_parity(pipeline, again).new is False
    assert decide_merge_gate(pipeline, shop, again, base.parity_id, NOW).verdict == "no"


def test_what_is_not_kept_is_not_decided_on(pipeline: Connection, shop: Target) -> None:
    with pytest.raises(ControlPlaneError, match="keep it before deciding"):
        decide_merge_gate(pipeline, shop, run(shop, 94), None, NOW)


def test_weighing_writes_nothing(pipeline: Connection, shop: Target) -> None:
    keep_parity(pipeline, run(shop, 100))
    head = run(shop, 94, 1, "feature")
    assert weigh_merge_gate(pipeline, shop, head, stored_base(pipeline, shop, "latest"), NOW).verdict == "no"
    assert pipeline.execute("select (select count(*) from ops.gate_decisions), (select count(*) from ops.outbox)").fetchone() == (0, 0)


def test_the_best_of_the_default_branch_is_forgotten_after_30_days(pipeline: Connection, shop: Target) -> None:
    head = run(shop, 90, 1, "feature")
    keep_parity(pipeline, run(shop, 100))
    keep_parity(pipeline, head)
    assert decide_merge_gate(pipeline, shop, head, None, NIGHT + timedelta(days=29)).verdict == "no"
    assert decide_merge_gate(pipeline, shop, head, None, NIGHT + timedelta(days=31)).verdict == "yes"


@pytest.mark.parametrize(
    ("commit", "branch", "counts"),
    [(None, None, True), ("a" * 40, "main", True), ("a" * 40, "feature", False), ("a" * 40, None, False)],
    ids=["live", "default branch", "another branch", "a commit of who knows which branch"],
)
def test_what_counts_as_the_default_branch(commit: str | None, branch: str | None, counts: bool) -> None:
    assert Revision(commit, branch).of_default_branch is counts


def test_a_shortened_commit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="in full"):
        Revision("abc123")


def test_a_commit_that_is_measured_again_elsewhere_stays_what_it_was_on_the_default_branch(pipeline: Connection, shop: Target) -> None:
    merged = run(shop, 100, 0, commit="c" * 40)
    again = run(shop, 40, 1, "feature", commit="c" * 40)
    head = run(shop, 50, 2, "feature")
    for each in (merged, again, head):
        keep_parity(pipeline, each)
    assert stored_base(pipeline, shop, "c" * 40).parity_id == merged.parity_id
    assert decide_merge_gate(pipeline, shop, head, "c" * 40, NOW).verdict == "no"
    chosen = decide_merge_gate(pipeline, shop, head, again.parity_id, NOW)
    assert any("no run of the default branch" in reason for reason in chosen.reasons)


def test_ten_small_falls_in_a_row_are_two_messages_and_the_recovery_is_one(pipeline: Connection, shop: Target) -> None:
    for day, passing in enumerate([95, *range(94, 84, -1), 94, 95, 96, 90]):
        keep_parity(pipeline, run(shop, passing, day))
    rows = pipeline.execute(
        "select type, payload -> 'score' ->> 'effective', payload ->> 'headline' from ops.outbox order by position"
    ).fetchall()
    assert [(kind, float(score) if score else headline) for kind, score, headline in rows] == [
        ("parity.regressed", 94),
        ("parity.regressed", 88),
        ("parity.regressed.settled", "the parity of shop-production is back at 95"),
        ("parity.regressed", 90),
    ]
