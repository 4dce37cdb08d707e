"""Cases of RLS007, RLS008, RLS009 and API001 to API007: what the Data API serves that policies cannot protect."""

from __future__ import annotations

from platformkit_pipeline_tests.rules.planted import STAMPS, Case, case

TOTALS = "create view public.totals as select tenant_id, sum(total) as total from public.orders group by tenant_id"
PLAIN = "create view public.totals as select id, tenant_id, total from public.orders"
READ_TOTALS = "grant select on public.totals to authenticated"
VIEW = ("RLS007", "view public.totals")
INVOKER = "alter view public.totals set (security_invoker = on)"

BACK_ROOM = "create schema internal"
BACK_VIEW = "create view internal.all_orders as select * from public.orders"
BACK_GRANT = "grant select on internal.all_orders to authenticated"

MATERIALIZED = "create materialized view public.totals as select tenant_id, sum(total) as total from public.orders group by 1"
MATVIEW = ("RLS008", "materialized_view public.totals")

SERVER = ("create foreign data wrapper elsewhere", "create server warehouse foreign data wrapper elsewhere")
FOREIGN = "create foreign table public.shipments (id uuid, tenant_id uuid) server warehouse"
CLOSE_FOREIGN = "revoke all on public.shipments from anon, authenticated"
"""What supabase_admin makes in public is granted to client roles by the platform's own default privileges."""

PROFILES = "create view public.profiles as select id, email from auth.users"
READ_PROFILES = "grant select on public.profiles to authenticated"
ACCOUNTS = ("API001", "view public.profiles")

PEOPLE = (
    f"create table public.people (id uuid primary key, name text, email text, has_password boolean, {STAMPS})",
    "comment on table public.people is 'platformkit:not-tenant-scoped everybody'",
    "create trigger touch before update on public.people for each row execute function public.touch_updated_at()",
)
OPEN_PEOPLE = ("RLS001", "table public.people")
SENSITIVE = ("API002", "table public.people")

BUCKETS = "insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true), ('reports', 'reports', false)"
AVATARS = ("API003", "storage_bucket avatars")

GRAPHQL = (
    "insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) select "
    "(max(oid)::bigint + 1)::oid, 'pg_graphql', 'supabase_admin'::regrole, 'graphql'::regnamespace, false, '1.5.11' from pg_extension"
)
"""The embedded server has not got the files of pg_graphql; this is the row that CREATE EXTENSION makes."""
NO_GRAPHQL = "drop extension pg_graphql"
SERVED = {("API005", "table public.orders"), ("API005", "table public.tenants"), ("EXT002", "extension pg_graphql")}
"""EXT002 cannot compare the version of an extension without files."""

QUEUE = (
    "create schema pgmq",
    "grant usage on schema pgmq to authenticated",
    "create table pgmq.q_mails (msg_id bigint primary key, message jsonb)",
    "create table pgmq.a_mails (msg_id bigint primary key, message jsonb)",
    "create table pgmq.meta (queue_name text primary key)",
    "grant select, insert, update, delete on all tables in schema pgmq to authenticated",
)


def expose(schemas: str) -> str:
    return (
        "do $$ begin execute format('alter role authenticator in database %I set pgrst.db_schemas = %L', "
        f"current_database(), '{schemas}'); end $$"
    )


def default_privileges(objects: str, schema: str = "public") -> tuple[str, str]:
    return ("API007", f"default_privilege {schema}.postgres.{objects}")


