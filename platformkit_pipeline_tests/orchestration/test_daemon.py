"""Sensors and schedules by the real daemon, on real targets: started as `platformkit up` does it, and killed.

One daemon for the module. What takes longer than its first round of ticks is exhaustive.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psycopg
import pytest
import yaml

from platformkit_pipeline.control_plane.connection import Connection, connect_admin
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.local_platform import dagster_url, ensure_local_platform
from platformkit_pipeline.operations.serve_platform import PlatformServer, choose_port
from platformkit_pipeline.orchestration.partitions import SUPABASE_PROJECTS
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_user
from platformkit_pipeline.sandbox.supabase import copy_supabase_database
from platformkit_pipeline_tests.cli.program import environment_of

pytestmark = pytest.mark.timeout(600)

SHOP, CRM, SILENT = "shop", "crm", "silent"
WITH_FINDINGS = """
create table public.orders (id bigint primary key, tenant_id uuid not null);
alter table public.orders enable row level security"""
TICKS = """{ sensorsOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "LOCATION"}) {
  ... on Sensors { results { name sensorState { ticks(limit: 20) { status skipReason error { message } } } } } } }"""
SCHEDULES = TICKS.replace("sensorsOrError", "schedulesOrError").replace("Sensors", "Schedules").replace("sensorState", "scheduleState")


@dataclass
class Silent:
    """Takes connections and never says a word; says how many it took."""

    dsn: Dsn
    taken: list[socket.socket] = field(default_factory=list)


@dataclass
class Served:
    """A platform that can be served again after its daemon was killed."""

    environment: Mapping[str, str]
    home: Path
    instance: dg.DagsterInstance
    targets: Mapping[str, Dsn]
    silent: Silent
    superuser: Connection
    url: str = ""
    location: str = ""

    @contextmanager
    def up(self) -> Iterator[None]:
        with PlatformServer(self.environment, self.home, host="127.0.0.1", port=choose_port("127.0.0.1", 0)) as server:
            self.location = server.wait_until_loaded()
            self.url = server.url
            yield

    def asked(self, query: str, kind: str, state: str) -> dict[str, list[dict[str, Any]]]:
        """Ticks by name of the sensor or schedule, the latest first."""
        answer = httpx.post(f"{self.url}/graphql", json={"query": query.replace("LOCATION", self.location)}, timeout=60).json()
        return {one["name"]: one[state]["ticks"] for one in answer["data"][kind]["results"]}

    def sensor_ticks(self) -> dict[str, list[dict[str, Any]]]:
        return self.asked(TICKS, "sensorsOrError", "sensorState")

    def schedule_ticks(self) -> dict[str, list[dict[str, Any]]]:
        return self.asked(SCHEDULES, "schedulesOrError", "scheduleState")

    def runs(self, job: str, target: str | None = None) -> list[dg.DagsterRun]:
        tags = {"dagster/partition": target} if target else {}
        return list(self.instance.get_runs(dg.RunsFilter(job_name=job, tags=tags)))

    def succeeded(self, job: str, target: str | None = None) -> int:
        return sum(run.status is dg.DagsterRunStatus.SUCCESS for run in self.runs(job, target))

    def alter(self, target: str, statement: str) -> None:
        with psycopg.connect(self.targets[target].reveal(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def until(self, holds: Callable[[], bool], *, seconds: float = 150) -> None:
        """Waits; says what the sensors said when it was in vain."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                pytest.fail(f"in vain: {[(name, ticks[:2]) for name, ticks in self.sensor_ticks().items()]}")
            time.sleep(0.5)


