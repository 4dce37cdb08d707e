from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from platformkit_pipeline.control_plane import metrics, partitions
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline_tests.control_plane.builders import stored_scan

LEAP_YEAR = datetime(2032, 2, 10, tzinfo=UTC)
MADE = tuple(f"{table}_{month}" for table in ("connector_health", "inventory_history", "metrics") for month in ("2032_02", "2032_03"))


def place_of_metrics(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute("select tableoid::regclass::text, name from ops.metrics order by created_at").fetchall()


def put(connection: Connection, name: str, at: str) -> None:
    connection.execute("insert into ops.metrics (name, value, unit, created_at) values (%s, 1, 'objects', %s)", (name, at))


def test_a_metric_is_stored_with_what_it_belongs_to(pipeline: Connection, shop: StoredTarget) -> None:
    scan = stored_scan(pipeline, shop.target_id)
    metrics.record(
        pipeline, "scan.duration", 0.41, "seconds", target_id=shop.target_id, scan_id=scan, run_id="run-1", labels={"phase": "observe"}
    )
    metrics.record(pipeline, "fleet.targets", 3, "objects")
    rows = pipeline.execute("select name, value, unit, target_id, scan_id::text, run_id, labels from ops.metrics order by id").fetchall()
    assert rows == [
        ("scan.duration", 0.41, "seconds", shop.target_id, scan, "run-1", {"phase": "observe"}),
        ("fleet.targets", 3.0, "objects", None, None, None, {}),
    ]


def test_a_metric_of_today_has_a_partition_of_its_own_month(pipeline: Connection) -> None:
    metrics.record(pipeline, "today", 1, "objects")
    row = pipeline.execute("select tableoid::regclass::text, to_char(now(), '\"ops.metrics_\"YYYY_MM') from ops.metrics").fetchone()
    assert row is not None
    assert row[0] == row[1]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_is_refused(pipeline: Connection, value: float) -> None:
    with pytest.raises(ValueError, match="only finite values"):
        metrics.record(pipeline, "broken", value, "seconds")


def test_the_pipeline_makes_the_partitions_of_a_month_and_the_next_once(pipeline: Connection) -> None:
    assert partitions.ensure(pipeline, LEAP_YEAR) == MADE
    assert partitions.ensure(pipeline, LEAP_YEAR) == ()
    assert partitions.ensure(pipeline) == ()


def test_months_are_cut_in_utc_whatever_the_session_says(pipeline: Connection) -> None:
    pipeline.execute("set timezone = 'Pacific/Auckland'")
    partitions.ensure(pipeline, LEAP_YEAR)
    put(pipeline, "last", "2032-02-29 23:59:59.999999+00")
    put(pipeline, "first", "2032-03-01 00:00:00+00")
    assert place_of_metrics(pipeline) == [("ops.metrics_2032_02", "last"), ("ops.metrics_2032_03", "first")]


def test_rows_that_came_before_their_partition_are_moved_into_it(pipeline: Connection) -> None:
    put(pipeline, "early", "2032-02-10 12:00:00+00")
    put(pipeline, "elsewhere", "2033-01-01 12:00:00+00")
    ids = pipeline.execute("select id, created_at, updated_at from ops.metrics order by id").fetchall()
    partitions.ensure(pipeline, LEAP_YEAR)
    assert place_of_metrics(pipeline) == [("ops.metrics_2032_02", "early"), ("ops.metrics_default", "elsewhere")]
    assert pipeline.execute("select id, created_at, updated_at from ops.metrics order by id").fetchall() == ids


def test_partitions_have_indexes_and_foreign_keys_of_their_parent(pipeline: Connection) -> None:
    partitions.ensure(pipeline, LEAP_YEAR)
    rows = pipeline.execute(
        "select conrelid::regclass::text, count(*) filter (where contype = 'f'), "
        "(select count(*) from pg_index i where i.indrelid = conrelid) from pg_constraint "
        "where conrelid in ('ops.metrics_2032_02'::regclass, 'ops.metrics_default'::regclass, 'ops.inventory_history_2032_02'::regclass, "
        "'ops.inventory_history_default'::regclass) group by conrelid order by 1"
    ).fetchall()
    counts = {name: (foreign_keys, indexes) for name, foreign_keys, indexes in rows}
    assert counts["ops.metrics_2032_02"] == counts["ops.metrics_default"] == (2, 5)
    assert counts["ops.inventory_history_2032_02"] == counts["ops.inventory_history_default"] == (2, 3)
