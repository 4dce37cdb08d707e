"""What `platformkit new` writes, run on Supabase-shaped databases: it keeps every rule, may run twice, and can be undone."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from platformkit_pipeline.introspection.postgres.isolation_probe import probe_isolation
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.isolation import ProbeLevel
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import Declarations, Tenancy
from platformkit_pipeline.operations.new_table import TableRequest, new_table
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Scope, Source, rules_for
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape
from platformkit_pipeline_tests.gates.conftest import GATES, run_gate
from platformkit_pipeline_tests.operations.scaffolded import fingerprint, run_scripts, scaffold, texts

OTHER_NAMES = Declarations(
    tenancy=Tenancy("org_id", "org"), created_at="made_at", updated_at="changed_at", created_by="made_by", updated_by="changed_by"
)
A, B = uuid.UUID(int=1), uuid.UUID(int=2)
USER = uuid.UUID(int=7)


@pytest.fixture(params=GrantRegime)
def empty(request: pytest.FixtureRequest, supabase_database: Dsn) -> Dsn:
    """An empty project, under each regime of grants."""
    install_supabase_shape(supabase_database, grants=request.param)
    return supabase_database


@pytest.fixture
def shop(tmp_path: Path, empty: Dsn) -> Dsn:
    """The scaffolded tables with a customer, a depot and an invoice of two tenants each."""
    run_scripts(empty, texts(scaffold(tmp_path).migrations))
    with psycopg.connect(empty.reveal(), autocommit=True) as connection:
        connection.execute("insert into auth.users (id) values (%s)", [USER])
        for tenant in (A, B):
            connection.execute("insert into public.tenants (id, name) values (%s, 'one')", [tenant])
            connection.execute("insert into public.customers (id, tenant_id, name) values (%s, %s, 'c')", [tenant, tenant])
            connection.execute("insert into public.depots (id, tenant_id) values (%s, %s)", [tenant, tenant])
            connection.execute(
                "insert into public.invoices (tenant_id, customer_id, from_depot, user_id, total, created_by, updated_by)"
                " values (%(t)s, %(t)s, %(t)s, %(u)s, 1, %(u)s, %(u)s)",
                {"t": tenant, "u": USER},
            )
        connection.execute("insert into public.countries (code) values ('AT')")
        connection.execute("insert into public.jobs (customer_id, payload) values (%s, '{}')", [A])
    return empty


def findings(dsn: Dsn, declarations: Declarations) -> list[str]:
    """Of every rule of the book; statistics are pretended to be old, nobody gave access to logs."""
    observed = observe(dsn, clock_ahead=timedelta(days=90))
    statistics = {r.code for r in rules_for(Scope.PROJECT) if r.source in (Source.STATISTICS, Source.LOGS, Source.PROBE)}
    results = evaluate(observed, declarations, rules_for(Scope.PROJECT))
    assert {r.rule for r in results if r.outcome is Outcome.PASS} >= {"RLS001", "TEN003", "TEN004", "FKY003", "AUD004", "AUD006", "IDX001"}
    return [
        f"{r.rule} {r.outcome} {r.object}: {r.message}"
        for r in results
        if r.is_finding and not (r.rule in statistics and r.outcome is Outcome.UNKNOWN)
    ]


@contextmanager
def caller(dsn: Dsn, role: str, tenant: uuid.UUID | None = None, user: uuid.UUID | None = None) -> Iterator[psycopg.Connection[Any]]:
    """As the Data API runs a request; rolled back in the end."""
    claims = {"role": role, **({"tenant_id": str(tenant)} if tenant else {}), **({"sub": str(user)} if user else {})}
    with psycopg.connect(dsn.reveal()) as connection:
        connection.execute(f"set local role {role}".encode())
        connection.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
        yield connection
        connection.rollback()


@pytest.mark.parametrize("role", ["postgres", "supabase_admin"])
@pytest.mark.parametrize("declarations", [Declarations(), OTHER_NAMES], ids=["defaults", "other names"])
def test_what_is_scaffolded_gives_no_finding_at_all(empty: Dsn, tmp_path: Path, role: str, declarations: Declarations) -> None:
    run_scripts(empty, texts(scaffold(tmp_path, declarations).migrations), role)
    assert findings(empty, declarations) == []
    assert {name: run_gate(name, empty).code for name in GATES} == dict.fromkeys(GATES, 0)


def test_tables_in_other_schemas_give_no_finding_either(empty: Dsn, tmp_path: Path) -> None:
    folder = scaffold(tmp_path)
    (folder.migrations / "20260301130000_billing.sql").write_text("create schema billing;")
    for schema in ("billing", "private"):
        for request in (
            TableRequest("ledgers", schema, columns=("label:text",), references=("customers",), critical=True),
            TableRequest("rates", schema, public_read="published rates", references=(f"{schema}.ledgers",)),
            TableRequest("runs", schema, not_tenant_scoped="the server's own", critical=True),
        ):
            new_table(request, tmp_path, Declarations())
    run_scripts(empty, texts(folder.migrations))
    assert findings(empty, Declarations()) == []


@pytest.mark.parametrize("role", ["postgres", "supabase_admin"])
def test_running_it_all_again_changes_nothing(empty: Dsn, tmp_path: Path, role: str) -> None:
    scripts = texts(scaffold(tmp_path).migrations)
    run_scripts(empty, scripts, role)
    once = fingerprint(empty)
    run_scripts(empty, scripts, role)
    for script in scripts:
        run_scripts(empty, [script, script], role)
    assert fingerprint(empty) == once


@pytest.mark.parametrize("role", ["postgres", "supabase_admin"])
def test_each_undo_leads_back_exactly(empty: Dsn, tmp_path: Path, role: str) -> None:
    folder = scaffold(tmp_path)
    before = [fingerprint(empty)]
    for script in texts(folder.migrations):
        run_scripts(empty, [script], role)
        before.append(fingerprint(empty))
    assert len(set(before)) == len(before)
    for script in reversed(texts(folder.rollbacks)):
        before.pop()
        run_scripts(empty, [script], role)
        assert fingerprint(empty) == before[-1]
        run_scripts(empty, [script], role)
        assert fingerprint(empty) == before[-1]


def test_a_schema_private_that_was_there_before_survives_the_undo(supabase_database: Dsn, tmp_path: Path) -> None:
    run_scripts(supabase_database, ["create schema private; comment on schema private is 'ours'"])
    before, folder = fingerprint(supabase_database), scaffold(tmp_path)
    run_scripts(supabase_database, texts(folder.migrations))
    run_scripts(supabase_database, texts(folder.rollbacks)[::-1])
    assert fingerprint(supabase_database) == before


def test_what_is_made_later_is_closed_to_client_roles(empty: Dsn, tmp_path: Path) -> None:
    run_scripts(empty, texts(scaffold(tmp_path).migrations))
    run_scripts(
        empty, ["create table public.later (id int generated by default as identity); create function public.f() returns int return 1"]
    )
    with psycopg.connect(empty.reveal()) as connection:
        rights = connection.execute(
            "select has_table_privilege(r, 'public.later', 'select, insert, update, delete, truncate, references, trigger'),"
            " has_function_privilege(r, 'public.f()', 'execute'), has_sequence_privilege(r, 'public.later_id_seq', 'usage, select, update')"
            " from unnest(array['anon', 'authenticated']) as r"
        ).fetchall()
    assert rights == [(False, False, False)] * 2


@pytest.mark.parametrize("table", ["customers", "depots", "invoices"])
def test_a_tenant_sees_its_own_rows_and_nobody_elses(shop: Dsn, table: str) -> None:
    for tenant in (A, B):
        with caller(shop, "authenticated", tenant, USER) as connection:
            assert connection.execute(f"select tenant_id from public.{table}".encode()).fetchall() == [(tenant,)]
            assert connection.execute(f"update public.{table} set updated_at = updated_at".encode()).rowcount == 1
    with caller(shop, "authenticated") as connection:
        assert connection.execute(f"select from public.{table}".encode()).fetchall() == []
    with caller(shop, "anon") as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute(f"select from public.{table}".encode())
    with caller(shop, "service_role") as connection:
        assert connection.execute(f"select from public.{table}".encode()).rowcount == 2


def test_a_tenant_cannot_write_into_another(shop: Dsn) -> None:
    with caller(shop, "authenticated", A, USER) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("insert into public.customers (tenant_id, name) values (%s, 'x')", [B])
    with caller(shop, "authenticated", A, USER) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("update public.customers set tenant_id = %s", [B])
    with caller(shop, "authenticated", A, USER) as connection, pytest.raises(errors.ForeignKeyViolation):
        connection.execute("update public.invoices set customer_id = %s", [B])  # a customer of the other tenant
    with caller(shop, "authenticated", A, USER) as connection:
        assert connection.execute("delete from public.invoices where tenant_id = %s", [B]).rowcount == 0
        assert connection.execute("delete from public.invoices").rowcount == 1


def test_tables_outside_the_tenant_model_are_open_as_declared(shop: Dsn) -> None:
    for role in ("anon", "authenticated"):
        with caller(shop, role, A if role == "authenticated" else None) as connection:
            assert connection.execute("select code from public.countries").fetchall() == [("AT",)]
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("delete from public.countries")
        for closed in ("public.jobs", "private.audit_log"):
            with caller(shop, role) as connection, pytest.raises(errors.InsufficientPrivilege):
                connection.execute(f"select from {closed}".encode())
    with caller(shop, "authenticated", A) as connection:
        assert connection.execute("select id from public.tenants").fetchall() == [(A,)]
    with caller(shop, "anon") as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("select from public.tenants")


def test_the_probe_gets_at_no_row_of_another_tenant(shop: Dsn) -> None:
    observed = observe(shop)
    probed = probe_isolation(shop, observed, Declarations(), level=ProbeLevel.WRITE)
    rules = [r for r in rules_for(Scope.PROJECT) if r.source is Source.PROBE]
    results = evaluate(replace(observed, isolation=probed), Declarations(), rules)
    assert [r.message for r in results if r.outcome is Outcome.FAIL] == []
    assert any(r.outcome is Outcome.PASS for r in results)


def test_changes_of_a_critical_table_say_who_and_cannot_be_forged(shop: Dsn) -> None:
    with caller(shop, "authenticated", A, USER) as connection:
        connection.execute("update public.invoices set total = 2, created_by = %s, updated_by = %s", [B, B])
        assert connection.execute("select total, created_by, updated_by, updated_at > created_at from public.invoices").fetchall() == [
            (2, USER, USER, True)
        ]
        connection.execute("delete from public.invoices")
        connection.execute("reset role")
        logged = connection.execute(
            "select operation, actor, database_role, old_row ->> 'total', new_row ->> 'total' from private.audit_log"
            " order by id desc limit 2"
        ).fetchall()
        assert logged == [("DELETE", USER, "authenticated", "2.00", None), ("UPDATE", USER, "authenticated", "1.00", "2.00")]


def test_truncate_is_logged_and_the_log_only_grows(shop: Dsn) -> None:
    with psycopg.connect(shop.reveal()) as connection:
        connection.execute("set role postgres")
        connection.execute("truncate public.invoices")
        last = "select operation, table_name from private.audit_log order by id desc limit 1"
        assert connection.execute(last).fetchone() == ("TRUNCATE", "invoices")
        connection.commit()
        for change in ("update private.audit_log set actor = null", "delete from private.audit_log", "truncate private.audit_log"):
            with pytest.raises(errors.RestrictViolation), connection.transaction():
                connection.execute(change.encode())


def test_a_tenant_with_rows_cannot_vanish(shop: Dsn) -> None:
    with psycopg.connect(shop.reveal()) as connection, pytest.raises(errors.IntegrityError):
        connection.execute("delete from public.tenants where id = %s", [A])
