"""Attacks on the audit log. What counts is the effect: rows, head and definition are as before, and a change still fails."""

from __future__ import annotations

import contextlib

import psycopg
import pytest

from platformkit_pipeline.control_plane import audit
from platformkit_pipeline.control_plane.audit import AuditEntry
from platformkit_pipeline.control_plane.connection import Connection, connect_admin
from platformkit_pipeline.model.dsn import Dsn

CHANGES = (
    "update ops.audit_log set actor = 'nobody'",
    "update ops.audit_log set detail = '{}' where seq = 1",
    "delete from ops.audit_log",
    "truncate ops.audit_log",
    "truncate ops.audit_log cascade",
    "insert into ops.audit_log (seq, actor, action, prev_hash, row_hash) values (1000000, 'nobody', 'forged', '', '')",
    "insert into ops.audit_log select * from ops.audit_log on conflict do nothing",
    "merge into ops.audit_log l using (select 1 as seq) s on l.seq = s.seq when matched then delete",
    "with gone as (delete from ops.audit_log returning *) select count(*) from gone",
    "copy ops.audit_log (seq, actor, action, prev_hash, row_hash) from program 'echo'",
    "update ops.audit_head set seq = 0",
    "delete from ops.audit_head",
    "truncate ops.audit_head",
    "insert into ops.audit_head (only_row, seq, row_hash) values (true, 0, '') on conflict (only_row) do update set seq = 0",
)
DEFINITIONS = (
    "alter table ops.audit_log disable trigger user",
    "alter table ops.audit_log disable trigger audit_log_append_only",
    "alter table ops.audit_log enable trigger audit_log_append_only",
    "alter table ops.audit_log disable row level security",
    "alter table ops.audit_log rename to old_audit_log",
    "alter table ops.audit_log set schema public",
    "alter table ops.audit_log drop column detail",
    "alter table ops.audit_log add column note text",
    "alter table ops.audit_log alter column actor type varchar(10)",
    "alter table ops.audit_log drop constraint audit_log_pkey cascade",
    "alter table ops.audit_log owner to platformkit_pipeline",
    "alter trigger audit_log_append_only on ops.audit_log rename to harmless",
    "drop trigger audit_log_append_only on ops.audit_log",
    "drop table ops.audit_log cascade",
    "drop table ops.audit_head cascade",
    "drop schema ops cascade",
    "alter schema ops rename to old_ops",
    "drop owned by platformkit_owner cascade",
    "drop function ops.audit_append(jsonb) cascade",
    "drop function ops.audit_refuse() cascade",
    "create or replace function ops.audit_refuse() returns trigger language plpgsql as 'begin return null; end'",
    "create or replace function ops.audit_refuse() returns trigger language plpgsql "
    "set search_path = pg_catalog, pg_temp as 'begin return null; end'",
    "create or replace function ops.audit_append(entries jsonb) returns bigint language sql as 'select 0::bigint'",
    "alter function ops.audit_append(jsonb) security invoker",
    "alter function ops.audit_append(jsonb) reset search_path",
    "create rule quiet as on insert to ops.audit_log do instead nothing",
    "create trigger swallow before insert on ops.audit_log for each row execute function ops.audit_refuse()",
    "create policy everything on ops.audit_log to platformkit_pipeline using (true) with check (true)",
    "drop policy pipeline_reads on ops.audit_log",
    "grant all on ops.audit_log to platformkit_pipeline",
    "grant update (actor) on ops.audit_log to platformkit_pipeline",
    "grant insert on ops.audit_log to platformkit_reader with grant option",
    "grant execute on function ops.audit_append(jsonb) to public",
    "create table public.child () inherits (ops.audit_log)",
    "do $$ begin alter table ops.audit_log disable trigger user; end $$",
    "create table public.carrier as select set_config('platformkit.audit_seal', 'x', true)",
)
ROLES = (
    "set role platformkit_owner",
    "set session authorization platformkit_owner",
    "grant platformkit_owner to platformkit_pipeline",
    "alter role platformkit_pipeline superuser",
    "alter role platformkit_pipeline bypassrls",
    "set session_replication_role = replica",
    "set row_security = off",
    "alter event trigger platformkit_audit_guard disable",
    "drop event trigger platformkit_audit_guard",
    "drop schema ops_guard cascade",
    "alter system set session_replication_role = replica",
    "create extension dblink",
    "select set_config('platformkit.audit_seal', '', false)",
)

DESCRIPTION = """
with audit (oid) as (values ('ops.audit_log'::regclass::oid), ('ops.audit_head'::regclass))
select jsonb_build_array(
  (select jsonb_agg(jsonb_build_array(c.oid, relname, relnamespace, relowner, relrowsecurity, relhasrules, relacl::text) order by c.oid)
     from pg_class c join audit using (oid)),
  (select jsonb_agg(to_jsonb(a) order by a.attrelid, a.attnum) from pg_attribute a join audit on audit.oid = a.attrelid),
  (select jsonb_agg(to_jsonb(t) order by t.oid) from pg_trigger t join audit on audit.oid = t.tgrelid),
  (select jsonb_agg(to_jsonb(p) order by p.oid) from pg_policy p join audit on audit.oid = p.polrelid),
  (select jsonb_agg(to_jsonb(p) order by p.oid) from pg_proc p where p.pronamespace = 'ops'::regnamespace),
  (select jsonb_agg(to_jsonb(i)) from pg_inherits i join audit on audit.oid in (i.inhparent, i.inhrelid)),
  (select jsonb_agg(to_jsonb(m)) from pg_auth_members m where m.roleid = 'platformkit_owner'::regrole),
  (select jsonb_agg(to_jsonb(r)) from pg_roles r where r.rolname like 'platformkit%'),
  (select jsonb_agg(to_jsonb(e)) from pg_event_trigger e)
)
"""


