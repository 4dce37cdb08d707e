"""One run at a time on a target, and no queue behind a run that died."""

from __future__ import annotations

import threading

import psycopg
import pytest

from platformkit_pipeline.control_plane.connection import Connection, connect
from platformkit_pipeline.control_plane.turns import turn_on
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline_tests.control_plane.builders import SHOP

OTHER = Target(TargetKind.SUPABASE_PROJECT, "other")


def test_a_second_run_waits_for_the_first(pipeline: Connection, pipeline_dsn: Dsn) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        with connect(pipeline_dsn) as connection:
            waiting.set()
            with turn_on(connection, SHOP):
                order.append("second")

    with turn_on(pipeline, SHOP):
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_impatience_is_an_error_that_names_the_target(pipeline: Connection, pipeline_dsn: Dsn) -> None:
    with (
        turn_on(pipeline, SHOP),
        connect(pipeline_dsn) as connection,
        pytest.raises(ControlPlaneError, match="working on shop-production"),
        turn_on(connection, SHOP, patience_seconds=0),
    ):
        pass


def test_other_targets_do_not_wait(pipeline: Connection, pipeline_dsn: Dsn) -> None:
    with turn_on(pipeline, SHOP), connect(pipeline_dsn) as connection, turn_on(connection, OTHER, patience_seconds=0):
        pass


def test_a_failed_run_gives_its_turn_back(pipeline: Connection, pipeline_dsn: Dsn) -> None:
    def fail() -> None:
        with turn_on(pipeline, SHOP):
            pipeline.execute("select 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        fail()
    with connect(pipeline_dsn) as connection, turn_on(connection, SHOP, patience_seconds=0):
        pass


def test_a_session_that_died_in_its_turn_holds_nobody_up(pipeline: Connection, superuser: Connection, pipeline_dsn: Dsn) -> None:
    def die() -> None:
        with turn_on(pipeline, SHOP):
            superuser.execute("select pg_terminate_backend(%s, 5000)", (pipeline.info.backend_pid,))
            pipeline.execute("select 1")

    with pytest.raises(psycopg.OperationalError):
        die()
    with connect(pipeline_dsn) as connection, turn_on(connection, SHOP):
        pass
