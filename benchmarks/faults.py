"""The faults that `benchmarks.catalogue` plants, and which findings each must give: written by hand, from what the rule book says.

A plant is a few statements on the well-kept catalogue. `{n}` in statements and objects is the number of the copy, `{database}` the
name of the database.

API004 and API005 are left out: where pg_graphql is installed they rightly speak of every granted table. AUD003 and AUD004
speak of tables that are declared critical, by their comment or in the settings.
"""

from __future__ import annotations

from dataclasses import dataclass

TENANT = "((select auth.jwt()) ->> 'tenant_id')::uuid"
STAMPS = "created_at timestamptz not null default now(), updated_at timestamptz not null default now()"
AS_OWNER, AS_SUPERUSER = "set local role postgres;", "set local role supabase_admin;"
TENANT_COLUMN = "tenant_id uuid not null references public.tenants (id) on delete cascade"


@dataclass(frozen=True)
class Plant:
    """`sql` gives exactly `expected`, (rule, object) of every finding."""

    sql: str
    expected: frozenset[tuple[str, str]]
    tables: int
    """How many tables it makes."""
    once: bool
    """It can stand only once in a database."""
    role: str
    """Who runs the statements."""


def plant(*expected: tuple[str, str], sql: str, tables: int = 1, once: bool = False, role: str = "postgres") -> Plant:
    return Plant(sql, frozenset(expected), tables, once, role)


def table(
    name: str,
    columns: str = "",
    *,
    tenant: str = TENANT_COLUMN,
    stamps: str = STAMPS,
    rls: bool = True,
    policy: str | None = f"to authenticated using (tenant_id = {TENANT})",
    grants: str = "select, insert, update, delete",
    touch: bool = True,
    rest: str = "",
) -> str:
    """A table in public that keeps every rule but for what the arguments say otherwise."""
    statements = [
        f"create table public.{name} ({', '.join(part for part in ('id uuid primary key', tenant, columns, stamps) if part)});",
        f"create index on public.{name} (tenant_id);" if tenant.startswith("tenant_id ") else "",
        f"alter table public.{name} enable row level security;" if rls else "",
        f"create policy rows on public.{name} {policy};" if policy else "",
        f"grant {grants} on public.{name} to authenticated;" if grants else "",
        f"create trigger touch before update on public.{name} for each row execute function public.touch_updated_at();" if touch else "",
        rest,
    ]
    return "\n".join(s for s in statements if s)


def _definer(signature: str, path: str = " set search_path = ''") -> str:
    return (
        f"create function public.{signature} returns integer language sql security definer{path} as 'select 1';"
        f"comment on function public.{signature} is 'platformkit:definer counts rows that its caller may not see';"
    )


def _table(name: str) -> str:
    return f"table public.{name}"


