"""The embedded server: who may start it, what it survives, and what it leaves alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.accounts import ROOT_MODE_VARIABLE, RunMode, ServerAccount
from platformkit_pipeline.sandbox.binaries import BINDIR_VARIABLE, Binaries, find_binaries
from platformkit_pipeline.sandbox.databases import connect, set_role_password
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.folders import usable_bindir
from platformkit_pipeline.sandbox.processes import command_of
from platformkit_pipeline_tests.conftest import FAST_SETTINGS

ServerFactory = Callable[..., EmbeddedPostgres]

STARTER = """
import json, sys
from pathlib import Path
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
info = EmbeddedPostgres(Path(sys.argv[1]), settings=json.loads(sys.argv[2])).ensure()
print(json.dumps([info.pid, info.started]))
"""


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[ServerFactory]:
    """Makes servers, not yet started, below a private folder; destroyed after the test."""
    made: list[EmbeddedPostgres] = []
    tmp_path.chmod(0o700)

    def make(name: str = "server", *, tcp: bool = False, **settings: str) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(tmp_path / name, settings=FAST_SETTINGS | settings, tcp=tcp))
        return made[-1]

    yield make
    for server in made:
        server.destroy()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for the tests that hurt it: each leaves it repaired or stopped, none needs it fresh."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("shared"), settings=FAST_SETTINGS | {"synchronous_commit": "on"})
    server.ensure()
    yield server
    server.destroy()


def start_in_another_process(server: EmbeddedPostgres) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", STARTER, str(server.root), json.dumps(FAST_SETTINGS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(starter: subprocess.Popen[str]) -> tuple[int, bool]:
    output, complaint = starter.communicate(timeout=60)
    assert starter.returncode == 0, complaint
    pid, started = json.loads(output.splitlines()[-1])
    return pid, started


def answer(server: EmbeddedPostgres, query: str) -> object:
    with connect(server.dsn()) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while command_of(pid) is not None:
        assert time.monotonic() < deadline, f"process {pid} outlives kill -9"
        time.sleep(0.01)


def test_a_server_is_made_started_attached_to_and_stopped(make_server: ServerFactory) -> None:
    server = make_server()
    assert server.status() is None
    first = server.ensure()
    again = server.ensure()
    assert (first.started, again.started) == (True, False)
    assert first.pid == again.pid
    assert server.status() == again
    assert answer(server, "select current_user") == "supabase_admin"
    server.stop()
    assert server.status() is None
    assert server.ensure().started


def test_stopping_or_destroying_a_server_that_was_never_made_does_nothing(make_server: ServerFactory, tmp_path: Path) -> None:
    make_server().stop()
    make_server().destroy()
    assert list(tmp_path.iterdir()) == []


def test_six_processes_that_start_at_once_share_one_server(make_server: ServerFactory) -> None:
    server = make_server()
    outcomes = [outcome(starter) for starter in [start_in_another_process(server) for _ in range(6)]]
    assert len({pid for pid, _ in outcomes}) == 1
    assert sorted(started for _, started in outcomes) == [False] * 5 + [True]


def test_the_server_outlives_its_starter_and_a_killed_client(shared_server: EmbeddedPostgres) -> None:
    pid = shared_server.ensure().pid
    sleeper = "import psycopg, sys; c = psycopg.connect(sys.argv[1]); print('in', flush=True); c.execute('select pg_sleep(60)')"
    client = subprocess.Popen([sys.executable, "-c", sleeper, shared_server.dsn().reveal()], stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    assert client.stdout.readline() == "in\n"
    client.kill()
    client.communicate()
    assert answer(shared_server, "select 1") == 1
    assert shared_server.ensure().pid == pid


def test_committed_data_survives_kill_9_of_the_postmaster(shared_server: EmbeddedPostgres) -> None:
    killed = shared_server.ensure().pid
    with connect(shared_server.dsn()) as connection:
        connection.execute("create table public.kept as select 42 as answer")
    kill(killed)
    repaired = shared_server.ensure()
    assert repaired.started
    assert repaired.pid != killed
    assert answer(shared_server, "select answer from public.kept") == 42


def test_a_backend_that_computes_on_after_kill_9_of_the_postmaster_is_ended(shared_server: EmbeddedPostgres) -> None:
    postmaster = shared_server.ensure().pid
    with psycopg.connect(shared_server.dsn().reveal()) as busy:
        backend = busy.info.backend_pid
        busy.pgconn.send_query(b"do $$ begin loop perform 1; end loop; end $$")  # never waits, so never notices
        kill(postmaster)
        assert command_of(backend) is not None
        assert shared_server.ensure().started
        assert command_of(backend) is None
        busy.pgconn.finish()


def test_lock_files_that_name_an_alien_process_do_not_keep_the_server_from_starting(shared_server: EmbeddedPostgres) -> None:
    folders, alien = shared_server.folders, os.getpid()
    kill(shared_server.ensure().pid)
    for lock in (folders.postmaster_file, folders.socket(5432).with_name(".s.PGSQL.5432.lock")):
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(alien), *lines[1:]]) + "\n")
    assert shared_server.ensure().started
    assert command_of(alien) is not None


def test_a_lock_file_that_names_a_zombie_does_not_keep_the_server_from_starting(shared_server: EmbeddedPostgres) -> None:
    """In a container without init nobody reaps a killed postmaster; `kill(pid, 0)` succeeds on it for ever."""
    kill(shared_server.ensure().pid)
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays until wait()
    lock = shared_server.folders.postmaster_file
    lock.write_text("\n".join([str(zombie.pid), *lock.read_text().splitlines()[1:]]) + "\n")
    assert shared_server.ensure().started
    zombie.wait()


def test_a_server_whose_socket_was_swept_away_is_started_again(shared_server: EmbeddedPostgres) -> None:
    before = shared_server.ensure()
    shared_server.folders.socket(before.port).unlink()
    assert shared_server.ensure().started
    assert answer(shared_server, "select 1") == 1


def test_an_initdb_that_was_killed_is_repaired(make_server: ServerFactory) -> None:
    server = make_server()
    starter = start_in_another_process(server)
    deadline = time.monotonic() + 60
    while not any((folder / "base").exists() for folder in server.folders.unfinished_data()):
        assert time.monotonic() < deadline, "initdb did not begin"
        time.sleep(0.005)
    starter.kill()
    starter.communicate()
    assert not server.folders.data.exists()
    assert server.ensure().started
    assert answer(server, "select 1") == 1


def test_a_folder_that_is_no_data_directory_is_refused_and_left_alone(make_server: ServerFactory) -> None:
    server = make_server()
    server.folders.data.mkdir(parents=True)
    server.folders.base.chmod(0o700)
    (server.folders.data / "precious.txt").write_text("mine")
    if server.account.mode is RunMode.DROP:
        shutil.chown(server.folders.base, group=server.account.gid)
    with pytest.raises(SandboxError, match="not a data directory"):
        server.ensure()
    assert (server.folders.data / "precious.txt").read_text() == "mine"


def test_permissions_of_parent_folders_are_untouched_and_own_folders_are_private(make_server: ServerFactory, tmp_path: Path) -> None:
    server = make_server()
    above = [tmp_path, *tmp_path.parents, server.binaries.bindir, *server.binaries.bindir.parents]
    before = {path: path.stat().st_mode for path in above}
    server.ensure()
    assert {path: path.stat().st_mode for path in above} == before
    assert stat.S_IMODE(server.folders.sockets.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.folders.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.folders.base.stat().st_mode) & 0o007 == 0


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(make_server: ServerFactory) -> None:
    server = make_server("/".join(["deeper"] * 15))
    server.ensure()
    assert len(str(server.folders.socket(5432))) < 100
    assert not server.folders.sockets.is_relative_to(server.root)
    assert stat.S_IMODE(server.folders.sockets.stat().st_mode) == 0o700
    assert answer(server, "select 1") == 1


@pytest.mark.parametrize("name", ["one, two", 'one " quote'])
def test_a_path_that_reads_as_a_list_of_folders_gets_a_short_private_folder(make_server: ServerFactory, name: str) -> None:
    assert not EmbeddedPostgres(Path("/srv") / name).folders.sockets.is_relative_to("/srv"), "however short it is"
    server = make_server(name)
    server.ensure()
    assert answer(server, "select 1") == 1


def test_a_short_socket_folder_that_somebody_else_prepared_is_refused(make_server: ServerFactory, tmp_path: Path) -> None:
    server = make_server("/".join(["deeper"] * 15))
    trap = tmp_path / "trap"
    trap.mkdir()
    server.folders.sockets.symlink_to(trap)
    try:
        with pytest.raises(SandboxError, match="not a private folder"):
            server.ensure()
    finally:
        server.folders.sockets.unlink()
    assert list(trap.iterdir()) == []


def test_a_path_with_spaces_and_quotes_works(make_server: ServerFactory) -> None:
    server = make_server('it\'s a "folder" with 100% ünusual $HOME')
    server.ensure()
    assert answer(server, "select 1") == 1


def test_the_server_does_not_inherit_secrets_or_settings_from_the_environment(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", "sbp_do_not_inherit")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    info = make_server().ensure()
    assert b"sbp_do_not_inherit" not in Path(f"/proc/{info.pid}/environ").read_bytes()


def test_settings_reach_the_server_and_statistics_are_preloaded(make_server: ServerFactory) -> None:
    server = make_server(cluster_name="it's \\ me", work_mem="7MB")
    server.ensure()
    assert answer(server, "show cluster_name") == "it's \\ me"
    assert answer(server, "show work_mem") == "7MB"
    preloaded = answer(server, "show shared_preload_libraries")
    assert preloaded == ("pg_stat_statements" if server.binaries.has_library("pg_stat_statements") else "")


@pytest.mark.parametrize("settings", [{"work_mem = 1\nlog_line_prefix": "x"}, {"work_mem": "1MB\nlisten_addresses = '*'"}])
def test_a_setting_that_would_smuggle_in_another_is_refused(make_server: ServerFactory, settings: dict[str, str]) -> None:
    with pytest.raises(SandboxError):
        make_server(**settings).ensure()


def test_a_setting_that_the_server_refuses_is_reported_with_the_end_of_its_log(make_server: ServerFactory) -> None:
    with pytest.raises(SandboxError, match="no_such_setting"):
        make_server(no_such_setting="1").ensure()


def test_over_tcp_only_loopback_and_only_with_the_password(make_server: ServerFactory) -> None:
    server = make_server(tcp=True)
    server.ensure()
    assert answer(server, "show listen_addresses") == "127.0.0.1"
    set_role_password(server.dsn(), "supabase_admin", "correct horse")
    with connect(server.tcp_dsn(user="supabase_admin", password="correct horse")) as connection:
        assert connection.execute("select inet_server_addr()::text").fetchone() == ("127.0.0.1/32",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.tcp_dsn(user="supabase_admin", password="wrong").reveal())
    assert "correct horse" not in server.folders.server_log.read_text()


def test_the_tcp_port_is_the_same_after_a_restart_and_another_one_if_taken(make_server: ServerFactory) -> None:
    server, other = make_server("one", tcp=True), make_server("other", tcp=True)
    port = server.ensure().port
    server.stop()
    assert server.ensure().port == port
    server.stop()
    other.folders.base.mkdir(parents=True, exist_ok=True, mode=0o700)
    other.folders.port_file.write_text(str(port))
    if other.account.mode is RunMode.DROP:
        shutil.chown(other.folders.base, group=other.account.gid)
    assert other.ensure().port == port
    assert server.ensure().port != port


def test_a_server_without_tcp_is_not_silently_taken_for_one_with_it(make_server: ServerFactory) -> None:
    make_server().ensure()
    with pytest.raises(SandboxError, match="without TCP"):
        make_server(tcp=True).ensure()
    with pytest.raises(SandboxError, match="tcp=True"):
        make_server().tcp_dsn(user="u", password="p")


def namespaces_work() -> bool:
    return (
        os.geteuid() == 0
        and subprocess.run(["unshare", "--user", "--map-user=1", "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.parametrize("mode", [RunMode.NAMESPACE, RunMode.DROP])
def test_root_can_run_a_server_in_both_ways_below_a_private_folder(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch, mode: RunMode
) -> None:
    monkeypatch.setenv(ROOT_MODE_VARIABLE, mode.value)
    server = make_server()
    if os.geteuid() == 0 and mode is RunMode.NAMESPACE and not namespaces_work():
        with pytest.raises(SandboxError, match="user namespace"):
            server.ensure()
        return
    info = server.ensure()
    assert info.mode is (mode if os.geteuid() == 0 else RunMode.USER)
    owner = Path(f"/proc/{info.pid}").stat().st_uid
    assert owner == server.account.owner_uid
    assert (owner == 0) == (info.mode is RunMode.NAMESPACE)
    kill(info.pid)
    assert server.ensure().started
    assert answer(server, "select 1") == 1
    server.destroy()
    assert not server.folders.base.exists()


def test_bundled_binaries_in_a_private_folder_are_copied_for_the_account_that_root_drops_to(
    make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(BINDIR_VARIABLE, raising=False)
    bundled = find_binaries().bindir.parents[1]
    for folder in (bundled, bundled.with_name(bundled.name + ".libs")):
        shutil.copytree(folder, tmp_path / "private" / folder.name, symlinks=True)
    (tmp_path / "private").chmod(0o700)
    monkeypatch.setenv(BINDIR_VARIABLE, str(tmp_path / "private" / bundled.name / "pginstall" / "bin"))
    monkeypatch.setenv(ROOT_MODE_VARIABLE, RunMode.DROP.value)
    server = make_server()
    info = server.ensure()
    program = Path(f"/proc/{info.pid}/exe").readlink()
    assert program.is_relative_to(server.folders.base if info.mode is RunMode.DROP else tmp_path / "private")
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700


def test_other_binaries_that_the_account_cannot_run_are_not_copied(make_server: ServerFactory, tmp_path: Path) -> None:
    server = make_server()
    private = Binaries(tmp_path / "bin", "18.0", "test")
    with pytest.raises(SandboxError, match="cannot run"):
        usable_bindir(private, server.folders, ServerAccount(RunMode.DROP, "nobody", 65534, 65534))


def test_an_unknown_root_mode_is_refused(make_server: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_MODE_VARIABLE, "sudo")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(SandboxError, match="sudo"):
        make_server().ensure()
