"""The relay: order of keys, several at once, failures, crashes, waking and stopping."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.connectors.delivery.inbox import Inbox
from platformkit_pipeline.connectors.delivery.relay import pause_after
from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.event import Event
from platformkit_pipeline_tests.connectors.delivery.conftest import AT_ONCE, LATER, Post, event, numbers

PATIENCE_SECONDS = 30.0
"""For what happens at once or never; no test lasts as long when it passes."""


def down(key: str, sent: list[Event], error: Exception | None = None) -> Callable[[Event], None]:
    """A destination that takes every key but one."""

    def send(e: Event) -> None:
        if e.aggregateid == key:
            raise error or DeliveryFailed("is down")
        sent.append(e)

    return send


def drain(turn: Callable[[], Turn]) -> Turn:
    """Turns until nothing is due; returns their sum."""
    total = Turn()
    while not (done := turn()).idle:
        total = Turn(total.delivered + done.delivered, total.postponed + done.postponed, total.dead + done.dead)
    return total


def test_every_event_is_sent_once_and_each_key_in_its_order(post: Post) -> None:
    post.publish(*(event(key, n) for n in range(50) for key in "abc"))
    sent: list[Event] = []
    assert drain(post.relay(sent.append, batch=7).turn) == Turn(delivered=150)
    assert [numbers(sent, key) for key in "abc"] == [list(range(50))] * 3
    assert {e.attempt for e in sent} == {1}
    assert sent[0].created_at is not None


def test_two_relays_never_have_two_events_of_one_key_in_hand(post: Post) -> None:
    keys = "abcde"
    post.publish(*(event(key, n) for n in range(40) for key in keys))
    sent: list[Event] = []
    in_hand = {key: threading.Lock() for key in keys}
    clashes: list[str] = []
    meeting = threading.Barrier(2, timeout=PATIENCE_SECONDS)
    both = threading.Event()

    def send(e: Event) -> None:
        if not in_hand[e.aggregateid].acquire(blocking=False):
            clashes.append(e.aggregateid)
            return
        if not both.is_set():
            meeting.wait()  # both relays have a batch in hand
            both.set()
        sent.append(e)
        in_hand[e.aggregateid].release()

    relays = [threading.Thread(target=drain, args=(post.relay(send, batch=3).turn,)) for _ in range(2)]
    for relay in relays:
        relay.start()
    for relay in relays:
        relay.join(PATIENCE_SECONDS)
    assert both.is_set()
    drain(post.relay(send).turn)
    assert clashes == []
    assert [numbers(sent, key) for key in keys] == [list(range(40))] * len(keys)


def test_a_postponed_head_holds_back_its_key_and_nothing_else(post: Post) -> None:
    post.publish(event("down", 1), event("down", 2), event("up", 1))
    sent: list[Event] = []
    relay = post.relay(down("down", sent), policy=LATER)
    assert relay.turn() == Turn(delivered=1, postponed=1)
    post.publish(event("down", 3), event("up", 2))
    assert drain(relay.turn) == Turn(delivered=1)
    assert numbers(sent, "up") == [1, 2]
    post.admin.execute(f'update "{post.schema}".outbox set due_at = now()')
    drain(post.relay(sent.append).turn)
    assert numbers(sent, "down") == [1, 2, 3]


def test_a_poison_message_is_dead_after_its_attempts_and_the_key_goes_on(post: Post) -> None:
    post.publish(event("a", 1), event("a", 2))
    sent: list[Event] = []
    attempts: list[int] = []

    def send(e: Event) -> None:
        if e.payload["number"] == 1:
            attempts.append(e.attempt)
            raise KeyError("some fault of the code that sends")
        sent.append(e)

    relay = post.relay(send, policy=AT_ONCE)
    while not sent:
        relay.turn()
    assert attempts == [1, 2, 3]
    assert numbers(sent) == [2]
    assert post.rows("dead_letters") == 1


def test_what_the_destination_refuses_is_dead_at_once(post: Post) -> None:
    post.publish(event("a", 1), event("a", 2), event("b", 1))
    sent: list[Event] = []
    relay = post.relay(down("a", sent, DeliveryRefused("no")), policy=LATER)
    assert relay.turn() == Turn(delivered=1, dead=2)
    assert relay.turn().idle


def test_a_destination_that_asks_for_time_gets_it(post: Post) -> None:
    post.publish(event())
    send = down("a", [], DeliveryFailed("busy", retry_after_seconds=5_000))
    assert post.relay(send, policy=AT_ONCE).turn() == Turn(postponed=1)
    row = post.admin.execute(f"select due_at - now() > interval '4900 s', attempts from \"{post.schema}\".outbox").fetchone()
    assert row == (True, 1)


def test_a_crash_between_sending_and_marking_sends_again_and_takes_effect_once(post: Post) -> None:
    post.publish(*(event("a", n) for n in range(5)))
    arrived: list[str] = []
    effects: list[int] = []
    relay_pid: list[int] = []
    inbox = Inbox(post.schema)

    def connect() -> Connection:
        connection = post.connect()
        relay_pid.append(connection.info.backend_pid)
        return connection

    def send(e: Event) -> None:
        arrived.append(e.id)
        inbox.receive(post.admin, "test", e, lambda _: effects.append(int(e.payload["number"])))
        if len(arrived) == 3:
            post.admin.execute("select pg_terminate_backend(%s, 5000)", [relay_pid[-1]])

    relay = post.relay(send, connect)
    with pytest.raises(psycopg.OperationalError):
        relay.turn()
    assert post.outbox.depth(post.admin).pending == 5, "nothing was marked"
    assert relay.turn() == Turn(delivered=5)
    assert arrived == arrived[:5] + arrived[:5], "sent again under the same ids"
    assert effects == [0, 1, 2, 3, 4]


def test_a_relay_that_hangs_is_ended_by_the_server_and_its_keys_are_free_again(post: Post) -> None:
    post.publish(event("a", 1))
    sent: list[Event] = []
    released = threading.Event()

    def hang(e: Event) -> None:
        while post.outbox.depth(post.admin).pending and not released.is_set():
            if not post.relay(sent.append).turn().idle:
                released.set()

    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        post.relay(hang, hold_seconds=0.1).turn()
    assert numbers(sent) == [1]


def test_no_attempt_begins_when_the_time_of_a_turn_is_up(post: Post) -> None:
    post.publish(event("a", 1), event("a", 2))
    sent: list[Event] = []
    slept = threading.Event()

    def slow(e: Event) -> None:
        slept.wait(0.06)
        sent.append(e)

    relay = post.relay(slow, hold_seconds=0.05)
    assert relay.turn() == Turn(delivered=1)
    assert relay.turn() == Turn(delivered=1)
    assert numbers(sent) == [1, 2]


def test_a_long_queue_of_one_key_starves_no_other(post: Post) -> None:
    post.publish(*(event("a", n) for n in range(20)), event("b", 1), event("c", 1))
    sent: list[Event] = []
    relay = post.relay(sent.append, batch=1)
    for _ in range(3):
        relay.turn()
    assert {e.aggregateid for e in sent} == {"a", "b", "c"}


def test_one_destination_that_is_down_neither_holds_back_another_nor_sends_it_anything_twice(post: Post) -> None:
    twice = event("a", 1)
    for destination in ("mattermost", "n8n"):
        assert post.publish(twice, destination=destination) == 1
    sent: list[Event] = []
    broken = post.relay(down("a", []), policy=AT_ONCE, destination="mattermost")
    working = post.relay(sent.append, destination="n8n")
    assert broken.turn() == Turn(postponed=1)
    assert working.turn() == Turn(delivered=1)
    while broken.turn() != Turn(dead=1):
        pass
    assert working.turn().idle
    assert [e.id for e in sent] == [twice.id]


def test_a_notification_wakes_the_relay_long_before_its_poll(post: Post) -> None:
    stop, arrived = threading.Event(), threading.Event()
    idle = threading.Event()

    class Watched(psycopg.Connection[tuple[Any, ...]]):
        def notifies(self, *, timeout: float | None = None, stop_after: int | None = None) -> Generator[psycopg.Notify]:
            idle.set()
            return super().notifies(timeout=timeout, stop_after=stop_after)

    relay = post.relay(lambda _: arrived.set(), lambda: Watched.connect(post.dsn.reveal()), poll_seconds=3_600)
    running = threading.Thread(target=relay.run, args=(stop,))
    running.start()
    assert idle.wait(PATIENCE_SECONDS)
    post.publish(event())
    assert arrived.wait(PATIENCE_SECONDS)
    stop.set()
    running.join(PATIENCE_SECONDS)
    assert not running.is_alive()


def test_a_stop_lets_the_attempt_in_hand_end_marks_it_and_leaves_the_rest(post: Post) -> None:
    post.publish(event("a", 1), event("a", 2), event("a", 3))
    stop = threading.Event()
    sent: list[Event] = []

    def send(e: Event) -> None:
        sent.append(e)
        if e.payload["number"] == 2:
            stop.set()

    post.relay(send).run(stop)
    assert numbers(sent) == [1, 2]
    assert post.outbox.depth(post.admin).pending == 1


def test_a_relay_that_lost_its_connection_opens_another_and_goes_on(post: Post) -> None:
    stop = threading.Event()
    pids: list[int] = []
    sent: list[Event] = []

    def connect() -> Connection:
        if len(pids) == 1:
            pids.append(0)
            raise psycopg.OperationalError("the server is starting up")
        connection = post.connect()
        pids.append(connection.info.backend_pid)
        return connection

    def send(e: Event) -> None:
        sent.append(e)
        if len(sent) == 1:
            post.admin.execute("select pg_terminate_backend(%s, 5000)", [pids[0]])
        else:
            stop.set()

    post.publish(event("a", 1))
    post.relay(send, connect).run(stop)
    assert len(pids) == 3
    assert numbers(sent) == [1, 1]
    assert post.outbox.depth(post.admin).pending == 0


def test_a_batch_without_events_is_refused(post: Post) -> None:
    with pytest.raises(ValueError, match="at least one"):
        post.relay(lambda _: None, batch=0)


def test_a_policy_of_one_attempt_postpones_nothing(post: Post) -> None:
    post.publish(event())
    assert post.relay(down("a", []), policy=RetryPolicy(attempts=1)).turn() == Turn(dead=1)


class Wordless(RuntimeError):
    """Foreign code whose error cannot even be told."""

    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    "error",
    [DeliveryRefused("cut in the middle of \ud83d"), Wordless(), DeliveryFailed("busy", retry_after_seconds="30")],  # type: ignore[arg-type]  # that is what is odd about it
    ids=["half a character", "no words", "a text for a number"],
)
def test_whatever_an_error_holds_the_others_of_its_batch_are_marked(post: Post, error: Exception) -> None:
    post.publish(event("a"), event("b"))
    sent: list[Event] = []
    turn = post.relay(down("a", sent, error), policy=RetryPolicy(attempts=1) if isinstance(error, Wordless) else LATER).turn()
    assert (turn.delivered, turn.postponed + turn.dead) == (1, 1)
    assert post.outbox.depth(post.admin).pending == turn.postponed


def test_a_relay_that_finds_a_standby_waits_until_it_is_the_primary(post: Post) -> None:
    post.publish(event())
    sent: list[Event] = []
    stop, standby = threading.Event(), ["on", "on"]

    def connect() -> Connection:
        connection = post.connect()
        connection.autocommit = True
        connection.execute(f"set default_transaction_read_only = {standby.pop() if standby else 'off'}")
        return connection

    def send(e: Event) -> None:
        sent.append(e)
        stop.set()

    patience = threading.Timer(PATIENCE_SECONDS, stop.set)
    patience.start()
    post.relay(send, connect).run(stop)
    patience.cancel()
    assert len(sent) == 1
    assert standby == []


def test_a_relay_leaves_no_prepared_statement_that_a_pooler_could_lose(post: Post) -> None:
    opened: list[Connection] = []

    def connect() -> Connection:
        opened.append(post.connect())
        return opened[-1]

    relay = post.relay(lambda e: None, connect)
    for n in range(8):
        post.publish(event("a", n))
        assert relay.turn() == Turn(delivered=1)
    assert opened[0].execute("select count(*) from pg_prepared_statements").fetchone() == (0,)


def test_a_look_that_takes_long_is_not_taken_every_second() -> None:
    assert [pause_after(took, 1.0) for took in (0.0, 0.1, 4.5, 3_600.0)] == [1.0, 1.0, 40.5, 60.0]
    assert pause_after(3_600.0, 300.0) == 300.0
