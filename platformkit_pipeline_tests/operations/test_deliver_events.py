"""The product's own events, from `ops.outbox` to webhooks over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from platformkit_pipeline.connectors.delivery.dead_letters import DeadLetters
from platformkit_pipeline.connectors.delivery.outbox import Outbox
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.settings import Notifications, Webhook
from platformkit_pipeline.operations.deliver_events import Destination, deliver_once, deliver_until, destinations
from platformkit_pipeline.operations.deliver_for_a_while import deliver_for_a_while
from platformkit_pipeline.operations.hand_out_events import hand_out
from platformkit_pipeline.operations.measure_delivery import measure_delivery
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.webhooks import Answer, Webhooks, serve_webhooks

BOTH = Notifications(mattermost=Webhook(webhook_env="MATTERMOST_HOOK"), n8n=Webhook(webhook_env="N8N_HOOK"))
CHAT, FLOW = "/hooks/very-secret-chat", "/webhook/very-secret-flow"
AT_ONCE = RetryPolicy(first_delay_seconds=0.001, longest_delay_seconds=0.001, attempts=3)


@pytest.fixture
def webhooks() -> Iterator[Webhooks]:
    with serve_webhooks() as served:
        yield served


@pytest.fixture
def to(webhooks: Webhooks) -> Iterator[tuple[Destination, ...]]:
    made = destinations(BOTH, {"MATTERMOST_HOOK": webhooks.address + CHAT, "N8N_HOOK": webhooks.address + FLOW})
    yield made
    for destination in made:
        destination.send.close()


def regressed(after: int) -> Event:
    payload = {"target": {"name": "shop"}, "score_before": {"effective": 90}, "score": {"effective": after}}
    return Event(str(uuid4()), "target", "shop", "parity.regressed", payload)


def publish(connection: Connection, *events: Event) -> int:
    written = hand_out(connection, ("mattermost", "n8n"), events)
    connection.commit()
    return written


def test_every_destination_gets_every_event_in_its_own_words(
    pipeline: Connection, pipeline_dsn: Dsn, webhooks: Webhooks, to: tuple[Destination, ...]
) -> None:
    events = [regressed(n) for n in (80, 70)]
    assert publish(pipeline, *events) == 4
    assert publish(pipeline, *events) == 0
    assert deliver_once(pipeline_dsn, to) == {"mattermost": Turn(delivered=2), "n8n": Turn(delivered=2)}
    assert [post.document["text"].splitlines()[0] for post in webhooks.taken(CHAT)] == [
        f":rotating_light: **Parity of shop fell from 90 to {n}**" for n in (80, 70)
    ]
    assert [post.document["payload"]["score"]["effective"] for post in webhooks.taken(FLOW)] == [80, 70]
    assert [post.headers["idempotency-key"] for post in webhooks.taken(FLOW)] == [e.id for e in events]


def test_what_was_written_for_nobody_in_particular_reaches_everybody_once(
    pipeline: Connection, pipeline_dsn: Dsn, webhooks: Webhooks, to: tuple[Destination, ...]
) -> None:
    with pipeline.transaction():
        Outbox().publish(pipeline, [regressed(80), regressed(70)])
    assert deliver_once(pipeline_dsn, ()) == {}
    for delivered in (2, 0):
        assert deliver_once(pipeline_dsn, to) == {name: Turn(delivered=delivered) for name in ("mattermost", "n8n")}
    assert [post.document["payload"]["score"]["effective"] for post in webhooks.taken(FLOW)] == [80, 70]


def test_a_webhook_that_is_down_holds_back_no_other_and_none_gets_anything_twice(
    pipeline: Connection, pipeline_dsn: Dsn, webhooks: Webhooks, to: tuple[Destination, ...]
) -> None:
    publish(pipeline, regressed(80))
    webhooks.usual[CHAT] = Answer(503, body=f"{CHAT} is down")
    flow = 0
    while not (turns := deliver_once(pipeline_dsn, to, AT_ONCE))["mattermost"].dead:
        flow += turns["n8n"].delivered
    assert flow + turns["n8n"].delivered == 1
    assert len(webhooks.arrived(CHAT)) == 3
    assert len(webhooks.taken(FLOW)) == 1
    (letter,) = DeadLetters().listed(pipeline)
    assert letter.destination == "mattermost"
    assert "very-secret" not in letter.reason
    assert letter.reason.startswith("answered 503")


def test_a_webhook_that_is_down_for_hours_gets_everything_once_when_it_is_back(
    pipeline: Connection, pipeline_dsn: Dsn, superuser: Connection, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, path in (("MATTERMOST_HOOK", CHAT), ("N8N_HOOK", FLOW)):
        monkeypatch.setenv(variable, webhooks.address + path)
    with pipeline.transaction():
        Outbox().publish(pipeline, [regressed(80), regressed(70)])
    webhooks.usual[CHAT] = Answer(503)
    for _ in range(30):  # five minutes each: the longest delay that there is
        share = deliver_for_a_while(pipeline_dsn, BOTH)
        superuser.execute("update ops.outbox set due_at = due_at - interval '5 minutes'")
    assert (share.left.pending, share.left.dead_letters) == (2, 0)
    assert len(webhooks.arrived(CHAT)) > 25
    del webhooks.usual[CHAT]
    for _ in range(2):
        deliver_for_a_while(pipeline_dsn, BOTH)
    assert [post.document["text"].splitlines()[0][-4:-2] for post in webhooks.taken(CHAT)] == ["80", "70"]
    assert len(webhooks.taken(FLOW)) == 2


def test_delivery_goes_on_until_it_is_told_to_stop(
    pipeline: Connection, pipeline_dsn: Dsn, webhooks: Webhooks, to: tuple[Destination, ...]
) -> None:
    stop = threading.Event()
    running = threading.Thread(target=deliver_until, args=(stop, pipeline_dsn, to))
    running.start()
    publish(pipeline, regressed(80))
    for path in (CHAT, FLOW):
        while not webhooks.taken(path):
            stop.wait(0.01)
    stop.set()
    running.join(30)
    assert not running.is_alive()


def test_a_control_plane_that_cannot_be_used_is_said_at_once(pipeline_dsn: Dsn, to: tuple[Destination, ...]) -> None:
    with pytest.raises(ControlPlaneError):
        deliver_until(threading.Event(), with_user(pipeline_dsn, "nobody_at_all"), to)


@pytest.mark.parametrize("url", ["", "http://chat.example/hooks/very-secret", "https://[very-secret", "very-secret"])
def test_a_webhook_without_a_safe_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="MATTERMOST_HOOK") as raised:
        destinations(BOTH, {"MATTERMOST_HOOK": url, "N8N_HOOK": "https://flow.example/x"})
    assert "very-secret" not in str(raised.value)


def test_what_waits_and_what_was_delivered_is_measured(
    pipeline: Connection, pipeline_dsn: Dsn, webhooks: Webhooks, to: tuple[Destination, ...]
) -> None:
    publish(pipeline, regressed(80))
    assert measure_delivery(pipeline) == 3
    pipeline.commit()
    webhooks.order(CHAT, Answer(500))
    webhooks.usual[FLOW] = Answer(400)
    while not deliver_once(pipeline_dsn, to, AT_ONCE)["mattermost"].delivered:
        pass
    assert measure_delivery(pipeline) == 3 + 3 + 2
    rows = pipeline.execute("select name, labels ->> 'destination', value from ops.metrics order by id").fetchall()
    values = {(name, destination): value for name, destination, value in rows[3:]}
    assert [value for name, _, value in rows[:3] if name == "queue.depth"] == [2]
    assert values["queue.depth", None] == values["delivery.count", "n8n"] == 0
    assert values["queue.dead_letters", None] == values["delivery.count", "mattermost"] == 1
    assert (values["delivery.error_rate", "mattermost"], values["delivery.error_rate", "n8n"]) == (50, 100)
    assert values["delivery.latency", "mattermost"] > 0
    assert ("delivery.latency", "n8n") not in values


def test_a_destination_that_takes_all_the_time_leaves_the_other_its_turn(
    pipeline: Connection, pipeline_dsn: Dsn, webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, path in (("MATTERMOST_HOOK", CHAT), ("N8N_HOOK", FLOW)):
        monkeypatch.setenv(variable, webhooks.address + path)
    webhooks.usual[CHAT] = Answer(503, delay_seconds=0.6)
    publish(pipeline, *(Event(str(uuid4()), "target", str(n), "told") for n in range(4)))
    share = deliver_for_a_while(pipeline_dsn, BOTH, seconds=1)
    assert share.turns["mattermost"].postponed >= 1
    assert len(webhooks.taken(FLOW)) >= 1
