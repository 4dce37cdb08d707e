"""What people and workflows read of an event."""

from __future__ import annotations

import json

from platformkit_pipeline.model.alert import AlertKind
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.notifications import mattermost, n8n

ID = "6f1f3a34-6b1c-4e5a-9c1d-0e1b2c3d4e5f"


def event(event_type: str, **payload: object) -> Event:
    return Event(ID, "target", "shop-production", event_type, payload)


def test_a_regression_of_parity_says_of_whom_and_by_how_much() -> None:
    told = event(
        "parity.regressed",
        target={"kind": "supabase_project", "name": "shop", "environment": "staging"},
        owners=["team:shop", "team:data"],
        reasons=["the score fell from 92.5 to 71"],
        score={"raw": 71.0, "effective": 71.0},
        score_before={"raw": 90.0, "effective": 92.5},
        lost_checks=[{"check": "event/outbox/pending", "severity": "high", "outcome": "FAIL", "message": "more than 0 events wait"}],
        commit=None,
        branch="feature",
    )
    assert mattermost.message_of(told)["text"].splitlines() == [
        ":rotating_light: **Parity of shop fell from 92.5 to 71.0**",
        "- owners: team\\:shop, team\\:data",
        "- reasons: the score fell from 92.5 to 71",
        "- branch: feature",
        "- lost: event/outbox/pending\\: more than 0 events wait",
    ]


def test_a_regression_without_a_score_is_told_as_well() -> None:
    told = event("parity.regressed", target={"name": "shop"}, score=None, score_before={"effective": 90.0}, reasons=["there is no score"])
    assert mattermost.message_of(told)["text"].splitlines() == [
        ":rotating_light: **Parity of shop fell**",
        "- reasons: there is no score",
    ]


def test_a_critical_finding_is_urgent_and_a_low_one_is_not() -> None:
    critical, low = (event("finding.opened", rule="RLS001", target="shop", severity=s) for s in ("critical", "low"))
    assert mattermost.message_of(critical)["text"].startswith(":rotating_light: **New finding RLS001 on shop**")
    assert mattermost.message_of(low)["text"].startswith("**New finding RLS001 on shop**")
    assert (n8n.message_of(critical)["urgent"], n8n.message_of(low)["urgent"]) == (True, False)


def test_an_event_of_any_other_type_is_told_by_type_key_and_simple_values() -> None:
    message = mattermost.message_of(event("connector.broken", missing=["health", "inventory"], latency=1.5, up=False, nested={"a": 1}))
    assert message["text"].splitlines() == [
        "**connector.broken\\: target shop\\-production**",
        "- missing: health, inventory",
        "- latency: 1.5",
        "- up: no",
    ]


def test_names_of_others_neither_format_nor_call_anybody() -> None:
    text = mattermost.message_of(event("finding.opened", rule="X", message="@channel **now** [click](http://evil)\n# big"))["text"]
    fact = text.splitlines()[-1]
    assert "@channel" not in text
    assert fact == "- message: @\u200bchannel \\*\\*now\\*\\* \\[click\\]\\(http\\://evil\\) \\# big"


def test_an_address_in_a_name_becomes_no_link() -> None:
    text = mattermost.message_of(event("finding.opened", rule="X", message="table www.evil.example, wwwx.y"))["text"]
    assert text.splitlines()[-1] == "- message: table www\u200b.evil.example, wwwx.y"


def test_a_long_event_is_cut() -> None:
    message = mattermost.message_of(event("finding.opened", **{f"field{n}": "*" * 10_000 for n in range(100)}))
    assert len(message["text"]) <= 4_000
    assert message["text"].endswith("…")


def test_a_workflow_gets_the_whole_event_with_words_beside_it() -> None:
    document = n8n.message_of(event("connector.broken", nested={"a": [1]}))
    assert json.loads(json.dumps(document)) == {
        "id": ID,
        "aggregatetype": "target",
        "aggregateid": "shop-production",
        "type": "connector.broken",
        "payload": {"nested": {"a": [1]}},
        "headers": {},
        "created_at": None,
        "title": "connector.broken: target shop-production",
        "urgent": False,
    }


CRITICALS = {
    "headline": "2 critical findings on shop new",
    "severity": "critical",
    "target": {"kind": "supabase_project", "name": "shop", "environment": "production"},
    "owners": ["team:shop"],
    "run_id": "4b1e",
    "findings": [
        {
            "rule": "RLS001",
            "outcome": "FAIL",
            "object": "table public.orders",
            "message": "no policy",
            "first_seen": "2026-03-01T02:00:00+00:00",
        }
    ],
    "more": 1,
}


def test_criticals_are_named_one_by_one_with_links_to_the_run_the_report_and_the_plan() -> None:
    told = event("finding.critical", **CRITICALS)
    web = "https://dagster.example.com/"
    assert mattermost.message_of(told, web)["text"].splitlines() == [
        ":rotating_light: **2 critical findings on shop new**",
        "- RLS001 FAIL: table public.orders\\: no policy \\(since 2026\\-03\\-01\\)",
        "- more: 1",
        "- owners: team\\:shop",
        "- run: [4b1e](https://dagster.example.com/runs/4b1e)",
        "- report: [shop](https://dagster.example.com/assets/compliance/report?view=partitions&partition=shop)",
        "- plan: [platformkit plan \\-\\-target shop](https://dagster.example.com/assets/remediation/plans?view=partitions&partition=shop)",
    ]
    assert mattermost.message_of(told)["text"].splitlines()[-1] == "- plan: `platformkit plan --target shop`"
    assert n8n.message_of(told, web)["links"]["run"] == "https://dagster.example.com/runs/4b1e"


def test_every_kind_of_alert_is_told_by_its_headline_and_so_is_its_end() -> None:
    for kind in AlertKind:
        begun, over = (event(f"{kind}{end}", headline="It is so", severity="critical", why="because") for end in ("", ".settled"))
        if kind is AlertKind.PARITY_REGRESSED:
            continue  # has words of its own, above
        assert mattermost.message_of(begun)["text"].splitlines()[0] == ":rotating_light: **It is so**"
        assert mattermost.message_of(over)["text"].splitlines()[0] == "**Over\\: It is so**"


def test_links_stay_whole_however_long_the_message() -> None:
    told = event("scan.failed", headline="*" * 9000, target=CRITICALS["target"], run_id="4b1e")
    text = mattermost.message_of(told, "https://dagster.example.com")["text"]
    assert len(text) <= 4_000
    assert text.endswith("partition=shop)")


def test_a_flood_of_criticals_cuts_off_neither_their_number_nor_the_owners() -> None:
    found = {"rule": "RLS001", "outcome": "FAIL", "object": "table public." + "*" * 300, "message": "[" * 300}
    told = event("finding.critical", **{**CRITICALS, "findings": [found] * 20, "more": 480})
    lines = mattermost.message_of(told, "https://dagster.example.com")["text"].splitlines()
    assert sum(map(len, lines)) <= 4_000
    assert lines[-5:-3] == ["- more: 480", "- owners: team\\:shop"]
