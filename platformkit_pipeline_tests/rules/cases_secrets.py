"""Cases of SEC010. The secrets are put together here, so that no file of the repository holds one."""

from __future__ import annotations

from platformkit_pipeline_tests.rules.planted import GOOD, TENANT, Case, case
from platformkit_pipeline_tests.sqltext.test_secrets import ANON, DEMO, DRAWN, SERVICE_ROLE

UUID = "c0ffee00-0000-4000-8000-000000000001"
NOTIFY = "function public.notify()"
WEBHOOK = (
    "create trigger webhook after insert on public.orders for each row execute function "
    "public.deliver('https://hooks.shop.io', 'POST', '{\"Authorization\":\"Bearer %s\"}')"
)
DELIVER = (
    "create function public.deliver() returns trigger language plpgsql set search_path = '' as 'begin return null; end'",
    "revoke execute on function public.deliver() from public",
)

HEADER = "((select current_setting('request.headers', true))::json ->> 'x-api-key')"
ROLE = "((select auth.jwt()) ->> 'role')"
TYPE = "((select auth.jwt()) ->> 'token_type')"


def _function(expression: str) -> str:
    return f"create or replace function public.notify() returns text language sql set search_path = '' as $f$ select {expression} $f$"


CASES: list[Case] = [
    case(
        "SEC010 a key in a function body",
        _function(f"'{SERVICE_ROLE}'"),
        expected={("SEC010", NOTIFY)},
        mend=(_function("decrypted_secret from vault.decrypted_secrets where name = 'service_role_key'"),),
    ),
    case(
        "SEC010 a key in a BEGIN ATOMIC body and another in a setting",
        f"create function public.notify() returns text language sql set app.api_key = '{DRAWN}' begin atomic select 'Bearer {DRAWN}'; end",
        expected={("SEC010", NOTIFY)},
        mend=("drop function public.notify()",),
        role="supabase_admin",  # custom settings need it
    ),
    case(
        "SEC010 publishable keys and demo keys are no secrets",
        _function(f"'{ANON}' || '{DEMO}' || 'sb_publishable_{DRAWN}'"),
        expected=set(),
    ),
    case(
        "SEC010 a view",
        f"create view public.targets with (security_invoker = true) as select id, 'Bearer {DRAWN}' as header from public.orders",
        expected={("SEC010", "view public.targets")},
        mend=("drop view public.targets",),
    ),
    case(
        "SEC010 a default, a policy, a constraint and comments, one finding each",
        *GOOD,
        f"alter table public.notes add column header text default 'Bearer {DRAWN}'",
        f"alter table public.notes add constraint known check (header <> 'Bearer {DRAWN}x')",
        f"alter policy notes_of_tenant on public.notes using (tenant_id = {TENANT} and header <> 'Bearer {DRAWN}y')",
        f"comment on table public.notes is 'ask robot, password: {DRAWN}'",
        f"comment on column public.notes.tenant_id is 'the api key is {DRAWN}'",
        expected={
            ("SEC010", "column public.notes.header"),
            ("SEC010", "column public.notes.tenant_id"),
            ("SEC010", "constraint public.notes.known"),
            ("SEC010", "policy public.notes.notes_of_tenant"),
            ("SEC010", "table public.notes"),
        },
        mend=("drop table public.notes",),
    ),
    case(
        "SEC010 the headers of a database webhook",
        *DELIVER,
        WEBHOOK % SERVICE_ROLE,
        expected={("SEC010", "trigger public.orders.webhook")},
        mend=("drop trigger webhook on public.orders", WEBHOOK % ANON),
    ),
    case(
        "SEC010 a setting of a role",
        f"alter role service_role set app.jwt_secret = '{DRAWN}'",
        expected={("SEC010", "role service_role")},
        mend=("alter role service_role reset app.jwt_secret",),
        role="supabase_admin",
    ),
    case(
        "SEC010 a literal that a view gives out under a telling name",
        f"create view public.targets with (security_invoker = true) as select id, '{DRAWN}'::text as api_key from public.orders",
        expected={("SEC010", "view public.targets")},
        mend=("drop view public.targets",),
    ),
    case(
        "SEC010 a literal with which a policy compares a header",
        *GOOD,
        f"alter policy notes_of_tenant on public.notes using (tenant_id = {TENANT} and {HEADER} = '{DRAWN}')",
        expected={("SEC010", "policy public.notes.notes_of_tenant")},
        mend=("drop table public.notes",),
    ),
    case(
        "SEC010 roles, kinds and short words are compared with no secret",
        *GOOD,
        f"alter policy notes_of_tenant on public.notes using (tenant_id = {TENANT} and {ROLE} in ('admin', 'owner') and {TYPE} = 'bearer')",
        "create view public.targets with (security_invoker = true) as select id, 'none' as token, 'v1-beta' as api_key from public.orders",
        expected=set(),
    ),
    case(
        "SEC010 the body of a function with RETURN, and one with an odd name",
        f"""create function public."pay ""now"" (v1)"("p api" text) returns boolean language sql set search_path = ''
          return "p api" is not null and {HEADER} is distinct from '{DRAWN}'""",
        f"""create function public.notify() returns boolean language sql set search_path = ''
          begin atomic select '{DRAWN}' = {HEADER} as known; end""",
        expected={("SEC010", 'function public."pay ""now"" (v1)"("p api" text)'), ("SEC010", NOTIFY)},
        mend=('drop function public."pay ""now"" (v1)", public.notify()',),
    ),
    case(
        "SEC010 options of a foreign server and of its user mappings",
        "create foreign data wrapper elsewhere",
        f"create server shop foreign data wrapper elsewhere options (api_key '{DRAWN}')",
        "create user mapping for postgres server shop options (user 'robot', password 'winter', password_required 'true')",
        expected={("SEC010", "foreign_server shop")},
        mend=("drop foreign data wrapper elsewhere cascade",),
        role="supabase_admin",
    ),
    case(
        "SEC010 options that only sound like it",
        "create foreign data wrapper elsewhere",
        f"create server shop foreign data wrapper elsewhere options (api_key_id '{UUID}', keyspace 'shop12345')",
        "create user mapping for postgres server shop options (user 'robot', password_required 'false', sslkey '/etc/ssl/robot1.key')",
        expected=set(),
        role="supabase_admin",
    ),
]
