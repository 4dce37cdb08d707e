"""What is given up, how it comes back, and what is forgotten when."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from platformkit_pipeline.connectors.delivery.dead_letters import DeadLetters
from platformkit_pipeline.connectors.delivery.inbox import Inbox
from platformkit_pipeline.connectors.delivery.retention import INBOX_KEPT, Purged, purge
from platformkit_pipeline.connectors.errors import DeliveryRefused
from platformkit_pipeline.connectors.interface import Turn
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.event import Event
from platformkit_pipeline_tests.connectors.delivery.conftest import LATER, Post, event, numbers


def refuse(_: Event) -> None:
    raise DeliveryRefused("rejected by postgresql://me:hunter2@db/shop\x00 " + "x" * 2_000)


def test_a_dead_letter_says_why_without_secrets_and_in_bounds(post: Post) -> None:
    lost = event("a", 1)
    post.publish(lost)
    post.relay(refuse).turn()
    (letter,) = DeadLetters(post.schema).listed(post.admin)
    assert (letter.event.id, letter.event.payload, letter.attempts) == (lost.id, {"number": 1}, 1)
    assert letter.reason.startswith("rejected by postgresql://me:***@db/shop xxx")
    assert len(letter.reason) == 1_000


def test_replay_sends_them_again_in_their_order_behind_what_waits_of_the_key(post: Post) -> None:
    letters, sent = DeadLetters(post.schema), list[Event]()
    events = [event("a", n) for n in (1, 2, 3)]
    post.publish(*events)
    post.relay(refuse).turn()
    post.publish(event("a", 4))
    assert letters.replay(post.admin, [events[0].id]) == 1
    assert letters.replay(post.admin) == 2
    assert letters.replay(post.admin) == 0
    assert letters.listed(post.admin) == ()
    assert post.relay(sent.append).turn() == Turn(delivered=4)
    assert numbers(sent) == [4, 1, 2, 3]
    assert [e.id for e in sent[1:]] == [e.id for e in events], "under their old idempotency keys"
    assert {e.attempt for e in sent} == {1}, "with fresh attempts"


def test_a_replayed_letter_that_dies_again_is_open_again(post: Post) -> None:
    letters = DeadLetters(post.schema)
    post.publish(event())
    for _ in range(2):
        post.relay(refuse).turn()
        assert len(letters.listed(post.admin)) == 1
        assert post.outbox.depth(post.admin).dead_letters == 1
        letters.replay(post.admin)


def test_a_letter_comes_back_also_after_its_row_of_the_outbox_was_forgotten(post: Post) -> None:
    post.publish(event("a", 1))
    post.relay(refuse).turn()
    assert purge(post.admin, post.schema, settled_kept=timedelta(0)) == Purged(1, 0, 0)
    assert DeadLetters(post.schema).replay(post.admin) == 1
    sent: list[Event] = []
    post.relay(sent.append).turn()
    assert numbers(sent) == [1]


def test_what_waits_and_what_is_open_is_never_forgotten_and_the_inbox_remembers_a_day(post: Post) -> None:
    post.publish(event("a"), event("b"), event("c"))
    post.relay(lambda e: refuse(e) if e.aggregateid == "a" else None).turn()
    post.publish(event("d"))
    post.relay(_fail, policy=LATER).turn()
    Inbox(post.schema).receive(post.admin, "test", event(), lambda _: None)
    assert purge(post.admin, post.schema, settled_kept=timedelta(0), inbox_kept=timedelta(seconds=1)) == Purged(3, 0, 0)
    assert (post.rows("outbox"), post.rows("dead_letters"), post.rows("inbox")) == (1, 1, 1)
    post.admin.execute(f"update \"{post.schema}\".inbox set created_at = now() - interval '31 days'")
    assert purge(post.admin, post.schema) == Purged(0, 1, 0)


def _fail(_: Event) -> None:
    raise OSError("no answer")


def test_a_purge_takes_no_more_rows_at_once_than_it_may(post: Post) -> None:
    post.publish(*(event() for _ in range(5)))
    post.relay(lambda _: None).turn()
    assert [purge(post.admin, post.schema, settled_kept=timedelta(0), rows=2).outbox for _ in range(4)] == [2, 2, 1, 0]


def test_an_inbox_that_forgets_before_the_outbox_is_refused(post: Post) -> None:
    with pytest.raises(ValueError, match="must remember longer"):
        purge(post.admin, post.schema, settled_kept=INBOX_KEPT)


def test_the_pipeline_works_in_ops_without_the_right_to_delete_and_a_purge_leaves_one_line(
    pipeline: Connection, pipeline_dsn: Dsn, superuser: Connection
) -> None:
    post = Post(pipeline_dsn, "ops")
    post.publish(*(event(key) for key in "abc"))
    assert post.relay(lambda e: refuse(e) if e.aggregateid == "a" else None).turn() == Turn(delivered=2, dead=1)
    assert DeadLetters("ops").replay(pipeline) == 1
    pipeline.commit()
    assert post.relay(lambda _: None).turn() == Turn(delivered=1)
    assert Inbox("ops").receive(pipeline, "test", event(), lambda _: None)
    for table in ("outbox", "inbox", "dead_letters"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            post.admin.execute(f"delete from ops.{table}")
    assert purge(post.admin, "ops", settled_kept=timedelta(0)) == Purged(3, 0, 1)
    post.close()
    noted = superuser.execute("select object, detail from ops.audit_log where action = 'delete' order by seq").fetchall()
    assert noted == [("ops.outbox", {"rows": 3}), ("ops.dead_letters", {"rows": 1})]
