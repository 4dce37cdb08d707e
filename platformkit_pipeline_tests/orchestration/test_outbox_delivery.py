"""The sensor that delivers the product's own events, to webhooks that are there and to some that are not."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import yaml

from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource
from platformkit_pipeline.sandbox.webhooks import Answer, Webhooks, serve_webhooks
from platformkit_pipeline_tests.orchestration.conftest import Platform

Tick = Callable[[], str]


@pytest.fixture
def cursor() -> list[str | None]:
    """What the sensor remembers from tick to tick."""
    return [None]


@pytest.fixture
def tick(defs: dg.Definitions, instance: dg.DagsterInstance, cursor: list[str | None]) -> Tick:
    """One tick; returns what the sensor said."""
    sensor = defs.get_repository_def().get_sensor_def("outbox_delivery")

    def run() -> str:
        resources = {"settings": SettingsResource(), "control_plane": ControlPlaneResource()}
        with dg.build_sensor_context(instance=instance, definitions=defs, resources=resources, cursor=cursor[0]) as context:
            ticked = sensor.evaluate_tick(context)
        cursor[0] = ticked.cursor
        assert not ticked.run_requests
        return ticked.skip_message or ""

    return run


@pytest.fixture
def webhooks(platform: Platform) -> Iterator[Webhooks]:
    """Two that the settings name: `chat` and `flow`."""
    with serve_webhooks() as served:
        for name in ("chat", "flow"):
            platform.set_variable(f"{name.upper()}_URL", f"{served.address}/{name}")
        _notify(platform, mattermost="CHAT_URL", n8n="FLOW_URL")
        yield served


def _notify(platform: Platform, **variables: str) -> None:
    named = {name: {"webhook_env": variable} for name, variable in variables.items()}
    platform.settings_path.write_text(yaml.safe_dump({"notifications": named}), encoding="utf-8")


def _happened(pipeline: Connection, count: int) -> list[str]:
    """Events as use cases write them: in their transaction, without knowing who is to hear of them."""
    payload = {"target": {"kind": "supabase_project", "name": "shop", "environment": "staging"}, "owners": [], "reasons": ["worse"]}
    events = [Event(str(uuid.uuid4()), "target", f"shop-{number}", "parity.regressed", payload) for number in range(count)]
    with pipeline.transaction():
        Outbox().publish(pipeline, events)
    return [event.id for event in events]


def test_events_reach_every_webhook_once_however_often_it_ticks(webhooks: Webhooks, tick: Tick, pipeline: Connection) -> None:
    ids = _happened(pipeline, 3)
    assert tick() == "mattermost: 3 delivered, 0 postponed, 0 dead; n8n: 3 delivered, 0 postponed, 0 dead; 0 wait, 0 dead letters"
    assert tick() == "mattermost: 0 delivered, 0 postponed, 0 dead; n8n: 0 delivered, 0 postponed, 0 dead; 0 wait, 0 dead letters"
    for path in ("/chat", "/flow"):
        assert sorted(post.headers["idempotency-key"] for post in webhooks.taken(path)) == sorted(ids)


def test_a_webhook_that_fails_holds_back_no_other(webhooks: Webhooks, tick: Tick, pipeline: Connection) -> None:
    webhooks.order("/chat", Answer(503))
    _happened(pipeline, 1)
    assert tick() == "mattermost: 0 delivered, 1 postponed, 0 dead; n8n: 1 delivered, 0 postponed, 0 dead; 1 wait, 0 dead letters"


def test_without_a_webhook_nothing_is_touched_and_the_tick_says_so(platform: Platform, tick: Tick, pipeline: Connection) -> None:
    _happened(pipeline, 1)
    assert tick().startswith("the settings name no webhook")
    assert Outbox().depth(pipeline).pending == 1


def test_a_webhook_whose_variable_is_not_set_is_named_and_nothing_is_handed_out(
    platform: Platform, tick: Tick, pipeline: Connection
) -> None:
    _notify(platform, n8n="MISSING_URL")
    _happened(pipeline, 1)
    assert tick().startswith("nothing was delivered: notifications.n8n: environment variable MISSING_URL is not set")
    assert Outbox().depth(pipeline).pending == 1


def test_a_webhook_that_lost_its_variable_silences_no_other_and_gets_its_own_later(
    platform: Platform, webhooks: Webhooks, tick: Tick, pipeline: Connection
) -> None:
    _notify(platform, mattermost="CHAT_URL", n8n="MISSING_URL")
    ids = _happened(pipeline, 1)
    said = tick()
    assert said.startswith("mattermost: 1 delivered, 0 postponed, 0 dead; notifications.n8n: environment variable MISSING_URL is not set")
    assert said.endswith("; 1 wait, 0 dead letters")
    _notify(platform, mattermost="CHAT_URL", n8n="FLOW_URL")
    tick()
    for path in ("/chat", "/flow"):
        assert [post.headers["idempotency-key"] for post in webhooks.taken(path)] == ids


def test_the_queue_is_measured_every_few_minutes_and_what_is_old_is_forgotten(
    webhooks: Webhooks, tick: Tick, cursor: list[str | None], pipeline: Connection, superuser: Connection
) -> None:
    def measured() -> list[tuple[object, ...]]:
        pipeline.rollback()
        query = (
            "select name, value, labels ->> 'destination' from ops.metrics where name in ('queue.depth', 'delivery.count') order by 1, 3, 2"
        )
        return pipeline.execute(query).fetchall()

    _happened(pipeline, 2)
    tick()
    first = measured()
    assert ("delivery.count", 2.0, "mattermost") in first
    assert ("queue.depth", 0.0, None) in first
    tick()
    assert measured() == first, "measured again at once"
    superuser.execute("update ops.outbox set delivered_at = now() - interval '8 days', created_at = now() - interval '8 days'")
    cursor[0] = (datetime.now(UTC) - timedelta(minutes=6)).isoformat()
    tick()
    assert len([m for m in measured() if m[0] == "queue.depth"]) == 2
    assert superuser.execute("select count(*) from ops.outbox").fetchone() == (0,)


@pytest.mark.parametrize("left", ["2026-01-01T00:00:00", "2999-01-01T00:00:00+00:00", "yesterday", "{}", ""])
def test_a_cursor_that_tells_no_time_of_the_past_measures_anew(
    webhooks: Webhooks, tick: Tick, cursor: list[str | None], pipeline: Connection, left: str
) -> None:
    cursor[0] = left
    assert "not measured" not in tick()
    assert pipeline.execute("select count(*) from ops.metrics where name = 'queue.depth'").fetchone() == (1,)
    assert datetime.fromisoformat(cursor[0] or "") <= datetime.now(UTC)
