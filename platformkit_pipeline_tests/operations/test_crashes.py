"""Killed or cut off half-way, then run again: the same end as an undisturbed run, and never half a scan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection, connect
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import TargetUnreachable
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.observe_target import observe_target
from platformkit_pipeline_tests.operations.conftest import SHOP

WORKER = """
import os
from platformkit_pipeline.control_plane.connection import connect
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.observe_target import observe_target
from platformkit_pipeline_tests.operations.conftest import SHOP
observe_target(connect(Dsn(os.environ["OPS"])), SHOP, Dsn(os.environ["SHOP"]), run_id="killed")
"""
STATE = (
    "select kind, identity, encode(content_hash, 'hex'), payload::text, removed_scan is null from ops.inventory_objects order by 1, 2",
    "select count(*), count(distinct scan_id) from ops.inventory_history",
    "select status, object_count, set_digest, catalog_fingerprint from ops.scans",
)
PATIENCE_SECONDS = 60


def state(connection: Connection) -> list[object]:
    found: list[object] = [connection.execute(query.encode()).fetchall() for query in STATE]
    connection.rollback()
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def waits_for_lock(superuser: Connection, table: str) -> bool:
    row = superuser.execute("select exists (select from pg_locks where relation = %s::regclass and not granted)", (table,)).fetchone()
    return bool(row and row[0])


def test_a_pipeline_killed_while_it_writes_the_inventory_leaves_nothing_and_a_rerun_ends_as_undisturbed(
    superuser: Connection, pipeline: Connection, pipeline_dsn: Dsn, shop: Target, shop_database: Dsn, make_control_plane: Callable[[], Dsn]
) -> None:
    before = state(pipeline)
    environment = {**os.environ, "OPS": pipeline_dsn.reveal(), "SHOP": shop_database.reveal()}
    with superuser.transaction():
        superuser.execute("lock table ops.inventory_history in access exclusive mode")  # rows are in, their history is not yet
        worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
        try:
            wait_until(lambda: waits_for_lock(superuser, "ops.inventory_history"))
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
    wait_until(lambda: superuser.execute("select 1 from pg_stat_activity where wait_event_type = 'Lock'").fetchone() is None)
    assert state(pipeline) == before

    observe_target(pipeline, shop, shop_database, run_id="again")
    with connect(make_control_plane()) as undisturbed:
        with undisturbed.transaction():
            targets.sync(undisturbed, [SHOP])
        observe_target(undisturbed, shop, shop_database, run_id="undisturbed")
        assert state(pipeline) == state(undisturbed)


def test_a_server_that_dies_in_the_middle_of_a_scan_leaves_no_scan(
    admin_dsn: Dsn, pipeline: Connection, shop: Target, shop_database: Dsn
) -> None:
    before = state(pipeline)
    with psycopg.connect(shop_database.reveal()) as blocker, psycopg.connect(admin_dsn.reveal(), autocommit=True) as admin:
        blocker.execute("lock table public.orders in access exclusive mode")  # the observation waits for its definitions

        def cut_off() -> None:
            query = (
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'platformkit' and wait_event_type = 'Lock'"
            )
            wait_until(lambda: bool(admin.execute(query).fetchall()))

        executioner = threading.Thread(target=cut_off)
        executioner.start()
        with pytest.raises(TargetUnreachable, match="connection was lost during the observation"):
            observe_target(pipeline, shop, shop_database, run_id=None)
        executioner.join()
    assert state(pipeline) == before
