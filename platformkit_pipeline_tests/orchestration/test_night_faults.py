"""What goes wrong in a night costs that night at most: nothing is lost, nothing comes twice, and the others are not affected."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from platformkit_pipeline.control_plane import audit, migrations
from platformkit_pipeline.control_plane.connection import Connection, connect_admin, session
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.verify_decisions import verify_decisions
from platformkit_pipeline.orchestration.assets import target_scan
from platformkit_pipeline.orchestration.assets.stage import TargetRun
from platformkit_pipeline.orchestration.partitions import range_tags
from platformkit_pipeline.orchestration.recording import Event
from platformkit_pipeline.sandbox.databases import create_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.orchestration.conftest import Platform
from platformkit_pipeline_tests.rules.conftest import run_sql

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(600)]

RunJob = Callable[..., dg.ExecuteInProcessResult]
Register = Callable[..., None]
FLEET = [f"t{number:02}" for number in range(1, 31)]
ONCE = """
select 'a finding with two lives' from ops.findings where occurrence > 1
union all select 'a message sent twice' from ops.outbox group by type, aggregateid, payload ->> 'headline' having count(*) > 1
union all select 'an alert with two lives' from ops.alerts where occurrence > 1 and kind <> 'run.failed'
union all select 'a scan decided on twice' from ops.gate_decisions group by target_id, scan_id having count(*) > 1
union all select 'a scan measured twice' from ops.metrics where name in ('scan.objects', 'compliance.score')
 group by name, scan_id having count(*) > 1
"""


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server for the control plane alone, which keeps what it has said it keeps."""
    server = EmbeddedPostgres(tmp_path / "own")
    server.ensure()
    migrations.migrate(create_database(server.dsn(), "platformkit"))
    yield server
    server.destroy()


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_control_plane_that_is_restarted_in_a_night_loses_nothing_and_tells_nothing_twice(
    how: str,
    platform: Platform,
    register: Register,
    run_job: RunJob,
    well_kept: Dsn,
    own_server: EmbeddedPostgres,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    restarts = []

    def restart() -> None:
        restarts.append(how)
        if how == "immediate":
            pid = int((Path(own_server.folders.data) / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGQUIT)
        else:
            own_server.stop()
        own_server.ensure()

    names = FLEET[:4]
    run_sql(well_kept, "alter table public.orders disable row level security")
    list_all(platform, dict.fromkeys(names, well_kept))
    register(*names)
    control_plane = own_server.dsn("platformkit")
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", with_user(control_plane, "platformkit_pipeline").reveal())
    with monkeypatch.context() as patch:
        in_the_middle_of(patch, 1, names[1], restart)  # between what was observed and what is said about it
        run_job("nightly", tags=range_tags(names))
    assert restarts == [how]
    second = run_job("nightly", tags=range_tags(names))
    assert second.success
    with session(with_user(control_plane, "platformkit_pipeline")) as connection:
        check_once(connection)
        judged = connection.execute("select t.name from ops.open_findings f join ops.targets t using (target_id) where f.rule = 'RLS001'")
        assert sorted(name for (name,) in judged.fetchall()) == names


def test_one_of_thirty_that_hangs_holds_nobody_up_and_is_told_until_it_answers(
    platform: Platform, register: Register, run_job: RunJob, well_kept: Dsn, pipeline_dsn: Dsn, control_plane: Dsn
) -> None:
    with silent_server() as silent:
        list_all(platform, {name: silent if name == "t17" else well_kept for name in FLEET})
        register(*FLEET)
        night = run_job("nightly", tags=range_tags(FLEET))
    assert not night.success
    told = "select type, aggregateid from ops.outbox order by position"
    with connect_admin(control_plane) as superuser:
        scanned = superuser.execute("select count(*) from ops.scans where status = 'complete'").fetchone()
        assert scanned == (29,)
        assert superuser.execute(told).fetchall() == [("scan.failed", "supabase_project/t17")]
        superuser.commit()
    list_all(platform, dict.fromkeys(FLEET, well_kept))
    assert run_job("nightly", tags=range_tags(FLEET)).success
    with session(pipeline_dsn) as connection:
        check_once(connection)
        assert connection.execute(told).fetchall() == [
            ("scan.failed", "supabase_project/t17"),
            ("scan.failed.settled", "supabase_project/t17"),
        ]


def list_all(platform: Platform, targets: Mapping[str, Dsn]) -> None:
    platform.dsns = targets
    platform.list_targets(*targets)


def check_once(connection: Connection) -> None:
    assert connection.execute(ONCE).fetchall() == []
    assert audit.verify(connection).problems == ()
    again = verify_decisions(connection)
    assert again.same > 0
    assert again.listed == ()


def in_the_middle_of(patch: pytest.MonkeyPatch, stage: int, target: str, happens: Callable[[], None]) -> None:
    """Once, when that target begins with that stage of its road."""
    carry_out = target_scan.STAGES[stage].carry_out

    def disturbed(run: TargetRun) -> Iterator[Event]:
        if run.target.name == target:
            happens()
        yield from carry_out(run)

    stages = list(target_scan.STAGES)
    stages[stage] = replace(stages[stage], carry_out=disturbed)
    patch.setattr(target_scan, "STAGES", tuple(stages))


@contextmanager
def silent_server() -> Iterator[Dsn]:
    """Takes connections and never says a word."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(listening.accept()[0])

        threading.Thread(target=take, daemon=True).start()
        yield Dsn(f"postgresql://nobody@127.0.0.1:{listening.getsockname()[1]}/nothing")
        listening.shutdown(socket.SHUT_RDWR)
    for one in taken:
        one.close()