CASES: list[Case] = [
    # -- RLS007 -----------------------------------------------------------------------------------------------------
    case("RLS007 a view of a bypassing owner", TOTALS, READ_TOTALS, expected={VIEW}, mend=(INVOKER,)),
    case(
        "RLS007 security_invoker written as yes",
        TOTALS,
        READ_TOTALS,
        "alter view public.totals set (security_invoker = yes)",
        expected=set(),
    ),
    case(
        "RLS007 security_invoker written as 1", TOTALS, READ_TOTALS, "alter view public.totals set (security_invoker = 1)", expected=set()
    ),
    case(
        "RLS007 security_invoker switched off",
        TOTALS,
        READ_TOTALS,
        "alter view public.totals set (security_invoker = off)",
        expected={VIEW},
        mend=(INVOKER,),
    ),
    case("RLS007 a view that no client role may read", TOTALS, "grant select on public.totals to service_role", expected=set()),
    case(
        "RLS007 a grant on one column",
        TOTALS,
        "grant select (total) on public.totals to authenticated",
        expected={VIEW},
        mend=("revoke select (total) on public.totals from authenticated",),
    ),
    case("RLS007 a grant to PUBLIC", TOTALS, "grant select on public.totals to public", expected={VIEW}, mend=("drop view public.totals",)),
    case(
        "RLS007 a view that can only be written",
        PLAIN,
        "grant insert on public.totals to authenticated",
        expected={VIEW},
        mend=("revoke insert on public.totals from authenticated",),
    ),
    case("RLS007 a grant to write what cannot be written", TOTALS, "grant insert on public.totals to authenticated", expected=set()),
    case(
        "RLS007 a view over tables without row level security",
        BACK_ROOM,
        f"create table internal.news (id uuid primary key, {STAMPS})",
        "create trigger touch before update on internal.news for each row execute function public.touch_updated_at()",
        "comment on table internal.news is 'platformkit:not-tenant-scoped the same for all'",
        "create view public.news as select id, created_at from internal.news",
        "grant select on public.news to anon",
        expected=set(),
    ),
    case(
        "RLS007 an owner whom the policies hold for",
        TOTALS,
        READ_TOTALS,
        "alter view public.totals owner to dashboard_user",
        "grant select on public.orders to dashboard_user",
        expected=set(),
        role="supabase_admin",
    ),
    case(
        "RLS007 an owner who may not read the table",
        TOTALS,
        READ_TOTALS,
        "alter view public.totals owner to service_role",
        "revoke all on public.orders from service_role",
        expected=set(),
        role="supabase_admin",
    ),
    case(
        "RLS007 both views of a chain are reported, and the one that opens the table mends both",
        TOTALS,
        READ_TOTALS,
        "create view public.grand_total as select sum(total) as total from public.totals",
        "grant select on public.grand_total to authenticated",
        expected={VIEW, ("RLS007", "view public.grand_total")},
        mend=(INVOKER,),
    ),
    case(
        "RLS007 behind a definer view, an invoker view still reads as the caller",
        TOTALS,
        INVOKER,
        READ_TOTALS,
        "create view public.grand_total as select sum(total) as total from public.totals",
        "grant select on public.grand_total to authenticated",
        expected=set(),
    ),
    case(
        "RLS007 an invoker view over a definer view that is not exposed",
        BACK_ROOM,
        BACK_VIEW,
        BACK_GRANT,
        "create view public.totals with (security_invoker = on) as select sum(total) as total from internal.all_orders",
        READ_TOTALS,
        expected={VIEW},
        mend=("alter view internal.all_orders set (security_invoker = on)",),
    ),
    case(
        "RLS007 an invoker view over a definer view that the caller may not read",
        BACK_ROOM,
        BACK_VIEW,
        "create view public.totals with (security_invoker = on) as select sum(total) as total from internal.all_orders",
        READ_TOTALS,
        expected=set(),
    ),
    case(
        "RLS007 a definer view over a materialized view",
        BACK_ROOM,
        "create materialized view internal.all_orders as select * from public.orders",
        "create view public.totals as select sum(total) as total from internal.all_orders",
        READ_TOTALS,
        expected={VIEW},
        mend=("revoke select on public.totals from authenticated",),
    ),
    # -- RLS008, RLS009 ---------------------------------------------------------------------------------------------
    case(
        "RLS008 a materialized view",
        MATERIALIZED,
        READ_TOTALS,
        expected={MATVIEW},
        mend=("revoke select on public.totals from authenticated",),
    ),
    case("RLS008 a materialized view without a grant", MATERIALIZED, expected=set()),
    case("RLS008 a privilege that is of no use there", MATERIALIZED, "grant insert on public.totals to authenticated", expected=set()),
    case(
        "RLS008 one column of a materialized view",
        MATERIALIZED,
        "grant select (total) on public.totals to anon",
        expected={MATVIEW},
        mend=("revoke select (total) on public.totals from anon",),
    ),
    case(
        "RLS008 a materialized view in a schema that is not exposed",
        BACK_ROOM,
        "grant usage on schema internal to authenticated",
        "create materialized view internal.totals as select sum(total) as total from public.orders",
        "grant select on internal.totals to authenticated",
        expected=set(),
    ),
    case(
        "RLS009 a foreign table",
        *SERVER,
        FOREIGN,
        expected={("RLS009", "foreign_table public.shipments")},
        mend=(CLOSE_FOREIGN,),
        role="supabase_admin",
    ),
    case("RLS009 a foreign table without a grant", *SERVER, FOREIGN, CLOSE_FOREIGN, expected=set(), role="supabase_admin"),
    case(
        "RLS009 a foreign table that can only be written",
        *SERVER,
        FOREIGN,
        CLOSE_FOREIGN,
        "grant insert on public.shipments to anon",
        expected={("RLS009", "foreign_table public.shipments")},
        mend=("revoke insert on public.shipments from anon",),
        role="supabase_admin",
    ),
    # -- API001 -----------------------------------------------------------------------------------------------------
    case(
        "API001 a view over auth.users",
        PROFILES,
        READ_PROFILES,
        expected={ACCOUNTS},
        mend=("revoke all on public.profiles from authenticated",),
    ),
    case("API001 a view over auth.users without a grant", PROFILES, expected=set()),
    case(
        "API001 an invoker view over auth.users, which callers may not read",
        PROFILES,
        READ_PROFILES,
        "alter view public.profiles set (security_invoker = on)",
        expected=set(),
    ),
    case(
        "API001 an invoker view, and callers may read auth.users without row level security",
        PROFILES,
        READ_PROFILES,
        "alter view public.profiles set (security_invoker = on)",
        "grant select on auth.users to authenticated",
        "alter table auth.users disable row level security",
        expected={ACCOUNTS},
        mend=("alter table auth.users enable row level security",),
        role="supabase_admin",
    ),
    case(
        "API001 through a view that is not exposed",
        BACK_ROOM,
        "create view internal.accounts as select * from auth.users",
        "create view internal.people as select * from internal.accounts",
        "create view public.profiles as select id, email from internal.people",
        READ_PROFILES,
        expected={ACCOUNTS},
        mend=("drop view public.profiles",),
    ),
    case(
        "API001 a materialized view over auth.users",
        "create materialized view public.sign_ins as select id, last_sign_in_at from auth.users",
        "grant select on public.sign_ins to anon",
        expected={("API001", "materialized_view public.sign_ins"), ("RLS008", "materialized_view public.sign_ins")},
        mend=("drop materialized view public.sign_ins",),
    ),
    # -- API002 -----------------------------------------------------------------------------------------------------
    case(
        "API002 a table without row level security",
        *PEOPLE,
        "grant select on public.people to anon",
        expected={OPEN_PEOPLE, SENSITIVE},
        mend=("drop table public.people",),
    ),
    case(
        "API002 only harmless columns are granted",
        *PEOPLE,
        "grant select (id, name, has_password) on public.people to anon",
        expected={OPEN_PEOPLE},
        mend=("drop table public.people",),
    ),
    case(
        "API002 the sensitive column itself is granted",
        *PEOPLE,
        "grant select (email) on public.people to anon",
        expected={OPEN_PEOPLE, SENSITIVE},
        mend=("drop table public.people",),
    ),
    case(
        "API002 a table that cannot be read",
        *PEOPLE,
        "grant insert on public.people to anon",
        expected={OPEN_PEOPLE},
        mend=("drop table public.people",),
    ),
    case(
        "API002 a materialized view",
        'create materialized view public.totals as select tenant_id, sum(total) as "creditCardNumber" from public.orders group by 1',
        READ_TOTALS,
        expected={MATVIEW, ("API002", "materialized_view public.totals")},
        mend=("drop materialized view public.totals",),
    ),
    # -- API003 -----------------------------------------------------------------------------------------------------
    case(
        "API003 a policy for the whole bucket",
        BUCKETS,
        "create policy reading on storage.objects for select to anon using (bucket_id = 'avatars')",
        expected={AVATARS},
        mend=("drop policy reading on storage.objects",),
        role="supabase_admin",
    ),
    case(
        "API003 one of several buckets, and a constant",
        BUCKETS,
        "create policy reading on storage.objects for select using (bucket_id in ('reports', 'avatars') and 1 = 1)",
        expected={AVATARS},
        mend=("update storage.buckets set public = false",),
        role="supabase_admin",
    ),
    case(
        "API003 a policy for another bucket, and a folder of this one",
        BUCKETS,
        "create policy other on storage.objects for select using (bucket_id = 'reports')",
        "create policy folder on storage.objects for select to authenticated"
        " using (bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text)",
        "create policy uploads on storage.objects for insert to authenticated with check (bucket_id = 'avatars')",
        expected=set(),
        role="supabase_admin",
    ),
    case(
        "API003 narrowed by a restrictive policy",
        BUCKETS,
        "create policy reading on storage.objects for select to authenticated using (bucket_id = 'avatars')",
        "create policy own on storage.objects as restrictive for select to authenticated using (owner_id = (select auth.uid())::text)",
        expected=set(),
        role="supabase_admin",
    ),
    # -- API004, API005 ---------------------------------------------------------------------------------------------
    case("API005 tables that signed-in users may read", GRAPHQL, expected=SERVED, mend=(NO_GRAPHQL,), role="supabase_admin"),
    case(
        "API004 a table that anybody may read",
        GRAPHQL,
        "create policy reading on public.tenants for select to anon using (id = ((select auth.jwt()) ->> 'tenant_id')::uuid)",
        "grant select (id) on public.tenants to anon",
        expected=SERVED | {("API004", "table public.tenants")},
        mend=(NO_GRAPHQL,),
        role="supabase_admin",
    ),
    case(
        "API005 a view is served when its comment names a key",
        GRAPHQL,
        TOTALS,
        INVOKER,
        "revoke all on public.totals from anon",
        READ_TOTALS,
        """comment on view public.totals is '@graphql({"primary_key_columns": ["tenant_id"]})'""",
        expected=SERVED | {("API005", "view public.totals")},
        mend=(NO_GRAPHQL,),
        role="supabase_admin",
    ),
    case(
        "API005 a view without a key is not served",
        GRAPHQL,
        TOTALS,
        INVOKER,
        "revoke all on public.totals from anon",
        READ_TOTALS,
        expected=SERVED,
        mend=(NO_GRAPHQL,),
        role="supabase_admin",
    ),
    # -- API006 -----------------------------------------------------------------------------------------------------
    case(
        "API006 a queue and its archive",
        *QUEUE,
        expose("public, pgmq_public"),
        expected={("API006", "table pgmq.q_mails"), ("API006", "table pgmq.a_mails")},
        mend=("alter table pgmq.q_mails enable row level security", "revoke all on pgmq.a_mails from authenticated"),
        role="supabase_admin",
    ),
    case("API006 the queue functions are not exposed", *QUEUE, expected=set(), role="supabase_admin"),
    case(
        "API006 a partitioned queue in an exposed schema",
        "create schema pgmq",
        "grant usage on schema pgmq to public",
        "create table pgmq.q_mails (msg_id bigint, message jsonb) partition by range (msg_id)",
        "grant insert on pgmq.q_mails to public",
        expose("public, pgmq"),
        expected={("API006", "table pgmq.q_mails")},
        mend=("revoke usage on schema pgmq from public",),
        role="supabase_admin",
    ),
    # -- API007 -----------------------------------------------------------------------------------------------------
    case(
        "API007 tables",
        "alter default privileges for role postgres in schema public grant select on tables to authenticated",
        expected={default_privileges("tables")},
        mend=("alter default privileges for role postgres in schema public revoke select on tables from authenticated",),
    ),
    case(
        "API007 what the platform leaves in its newer grant regime",
        "alter default privileges for role postgres in schema public grant truncate, references, trigger on tables to anon, authenticated",
        expected={default_privileges("tables")},
        mend=("alter default privileges for role postgres in schema public revoke all on tables from anon, authenticated",),
    ),
    case(
        "API007 sequences and functions",
        "alter default privileges for role postgres in schema public grant usage on sequences to public",
        "alter default privileges for role postgres in schema public grant execute on functions to anon",
        expected={default_privileges("sequences"), default_privileges("functions")},
        mend=(
            "alter default privileges for role postgres in schema public revoke usage on sequences from public",
            "alter default privileges for role postgres in schema public revoke execute on functions from anon",
        ),
    ),
    case(
        "API007 every schema at once",
        "alter default privileges for role postgres grant select on tables to anon",
        expected={("API007", "default_privilege postgres.tables")},
        mend=("alter default privileges for role postgres revoke select on tables from anon",),
    ),
    case(
        "API007 that PUBLIC may execute new functions is built in, and functions are judged one by one",
        "alter default privileges for role postgres grant execute on functions to public, service_role",
        expected=set(),
    ),
    case(
        "API007 a schema that is not exposed, the server side, and types",
        BACK_ROOM,
        "alter default privileges for role postgres in schema internal grant select on tables to anon",
        "alter default privileges for role postgres in schema public grant select on tables to service_role, dashboard_user",
        "alter default privileges for role postgres in schema public grant usage on types to anon",
        expected=set(),
    ),
]
