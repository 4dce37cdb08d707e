from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platformkit_pipeline.control_plane import inventory, scans, targets
from platformkit_pipeline.control_plane.connection import Connection, session
from platformkit_pipeline.control_plane.inventory import InventoryChanges
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.inventory import inventory_object, set_digest
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline_tests.control_plane.builders import SHOP, stored_scan, table

A, B, C = table("a"), table("b"), table("c")
B_CHANGED = table("b", comment="now with a comment")

OBJECTS = """
    select kind, identity, encode(content_hash, 'hex'), payload::text, first_seen_scan, changed_scan, removed_scan
      from ops.inventory_objects order by kind, identity
"""
HISTORY = """
    select scan_id::text, identity, change, payload_before::text, payload_after::text, encode(content_hash, 'hex')
      from ops.inventory_history order by id
"""
ROW_VERSIONS = """
    select tableoid, ctid, xmin, xmax from ops.inventory_objects
    union all
    select tableoid, ctid, xmin, xmax from ops.inventory_history order by 1, 2
"""
WAITING_WRITER = """
    select pid from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query like '%inventory_objects as stored%'
"""


def state(connection: Connection) -> list[Any]:
    return [connection.execute(OBJECTS).fetchall(), sorted(connection.execute(HISTORY).fetchall(), key=repr)]


def test_the_first_scan_adds_everything(pipeline: Connection, shop: StoredTarget) -> None:
    scan = stored_scan(pipeline, shop.target_id, run_id="run-1")
    assert inventory.write(pipeline, shop.target_id, scan, [B, A]) == InventoryChanges(added=2, changed=0, removed=0, unchanged=0)
    assert inventory.read(pipeline, shop.target_id) == [A, B]
    stored = scans.find(pipeline, scan)
    assert stored is not None
    assert (stored.set_digest, stored.object_count) == (set_digest([A, B]), 2)
    assert stored.inventoried_at is not None
    assert pipeline.execute("select distinct run_id from ops.inventory_objects").fetchall() == [("run-1",)]


def test_an_unchanged_scan_writes_no_row_at_all(pipeline: Connection, superuser: Connection, shop: StoredTarget) -> None:
    inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id, 1), [A, B])
    pipeline.commit()
    before = superuser.execute(ROW_VERSIONS).fetchall()
    assert inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id, 2), [A, B]) == InventoryChanges(0, 0, 0, 2)
    pipeline.commit()
    assert superuser.execute(ROW_VERSIONS).fetchall() == before


def test_changes_are_stored_and_remembered_with_before_and_after(pipeline: Connection, shop: StoredTarget) -> None:
    first, second = (stored_scan(pipeline, shop.target_id, night) for night in (1, 2))
    inventory.write(pipeline, shop.target_id, first, [A, B])
    assert inventory.write(pipeline, shop.target_id, second, [B_CHANGED, C]) == InventoryChanges(added=1, changed=1, removed=1, unchanged=0)
    assert inventory.read(pipeline, shop.target_id) == [B_CHANGED, C]
    history = [row[1:5] for row in pipeline.execute(HISTORY).fetchall() if row[0] == second]
    assert sorted(history) == [
        ("public.a", "removed", A.payload, None),
        ("public.b", "changed", B.payload, B_CHANGED.payload),
        ("public.c", "added", None, C.payload),
    ]
    scans_of = {
        identity: (str(seen), str(changed), removed and str(removed))
        for identity, seen, changed, removed in pipeline.execute(
            "select identity, first_seen_scan, changed_scan, removed_scan from ops.inventory_objects"
        ).fetchall()
    }
    assert scans_of == {"public.a": (first, second, second), "public.b": (first, second, None), "public.c": (second, second, None)}


def test_a_removed_object_stays_marked_and_is_not_removed_again(pipeline: Connection, shop: StoredTarget) -> None:
    for night, objects in ((1, [A, B]), (2, [A])):
        inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id, night), objects)
    assert inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id, 3), [A]) == InventoryChanges(0, 0, 0, 1)
    assert pipeline.execute("select count(*) from ops.inventory_objects").fetchone() == (2,)


