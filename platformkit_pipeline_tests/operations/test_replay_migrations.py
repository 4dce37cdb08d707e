"""Replays on a real server: histories that apply, that fail, that cannot be told, and that mean harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.migrations import read_migrations
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.migration_history import FailureCause, MigrationHistory
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.check_drift import judged
from platformkit_pipeline.operations.replay_migrations import Grants, ReplayOptions, replay_and_observe, replay_migrations
from platformkit_pipeline.sandbox.binaries import BINDIR_VARIABLE, find_binaries
from platformkit_pipeline.sandbox.replay import limits
from platformkit_pipeline.sandbox.replay.limits import Limits
from platformkit_pipeline.sandbox.replay.server import replay_database
from platformkit_pipeline.sandbox.supabase import GrantRegime

pytestmark = pytest.mark.exhaustive

REPOSITORY = Target(TargetKind.REPOSITORY, "shop")
OLD_SERVER = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "supabase" / "migrations"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def options(tmp_path: Path) -> ReplayOptions:
    return ReplayOptions(parent=tmp_path / "replays")


def write(folder: Path, *texts: str, first: int = 1) -> None:
    for number, text in enumerate(texts, start=first):
        (folder / f"202611{number:02}120000_step_{number}.sql").write_text(text, encoding="utf-8")


def outcome_of(history: MigrationHistory) -> tuple[Outcome, str]:
    [finding] = judged(REPOSITORY, history).findings
    assert finding.rule == "MIG050"
    return finding.outcome, finding.message


# -- histories that apply ------------------------------------------------------------------------------------------------


def test_files_run_in_order_each_in_a_transaction_and_are_recorded(folder: Path, options: ReplayOptions) -> None:
    write(
        folder,
        "create table public.a (id int primary key);",
        "create index concurrently a_idx on public.a (id);",
        "begin; create table public.b (id int); commit;",
        "set search_path = ''; create table public.c (id int);",
        "create table d (id int); -- found only because settings do not outlive a file",
    )
    (folder / "20261101130000_empty.sql").write_text("-- nothing\n")
    replay, declared = replay_and_observe(read_migrations(folder), options, lambda _: None)
    assert replay.failure is None
    assert [path[:14] for path in replay.applied] == ["20261101120000", "20261101130000", *(f"202611{n:02}120000" for n in range(2, 6))]
    assert replay.outside_transaction == ("20261102120000_step_2.sql",)
    assert declared is not None
    assert {r.name for r in declared.relations if r.schema == "public"} >= {"a", "b", "c", "d"}
    assert {r.owner for r in declared.relations if r.schema == "public"} == {"postgres"}


def test_what_is_applied_is_recorded_where_the_platform_records_it(folder: Path, options: ReplayOptions) -> None:
    write(
        folder,
        "create table public.seen (version text);",
        "insert into public.seen select version from supabase_migrations.schema_migrations;",
    )
    write(folder, "do $$ begin if (select count(*) from public.seen) <> 1 then raise 'wrong'; end if; end $$;", first=3)
    assert replay_migrations(folder, options).replay.complete


def test_a_history_that_spans_the_change_of_2026_has_both_kinds_of_grants(tmp_path: Path, options: ReplayOptions) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "20250101000000_old.sql").write_text("create table public.old (id int);")
    (folder / "20261101000000_new.sql").write_text("create table public.new (id int);")
    _, declared = replay_and_observe(read_migrations(folder), options, lambda _: None)
    assert declared is not None
    readers = {r.name for r in declared.relations if any((p.grantee, p.privilege) == ("anon", "SELECT") for p in r.privileges)}
    assert {"old", "new"} & readers == {"old"}
    _, declared = replay_and_observe(read_migrations(folder), ReplayOptions(Grants.AUTOMATIC, parent=options.parent), lambda _: None)
    assert declared is not None
    readers = {r.name for r in declared.relations if any((p.grantee, p.privilege) == ("anon", "SELECT") for p in r.privileges)}
    assert {"old", "new"} <= readers


def test_an_empty_folder_replays(folder: Path, options: ReplayOptions) -> None:
    history = replay_migrations(folder, options)
    assert (history.replay.complete, history.replay.applied) == (True, ())
    assert judged(REPOSITORY, history).conclusion is Outcome.PASS


def test_a_folder_that_is_not_there_is_wrong_input(tmp_path: Path, options: ReplayOptions) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        replay_migrations(tmp_path / "nowhere", options)


# -- histories that fail -------------------------------------------------------------------------------------------------

FAILING = {
    "a syntax error": ("create table a (id int);\n\ncreate tabel b (id int);", 3, 'syntax error at or near "tabel"', "create tabel b"),
    "a table that is not there": ("select 1;\nselect *\n  from nope;", 3, 'relation "nope" does not exist', "select * from nope"),
    "a command of psql": ("select 1;\n\\c other\nselect 2;", 2, r"the command \c can be read by psql only", r"\c other"),
    "rows for psql": ("create table t (a text);\ncopy t from stdin;\nx\n\\.\n", 3, "FROM stdin can be read by psql only", "x"),
    "COPY from the client": ("create table t (a text);\ncopy t from stdin;", 2, "in psql rows would follow", "copy t from stdin"),
    "a deferred constraint": (
        "create table p (id int primary key);\ncreate table q (p int references p initially deferred);\ninsert into q values (1);\n",
        4, "violates foreign key constraint", "commit",
    ),
    "a role that is left behind": ("set role anon;", 1, "leaves the session in a role", "insert into supabase_migrations"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILING.values(), ids=FAILING)
def test_the_first_failing_file_is_told_with_line_and_statement(
    case: tuple[str, int, str, str], folder: Path, options: ReplayOptions
) -> None:
    text, line, said, statement = case
    write(folder, "create table public.before (id int);", text, "create table public.after (id int);", "select 1;")
    history = replay_migrations(folder, options)
    failure = history.replay.failure
    assert failure is not None
    assert (failure.file, failure.line, failure.cause) == ("20261102120000_step_2.sql", line, FailureCause.MIGRATION)
    assert said in f"{failure.message} {failure.reason}"
    assert failure.statement.startswith(statement)
    assert history.replay.applied == ("20261101120000_step_1.sql",)
    assert history.replay.untried == ("20261103120000_step_3.sql", "20261104120000_step_4.sql")
    outcome, message = outcome_of(history)
    assert outcome is Outcome.FAIL
    assert message.endswith("2 later files were not tried")


def test_the_second_file_of_a_version_fails_and_files_without_underscore_are_told(folder: Path, options: ReplayOptions) -> None:
    (folder / "20261101_a.sql").write_text("create table public.a (id int);")
    (folder / "20261101_b.sql").write_text("create table public.b (id int);")
    (folder / "20261102-c.sql").write_text("create table public.c (id int);")
    history = replay_migrations(folder, options)
    assert history.replay.failure is not None
    assert history.replay.failure.file == "20261101_b.sql"
    assert "another file has the version 20261101" in (history.replay.failure.reason or "")
    assert [(d.version, d.paths) for d in history.files.duplicates] == [("20261101", ("20261101_a.sql", "20261101_b.sql"))]
    assert [s.path for s in history.files.skipped] == ["20261102-c.sql"]


def test_no_secret_of_a_file_is_told(folder: Path, options: ReplayOptions) -> None:
    write(folder, "select 'postgresql://admin:correct-horse-42@db/shop'::uuid;")
    assert "correct-horse" not in repr(judged(REPOSITORY, replay_migrations(folder, options)))


DUMP = """
SET lock_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
COMMENT ON SCHEMA "public" IS 'standard public schema';
ALTER SCHEMA "public" OWNER TO "pg_database_owner";
CREATE EXTENSION IF NOT EXISTS "pg_stat_statements" WITH SCHEMA "extensions";
CREATE FUNCTION "public"."handle_new_user"() RETURNS "trigger" LANGUAGE "plpgsql" SECURITY DEFINER
    AS $$ begin insert into public.profiles (id) values (new.id); return new; end; $$;
