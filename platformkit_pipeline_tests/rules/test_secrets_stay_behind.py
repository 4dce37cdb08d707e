"""A secret planted anywhere in a database is found, and stands in nothing that leaves the observation."""

from __future__ import annotations

import json

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot_inventory import inventory_of
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Scope, rules_for
from platformkit_pipeline.sqltext.secrets import MARKER
from platformkit_pipeline_tests.cli.program import platformkit
from platformkit_pipeline_tests.rules.conftest import run_sql
from platformkit_pipeline_tests.sqltext.test_secrets import FORMED, PEM, SERVICE_ROLE, jwt

KEYS = [f"zQ7{letter}x4Rk9{letter}Vt2Wm8" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:25]]
"""One for each place, each told from the others by its letter."""
CHOSEN = "winter-is-near-2031"
"""A password that a person chose."""

(
    BODY,
    ATOMIC,
    SETTING,
    NESTED,
    ARGUMENT,
    VIEW,
    MATERIALIZED,
    DEFAULT,
    CHECK,
    POLICY,
    COMMENT,
    COLUMN,
    TRIGGER,
    ROLE,
    SERVER,
    INDEX,
    DOMAIN,
    BROKEN,
    GENERATED,
    DATABASE,
    EVERY_ROLE,
    ALIASED,
    HEADER,
    LISTED,
    RETURNED,
) = KEYS

PLANTED = f"""
create function public.a() returns text language plpgsql set search_path = '' as $f$
declare
  v_api_key constant text := '{BODY}';
begin
  execute 'select dblink_connect(''host=db.shop.io password={NESTED}'')';
  perform extensions.crypt('{CHOSEN}', 'x');
  return v_api_key || '{SERVICE_ROLE}';
end $f$;
create function public.b() returns text language sql set app.api_key = '{SETTING}' begin atomic select 'Bearer {ATOMIC}'; end;
create function public.c(p_token text default '{ARGUMENT}') returns text language sql set search_path = '' as 'select p_token';
set check_function_bodies = off;
create function public.d(t text) returns void language plpgsql security definer as $f$ begin execute if v_secret := '{BROKEN}' end $f$;
create view public.v as select 'Bearer {VIEW}' as header, id from public.orders;
create materialized view public.m as select 'Bearer {MATERIALIZED}' as header;
create domain public.header as text default 'Bearer {DOMAIN}' check (value <> 'Bearer {DOMAIN}');
create table public.notes (
  id uuid primary key,
  header text default 'Bearer {DEFAULT}' constraint known check (header <> 'Bearer {CHECK}'),
  made text generated always as (header || 'Bearer {GENERATED}') stored
);
create index pointed on public.notes (id) where header = 'Bearer {INDEX}';
create policy everybody on public.notes using (header = 'Bearer {POLICY}' or true);
comment on table public.notes is 'the password: {COMMENT}';
comment on column public.notes.id is 'api key = {COLUMN}';
create trigger webhook after insert on public.notes for each row
  execute function public.deliver('https://hooks.shop.io', '{{"x-api-key":"{TRIGGER}"}}');
alter role service_role set app.settings.jwt_secret = '{ROLE}';
alter role all set app.settings.service_role_key = '{EVERY_ROLE}';
do $do$ begin execute format('alter database %I set app.jwt_secret = %L', current_database(), '{DATABASE}'); end $do$;
create view public.aliased as select id, '{ALIASED}' as api_key from public.orders;
create policy by_header on public.notes for select
  using (((current_setting('request.headers', true))::json ->> 'x-api-key') = '{HEADER}' and id is not null);
create view public.listed as
  select id from public.orders where (current_setting('request.headers', true))::json ->> 'x-api-key' in ('other', '{LISTED}');
create function public."e ""f"" (g)"("an api" text) returns boolean language sql set search_path = ''
  return '{RETURNED}' = (current_setting('request.headers', true))::json ->> 'x-api-key';
create foreign data wrapper elsewhere;
create server shop foreign data wrapper elsewhere options (api_key '{SERVER}', url 'postgres://robot:{CHOSEN}@db.shop.io/shop');
create user mapping for postgres server shop options (user 'robot', password '{CHOSEN}');
"""
DELIVER = "create function public.deliver() returns trigger language plpgsql set search_path = '' as 'begin return null; end'"
SECRETS = (*KEYS, CHOSEN, SERVICE_ROLE, SERVICE_ROLE.rsplit(".", 1)[1])


@pytest.fixture
def leaking(well_kept: Dsn) -> Dsn:
    run_sql(well_kept, DELIVER, role="supabase_admin")
    run_sql(well_kept, PLANTED, role="supabase_admin")
    return well_kept


@pytest.fixture(autouse=True)
def _mended_roles(well_kept: Dsn) -> object:
    yield
    for role, setting in (("service_role", "jwt_secret"), ("all", "service_role_key")):
        run_sql(well_kept, f"alter role {role} reset app.settings.{setting}", role="supabase_admin")


def nothing_of_them_in(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


def test_neither_the_snapshot_nor_the_inventory_holds_a_secret(leaking: Dsn) -> None:
    snapshot = observe(leaking)
    nothing_of_them_in(repr(snapshot))
    stored = json.dumps([(str(o.identity), o.payload) for o in inventory_of(snapshot)], default=str)
    nothing_of_them_in(stored)
    assert MARKER in stored


def test_no_result_holds_a_secret_and_every_place_is_reported(leaking: Dsn) -> None:
    snapshot = observe(leaking)
    results = evaluate(snapshot, Declarations(), rules_for(Scope.PROJECT))
    nothing_of_them_in(repr(results))
    assert {r.object.canonical for r in results if r.rule == "SEC010" and r.is_finding} == {
        "column public.notes.header",
        "column public.notes.id",
        "column public.notes.made",
        "constraint public.notes.known",
        f"database {snapshot.server.database}",
        "foreign_server shop",
        'function public."e ""f"" (g)"("an api" text)',
        "function public.a()",
        "function public.b()",
        "function public.c(p_token text)",
        "function public.d(t text)",
        "index public.notes.pointed",
        "materialized_view public.m",
        "policy public.notes.by_header",
        "policy public.notes.everybody",
        "role service_role",
        "table public.notes",
        "trigger public.notes.webhook",
        "type public.header",
        "view public.aliased",
        "view public.listed",
        "view public.v",
    }


@pytest.mark.parametrize("form", ["table", "json", "sarif", "junit", "markdown"])
def test_neither_a_report_nor_the_log_holds_a_secret(leaking: Dsn, form: str) -> None:
    done = platformkit(
        "scan", "--dsn-env", "SHOP", "--format", form, env={"SHOP": leaking.reveal(), "PLATFORMKIT_LOG_LEVEL": "DEBUG", "COLUMNS": "400"}
    )
    assert done.returncode == 1
    assert "SEC010" in done.stdout
    nothing_of_them_in(done.stdout + done.stderr)


def test_every_known_form_is_found_in_a_function(well_kept: Dsn) -> None:
    samples = [*(secret for _, secret in FORMED), PEM, jwt(role="postgres")]
    for number, secret in enumerate(samples):
        run_sql(
            well_kept, f"create function public.f{number}() returns text language sql set search_path = '' as $f$ select '{secret}' $f$"
        )
    snapshot = observe(well_kept)
    found = {r.object.name for r in evaluate(snapshot, Declarations(), rules_for(Scope.PROJECT)) if r.rule == "SEC010" and r.is_finding}
    assert found == {f"f{number}" for number in range(len(samples))}
    assert not any(secret in repr(snapshot) for secret in samples)