PLANTS: tuple[Plant, ...] = (
    # -- row level security ----------------------------------------------------------------------------------------------
    plant(("RLS001", _table("bare_{n}")), sql=table("bare_{n}", rls=False, policy=None, grants="")),
    plant(
        ("RLS001", _table("asleep_{n}")),
        ("RLS002", _table("asleep_{n}")),
        sql=table("asleep_{n}", rls=False, grants=""),
    ),
    plant(("RLS003", _table("shut_{n}")), sql=table("shut_{n}", policy=None, grants="")),
    plant(
        ("RLS004", "policy public.wipeable_{n}.rows"),
        ("TEN003", _table("wipeable_{n}")),
        sql=table("wipeable_{n}", policy="for delete to authenticated using ((1 = 1) or false)", grants="delete"),
    ),
    plant(
        ("RLS005", "policy public.readable_{n}.rows"),
        ("TEN003", _table("readable_{n}")),
        sql=table("readable_{n}", policy="for select to authenticated using ((select true))", grants="select"),
    ),
    plant(
        ("RLS006", "policy public.plans_{n}.rows"),
        sql=table(
            "plans_{n}",
            policy=f"to authenticated using (tenant_id = {TENANT} and ((select auth.jwt()) -> 'user_metadata' ->> 'plan') = 'paid {{n}}')",
        ),
    ),
    plant(
        ("RLS007", "view public.bypassing_{n}"),
        sql="create view public.bypassing_{n} as select id, total from public.orders where total > {n};"
        "grant select on public.bypassing_{n} to authenticated;",
        tables=0,
    ),
    plant(
        ("RLS008", "materialized_view public.totals_{n}"),
        sql="create materialized view public.totals_{n} as select sum(total) as total from public.orders;"
        "grant select on public.totals_{n} to authenticated;",
        tables=0,
    ),
    plant(
        ("RLS009", "foreign_table public.remote_{n}"),
        sql="create foreign table public.remote_{n} (id uuid, line text) server elsewhere;"
        "grant select on public.remote_{n} to authenticated;",
        tables=0,
        role="supabase_admin",
    ),
    plant(
        ("RLS010", "policy public.repeating_{n}.rows"),
        sql=table("repeating_{n}", policy="to authenticated using (tenant_id = (auth.jwt() ->> 'tenant_id')::uuid)"),
    ),
    plant(
        ("RLS011", _table("doubled_{n}")),
        sql=table(
            "doubled_{n}",
            rest=f"create policy again on public.doubled_{{n}} for select to authenticated using (tenant_id = {TENANT});",
        ),
    ),
    plant(
        ("RLS012", "policy public.escaping_{n}.rows"),
        ("TEN003", _table("escaping_{n}")),
        sql=table("escaping_{n}", policy=f"for update to authenticated using (tenant_id = {TENANT}) with check (true)", grants="update"),
    ),
    plant(("RLS013", _table("emptied_{n}")), sql=table("emptied_{n}", grants="all")),
    plant(
        ("RLS015", _table("owned_{n}")),
        sql=AS_OWNER + table("owned_{n}", rest=AS_SUPERUSER + "alter table public.owned_{n} owner to bench_backend;"),
        role="supabase_admin",
    ),
    plant(
        ("RLS016", "policy public.anonymous_{n}.rows"),
        ("TEN003", _table("anonymous_{n}")),
        sql=table("anonymous_{n}", policy=f"to authenticated using ((select auth.uid()) is null or tenant_id = {TENANT})"),
    ),
    plant(
        ("RLS001", _table("parted_{n}_2026")),
        ("RLS017", _table("parted_{n}_2026")),
        sql=f"""
create table public.parted_{{n}} (id uuid not null, {TENANT_COLUMN}, {STAMPS}, primary key (id, created_at))
  partition by range (created_at);
create index on public.parted_{{n}} (tenant_id);
alter table public.parted_{{n}} enable row level security;
create policy rows on public.parted_{{n}} for select to authenticated using (tenant_id = {TENANT});
create trigger touch before update on public.parted_{{n}} for each row execute function public.touch_updated_at();
grant select on public.parted_{{n}} to authenticated;
create table public.parted_{{n}}_2026 partition of public.parted_{{n}} for values from ('2026-01-01') to ('2027-01-01');
grant select on public.parted_{{n}}_2026 to authenticated;""",
        tables=2,
    ),
    plant(
        ("RLS018", _table("ungranted_{n}")), sql=table("ungranted_{n}", policy=f"for select to authenticated using (tenant_id = {TENANT})")
    ),
    plant(
        ("RLS019", "policy public.circling_{n}.rows"),
        sql=table(
            "circling_{n}",
            policy=f"to authenticated using (tenant_id = {TENANT}"
            " and exists (select from public.circling_{n} as o where o.id <> circling_{n}.id))",
        ),
    ),
    # -- the Data API ------------------------------------------------------------------------------------------------------
    plant(
        ("API001", "view public.profiles_{n}"),
        sql="create view public.profiles_{n} as select id, email from auth.users; grant select on public.profiles_{n} to authenticated;",
        tables=0,
    ),
    plant(
        ("API002", _table("suppliers_{n}")),
        ("RLS001", _table("suppliers_{n}")),
        sql=table("suppliers_{n}", "iban text", rls=False, policy=None, grants="select"),
    ),
    plant(
        ("API003", "storage_bucket avatars_{n}"),
        sql="insert into storage.buckets (id, name, public) values ('avatars_{n}', 'avatars_{n}', true);"
        "create policy avatars_{n} on storage.objects for select to anon using (bucket_id = 'avatars_{n}');",
        tables=0,
        role="supabase_admin",
    ),
    plant(
        ("API006", "table pgmq.q_mails_{n}"),
        sql="create schema if not exists pgmq; grant usage on schema pgmq to authenticated;"
        "create table pgmq.q_mails_{n} (msg_id bigint generated always as identity primary key, message jsonb);"
        "grant select, insert on pgmq.q_mails_{n} to authenticated;",
        role="supabase_admin",
    ),
    plant(
        ("API007", "default_privilege area_1.postgres.tables"),
        sql="alter default privileges for role postgres in schema area_1 grant select on tables to anon;",
        tables=0,
        once=True,
    ),
    # -- tenancy -----------------------------------------------------------------------------------------------------------
    plant(
        ("TEN001", _table("homeless_{n}")),
        sql=table("homeless_{n}", tenant="", policy="to authenticated using (id = (select auth.uid()))"),
    ),
    plant(
        ("TEN002", "column public.lax_{n}.tenant_id"),
        sql=table("lax_{n}", tenant=TENANT_COLUMN.replace(" not null", "")),
    ),
    plant(
        ("TEN003", _table("signed_in_{n}")),
        sql=table("signed_in_{n}", policy="to authenticated using ((select auth.uid()) is not null)"),
    ),
    plant(
        ("TEN004", "constraint public.crossing_{n}.to_order"),
        sql=table(
            "crossing_{n}",
            "ordered uuid constraint to_order references public.orders (id) on delete cascade",
            rest="create index on public.crossing_{n} (ordered);",
        ),
    ),
    # -- functions, extensions, secrets ------------------------------------------------------------------------------------
    plant(
        ("FUN001", "function public.drifting_{n}(wanted integer)"),
        sql=_definer("drifting_{n}(wanted integer)", path=""),
        tables=0,
    ),
    plant(
        ("FUN002", "function public.loose_{n}()"),
        sql="create function public.loose_{n}() returns integer language sql as 'select {n}';",
        tables=0,
    ),
    plant(
        ("FUN003", "function public.shadowed_{n}()"),
        sql=_definer("shadowed_{n}()", path=" set search_path = pg_temp, pg_catalog, public"),
        tables=0,
    ),
    plant(
        ("FUN004", "function public.unexplained_{n}()"),
        sql="create function public.unexplained_{n}() returns integer language sql security definer set search_path = '' as 'select {n}';",
        tables=0,
    ),
    plant(
        ("FUN005", "function public.for_anybody_{n}()"),
        sql=_definer("for_anybody_{n}()") + "grant execute on function public.for_anybody_{n}() to anon;",
        tables=0,
    ),
    plant(
        ("FUN006", "function public.for_members_{n}()"),
        sql=_definer("for_members_{n}()") + "grant execute on function public.for_members_{n}() to authenticated;",
        tables=0,
    ),
    plant(
        ("FUN007", "function public.almighty_{n}()"),
        sql=_definer("almighty_{n}()")
        + "revoke execute on function public.almighty_{n}() from public, anon, authenticated;"
        + "alter function public.almighty_{n}() owner to supabase_admin;",
        tables=0,
        role="supabase_admin",
    ),
    plant(
        ("FUN008", "function public.counting_{n}(wanted text)"),
        sql="create function public.counting_{n}(wanted text) returns bigint language plpgsql security definer set search_path = ''"
        " as $f$ declare result bigint; begin execute 'select count(*) from public.' || wanted into result; return result; end $f$;"
        "comment on function public.counting_{n}(text) is 'platformkit:definer counts rows that its caller may not see';",
        tables=0,
    ),
    plant(("EXT001", "extension citext"), sql="create extension citext schema public;", tables=0, once=True),
    plant(
        ("EXT002", "extension hstore"),
        sql="create extension hstore schema extensions version '1.4';",
        tables=0,
        once=True,
        role="supabase_admin",
    ),
    plant(
        ("SEC010", "function public.mail_account_{n}()"),
        sql="create function public.mail_account_{n}() returns jsonb language sql set search_path = '' as\n"
        "  $f$ select jsonb_build_object('user', 'robot', 'password', 'summer2024{n}') $f$;",
        tables=0,
    ),
    # -- keys, types, foreign keys, indexes --------------------------------------------------------------------------------
    plant(
        ("KEY001", _table("keyless_{n}")),
        sql=table("keyless_{n}", rest="alter table public.keyless_{n} drop constraint keyless_{n}_pkey;"),
    ),
    plant(("TYP001", "column public.handlers_{n}.handler"), sql=table("handlers_{n}", "handler regproc")),
    plant(("FKY001", "column public.soft_{n}.order_id"), sql=table("soft_{n}", "order_id uuid")),
    plant(
        ("FKY002", "constraint public.silent_{n}.to_author"),
        sql=table(
            "silent_{n}",
            "author uuid constraint to_author references auth.users (id)",
            rest="create index on public.silent_{n} (author);",
        ),
    ),
    plant(
        ("FKY003", "constraint public.slow_{n}.to_author"),
        sql=table("slow_{n}", "author uuid constraint to_author references auth.users (id) on delete set null"),
    ),
    plant(
        ("FKY004", "constraint public.unchecked_{n}.to_author"),
        sql=table(
            "unchecked_{n}",
            "author uuid",
            rest="create index on public.unchecked_{n} (author); alter table public.unchecked_{n} add constraint to_author"
            " foreign key (author) references auth.users (id) on delete set null not valid;",
        ),
    ),
    plant(
        ("FKY005", "constraint public.phones_{n}.to_phone"),
        sql=table(
            "phones_{n}",
            "phone text constraint to_phone references auth.users (phone) on delete set null",
            rest="create index on public.phones_{n} (phone);",
        ),
    ),
    plant(
        ("IDX001", _table("sellers_{n}")),
        sql=table(
            "sellers_{n}",
            "seller uuid not null",
            policy=f"to authenticated using (tenant_id = {TENANT} and seller = (select auth.uid()))",
        ),
    ),
    plant(
        ("IDX003", "index public.twice_{n}.twice_{n}_tenant_id_idx"),
        sql=table("twice_{n}", rest="create index on public.twice_{n} (tenant_id, created_at);"),
    ),
    plant(
        ("IDX005", "index public.broken_{n}.broken_{n}_created_at_idx"),
        sql=AS_OWNER
        + table(
            "broken_{n}",
            rest="create index on public.broken_{n} (created_at);"
            + AS_SUPERUSER
            + "update pg_index set indisvalid = false where indexrelid = 'public.broken_{n}_created_at_idx'::regclass;",
        ),
        role="supabase_admin",
    ),
    # -- audit trail -------------------------------------------------------------------------------------------------------
    plant(("AUD001", _table("timeless_{n}")), sql=table("timeless_{n}", stamps="", touch=False)),
    plant(
        ("AUD002", "column public.local_{n}.created_at"),
        sql=table("local_{n}", stamps="created_at timestamp not null default now(), updated_at timestamptz not null default now()"),
    ),
    plant(
        ("AUD003", _table("critical_{n}")),
        ("AUD004", _table("critical_{n}")),
        sql=table("critical_{n}", rest="comment on table public.critical_{n} is 'platformkit:critical money';"),
    ),
    plant(("AUD005", "column public.stale_{n}.updated_at"), sql=table("stale_{n}", touch=False)),
    plant(
        ("AUD006", _table("audit_log_{n}")),
        sql=table(
            "audit_log_{n}",
            policy=f"for select to authenticated using (tenant_id = {TENANT})",
            grants="select",
            rest="grant select, insert, delete on public.audit_log_{n} to service_role;",
        ),
    ),
)

SERVER_WIDE = plant(
    ("RLS014", "role bench_reporting"),
    ("PRF001", "database {database}"),
    ("PRF003", "database {database}"),
    ("IDX002", "database {database}"),
    ("IDX004", "database {database}"),
    sql="""
do $$ begin create role bench_reporting login bypassrls; exception when duplicate_object then null; end $$;
do $$ begin create role bench_backend login; exception when duplicate_object then null; end $$;
""",
    tables=0,
    once=True,
    role="supabase_admin",
)
"""What every database of the server shows: faults of roles, and that a fresh server has no statistics to judge by (UNKNOWN)."""
