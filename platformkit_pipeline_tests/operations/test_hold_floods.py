"""A flood about one target comes as so many messages and one that sums up; nobody else waits for it, and nothing is lost or told twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.settings import Notifications, Webhook
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.announce import announce
from platformkit_pipeline.operations.clock import Clock
from platformkit_pipeline.operations.deliver_events import Destination, deliver_once, destinations
from platformkit_pipeline.sandbox.webhooks import Answer, Webhooks, serve_webhooks

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop", Environment.PRODUCTION)
BANK = replace(SHOP, name="bank")
TWO = datetime(2026, 3, 1, 2, tzinfo=UTC)
FLOW = "/webhook/flow"
AT_ONCE = RetryPolicy(first_delay_seconds=0.001, longest_delay_seconds=0.001, attempts=1000)
SOON = RetryPolicy(first_delay_seconds=0.5, longest_delay_seconds=0.5, attempts=1000)
"""Long enough that what has just failed is not due again before the turn is over, on whatever machine."""
SETTINGS = Notifications(n8n=Webhook(webhook_env="FLOW"), messages_per_hour=3)


@pytest.fixture
def webhooks() -> Iterator[Webhooks]:
    with serve_webhooks() as served:
        yield served


@pytest.fixture
def to(webhooks: Webhooks) -> Iterator[tuple[Destination, ...]]:
    made = destinations(SETTINGS, {"FLOW": webhooks.address + FLOW})
    yield made
    for destination in made:
        destination.send.close()


def told(connection: Connection, target: Target, subject: str, minutes: int, severity: Severity = Severity.HIGH) -> None:
    kind = AlertKind.AUDIT_BROKEN if severity is Severity.CRITICAL else AlertKind.WAIVER_EXPIRES
    with connection.transaction():
        targets.sync(connection, [SHOP, BANK])
        announce(connection, [Alert(kind, subject, severity, subject, target)], [], TWO + timedelta(minutes=minutes))


def arrived(webhooks: Webhooks) -> list[str]:
    return [post.document["payload"]["headline"] for post in webhooks.taken(FLOW)]


def test_a_flood_is_so_many_messages_and_one_that_sums_up_while_others_get_theirs_at_once(
    pipeline: Connection, pipeline_dsn: Dsn, webhooks: Webhooks, to: tuple[Destination, ...]
) -> None:
    def deliver(minutes: int) -> None:
        deliver_once(pipeline_dsn, to, AT_ONCE, Clock(now=lambda: TWO + timedelta(minutes=minutes)))

    for number in range(6):
        told(pipeline, SHOP, f"shop-{number}", number)
    told(pipeline, SHOP, "shop-critical", 7, Severity.CRITICAL)
    told(pipeline, BANK, "bank-critical", 8, Severity.CRITICAL)
    for minutes in (10, 59):
        deliver(minutes)
        assert sorted(arrived(webhooks)) == ["bank-critical", "shop-0", "shop-1", "shop-2"]
    told(pipeline, SHOP, "next hour", 61)
    for minutes in (61, 62, 130):
        deliver(minutes)
        assert arrived(webhooks)[4:] == ["4 more messages about supabase_project/shop in the hour from 2026-03-01T02:00Z", "next hour"]
    summary = webhooks.taken(FLOW)[4].document["payload"]
    assert [(line["severity"], line["type"], line["count"]) for line in summary["kinds"]] == [
        ("critical", "audit.broken", 1),
        ("high", "waiver.expires", 3),
    ]
    assert pipeline.execute("select count(*) from ops.alerts").fetchone() == (9,)


def test_a_flood_that_ends_is_summed_up_when_the_hour_is_over_though_nothing_follows(
    pipeline: Connection, pipeline_dsn: Dsn, webhooks: Webhooks, to: tuple[Destination, ...]
) -> None:
    for number in range(5):
        told(pipeline, SHOP, f"shop-{number}", number)
    for minutes, messages in ((59, 3), (60, 3), (61, 4), (200, 4)):
        for _ in "12":  # what is summed up after a destination's turn goes out with the next
            deliver_once(pipeline_dsn, to, AT_ONCE, Clock(now=lambda minutes=minutes: TWO + timedelta(minutes=minutes - 1)))  # type: ignore[misc]  # bound in the loop
        assert len(arrived(webhooks)) == messages


def test_an_hour_without_the_webhook_loses_nothing_tells_nothing_twice_and_keeps_the_order(
    pipeline: Connection, pipeline_dsn: Dsn, webhooks: Webhooks, to: tuple[Destination, ...]
) -> None:
    webhooks.usual[FLOW] = Answer(503)
    clock = Clock(now=lambda: TWO)
    for number in range(3):
        told(pipeline, SHOP, f"shop-{number}", 20 * number)
        told(pipeline, BANK, f"bank-{number}", 20 * number)
        deliver_once(pipeline_dsn, to, SOON, clock)
    assert webhooks.taken(FLOW) == []
    webhooks.usual[FLOW] = Answer(200)
    while len(webhooks.taken(FLOW)) < 6:
        deliver_once(pipeline_dsn, to, SOON, clock)
    deliver_once(pipeline_dsn, to, SOON, clock)
    for name in ("shop", "bank"):
        assert [headline for headline in arrived(webhooks) if headline.startswith(name)] == [f"{name}-{n}" for n in range(3)]
    assert len(arrived(webhooks)) == 6