ALTER FUNCTION "public"."handle_new_user"() OWNER TO "postgres";
SET default_table_access_method = "heap";
CREATE TABLE IF NOT EXISTS "public"."profiles" ("id" "uuid" NOT NULL, "name" "text");
ALTER TABLE "public"."profiles" OWNER TO "postgres";
ALTER TABLE ONLY "public"."profiles" ADD CONSTRAINT "profiles_pkey" PRIMARY KEY ("id");
ALTER TABLE ONLY "public"."profiles"
    ADD CONSTRAINT "profiles_id_fkey" FOREIGN KEY ("id") REFERENCES "auth"."users"("id") ON DELETE CASCADE;
CREATE POLICY "own" ON "public"."profiles" FOR SELECT USING (("auth"."uid"() = "id"));
ALTER PUBLICATION "supabase_realtime" OWNER TO "postgres";
ALTER PUBLICATION "supabase_realtime" ADD TABLE ONLY "public"."profiles";
ALTER DEFAULT PRIVILEGES FOR ROLE "postgres" IN SCHEMA "public" GRANT ALL ON TABLES  TO "anon";
RESET ALL;
CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.handle_new_user();
insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true);
create policy "Avatars are public." on storage.objects for select using (bucket_id = 'avatars');
alter role authenticated set statement_timeout = '20s';
notify pgrst, 'reload schema';
"""


def test_what_db_pull_writes_of_a_project_replays(folder: Path, options: ReplayOptions) -> None:
    write(folder, DUMP)
    replay, declared = replay_and_observe(read_migrations(folder), options, lambda _: None)
    assert replay.failure is None
    assert declared is not None
    assert [t.name for t in declared.triggers if t.relation == "users"] == ["on_auth_user_created"]


# -- what cannot be told -------------------------------------------------------------------------------------------------

STAND_IN = {
    "create extension if not exists postgis;": "does not have the extension postgis",
    "select cron.schedule('nightly', '0 2 * * *', 'select 1');": "has no schema cron",
    "create policy p on realtime.nothing for select using (true);": "has less in the schema realtime",
    "select u.no_such_column from auth.users as u;": "reads the schema auth",
    "grant supabase_etl to postgres; grant usage on schema public to supabase_nothing;": "has no role supabase_",
}


@pytest.mark.parametrize("text", STAND_IN)
def test_what_the_stand_in_lacks_is_no_fault_of_the_file(text: str, folder: Path, options: ReplayOptions) -> None:
    write(folder, text)
    outcome, message = outcome_of(replay_migrations(folder, options))
    assert outcome is Outcome.UNKNOWN
    assert "cannot be told" in message
    assert STAND_IN[text] in message


def test_a_file_that_is_no_text_ends_the_replay_undecided(folder: Path, options: ReplayOptions) -> None:
    write(folder, "select 1;")
    (folder / "20261102120000_binary.sql").write_bytes(b"select '\xff';")
    history = replay_migrations(folder, options)
    assert history.replay.applied == ("20261101120000_step_1.sql",)
    outcome, message = outcome_of(history)
    assert outcome is Outcome.UNKNOWN
    assert "no UTF-8 text" in message


EXTENSIONS = """
create extension if not exists "uuid-ossp" with schema extensions;
create extension if not exists pgcrypto with schema extensions;
create extension if not exists pg_net with schema extensions;
create extension if not exists pg_cron with schema pg_catalog;
create extension if not exists pg_graphql with schema graphql;
create extension if not exists supabase_vault with schema vault;
create extension vector with schema extensions;
create extension moddatetime schema extensions;
create table public.parts (id uuid default uuid_generate_v4(), salt bytea default gen_random_bytes(20), place vector(3));
create trigger touch before update on public.parts for each row execute function moddatetime (id);
create function public.call() returns bigint language sql set search_path = '' as $$ select net.http_post(url := 'http://x') $$;
insert into public.parts default values;
do $$ begin if (select length(salt) from public.parts) <> 20 then raise 'wrong'; end if; end $$;
select cron.schedule('nightly', '0 2 * * *', 'select 1');
"""


@pytest.mark.skipif(find_binaries().major < 18, reason="older servers take extensions from one folder only")
def test_extensions_that_most_projects_have_are_stood_in_for(folder: Path, options: ReplayOptions) -> None:
    write(folder, EXTENSIONS, "select crypt('x', gen_salt('bf'));")
    history = replay_migrations(folder, options)
    assert history.replay.applied == ("20261101120000_step_1.sql",)
    outcome, message = outcome_of(history)
    assert outcome is Outcome.UNKNOWN
    assert "does not have pgcrypto" in message


# -- files that mean harm ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "commit; drop database postgres;",
        "set role supabase_admin; create role owned superuser;",
        "set session authorization supabase_admin;",
        "drop database template1;",
        "create table t (a text); copy t to program 'touch {harm}';",
        "create role x; grant pg_execute_server_program to postgres; create table t (a text); copy t to program 'touch {harm}';",
        "create table t (a text); copy t to '{harm}';",
        "create table t (a text); copy t from '/etc/passwd';",
        "select pg_terminate_backend(pg_backend_pid());",
        "select pg_read_file('/etc/passwd');",
        "alter system set archive_command = 'touch {harm}';",
        "create function f() returns int language c as '/lib/x86_64-linux-gnu/libc.so.6', 'getpid';",
        "create extension dblink; select dblink_exec('dbname=template1', 'create table public.harm ()');",
        "\\! touch {harm}",
        "do $$ begin execute 'copy (select 1) to program ''touch {harm}'''; end $$;",
    ],
)
@pytest.mark.parametrize("bindir", [None, OLD_SERVER], ids=["newest", "15"])
def test_harm_is_refused_in_clear_words(
    bindir: Path | None, text: str, folder: Path, options: ReplayOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bindir is not None:
        if not bindir.is_dir():
            pytest.skip("there is no PostgreSQL 15 on this machine")
        monkeypatch.setenv(BINDIR_VARIABLE, str(bindir))
    harm = tmp_path / "harm"
    tmp_path.chmod(0o777)
    write(folder, text.replace("{harm}", str(harm)))
    outcome, message = outcome_of(replay_migrations(folder, options))
    assert outcome in (Outcome.FAIL, Outcome.UNKNOWN)
    assert "line 1" in message
    assert not harm.exists()
    assert [p.name for p in (tmp_path / "replays").iterdir()] == ["sweep.lock"]


@pytest.mark.parametrize("text", ["set statement_timeout = 0; select pg_sleep(1000);", "select pg_sleep(1000);"])
def test_a_file_that_does_not_end_is_ended(text: str, folder: Path, tmp_path: Path) -> None:
    write(folder, text)
    options = ReplayOptions(limits=Limits(statement_seconds=2, total_seconds=4), parent=tmp_path / "replays")
    history = replay_migrations(folder, options)
    assert history.replay.failure is not None
    assert history.replay.failure.cause is FailureCause.LIMIT
    assert outcome_of(history)[0] is Outcome.UNKNOWN


def test_a_disk_that_runs_full_ends_the_replay(folder: Path, options: ReplayOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_LEAST_FREE_BYTES", 1 << 62)  # every disk is nearly full
    write(folder, "select pg_sleep(1000);")
    outcome, message = outcome_of(replay_migrations(folder, options))
    assert outcome is Outcome.UNKNOWN
    assert "the disk is nearly full" in message


# -- what is left behind -------------------------------------------------------------------------------------------------


def test_the_server_of_a_killed_replay_is_swept_by_the_next(tmp_path: Path, folder: Path) -> None:
    parent = tmp_path / "replays"
    write(folder, "select pg_sleep(1000);")
    program = (
        "from pathlib import Path; import sys; from platformkit_pipeline.operations.replay_migrations import *; "
        "replay_migrations(Path(sys.argv[1]), ReplayOptions(parent=Path(sys.argv[2])))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(folder), str(parent)])
    deadline = time.monotonic() + 60
    while not list(parent.glob("*/**/postmaster.pid")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    [left] = [p for p in parent.iterdir() if p.is_dir()]
    with replay_database(grants=GrantRegime.AUTOMATIC, parent=parent) as database:
        assert not left.exists()
        assert database.folder.exists()
    assert [p.name for p in parent.iterdir()] == ["sweep.lock"]


def test_an_interrupted_replay_leaves_nothing(tmp_path: Path, folder: Path) -> None:
    write(folder, "select pg_sleep(1000);")
    home = tmp_path / "home"
    command = [sys.executable, "-m", "platformkit_pipeline.cli.main", "replay", str(folder)]
    process = subprocess.Popen(command, env={**os.environ, "PLATFORMKIT_HOME": str(home)}, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(home.glob("replays/*/**/postmaster.pid")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert [p.name for p in (home / "replays").iterdir()] == ["sweep.lock"]