def test_an_object_that_comes_back_counts_as_added_and_keeps_its_first_scan(pipeline: Connection, shop: StoredTarget) -> None:
    for night, objects in ((1, [A, B]), (2, [A]), (3, [A, B])):
        changes = inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id, night), objects)
    assert changes == InventoryChanges(added=1, changed=0, removed=0, unchanged=1)
    assert inventory.read(pipeline, shop.target_id) == [A, B]
    row = pipeline.execute(
        "select first_seen_scan = %s, removed_scan from ops.inventory_objects where identity = 'public.b'",
        (stored_scan(pipeline, shop.target_id, 1),),
    )
    assert row.fetchone() == (True, None)


def test_an_empty_inventory_removes_everything(pipeline: Connection, shop: StoredTarget) -> None:
    inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id, 1), [A, B])
    assert inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id, 2), []) == InventoryChanges(0, 0, 2, 0)
    assert inventory.read(pipeline, shop.target_id) == []


def test_the_same_scan_again_changes_nothing(pipeline: Connection, shop: StoredTarget) -> None:
    scan = stored_scan(pipeline, shop.target_id)
    inventory.write(pipeline, shop.target_id, scan, [A, B])
    before = state(pipeline)
    assert inventory.write(pipeline, shop.target_id, scan, [B, A]) == InventoryChanges(0, 0, 0, 2)
    assert state(pipeline) == before


def test_the_same_scan_with_other_objects_is_refused(pipeline: Connection, shop: StoredTarget) -> None:
    scan = stored_scan(pipeline, shop.target_id)
    inventory.write(pipeline, shop.target_id, scan, [A, B])
    with pytest.raises(ControlPlaneError, match="one observation has one inventory"):
        inventory.write(pipeline, shop.target_id, scan, [A])
    assert inventory.read(pipeline, shop.target_id) == [A, B]


def test_objects_other_than_announced_are_refused(pipeline: Connection, shop: StoredTarget) -> None:
    scan = stored_scan(pipeline, shop.target_id, set_digest=set_digest([A, B]), object_count=2)
    with pytest.raises(ControlPlaneError, match="announced with other objects"):
        inventory.write(pipeline, shop.target_id, scan, [A])
    assert inventory.write(pipeline, shop.target_id, scan, [A, B]).added == 2


def test_a_scan_older_than_the_stored_one_is_refused(pipeline: Connection, shop: StoredTarget) -> None:
    old, new = (stored_scan(pipeline, shop.target_id, night) for night in (1, 2))
    inventory.write(pipeline, shop.target_id, new, [A])
    with pytest.raises(ControlPlaneError, match=f"is older than scan {new}"):
        inventory.write(pipeline, shop.target_id, old, [A, B])
    assert inventory.read(pipeline, shop.target_id) == [A]


def test_a_scan_that_is_unknown_or_another_targets_is_refused(pipeline: Connection, shop: StoredTarget) -> None:
    scan = stored_scan(pipeline, shop.target_id)
    with pytest.raises(ControlPlaneError, match="observed another target"):
        inventory.write(pipeline, shop.target_id + 1, scan, [A])
    with pytest.raises(ControlPlaneError, match="is not stored"):
        inventory.write(pipeline, shop.target_id, "00000000-0000-0000-0000-000000000001", [A])


def test_two_objects_of_one_identity_are_refused(pipeline: Connection, shop: StoredTarget) -> None:
    with pytest.raises(ControlPlaneError, match=r"observed two objects as table public\.b"):
        inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id), [A, B, B_CHANGED])


def test_several_targets_are_written_in_one_transaction(pipeline: Connection) -> None:
    targets.sync(pipeline, [Target(TargetKind.CONNECTOR, "one"), Target(TargetKind.CONNECTOR, "two")])
    one, two = (t.target_id for t in targets.list_active(pipeline))
    inventory.write(pipeline, one, stored_scan(pipeline, one), [A])
    inventory.write(pipeline, two, stored_scan(pipeline, two), [A, B])
    assert (inventory.read(pipeline, one), inventory.read(pipeline, two)) == ([A], [A, B])


def test_a_write_without_transaction_is_refused(pipeline: Connection, shop: StoredTarget) -> None:
    pipeline.autocommit = True
    with pytest.raises(ValueError, match="inside a transaction"):
        inventory.write(pipeline, shop.target_id, "any", [A])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.lists(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=5), min_size=1, max_size=8))