def state(superuser: Connection) -> list[object]:
    """Everything that an attack could have changed: rows, head, definition."""
    return [
        superuser.execute("select * from ops.audit_log order by seq").fetchall(),
        superuser.execute("select * from ops.audit_head").fetchall(),
        superuser.execute(DESCRIPTION).fetchone(),
    ]


def try_everything(attacker: Connection, attacks: tuple[str, ...]) -> None:
    """Each attack in a transaction of its own, committed when the server lets it."""
    for attack in attacks:
        with contextlib.suppress(psycopg.Error):
            attacker.execute(attack)
            attacker.commit()
        attacker.rollback()


@pytest.fixture
def some_rows(pipeline: Connection) -> None:
    audit.append(pipeline, [AuditEntry("scan.completed", f"target-{n}") for n in range(3)])
    pipeline.commit()


@pytest.mark.usefixtures("some_rows")
@pytest.mark.parametrize("attacks", [CHANGES, DEFINITIONS, ROLES], ids=["changes", "definitions", "roles"])
def test_the_pipeline_changes_nothing(pipeline: Connection, superuser: Connection, attacks: tuple[str, ...]) -> None:
    before = state(superuser)
    for attack in attacks:
        try_everything(pipeline, (attack, *CHANGES))
        assert state(superuser) == before, attack
    assert audit.verify(superuser).ok


@pytest.mark.usefixtures("some_rows")
def test_replica_mode_does_not_open_the_log(pipeline: Connection, superuser: Connection) -> None:
    # Supabase and others hand this right to ordinary roles.
    superuser.execute("grant set on parameter session_replication_role to platformkit_pipeline")
    try:
        before = state(superuser)
        pipeline.execute("set session_replication_role = replica")
        pipeline.commit()
        try_everything(pipeline, CHANGES)
        assert state(superuser) == before
    finally:
        superuser.execute("revoke set on parameter session_replication_role from platformkit_pipeline")


@pytest.fixture
def owner(control_plane: Dsn) -> Connection:
    """A session as platformkit_owner, in replica mode, as the most powerful login below superuser would have it."""
    connection = connect_admin(control_plane)
    connection.execute("set session_replication_role = replica")
    connection.execute("set session authorization platformkit_owner")
    connection.commit()
    return connection


@pytest.mark.usefixtures("some_rows")
def test_the_owner_cannot_change_or_remove_rows(owner: Connection, superuser: Connection) -> None:
    # The owner may append and may move the head; the chain shows both.
    before = state(superuser)
    with contextlib.closing(owner):
        for attack in CHANGES:
            if not attack.startswith(("insert into ops.audit_log ", "insert into ops.audit_head", "update ops.audit_head")):
                try_everything(owner, (attack,))
                assert state(superuser) == before, attack


@pytest.mark.usefixtures("some_rows")
def test_a_head_moved_by_the_owner_is_found(owner: Connection, superuser: Connection) -> None:
    with contextlib.closing(owner):
        owner.execute("update ops.audit_head set seq = 0")
        owner.commit()
    assert not audit.verify(superuser).ok


@pytest.mark.usefixtures("some_rows")
def test_rows_forged_by_the_owner_are_found(owner: Connection, superuser: Connection) -> None:
    with contextlib.closing(owner):
        try_everything(
            owner, ("insert into ops.audit_log (seq, actor, action, prev_hash, row_hash) values (1000000, 'nobody', 'forged', '', '')",)
        )
    assert not audit.verify(superuser).ok


@pytest.mark.usefixtures("some_rows")
def test_the_guard_keeps_the_definition_against_the_owner(owner: Connection, superuser: Connection) -> None:
    before = state(superuser)
    with contextlib.closing(owner):
        for attack in DEFINITIONS:
            try_everything(owner, (attack,))
            assert state(superuser) == before, attack


def test_the_guard_lets_other_ddl_of_the_owner_pass(owner: Connection, superuser: Connection) -> None:
    with contextlib.closing(owner):
        owner.execute("create table ops.something (id int)")
        owner.execute("alter table ops.something add column name text")
        owner.execute("drop table ops.something")
        owner.execute("comment on table ops.audit_log is 'the log'")
        owner.commit()


def test_the_guard_names_the_command_it_refuses(owner: Connection) -> None:
    with (
        contextlib.closing(owner),
        pytest.raises(psycopg.errors.RestrictViolation, match="ALTER TABLE would change the definition of the audit log"),
    ):
        owner.execute("alter table ops.audit_log disable trigger user")