@pytest.fixture(scope="module")
def silent() -> Iterator[Silent]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Silent(Dsn(f"postgresql://nobody@127.0.0.1:{listening.getsockname()[1]}/nothing"))

        def take() -> None:
            while True:
                try:
                    made.taken.append(listening.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield made
        listening.shutdown(socket.SHUT_RDWR)
        for one in made.taken:
            one.close()


@pytest.fixture(scope="module")
def platform(
    admin_dsn: Dsn,
    control_plane_template: str,
    dagster_template: str,
    supabase_template: str,
    silent: Silent,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """Two projects with findings, one that hangs, and daily schedules every minute."""
    home = tmp_path_factory.mktemp("daemon")
    control_plane = create_database(admin_dsn, "daemon_control_plane", template=control_plane_template)
    storage = create_database(admin_dsn, "daemon_storage", template=dagster_template)
    targets = {name: copy_supabase_database(admin_dsn, f"daemon_{name}", template=supabase_template) for name in (SHOP, CRM)}
    entries = [{"name": name, "environment": "staging", "database": {"dsn_env": f"{name.upper()}_URL"}} for name in (*targets, SILENT)]
    settings = home / "platformkit.yaml"
    schedule = {"nightly": f"{(datetime.now(UTC).minute + 3) % 60} * * * *", "governance": "* * * * *", "annual_review": "* * * * *"}
    settings.write_text(yaml.safe_dump({"projects": entries, "schedule": schedule}), encoding="utf-8")
    given = environment_of(
        {
            "PYTHONWARNINGS": "ignore",  # of the served program, not of ours
            "PLATFORMKIT_DATABASE_URL": with_user(control_plane, "platformkit_pipeline").reveal(),
            "PLATFORMKIT_DAGSTER_DATABASE_URL": dagster_url(storage),
            "PLATFORMKIT_SETTINGS": str(settings),
            **{f"{name.upper()}_URL": dsn.reveal() for name, dsn in (*targets.items(), (SILENT, silent.dsn))},
        }
    )
    environment = {**given, **ensure_local_platform(home, given).environment}
    superuser = connect_admin(control_plane)
    superuser.autocommit = True
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DAGSTER_HOME", "PLATFORMKIT_DAGSTER_DATABASE_URL"):
            patch.setenv(name, environment[name])
        with dg.DagsterInstance.get() as instance:
            instance.add_dynamic_partitions(SUPABASE_PROJECTS, [*targets, SILENT])  # nobody waits for the registry's first tick
            yield Served(environment, home, instance, targets, silent, superuser)
    superuser.close()
    for name in ("daemon_control_plane", "daemon_storage", "daemon_shop", "daemon_crm"):
        drop_database(admin_dsn, name)


@pytest.fixture(scope="module")
def served(platform: Served) -> Iterator[Served]:
    """Up again after a daemon that was killed in the middle of its first tick of the sensor that looks at schemas."""
    platform.alter(SHOP, WITH_FINDINGS)
    with platform.up():
        platform.until(lambda: bool(platform.silent.taken))  # a look at it lasts three seconds
        os.kill(_daemon_of(os.getpid()), signal.SIGKILL)
        assert platform.runs("scan_target") == []
    with platform.up():
        yield platform


def _daemon_of(parent: int) -> int:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
            mother = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if mother == parent and b"dagster._daemon" in arguments:
            return int(entry.name)
    raise AssertionError("no daemon runs")


def test_after_a_kill_in_a_tick_every_project_is_scanned_once_though_one_hangs(served: Served) -> None:
    served.until(lambda: served.succeeded("scan_target", SHOP) > 0 and served.succeeded("scan_target", CRM) > 0)
    assert Counter(run.tags["dagster/partition"] for run in served.runs("scan_target")) == {SHOP: 1, CRM: 1}


def test_every_sensor_ticks_without_an_error(served: Served) -> None:
    served.until(lambda: all(_done(ticks) for ticks in served.sensor_ticks().values()))
    ticks = served.sensor_ticks()
    assert {*ticks} >= {"target_registry", "schema_change", "unplanned_findings", "run_failure", "waiver_lapses", "outbox_delivery"}
    assert {name: [tick["error"] for tick in of if tick["error"]] for name, of in ticks.items()} == {name: [] for name in ticks}


def _done(ticks: list[dict[str, Any]]) -> bool:
    return any(tick["status"] in ("SUCCESS", "SKIPPED") for tick in ticks)


@pytest.mark.exhaustive
def test_findings_are_planned_and_the_plan_is_proven_without_anybody_asking(served: Served) -> None:
    served.until(lambda: served.succeeded("plan_target", SHOP) > 0)
    unproven = served.superuser.execute("select count(*) from ops.remediation_patches where proof = 'unproven'").fetchone()
    assert unproven == (0,)
    assert len(served.runs("plan_target", SHOP)) == 1


@pytest.mark.exhaustive
def test_a_change_of_a_live_database_is_scanned_within_two_minutes_and_the_gate_closes(served: Served) -> None:
    before = served.succeeded("scan_target", SHOP)
    served.alter(SHOP, "alter table public.orders disable row level security; grant select on public.orders to anon")
    served.until(lambda: served.succeeded("scan_target", SHOP) > before, seconds=120)
    critical = (
        "select count(*) from ops.findings f join ops.targets t using (target_id) "
        "where t.name = %s and severity = 'critical' and resolved_scan is null"
    )
    assert served.superuser.execute(critical, (SHOP,)).fetchone() != (0,)
    assert len(served.runs("scan_target", CRM)) == 1  # of which nothing changed


@pytest.mark.exhaustive
def test_a_waiver_that_is_granted_and_revoked_decides_the_gate_twice(served: Served) -> None:
    decided = served.succeeded("decide_gate", SHOP)
    served.superuser.execute(
        "insert into ops.waivers (waiver_id, target_id, environment, rule, object_pattern, reason, granted_by, starts_on, expires_on) "
        "select gen_random_uuid(), target_id, environment, 'RLS001', 'public.*', 'legacy', 'ada', %s, %s from ops.targets where name = %s",
        (datetime.now(UTC).date(), datetime.now(UTC).date(), SHOP),
    )
    served.until(lambda: served.succeeded("decide_gate", SHOP) == decided + 1)
    served.superuser.execute("update ops.waivers set revoked_at = now(), revoked_by = 'ada', revoke_reason = 'mended'")
    served.until(lambda: served.succeeded("decide_gate", SHOP) == decided + 2)


@pytest.mark.exhaustive
def test_every_schedule_starts_its_run_and_a_night_that_fails_is_told_and_reported(served: Served) -> None:
    def started() -> bool:
        return all(_done(ticks) for ticks in served.schedule_ticks().values())

    served.until(started, seconds=300)
    ticks = served.schedule_ticks()
    assert {name: [tick["error"] for tick in of if tick["error"]] for name, of in ticks.items()} == {name: [] for name in ticks}
    served.until(lambda: served.succeeded("prune_runs") > 0 and served.succeeded("govern") > 0)
    ended = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS)
    served.until(lambda: any(run.status in ended for run in served.runs("nightly")), seconds=300)
    assert [run.status for run in served.runs("nightly")] == [dg.DagsterRunStatus.FAILURE]  # one of three hangs
    served.until(lambda: served.succeeded("fleet_report") > 0)
    told = "select headline from ops.alerts where kind = 'run.failed' and subject = 'nightly'"
    served.until(lambda: served.superuser.execute(told).fetchone() is not None)
    headline = served.superuser.execute(told).fetchone()
    assert headline is not None
    assert "no answer in time" in headline[0]
    scanned = served.superuser.execute(
        "select count(distinct target_id) from ops.scans where run_id = %s and status = 'complete'", (served.runs("nightly")[0].run_id,)
    ).fetchone()
    assert scanned == (2,)
