"""Writing events in the transaction that makes them true, and letting them take effect once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from platformkit_pipeline.connectors.delivery.inbox import Inbox
from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.connector import QueueDepth
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.event import Event
from platformkit_pipeline_tests.connectors.delivery.conftest import LATER, Post, event, numbers

COLUMNS = """
    select table_name, column_name, data_type, is_nullable, column_default, is_identity, is_generated
      from information_schema.columns where table_schema = %s and table_name in ('outbox', 'inbox', 'dead_letters') order by 1, 2
"""
DEFINITIONS = """
    select pg_get_constraintdef(c.oid) from pg_constraint c join pg_class t on t.oid = c.conrelid
     where t.relnamespace = %(schema)s::text::regnamespace and t.relname in ('outbox', 'inbox', 'dead_letters')
    union all
    select replace(pg_get_indexdef(i.indexrelid), %(schema)s || '.', '') from pg_index i join pg_class t on t.oid = i.indrelid
     where t.relnamespace = %(schema)s::text::regnamespace and t.relname in ('outbox', 'inbox', 'dead_letters') order by 1
"""


def test_the_control_plane_and_connectors_have_the_same_tables(superuser: Connection) -> None:
    create_delivery_tables(superuser, "elsewhere")
    ours, theirs = (superuser.execute(COLUMNS, [schema]).fetchall() for schema in ("ops", "elsewhere"))
    assert len(ours) == 36
    assert ours == theirs
    ours, theirs = (superuser.execute(DEFINITIONS, {"schema": schema}).fetchall() for schema in ("ops", "elsewhere"))
    of_floods = [(text,) for (text,) in ours if "INDEX outbox_hours" in text]  # only the product's own messages are counted by the hour
    assert len(of_floods) == 1
    assert len(ours) > 20
    assert [row for row in ours if row not in of_floods] == theirs


def test_making_the_tables_again_leaves_what_is_in_them(post: Post) -> None:
    post.publish(event())
    create_delivery_tables(post.admin, post.schema)
    assert post.rows("outbox") == 1


def test_an_event_is_written_with_the_transaction_or_not_at_all(post: Post) -> None:
    with post.connect() as connection:
        assert post.outbox.publish(connection, [event()]) == 1
        connection.rollback()
    assert post.rows("outbox") == 0
    with pytest.raises(ValueError, match="inside a transaction"):
        post.outbox.publish(post.admin, [event()])


def test_the_same_event_again_is_nothing_also_after_its_delivery(post: Post) -> None:
    one, two = event(), event()
    assert post.publish(one, one, two) == 2
    sent: list[Event] = []
    assert post.relay(sent.append).turn().delivered == 2
    assert post.publish(one, two) == 0
    assert post.relay(sent.append).turn().idle
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Event("order-1", "order", "a", "changed"), "not a UUID"),
        (event(text="x" * 300_000), "the limit is 262144"),
        (event(value=float("nan")), "cannot be written as JSON"),
        (event(text="a\x00b"), "NUL"),
        (event(text="\ud800"), "cannot be written as JSON"),
        (event(key="k" * 513), "at most 512"),
        (Event("00000000-0000-0000-0000-00000000ffff", "", "a", "changed"), "1 to 255"),
    ],
)
def test_an_event_that_cannot_be_stored_is_refused_with_all_others_of_the_call(post: Post, wrong: Event, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        post.publish(event(), wrong)
    assert post.rows("outbox") == 0


def test_writers_of_one_key_commit_one_after_the_other_and_are_delivered_in_that_order(post: Post) -> None:
    sent: list[Event] = []
    with post.connect() as first, post.connect() as second, post.connect() as other:
        post.outbox.publish(first, [event(number=1)])

        def write() -> None:
            post.outbox.publish(second, [event(number=2)])
            second.commit()

        waiting = threading.Thread(target=write)
        waiting.start()
        post.outbox.publish(other, [event("another key", 1)])
        other.commit()
        assert post.relay(sent.append).turn().delivered == 1, "only what is committed, and nobody waits for another key"
        assert waiting.is_alive()
        first.commit()
        waiting.join()
    post.relay(sent.append).turn()
    assert numbers(sent) == [1, 2]


def test_depth_tells_what_is_due_from_what_waits_behind_it(post: Post) -> None:
    assert post.outbox.depth(post.admin) == QueueDepth(0, 0, 0.0, 0)
    post.publish(event("slow"), event("slow"), event("quick"))
    relay = post.relay(lambda e: fail(e, "slow"), policy=LATER)
    relay.turn()
    post.publish(event("quick"), destination="elsewhere")
    depth = post.outbox.depth(post.admin)
    assert (depth.pending, depth.due, depth.dead_letters) == (3, 1, 0)
    assert depth.oldest_age_seconds > 0
    assert post.outbox.depth(post.admin, destination="elsewhere").pending == 1


def fail(e: Event, key: str) -> None:
    if e.aggregateid == key:
        raise OSError("no answer")


def test_a_duplicate_has_no_effect_and_another_consumer_has_its_own_memory(post: Post) -> None:
    inbox, received = Inbox(post.schema), event()
    effects: list[str] = []
    for consumer in ("billing", "billing", "shipping"):
        inbox.receive(post.admin, consumer, received, lambda _, c=consumer: effects.append(c))  # type: ignore[misc]  # the default binds it now
    assert effects == ["billing", "shipping"]
    assert post.rows("inbox") == 2


def test_an_effect_that_fails_leaves_no_memory_of_the_event(post: Post) -> None:
    inbox, received = Inbox(post.schema), event()
    post.admin.execute("create temporary table effects (id uuid)")

    def half_done(connection: Connection) -> None:
        connection.execute("insert into effects values (%s)", [received.id])
        raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        inbox.receive(post.admin, "billing", received, half_done)
    assert post.rows("inbox") == 0
    assert post.admin.execute("select count(*) from effects").fetchone() == (0,)
    assert inbox.receive(post.admin, "billing", received, lambda c: None)


def test_of_two_that_arrive_at_once_one_takes_effect(post: Post) -> None:
    inbox, received = Inbox(post.schema), event()
    answers: list[bool] = []
    with connection_of(post) as first, connection_of(post) as second:

        def meanwhile(_: Connection) -> None:
            racing.start()
            racing.join(0.1)
            assert racing.is_alive(), "the second waits for what becomes of the first"

        racing = threading.Thread(target=lambda: answers.append(inbox.receive(second, "billing", received, lambda _: None)))
        assert inbox.receive(first, "billing", received, meanwhile)
        racing.join()
    assert answers == [False]


@contextmanager
def connection_of(post: Post) -> Iterator[Connection]:
    connection = post.connect()
    yield connection
    connection.close()


def test_the_login_of_the_pipeline_publishes_relays_receives_and_replays_in_ops(pipeline: Connection, pipeline_dsn: Dsn) -> None:
    post = Post(pipeline_dsn, "ops")
    post.publish(event())
    assert post.relay(lambda _: None).turn().delivered == 1
    assert Inbox("ops").receive(pipeline, "billing", event(), lambda _: None)
    post.close()


def test_text_that_looks_like_the_character_nul_and_is_none_is_kept(post: Post) -> None:
    text = r"a pattern: \u0000, and behind two backslashes: \\u0000"
    assert post.publish(event(text=text)) == 1
    assert post.admin.execute(f"select payload->>'text' from \"{post.schema}\".outbox").fetchone() == (text,)
