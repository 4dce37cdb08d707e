"""The sensors that watch schemas, plans, covers and runs, on a real instance with real targets."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.orchestration.partitions import range_tags
from platformkit_pipeline.orchestration.pruning import Limits, prune_old_runs
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource
from platformkit_pipeline.orchestration.sensors.run_failure import Seen
from platformkit_pipeline_tests.orchestration.conftest import MESSY, WELL_KEPT, Platform

Job = Callable[..., dg.ExecuteInProcessResult]
Register = Callable[..., None]


class Daemon:
    """Ticks one sensor as the daemon does: with its cursor, and without the requests whose key was launched before."""

    def __init__(self, defs: dg.Definitions, instance: dg.DagsterInstance, name: str) -> None:
        self.defs, self.instance = defs, instance
        self.sensor = defs.get_repository_def().get_sensor_def(name)
        self.cursor: str | None = None
        self.launched: set[str] = set()
        self.said = ""

    def tick(self) -> list[str | None]:
        """Partitions of the runs that would be launched."""
        resources = {"settings": SettingsResource(), "control_plane": ControlPlaneResource()}
        with (
            dg.partition_loading_context(dynamic_partitions_store=self.instance),
            dg.build_sensor_context(instance=self.instance, definitions=self.defs, cursor=self.cursor, resources=resources) as context,
        ):
            ticked = self.sensor.evaluate_tick(context)
        self.cursor, self.said = ticked.cursor, ticked.skip_message or ""
        new = [request for request in ticked.run_requests or () if request.run_key not in self.launched]
        self.launched |= {str(request.run_key) for request in new}
        return [request.partition_key for request in new]


@pytest.fixture
def daemon(defs: dg.Definitions, instance: dg.DagsterInstance) -> Callable[[str], Daemon]:
    return lambda name: Daemon(defs, instance, name)


@pytest.fixture
def silent() -> Iterator[Dsn]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Dsn(f"postgresql://nobody:correct-horse-42@127.0.0.1:{listening.getsockname()[1]}/nothing")


def _alter(dsn: Dsn, statement: str) -> None:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute(statement.encode())


def _pretend_time_passes(watch: Daemon) -> None:
    """The minute between two scans of one project is over."""
    assert watch.cursor is not None
    watch.cursor = re.sub(r'(\["[0-9a-f]{16}"),[0-9.]+', r"\1,1.0", watch.cursor)


@pytest.mark.timeout(120)
def test_a_changed_schema_is_scanned_each_time_also_when_another_target_hangs(
    platform: Platform,
    register: Register,
    daemon: Callable[[str], Daemon],
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    make_supabase_database: Callable[[], Dsn],
    silent: Dsn,
) -> None:
    shop = make_supabase_database()
    platform.list_targets(shop=shop, silent=silent, unregistered=shop)
    register("shop", "silent")
    watch = daemon("schema_change")
    assert watch.tick() == ["shop"]  # at first sight; the one that hangs and the one without partition keep nobody waiting
    assert watch.tick() == []
    assert "1 pause after failed looks" in watch.said
    assert "1 have no partition yet" in watch.said
    _alter(shop, "create table public.orders (id bigint)")
    assert watch.tick() == []  # a moment after its last scan
    for undo in ("disable", "enable", "disable"):  # what was there before is an occasion of its own
        _pretend_time_passes(watch)
        _alter(shop, f"alter table public.orders {undo} row level security; alter table public.orders owner to postgres")
        assert watch.tick() == ["shop"]
    run = instance.create_run_for_job(
        defs.resolve_job_def("scan_target"), tags={"dagster/partition": "shop"}, status=dg.DagsterRunStatus.STARTED
    )
    _pretend_time_passes(watch)
    _alter(shop, "drop table public.orders")
    assert watch.tick() == []
    assert "1 changed and wait" in watch.said
    instance.report_run_canceled(run)
    instance.create_run_for_job(defs.resolve_job_def("nightly"), tags=range_tags(["shop", "silent"]), status=dg.DagsterRunStatus.STARTED)
    assert watch.tick() == ["shop"]  # which the night does not hold back
    assert watch.cursor is not None
    assert "correct-horse-42" not in watch.cursor + watch.said + " ".join(watch.launched)
    assert "127.0.0.1" not in watch.cursor
    platform.settings_path.write_text("projects: [", encoding="utf-8")
    before = watch.cursor
    assert watch.tick() == []
    assert (watch.cursor, watch.said.startswith("nobody was looked at")) == (before, True)


def test_findings_without_a_proven_plan_are_planned_and_proven_once_for_each_scan(
    platform: Platform, register: Register, run_job: Job, daemon: Callable[[str], Daemon], superuser: Connection
) -> None:
    platform.list_targets(WELL_KEPT, MESSY)
    register(WELL_KEPT, MESSY)
    watch = daemon("unplanned_findings")
    assert watch.tick() == []  # never scanned
    for name in (WELL_KEPT, MESSY):
        assert run_job("scan_target", partition=name).success
    superuser.execute("delete from ops.remediation_patches; delete from ops.remediation_plans")
    assert watch.tick() == [MESSY]  # findings without a plan; the other one has none
    assert watch.tick() == []
    watch.cursor = None  # the key is known again
    assert watch.tick() == []
    assert run_job("scan_target", partition=MESSY).success
    assert watch.tick() == [MESSY]  # another scan, another occasion: a plan that nobody tried


def test_a_plan_that_was_tried_is_not_asked_for(
    platform: Platform, register: Register, run_job: Job, daemon: Callable[[str], Daemon], make_supabase_database: Callable[[], Dsn]
) -> None:
    shop = make_supabase_database()
    _alter(shop, "create table public.orders (id bigint primary key, tenant_id uuid not null)")
    platform.list_targets(shop=shop)
    register("shop")
    watch = daemon("unplanned_findings")
    assert run_job("scan_target", partition="shop").success
    assert watch.tick() == ["shop"]
    assert run_job("plan_target", partition="shop").success
    assert daemon("unplanned_findings").tick() == []


def _grant(superuser: Connection, target: str, days: Mapping[str, date]) -> None:
    superuser.execute(
        "insert into ops.waivers (waiver_id, target_id, environment, rule, object_pattern, reason, granted_by, starts_on, expires_on) "
        "select gen_random_uuid(), target_id, environment, 'RLS001', 'public.*', 'legacy', 'ada', %s, %s from ops.targets where name = %s",
        (days["starts"], days["expires"], target),
    )


def test_a_gate_is_decided_anew_when_a_waiver_is_granted_and_when_it_ends_but_not_in_between(
    platform: Platform, register: Register, run_job: Job, daemon: Callable[[str], Daemon], superuser: Connection
) -> None:
    platform.list_targets(MESSY)
    register(MESSY)
    assert run_job("scan_target", partition=MESSY).success
    watch = daemon("waiver_lapses")
    assert watch.tick() == []
    today = datetime.now(UTC).date()
    for _ in range(2):  # the second occurrence is not taken for the first
        _grant(superuser, MESSY, {"starts": today, "expires": today})
        assert watch.tick() == [MESSY]
        assert watch.tick() == []
        superuser.execute(
            "update ops.waivers set revoked_at = now(), revoked_by = 'ada', revoke_reason = 'mended' where revoked_at is null"
        )
        assert watch.tick() == [MESSY]
        assert watch.tick() == []
    _grant(superuser, MESSY, {"starts": today - timedelta(days=5), "expires": today - timedelta(days=1)})  # lapsed at midnight
    assert watch.tick() == []
    assert run_job("decide_gate", partition=MESSY).success


def _alerts(superuser: Connection) -> list[tuple[str, int, bool]]:
    rows = superuser.execute(
        "select subject, occurrence, settled_at is not null from ops.alerts where kind = 'run.failed' order by alert_id"
    )
    return [(str(subject), int(occurrence), bool(settled)) for subject, occurrence, settled in rows.fetchall()]


def test_a_run_that_fails_is_told_once_until_the_job_succeeds_again(
    platform: Platform,
    register: Register,
    run_job: Job,
    daemon: Callable[[str], Daemon],
    superuser: Connection,
    monkeypatch: pytest.MonkeyPatch,
    make_supabase_database: Callable[[], Dsn],
) -> None:
    shop, nowhere = make_supabase_database(), Dsn("postgresql://me:correct-horse-42@127.0.0.1:1/shop")
    platform.list_targets(shop=nowhere)
    register("shop", "gone")
    watch = daemon("run_failure")
    assert not run_job("nightly", tags=range_tags(["shop"])).success  # before anybody watched
    watch.tick()
    assert _alerts(superuser) == []
    for _ in range(2):
        assert not run_job("nightly", tags=range_tags(["shop"])).success
        watch.tick()
        assert _alerts(superuser) == [("nightly", 1, False)]
    with monkeypatch.context() as away:
        away.setenv("PLATFORMKIT_DATABASE_URL", "postgresql://platformkit_pipeline@127.0.0.1:1/platformkit")
        platform.list_targets(shop=shop)
        before = watch.cursor
        assert not run_job("nightly", tags=range_tags(["shop"])).success
        watch.tick()
        assert "the others wait: control plane" in watch.said
        assert watch.cursor == before
    assert run_job("nightly", tags=range_tags(["shop"])).success
    watch.tick()  # a restart in between would do the same again
    assert _alerts(superuser) == [("nightly", 1, True)]
    platform.list_targets(shop=nowhere)
    assert not run_job("nightly", tags=range_tags(["shop"])).success
    watch.tick()
    watch.cursor = before
    watch.tick()
    assert _alerts(superuser) == [("nightly", 1, True), ("nightly", 2, False)]
    platform.list_targets(shop=shop)
    assert not run_job("plan_target", partition="gone").success  # of a target by itself
    watch.tick()
    assert _alerts(superuser)[-1] == ("plan_target/gone", 1, False)
    headlines = superuser.execute("select headline from ops.alerts where subject = 'nightly'").fetchall()
    assert all("connection refused" in headline and "correct-horse-42" not in headline for (headline,) in headlines)


@pytest.mark.parametrize(
    "left",
    ["", "[]", "{}", "{", '{"version": 0}', '{"version": 1, "begun": "2026-01-01T00:00:00", "until": "2026-01-01T00:00:00", "runs": {}}'],
)
def test_a_cursor_that_nobody_here_wrote_is_a_beginning(left: str) -> None:
    now = datetime.now(UTC)
    assert Seen.from_json(left, now) == Seen(now, now)


def test_a_clock_that_was_ahead_leaves_no_failed_run_untold() -> None:
    now = datetime.now(UTC)
    ahead = now + timedelta(days=365)
    assert Seen.from_json(Seen(ahead, ahead).to_json(), now) == Seen(now, now)
    assert Seen.from_json(Seen(now - timedelta(days=9), now).to_json(), now) == Seen(now - timedelta(days=9), now)


def test_old_runs_are_pruned_but_never_one_that_holds_the_latest_of_something(
    platform: Platform,
    register: Register,
    run_job: Job,
    instance: dg.DagsterInstance,
    make_supabase_database: Callable[[], Dsn],
    tmp_path: Path,
) -> None:
    platform.list_targets(shop=make_supabase_database(), crm=make_supabase_database())
    register("shop", "crm")
    runs = [run_job("scan_target", partition=name).run_id for name in ("shop", "crm", "shop")]
    going_on = instance.create_run_for_job(_job(instance), status=dg.DagsterRunStatus.STARTED).run_id
    later = datetime.now(UTC) + timedelta(days=40)
    assert prune_old_runs(instance, datetime.now(UTC)).deleted == 0  # nothing is old
    one = prune_old_runs(instance, later, limits=Limits(deleted=0))
    assert (one.deleted, one.complete) == (0, False)
    pruned = prune_old_runs(instance, later)
    assert (pruned.deleted, pruned.holding, pruned.complete) == (1, 2, True)
    assert {run.run_id for run in instance.get_runs()} == {runs[1], runs[2], going_on}
    assert set(instance.get_materialized_partitions(dg.AssetKey(["governance", "gate"]))) == {"shop", "crm"}
    assert prune_old_runs(instance, later).deleted == 0


def _job(instance: dg.DagsterInstance) -> dg.JobDefinition:
    @dg.job
    def long_lasting() -> None:
        pass

    return long_lasting


def test_the_daily_governance_goes_on_record_part_by_part(platform: Platform, run_job: Job, instance: dg.DagsterInstance) -> None:
    platform.list_targets()
    for _ in range(2):
        run = run_job("govern")
        assert run.success
    assert instance.get_latest_materialization_event(dg.AssetKey(["governance", "exceptions"])) is not None
