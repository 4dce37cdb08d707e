"""Waivers from the grant to the lapse, on a control plane with findings that are open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from platformkit_pipeline.control_plane import findings, targets, waivers
from platformkit_pipeline.control_plane.connection import Connection, connect
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, PlatformkitError, UnknownTarget
from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.model.waiver import WaiverState
from platformkit_pipeline.operations.cover_findings import covers_for
from platformkit_pipeline.operations.list_waivers import list_waivers
from platformkit_pipeline.operations.remind_waivers import remind_waivers
from platformkit_pipeline.operations.waive import Granted, WaiverRequest, extend_waiver, grant_waiver, revoke_waiver
from platformkit_pipeline_tests.control_plane.builders import result, stored_scan

STAGING = Target(TargetKind.SUPABASE_PROJECT, "shop-staging", Environment.STAGING, ("team:shop",))
PRODUCTION = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def noon(day: int) -> datetime:
    """Of the day so many days after the first of March."""
    return NOON + timedelta(days=day)


@pytest.fixture
def fleet(pipeline: Connection) -> Connection:
    """Both targets with a table without row level security."""
    targets.sync(pipeline, [STAGING, PRODUCTION])
    pipeline.commit()
    for target in (STAGING, PRODUCTION):
        stored = targets.find(pipeline, target.kind, target.name)
        assert stored is not None
        scan_id = stored_scan(pipeline, stored.target_id)
        orders, carts = (result(identity=relation_identity("table", "public", name)) for name in ("orders", "carts"))
        findings.write(pipeline, target, stored.target_id, scan_id, [orders, carts], rules=frozenset({"RLS001"}))
        pipeline.commit()
    return pipeline


def grant(connection: Connection, day: int = 0, **changes: Any) -> Granted:
    wanted: dict[str, Any] = {"target": STAGING.name, "reason": "a prototype", "by": "kim", "rule": "RLS001", "objects": "public.orders"}
    return grant_waiver(connection, WaiverRequest(**{**wanted, **changes}), noon(day))


def told(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute("select type, payload ->> 'headline' from ops.outbox order by type, payload ->> 'headline'").fetchall()
    connection.commit()
    return rows


def test_without_a_length_a_waiver_takes_what_is_left(fleet: Connection) -> None:
    first = grant(fleet, days=10)
    assert (first.covers, first.days_left) == (("public.orders",), 20)
    second = grant(fleet, 50)
    assert (second.waiver.expires_on - second.waiver.starts_on).days == 19
    assert second.days_left == 0
    with pytest.raises(ConfigurationError, match="used up"):
        grant(fleet, 100)


def test_days_count_for_the_object_and_not_for_the_words(fleet: Connection) -> None:
    fingerprint = next(f.fingerprint for f in _open(fleet) if str(f.result.object) == "public.orders")
    grant(fleet, days=25)
    with pytest.raises(ConfigurationError, match="5 that are left"):
        grant(fleet, 60, objects="public.*", days=6)
    with pytest.raises(ConfigurationError, match="5 that are left"):
        grant(fleet, 60, rule=None, objects=None, fingerprint=fingerprint, days=6)
    assert grant(fleet, 60, rule=None, objects=None, fingerprint=fingerprint, days=5).waiver.rule == "RLS001"


def test_granted_and_revoked_on_one_day_that_day_is_spent_once(fleet: Connection) -> None:
    for day in range(10):
        for _ in range(2):
            revoke_waiver(fleet, grant(fleet, day, days=1).waiver.waiver_id, reason="mended", by="kim", now=noon(day))
    assert grant(fleet, 10, days=20).days_left == 0
    with pytest.raises(ConfigurationError, match="used up"):
        grant(fleet, 40)


BRACKETED = ("orders[2024]", "orders2", "a*", "aB")


def test_a_name_with_characters_of_patterns_means_that_object(fleet: Connection) -> None:
    stored = targets.find(fleet, STAGING.kind, STAGING.name)
    assert stored is not None
    scan_id = stored_scan(fleet, stored.target_id)
    results = [result(identity=relation_identity("table", "public", name)) for name in BRACKETED]
    findings.write(fleet, STAGING, stored.target_id, scan_id, results, rules=frozenset({"RLS001"}))
    fleet.commit()
    assert grant(fleet, objects='public."orders[2024]"', days=3).covers == ('public."orders[2024]"',)
    assert grant(fleet, objects='public."a*"', days=3).covers == ('public."a*"',)
    assert sorted(item.matches for item in list_waivers(fleet, noon(1).date())) == [1, 1]
    covered = covers_for(fleet, STAGING, noon(1))
    assert {str(f.result.object) for f in _open(fleet) if f.fingerprint in covered} == {'public."orders[2024]"', 'public."a*"'}


SECRET = "hunter" + "2hunter"
SECRETIVE = (f"postgresql://app:{SECRET}@db.example/shop", "password=" + SECRET, "ghp" + "_" + "a1B2c3D4e5F6" * 3)


@pytest.mark.parametrize("secretive", SECRETIVE)
def test_what_looks_like_a_secret_is_kept_nowhere(fleet: Connection, secretive: str) -> None:
    for changes in ({"objects": secretive}, {"objects": f"public.{secretive}", "even_unused": True}, {"by": secretive}):
        with pytest.raises(ConfigurationError) as refused:
            grant(fleet, **changes)
        assert secretive not in str(refused.value)
        assert SECRET not in str(refused.value)
    waiver = grant(fleet, reason=f"see {secretive}", days=5).waiver
    extended = extend_waiver(fleet, waiver.waiver_id, reason=secretive, by="kim", days=8, last_day=None, now=noon(1)).waiver
    with pytest.raises(ConfigurationError):
        revoke_waiver(fleet, waiver.waiver_id, reason="mended", by=secretive, now=noon(2))
    revoke_waiver(fleet, waiver.waiver_id, reason=secretive, by="kim", now=noon(2))
    kept = fleet.execute("select concat(to_jsonb(w)::text) from ops.waivers w union all select to_jsonb(l)::text from ops.audit_log l")
    texts = [text for (text,) in kept.fetchall()]
    fleet.commit()
    assert extended.waiver_id in "".join(texts)
    assert [text for text in texts if secretive in text or SECRET in text] == []


REFUSED: dict[str, tuple[dict[str, Any], type[PlatformkitError], str]] = {
    "production": ({"target": "shop-production"}, ConfigurationError, "in production, which has no waivers"),
    "an unknown target": ({"target": "shop-stagin"}, UnknownTarget, "no target 'shop-stagin'"),
    "an unknown rule": ({"rule": "RLS999"}, ConfigurationError, "no rule 'RLS999'"),
    "an object without a finding": ({"objects": "public.order"}, ConfigurationError, "RLS001 fails for public.carts, public.orders"),
    "thirty-one days": ({"days": 31}, ConfigurationError, "until 2026-03-30 at most"),
    "no day": ({"days": 0}, ConfigurationError, "one day at least"),
    "both lengths": ({"days": 3, "last_day": noon(3).date()}, ConfigurationError, "not both"),
    "a day that has passed": ({"last_day": noon(-1).date()}, ConfigurationError, "has passed"),
    "no reason": ({"reason": " "}, ConfigurationError, "--reason"),
    "neither rule nor finding": ({"rule": None}, ConfigurationError, "--rule CODE with --object"),
    "a finding that is none": ({"fingerprint": "f" * 32, "objects": None, "rule": None}, ConfigurationError, "no open finding"),
    "a finding to come without its rule": (
        {"fingerprint": "f" * 32, "objects": None, "rule": None, "even_unused": True},
        ConfigurationError,
        "--even-unused needs its --rule",
    ),
    "half a fingerprint": ({"fingerprint": "f" * 31, "objects": None, "rule": None}, ConfigurationError, "32 hex digits"),
}


def test_what_is_wrong_is_refused_with_a_reason_and_nothing_is_written(fleet: Connection) -> None:
    for changes, error, message in REFUSED.values():
        with pytest.raises(error, match=message):
            grant(fleet, **changes)
    assert waivers.all_waivers(fleet) == ()


def test_a_waiver_for_what_is_not_there_yet_has_to_be_asked_for(fleet: Connection) -> None:
    granted = grant(fleet, objects="public.drafts", even_unused=True)
    assert granted.covers == ()
    assert [item.matches for item in list_waivers(fleet, noon(1).date())] == [0]


def test_an_extension_goes_on_within_the_same_days(fleet: Connection) -> None:
    first = grant(fleet, days=10).waiver
    extended = extend(fleet, first.waiver_id, day=8, days=12)
    assert (extended.waiver.extends, extended.days_left) == (first.waiver_id, 10)
    with pytest.raises(ConfigurationError, match="hold"):
        extend(fleet, extended.waiver.waiver_id, day=9, days=1)
    with pytest.raises(ConfigurationError, match="is lapsed"):
        extend(fleet, first.waiver_id, day=10, days=1)


def test_revoked_is_revoked(fleet: Connection) -> None:
    waiver = grant(fleet, days=10).waiver
    revoked = revoke_waiver(fleet, waiver.waiver_id, reason="mended", by="noor", now=noon(2))
    again = revoke_waiver(fleet, waiver.waiver_id, reason="mended twice", by="kim", now=noon(3))
    assert (revoked.revoked_by, again.revoked_by, again.revoke_reason) == ("noor", "noor", "mended")
    with pytest.raises(ConfigurationError, match="revoked"):
        extend(fleet, waiver.waiver_id, day=3, days=1)
    assert list_waivers(fleet, noon(3).date()) == ()
    assert [(item.state, item.days_left) for item in list_waivers(fleet, noon(3).date(), ended=True)] == [(WaiverState.REVOKED, 0)]


def test_a_reminder_and_a_lapse_are_told_once(fleet: Connection) -> None:
    grant(fleet, days=10)
    nights = [remind_waivers(fleet, noon(day)) for day in (0, 1, 2, 3, 9, 10, 11, 40)]
    assert [(n.reminded, n.lapsed, n.settled) for n in nights] == [(0, 0, 0)] * 2 + [(1, 0, 0)] + [(0, 0, 0)] * 2 + [(0, 1, 1)] + [
        (0, 0, 0)
    ] * 2
    assert told(fleet) == [
        ("waiver.expires", "A waiver of RLS001 on shop-staging ends in 7 days, on 2026-03-10"),
        ("waiver.expires.settled", "The reminder of a waiver on shop-staging is over"),
        ("waiver.lapsed", "A waiver of RLS001 on shop-staging has lapsed with 2026-03-10"),
    ]


def test_nights_that_were_missed_are_made_up_for_once(fleet: Connection) -> None:
    grant(fleet, days=10)
    assert [(n.reminded, n.lapsed) for n in (remind_waivers(fleet, noon(30)), remind_waivers(fleet, noon(31)))] == [(0, 1), (0, 0)]


def test_the_reminder_belongs_to_the_last_of_a_chain(fleet: Connection) -> None:
    first = grant(fleet, days=10).waiver
    assert remind_waivers(fleet, noon(5)).reminded == 1
    extend(fleet, first.waiver_id, day=6, days=20)
    night = remind_waivers(fleet, noon(7))
    assert (night.reminded, night.lapsed, night.settled) == (0, 0, 1)
    later = [remind_waivers(fleet, noon(day)) for day in (12, 18, 26)]
    assert [(n.reminded, n.lapsed) for n in later] == [(0, 0), (1, 0), (0, 1)]


def test_what_became_production_is_not_said_to_be_covered_for_some_days_more(fleet: Connection) -> None:
    grant(fleet, days=10)
    assert remind_waivers(fleet, noon(5)).reminded == 1
    with fleet.transaction():
        targets.sync(fleet, [replace(STAGING, environment=Environment.PRODUCTION), PRODUCTION])
    nights = [remind_waivers(fleet, noon(day)) for day in (6, 7, 10)]
    assert [(n.reminded, n.lapsed, n.settled) for n in nights] == [(0, 0, 1), (0, 0, 0), (0, 1, 0)]
    assert [item.state for item in list_waivers(fleet, noon(7).date())] == [WaiverState.VOID]


def test_a_revoked_waiver_is_neither_reminded_of_nor_lapses(fleet: Connection) -> None:
    waiver = grant(fleet, days=10).waiver
    assert remind_waivers(fleet, noon(5)).reminded == 1
    revoke_waiver(fleet, waiver.waiver_id, reason="mended", by="kim", now=noon(6))
    nights = [remind_waivers(fleet, noon(day)) for day in (7, 20)]
    assert [(n.reminded, n.lapsed, n.settled) for n in nights] == [(0, 0, 1), (0, 0, 0)]


def test_what_is_revoked_while_it_is_extended_is_not_extended(
    fleet: Connection, pipeline_dsn: Dsn, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiver = grant(fleet, days=10).waiver
    stored_lock: Callable[..., None] = waivers.lock

    def revoked_before(connection: Connection, target_id: int) -> None:
        monkeypatch.setattr(waivers, "lock", stored_lock)
        with closing(connect(pipeline_dsn)) as other:
            revoke_waiver(other, waiver.waiver_id, reason="mended", by="noor", now=noon(2))
        stored_lock(connection, target_id)

    monkeypatch.setattr(waivers, "lock", revoked_before)
    with pytest.raises(ConfigurationError, match="is revoked"):
        extend(fleet, waiver.waiver_id, day=2, days=20)
    assert len(waivers.all_waivers(fleet)) == 1


def extend(connection: Connection, waiver_id: str, *, day: int, days: int) -> Granted:
    return extend_waiver(connection, waiver_id, reason="a week late", by="kim", days=days, last_day=None, now=noon(day))


def _open(connection: Connection) -> tuple[findings.OpenFinding, ...]:
    stored = targets.find(connection, STAGING.kind, STAGING.name)
    assert stored is not None
    found = findings.open_findings(connection, stored.target_id)
    connection.commit()
    return found


def test_killed_before_the_end_nothing_was_granted(fleet: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    stored_grant: Callable[..., None] = waivers.grant

    def then_killed(*arguments: Any, **named: Any) -> None:
        stored_grant(*arguments, **named)
        killed()

    monkeypatch.setattr(waivers, "grant", then_killed)
    with pytest.raises(KeyboardInterrupt):
        grant(fleet)
    assert waivers.all_waivers(fleet) == ()


def test_what_is_waived_is_covered_to_its_last_day_and_no_longer_in_production(fleet: Connection) -> None:
    grant(fleet, days=10)
    covered = [sorted(cover.rule for cover in covers_for(fleet, STAGING, noon(day)).values()) for day in (0, 9, 10)]
    assert covered == [["RLS001"], ["RLS001"], []]
    promoted = replace(STAGING, environment=Environment.PRODUCTION)
    assert covers_for(fleet, promoted, noon(1)) == {}
