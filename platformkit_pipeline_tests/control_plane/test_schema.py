"""The control plane keeps the constitution that it enforces; asked of the catalogue, object by object."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from platformkit_pipeline.control_plane import partitions
from platformkit_pipeline.control_plane.connection import Connection, connect_admin, session
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_user

TABLES = """
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname like 'ops%' and c.relkind in ('r', 'p')
"""
FUNCTIONS = "select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname like 'ops%'"
RELATION_PRIVILEGES = """
    select c.oid::regclass::text as relation, a.grantee, a.privilege_type, c.relowner
      from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a where n.nspname like 'ops%'
"""

# Each query lists what breaks the clause; the control plane has nothing of it.
VIOLATIONS = {
    "2.1 a table without row level security": f"""
        select oid::regclass from pg_class where oid in ({TABLES}) and not relrowsecurity""",
    "2.1 a table without a policy": f"""
        select t.oid::regclass from ({TABLES}) t where not exists (select from pg_policy where polrelid = t.oid)""",
    "2.1 a policy for anybody but our roles": f"""
        select polname, polrelid::regclass from pg_policy, unnest(polroles) as r (role)
         where polrelid in ({TABLES}) and role not in ('platformkit_pipeline'::regrole, 'platformkit_reader'::regrole)""",
    "2.1 a privilege of anybody but our roles": f"""
        select * from ({RELATION_PRIVILEGES}) p
         where grantee not in (relowner, 'platformkit_pipeline'::regrole, 'platformkit_reader'::regrole)""",
    "2.1 a view that runs as its owner": """
        select oid::regclass from pg_class where relnamespace = 'ops'::regnamespace and relkind = 'v'
           and not coalesce(reloptions @> '{security_invoker=true}', false)""",
    "2.2 a function without fixed search_path": f"""
        select oid::regprocedure from pg_proc
         where oid in ({FUNCTIONS}) and not coalesce(proconfig @> array['search_path=pg_catalog, pg_temp'], false)""",
    "2.2 a definer function without justification": f"""
        select oid::regprocedure from pg_proc
         where oid in ({FUNCTIONS}) and prosecdef and coalesce(obj_description(oid, 'pg_proc'), '') !~ 'platformkit:definer \\S+'""",
    "2.2 a function that PUBLIC may execute": f"""
        select oid::regprocedure from pg_proc p
         where oid in ({FUNCTIONS}) and (p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0))""",
    "2.2 a definer function owned by a superuser": f"""
        select p.oid::regprocedure from pg_proc p join pg_roles r on r.oid = p.proowner
         where p.oid in ({FUNCTIONS}) and p.prosecdef and r.rolsuper""",
    "5.1 a table without its reason for having no tenant": f"""
        select oid::regclass from ({TABLES}) t
         where coalesce(obj_description(oid, 'pg_class'), '') !~ 'platformkit:not-tenant-scoped \\S+'""",
    "5.2 a foreign key without explicit action": f"""
        select conrelid::regclass, conname from pg_constraint where contype = 'f' and conrelid in ({TABLES}) and confdeltype = 'a'""",
    "5.2 a foreign key without an index that begins with its columns": f"""
        select conrelid::regclass, conname from pg_constraint c
         where contype = 'f' and conrelid in ({TABLES})
           and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indpred is null and i.indisvalid
                              and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)""",
    "5.2 a column that names a row elsewhere without a foreign key": f"""
        select a.attrelid::regclass, a.attname from pg_attribute a
         where a.attrelid in ({TABLES}) and a.attname ~ '(_id|_scan)$' and a.attname <> 'run_id'
           and not exists (select from pg_constraint c
                            where c.conrelid = a.attrelid and c.contype in ('f', 'p') and a.attnum = any (c.conkey))""",
    "5.3 a table without created_at and updated_at": f"""
        select t.oid::regclass from ({TABLES}) t
         where (select count(*) from pg_attribute a
                 where a.attrelid = t.oid and a.attname in ('created_at', 'updated_at')
                   and a.atttypid = 'timestamptz'::regtype and a.attnotnull) <> 2""",
    "5.3 an updated_at that nothing maintains": f"""
        select t.oid::regclass from ({TABLES}) t
         where not exists (select from pg_trigger g where g.tgrelid = t.oid and g.tgfoid = to_regprocedure('ops.touch_updated_at()'))
           and not exists (select from pg_attribute a where a.attrelid = t.oid and a.attname = 'updated_at' and a.attgenerated = 's')""",
    "a table without primary key": f"""
        select t.oid::regclass from ({TABLES}) t where not exists (select from pg_constraint where conrelid = t.oid and contype = 'p')""",
    "a view without comment": """
        select oid::regclass from pg_class
         where relnamespace = 'ops'::regnamespace and relkind = 'v' and obj_description(oid, 'pg_class') is null""",
    "an object of another owner": """
        select oid::regclass from pg_class where relnamespace = 'ops'::regnamespace and relowner <> 'platformkit_owner'::regrole""",
    "a right of the pipeline to delete or truncate": f"""
        select * from ({RELATION_PRIVILEGES}) p
         where grantee = 'platformkit_pipeline'::regrole and privilege_type not in ('SELECT', 'INSERT', 'UPDATE')""",
    "a right of the reader to write": f"""
        select * from ({RELATION_PRIVILEGES}) p where grantee = 'platformkit_reader'::regrole and privilege_type <> 'SELECT'""",
}


@pytest.fixture(scope="module")
def catalogue(admin_dsn: Dsn, control_plane_template: str) -> Iterator[Connection]:
    """One database for all questions, with the partitions of another month besides those of the migrations."""
    dsn = create_database(admin_dsn, "control_plane_catalogue", template=control_plane_template)
    with session(with_user(dsn, "platformkit_pipeline")) as connection:
        partitions.ensure(connection, datetime(2032, 2, 10, tzinfo=UTC))
    connection = connect_admin(dsn)
    yield connection
    connection.close()
    drop_database(admin_dsn, "control_plane_catalogue")


@pytest.mark.parametrize("clause", VIOLATIONS)
def test_the_control_plane_keeps_the_constitution(catalogue: Connection, clause: str) -> None:
    assert catalogue.execute(VIOLATIONS[clause]).fetchall() == []


def test_the_queries_above_look_at_something(catalogue: Connection) -> None:
    tables = catalogue.execute(TABLES).fetchall()
    functions = catalogue.execute(FUNCTIONS).fetchall()
    assert len(tables) >= 15
    assert len(functions) >= 8


def test_roles_have_no_more_than_they_need(catalogue: Connection) -> None:
    roles = catalogue.execute(
        "select rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication from pg_roles "
        "where rolname like 'platformkit\\_%' and rolname not in ('platformkit_observer', 'platformkit_dagster') order by rolname"
    ).fetchall()
    assert roles == [
        ("platformkit_owner", False, False, False, False, False, False),
        ("platformkit_pipeline", True, False, False, False, False, False),
        ("platformkit_reader", False, False, False, False, False, False),
    ]


def test_the_pipeline_may_not_run_ddl_in_ops(pipeline: Connection) -> None:
    row = pipeline.execute("select has_schema_privilege('ops', 'create'), has_schema_privilege('ops', 'usage')").fetchone()
    assert row == (False, True)


def test_a_delete_by_an_administrator_leaves_a_trace(superuser: Connection) -> None:
    superuser.execute(
        "insert into ops.targets (kind, name, environment) values ('connector', 'a', 'staging'), ('connector', 'b', 'staging')"
    )
    superuser.execute("delete from ops.targets")
    superuser.execute("truncate ops.remediation_patches")
    noted = superuser.execute("select action, object, detail from ops.audit_log order by seq desc limit 2").fetchall()
    assert noted == [("truncate", "ops.remediation_patches", {"rows": None}), ("delete", "ops.targets", {"rows": 2})]


def test_a_row_cannot_name_the_scan_of_another_target(superuser: Connection) -> None:
    superuser.execute(
        "insert into ops.targets (kind, name, environment) values ('connector', 'a', 'staging'), ('connector', 'b', 'staging')"
    )
    superuser.execute(
        "insert into ops.scans (scan_id, target_id, started_at, duration_seconds, catalog_fingerprint) "
        "select gen_random_uuid(), target_id, now(), 1, 'f' from ops.targets where name = 'a'"
    )
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        superuser.execute(
            "insert into ops.inventory_objects (target_id, kind, identity, content_hash, payload, first_seen_scan, changed_scan) "
            "select t.target_id, 'table', 'x', sha256(''), '{}', s.scan_id, s.scan_id from ops.targets t, ops.scans s where t.name = 'b'"
        )
