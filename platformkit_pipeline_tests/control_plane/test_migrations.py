from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.control_plane import audit, migrations
from platformkit_pipeline.control_plane.connection import connect, connect_admin, session
from platformkit_pipeline.locations import sql_directory
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.sandbox.databases import create_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.conftest import FAST_SETTINGS, DatabaseFactory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may change."""
    copy = tmp_path / "control_plane"
    shutil.copytree(sql_directory() / "control_plane", copy)
    return copy


def next_file(directory: Path, text: str, name: str = "next") -> Path:
    number = len(list(directory.glob("*.sql"))) + 1
    path = directory / f"{number:04d}_{name}.sql"
    path.write_text(text)
    return path


def relation_exists(dsn: Dsn, name: str) -> bool:
    with psycopg.connect(dsn.reveal()) as connection:
        row = connection.execute("select to_regclass(%s) is not null", (name,)).fetchone()
    connection.close()
    return bool(row and row[0])


def test_an_empty_database_gets_every_file_and_the_second_run_nothing(blank_database: Dsn) -> None:
    applied = migrations.migrate(blank_database)
    assert [m.version for m in applied] == list(range(1, len(applied) + 1))
    assert migrations.migrate(blank_database) == ()
    status = migrations.status(blank_database)
    assert status.current
    assert [m.checksum for m in status.applied] == [m.checksum for m in applied]


def test_status_of_an_empty_database_lists_everything_as_pending_and_changes_nothing(blank_database: Dsn) -> None:
    status = migrations.status(blank_database)
    assert status.applied == ()
    assert status.pending[0] == "0001_roles_and_schema.sql"
    assert not relation_exists(blank_database, "ops.schema_migrations")


def test_an_edited_applied_file_is_refused_and_named(blank_database: Dsn, directory: Path) -> None:
    migrations.migrate(blank_database, directory=directory)
    edited = directory / "0002_targets_and_scans.sql"
    edited.write_text(edited.read_text() + "-- one more thought\n")
    with pytest.raises(ControlPlaneError, match=r"0002_targets_and_scans\.sql was edited after it was applied"):
        migrations.migrate(blank_database, directory=directory)
    assert not migrations.status(blank_database, directory=directory).current


def test_a_renamed_applied_file_is_refused(blank_database: Dsn, directory: Path) -> None:
    migrations.migrate(blank_database, directory=directory)
    (directory / "0002_targets_and_scans.sql").rename(directory / "0002_targets.sql")
    with pytest.raises(ControlPlaneError, match="applied files are never renamed"):
        migrations.migrate(blank_database, directory=directory)


def test_a_missing_number_is_refused_before_anything_is_applied(blank_database: Dsn, directory: Path) -> None:
    (directory / "0002_targets_and_scans.sql").unlink()
    with pytest.raises(ControlPlaneError, match="number 0002 is missing"):
        migrations.migrate(blank_database, directory=directory)
    assert not relation_exists(blank_database, "ops.schema_migrations")


def test_a_number_used_twice_is_refused(blank_database: Dsn, directory: Path) -> None:
    (directory / "0002_zz.sql").write_text("select 1;")
    with pytest.raises(ControlPlaneError, match=r"0002_zz\.sql carries a number twice"):
        migrations.migrate(blank_database, directory=directory)


def test_a_badly_named_file_is_refused(blank_database: Dsn, directory: Path) -> None:
    (directory / "fix.sql").write_text("select 1;")
    with pytest.raises(ControlPlaneError, match=r"fix\.sql is not named"):
        migrations.migrate(blank_database, directory=directory)


def test_a_directory_without_files_is_refused(blank_database: Dsn, tmp_path: Path) -> None:
    with pytest.raises(ControlPlaneError, match="the installation is not complete"):
        migrations.migrate(blank_database, directory=tmp_path)


def test_a_gap_in_the_ledger_is_refused(blank_database: Dsn, directory: Path) -> None:
    migrations.migrate(blank_database, directory=directory)
    with connect_admin(blank_database) as connection:
        connection.execute("delete from ops.schema_migrations where version = 3")
    connection.close()
    with pytest.raises(ControlPlaneError, match=r"gap: 0003_audit_log\.sql was never applied, later files were"):
        migrations.migrate(blank_database, directory=directory)


def test_a_database_ahead_of_the_code_is_refused_by_runner_and_pipeline(blank_database: Dsn, directory: Path) -> None:
    next_file(directory, "select 1;", "from_the_future")
    migrations.migrate(blank_database, directory=directory)
    with pytest.raises(ControlPlaneError, match=r"ahead of this code .*from_the_future.*upgrade platformkit"):
        migrations.migrate(blank_database)
    with (
        pytest.raises(ControlPlaneError, match="ahead of this code"),
        session(with_user(blank_database, "platformkit_pipeline")) as connection,
    ):
        migrations.require_current(connection)


def test_the_pipeline_is_told_to_migrate_an_old_control_plane(blank_database: Dsn, directory: Path) -> None:
    for path in sorted(directory.glob("*.sql"))[5:]:
        path.unlink()
    migrations.migrate(blank_database, directory=directory)
    with (
        session(with_user(blank_database, "platformkit_pipeline")) as connection,
        pytest.raises(ControlPlaneError, match="run `platformkit db migrate`"),
    ):
        migrations.require_current(connection)
    migrations.migrate(blank_database)
    with session(with_user(blank_database, "platformkit_pipeline")) as connection:
        migrations.require_current(connection)


def test_a_file_that_fails_leaves_nothing_and_keeps_the_files_before_it(blank_database: Dsn, directory: Path) -> None:
    next_file(directory, "create table ops.good (id int);", "good")
    bad = next_file(directory, "create table ops.half (id int); select 1 / 0;", "bad")
    with pytest.raises(ControlPlaneError, match=r"_bad\.sql failed and left nothing behind: division by zero"):
        migrations.migrate(blank_database, directory=directory)
    assert relation_exists(blank_database, "ops.good")
    assert not relation_exists(blank_database, "ops.half")
    bad.write_text("create table ops.whole (id int);")
    assert [m.name for m in migrations.migrate(blank_database, directory=directory)] == [bad.name]


def test_six_starters_at_once_apply_every_file_once(blank_database: Dsn) -> None:
    with ThreadPoolExecutor(6) as pool:
        applied = list(pool.map(lambda _: migrations.migrate(blank_database), range(6)))
    assert sorted(m.version for batch in applied for m in batch) == [m.version for m in migrations.status(blank_database).applied]


def test_databases_of_one_server_may_be_migrated_at_the_same_time(make_blank_database: DatabaseFactory) -> None:
    databases = [make_blank_database() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrations.migrate, databases))
    assert all(migrations.status(dsn).current for dsn in databases)


def test_a_starter_gives_up_on_a_lock_that_is_not_released(blank_database: Dsn) -> None:
    holder = connect_admin(blank_database)
    try:
        holder.execute("select pg_advisory_lock(%s)", (0x706B_6F70_73,))
        with pytest.raises(ControlPlaneError, match="another migration run has held the lock"):
            migrations.migrate(blank_database, lock_patience_seconds=0.2)
    finally:
        holder.close()
    assert migrations.migrate(blank_database)


def test_a_table_locked_by_others_ends_the_file_with_an_advice(
    blank_database: Dsn, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.migrate(blank_database, directory=directory)
    next_file(directory, "alter table ops.targets add column note text;")
    monkeypatch.setattr("platformkit_pipeline.control_plane.connection.ADMIN_LOCK_TIMEOUT", "200ms")
    holder = connect_admin(blank_database)
    try:
        holder.execute("select from ops.targets")
        with pytest.raises(ControlPlaneError, match="another session holds a lock on the table: run it again"):
            migrations.migrate(blank_database, directory=directory)
    finally:
        holder.close()
    assert len(migrations.migrate(blank_database, directory=directory)) == 1


CONCURRENT_INDEX = (
    "-- platformkit: no-transaction\ncreate unique index concurrently if not exists targets_environment on ops.targets (environment);\n"
)


def test_a_file_marked_no_transaction_may_create_an_index_concurrently(blank_database: Dsn, directory: Path) -> None:
    next_file(directory, CONCURRENT_INDEX)
    migrations.migrate(blank_database, directory=directory)
    assert relation_exists(blank_database, "ops.targets_environment")


def test_without_the_marker_the_same_file_is_refused(blank_database: Dsn, directory: Path) -> None:
    next_file(directory, CONCURRENT_INDEX.split("\n", 1)[1])
    with pytest.raises(ControlPlaneError, match="cannot run inside a transaction block"):
        migrations.migrate(blank_database, directory=directory)


def test_starters_that_wait_do_not_deadlock_with_a_concurrent_index(blank_database: Dsn, directory: Path) -> None:
    next_file(directory, CONCURRENT_INDEX)
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: migrations.migrate(blank_database, directory=directory), range(4)))
    assert sum(len(batch) for batch in batches) == len(list(directory.glob("*.sql")))


def test_an_index_left_invalid_by_a_death_is_built_again(blank_database: Dsn, directory: Path) -> None:
    migrations.migrate(blank_database, directory=directory)
    path = next_file(directory, CONCURRENT_INDEX)
    with connect_admin(blank_database) as connection:
        connection.execute(
            "insert into ops.targets (kind, name, environment) values ('connector', 'a', 'staging'), ('connector', 'b', 'staging')"
        )
    connection.close()
    with pytest.raises(ControlPlaneError, match="could not create unique index"):
        migrations.migrate(blank_database, directory=directory)
    with connect_admin(blank_database) as connection:
        connection.execute("delete from ops.targets where name = 'b'")
    connection.close()
    assert [m.name for m in migrations.migrate(blank_database, directory=directory)] == [path.name]
    with connect_admin(blank_database) as connection:
        assert connection.execute("select indisvalid from pg_index where indexrelid = 'ops.targets_environment'::regclass").fetchone() == (
            True,
        )
    connection.close()


def test_a_runner_killed_in_the_middle_of_a_file_is_resumed(blank_database: Dsn, directory: Path) -> None:
    path = next_file(directory, "create table ops.half (id int); select pg_sleep(60);", "slow")
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path\n"
            "from platformkit_pipeline.control_plane import migrations\n"
            "from platformkit_pipeline.model.dsn import Dsn\n"
            "migrations.migrate(Dsn(sys.argv[1]), directory=Path(sys.argv[2]))",
            blank_database.reveal(),
            str(directory),
        ]
    )
    watcher = connect_admin(blank_database)
    watcher.autocommit = True
    try:
        sleeping = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
        pause = threading.Event()
        for _ in range(600):
            row = watcher.execute(sleeping).fetchone()
            if row or child.poll() is not None:
                break
            pause.wait(0.05)
        assert row is not None
        child.kill()
        child.wait()
        # The server notices a dead client only when it has something to say; ending its session is what time would do.
        watcher.execute("select pg_terminate_backend(%s, 10000)", row)
    finally:
        child.kill()
        child.wait()
        watcher.close()
    assert not relation_exists(blank_database, "ops.half")
    path.write_text("create table ops.half (id int);")
    assert [m.name for m in migrations.migrate(blank_database, directory=directory)] == [path.name]


def test_a_foreign_schema_ops_is_not_taken_over(blank_database: Dsn) -> None:
    with connect_admin(blank_database) as connection:
        connection.execute("create schema ops")
    connection.close()
    with pytest.raises(ControlPlaneError, match="use a database of its own"):
        migrations.migrate(blank_database)


def test_a_role_that_may_not_act_as_owner_is_told_what_to_ask_for(control_plane_template: str, blank_database: Dsn) -> None:
    with connect_admin(blank_database) as connection:
        connection.execute("drop role if exists weak_admin")
        connection.execute("create role weak_admin login")
        connection.execute("grant create on database " + connection.info.dbname + " to weak_admin")
    connection.close()
    with pytest.raises(ControlPlaneError, match="let an administrator run: grant platformkit_owner to weak_admin"):
        migrations.migrate(with_user(blank_database, "weak_admin"))
    assert not relation_exists(blank_database, "ops.schema_migrations")


def test_an_ordinary_role_that_may_act_as_owner_migrates_and_loses_only_the_event_triggers(
    control_plane_template: str, blank_database: Dsn
) -> None:
    with connect_admin(blank_database) as connection:
        connection.execute("drop role if exists plain_admin")
        connection.execute("create role plain_admin login")
        connection.execute("grant platformkit_owner to plain_admin")
        connection.execute("grant create on database " + connection.info.dbname + " to plain_admin")
    connection.close()
    plain = with_user(blank_database, "plain_admin")
    migrations.migrate(plain)
    assert migrations.status(plain).current
    with connect_admin(plain) as connection:
        assert connection.execute("select count(*) from pg_event_trigger").fetchone() == (0,)
        assert connection.execute("select to_regnamespace('ops_guard')").fetchone() == (None,)
    connection.close()
    with connect_admin(blank_database) as connection:
        connection.execute("revoke platformkit_owner from plain_admin")  # roles are shared: it would own other tests' tables, too
    connection.close()


def test_on_a_fresh_server_a_role_with_createrole_makes_roles_and_schema(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "server", settings=FAST_SETTINGS)
    server.ensure()
    try:
        with connect_admin(server.dsn()) as connection:
            connection.execute("create role hosted_admin login createrole")
            connection.execute("create role bystander login")
        connection.close()
        database = create_database(server.dsn(), "hosted", owner="hosted_admin")
        with pytest.raises(ControlPlaneError, match=r'role "bystander" may not create the role "platformkit_owner".*CREATEROLE'):
            migrations.migrate(with_user(database, "bystander"))
        migrations.migrate(with_user(database, "hosted_admin"))
        assert migrations.status(with_user(database, "hosted_admin")).current
        with session(with_user(database, "platformkit_pipeline")) as connection:
            migrations.require_current(connection)
    finally:
        server.destroy()


def test_a_pipeline_role_with_dangerous_attributes_is_refused(control_plane_template: str, make_blank_database: DatabaseFactory) -> None:
    blank = make_blank_database()
    with connect_admin(blank) as connection:
        connection.execute("alter role platformkit_reader createrole")
    connection.close()
    try:
        with pytest.raises(ControlPlaneError, match="take the attribute away with ALTER ROLE"):
            migrations.migrate(blank)
    finally:
        with connect_admin(blank) as connection:
            connection.execute("alter role platformkit_reader nocreaterole")
        connection.close()


def test_every_file_after_the_audit_log_is_audited(blank_database: Dsn) -> None:
    applied = migrations.migrate(blank_database)
    connection = connect(with_user(blank_database, "platformkit_pipeline"))
    try:
        noted = connection.execute("select object from ops.audit_log where action = 'migration.applied' order by seq").fetchall()
        assert noted == [(m.name,) for m in applied if m.version >= 3]
        assert audit.verify(connection).ok
    finally:
        connection.close()