def test_any_json_payload_comes_back_to_the_byte_with_its_hash(
    pipeline: Connection, shop: StoredTarget, payloads: list[dict[str, Any]]
) -> None:
    objects = [inventory_object("table", f"public.t{n}", payload) for n, payload in enumerate(payloads)]
    pipeline.rollback()
    inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id), objects)
    assert inventory.read(pipeline, shop.target_id) == objects
    pipeline.rollback()


def test_awkward_values_come_back_to_the_byte(pipeline: Connection, shop: StoredTarget) -> None:
    payload = {
        "z": 10**40,
        "a": 1e20,
        "float": 1.0,
        "nul": "a\x00b",
        "tab": "\t\\N\n\r",
        "emoji": "🦆",
        "minus": -0.0,
        "": {"b": [], "a": {}},
    }
    awkward = inventory_object("function", 'public."ü\t"(text)', payload)
    inventory.write(pipeline, shop.target_id, stored_scan(pipeline, shop.target_id), [awkward])
    assert inventory.read(pipeline, shop.target_id) == [awkward]


WRITER = """
import sys
from platformkit_pipeline.control_plane import inventory, scans, targets
from platformkit_pipeline.control_plane.connection import session
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline_tests.control_plane.test_inventory import SHOP, second_night
with session(Dsn(sys.argv[1])) as connection:
    second_night(connection)
"""


def first_night(connection: Connection) -> None:
    targets.sync(connection, [SHOP])
    stored = targets.find(connection, SHOP.kind, SHOP.name)
    assert stored is not None
    inventory.write(connection, stored.target_id, stored_scan(connection, stored.target_id, 1), [table(f"t{n}") for n in range(500)])


def second_night(connection: Connection) -> InventoryChanges:
    """One step as a run would do it: the scan and its inventory in one transaction, with additions, changes and removals."""
    stored = targets.find(connection, SHOP.kind, SHOP.name)
    assert stored is not None
    objects = [table(f"t{n}", comment="new" if n % 3 else None) for n in range(250, 900)]
    return inventory.write(connection, stored.target_id, stored_scan(connection, stored.target_id, 2), objects)


def test_a_writer_killed_in_the_middle_leaves_nothing_and_the_next_run_ends_as_if_undisturbed(
    pipeline_dsn: Dsn, superuser: Connection, pipeline: Connection
) -> None:
    with session(pipeline_dsn) as connection:
        first_night(connection)
    before = state(superuser), superuser.execute("select count(*) from ops.scans").fetchone()

    # The writer can read the hashes and write history, then waits for this lock with half of its work done.
    with superuser.transaction():
        superuser.execute("lock table ops.inventory_objects in exclusive mode")
        child = subprocess.Popen([sys.executable, "-c", WRITER, pipeline_dsn.reveal()])
        try:
            pause = threading.Event()
            row = None
            while row is None and child.poll() is None:
                superuser.execute("select pg_stat_clear_snapshot()")
                row = superuser.execute(WAITING_WRITER).fetchone()
                pause.wait(0.02)
            assert row is not None
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
    # The lock is free now: the dead writer's session goes on to the end of its statement, finds nobody, and rolls back.
    while superuser.execute("select from pg_stat_activity where pid = %s", row).fetchone():
        pause.wait(0.02)
    assert (state(superuser), superuser.execute("select count(*) from ops.scans").fetchone()) == before

    with session(pipeline_dsn) as connection:
        changes = second_night(connection)
    assert changes == InventoryChanges(added=400, changed=changes.changed, removed=250, unchanged=250 - changes.changed)
    recovered = state(superuser)

    superuser.execute("truncate ops.inventory_history, ops.inventory_objects")
    superuser.execute("delete from ops.scans")
    with session(pipeline_dsn) as connection:
        first_night(connection)
    with session(pipeline_dsn) as connection:
        second_night(connection)
    assert state(superuser) == recovered


def test_two_writers_of_one_target_do_not_mix(pipeline_dsn: Dsn, pipeline: Connection, shop: StoredTarget) -> None:
    scan = stored_scan(pipeline, shop.target_id)
    pipeline.commit()
    outcomes: list[InventoryChanges] = []

    def write() -> None:
        with session(pipeline_dsn) as connection:
            outcomes.append(inventory.write(connection, shop.target_id, scan, [table(f"t{n}") for n in range(300)]))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(o.added for o in outcomes) == [0, 0, 0, 300]
    assert pipeline.execute("select count(*) from ops.inventory_history").fetchone() == (300,)
