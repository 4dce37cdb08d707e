"""Cases of RLS011, RLS013, RLS014, RLS015, RLS017 and RLS018: roles, grants, and policies that do not fit them."""

from __future__ import annotations

from platformkit_pipeline_tests.rules.planted import GOOD, NOTES, STAMPS, TENANT, Case, case

ORDERS = "table public.orders"

READINGS = (
    "create table public.readings (id uuid not null, tenant_id uuid not null references public.tenants (id) on delete cascade, "
    f"{STAMPS}, primary key (id, created_at)) partition by range (created_at)",
    "create index on public.readings (tenant_id)",
    "create trigger touch before update on public.readings for each row execute function public.touch_updated_at()",
    "alter table public.readings enable row level security",
    f"create policy readings_of_tenant on public.readings for select to authenticated using (tenant_id = {TENANT})",
    "grant select on public.readings to authenticated",
    "create table public.readings_rest partition of public.readings default",
)
REST = "table public.readings_rest"
BRANCH_POLICY = "create policy of_owner on public.branches for select to authenticated using (name = (select auth.jwt() ->> 'branch'))"
BRANCHES = (
    f"create table public.branches (id uuid primary key, name text, {STAMPS})",
    "create table public.closed_branches (primary key (id)) inherits (public.branches)",
    *(
        statement
        for name in ("branches", "closed_branches")
        for statement in (
            f"create trigger touch before update on public.{name} for each row execute function public.touch_updated_at()",
            f"comment on table public.{name} is 'platformkit:not-tenant-scoped of all'",
            f"create index on public.{name} (name)",
        )
    ),
    "alter table public.closed_branches enable row level security",
    BRANCH_POLICY.replace("public.branches", "public.closed_branches"),
    "grant select on public.closed_branches to authenticated",
)


def role(name: str, attributes: str = "") -> str:
    """Roles belong to the server: one that an earlier test left behind is taken as it is."""
    return f"do $$ begin create role {name}; exception when duplicate_object then null; end $$; alter role {name} {attributes or 'inherit'}"


CASES: list[Case] = [
    # -- RLS011 -----------------------------------------------------------------------------------------------------
    case(
        "RLS011 a policy for one command beside one for all",
        f"create policy reading on public.orders for select to authenticated using (tenant_id = {TENANT})",
        expected={("RLS011", ORDERS)},
        mend=("drop policy reading on public.orders",),
    ),
    case(
        "RLS011 a policy for PUBLIC beside one for a role, in one finding",
        f"create policy one on public.orders for update to public using (tenant_id = {TENANT})",
        f"create policy two on public.orders for delete to public using (tenant_id = {TENANT})",
        expected={("RLS011", ORDERS)},
        mend=("drop policy one on public.orders", "drop policy two on public.orders"),
    ),
    case(
        "RLS011 restrictive policies, other commands and server-side roles do not overlap",
        "create policy paid on public.orders as restrictive to authenticated using (total >= 0)",
        "create policy server on public.orders to service_role using (total >= 0)",
        f"create policy changing on public.tenants for update to authenticated using (id = {TENANT})",
        "grant update on public.tenants to authenticated",
        expected=set(),
    ),
    # -- RLS013 -----------------------------------------------------------------------------------------------------
    case(
        "RLS013 truncate",
        "grant truncate on public.orders to authenticated",
        expected={("RLS013", ORDERS)},
        mend=("revoke truncate on public.orders from authenticated",),
    ),
    case(
        "RLS013 trigger, through PUBLIC",
        "grant trigger on public.orders to public",
        expected={("RLS013", ORDERS)},
        mend=("revoke trigger on public.orders from public",),
    ),
    case(
        "RLS013 references on a column",
        "grant references (id) on public.orders to anon",
        expected={("RLS013", ORDERS)},
        mend=("revoke references (id) on public.orders from anon",),
    ),
    case(
        "RLS013 a partition has privileges of its own",
        *READINGS,
        "alter table public.readings_rest enable row level security",
        "grant truncate on public.readings_rest to anon",
        expected={("RLS013", REST)},
        mend=("revoke truncate on public.readings_rest from anon",),
    ),
    case(
        "RLS013 through a role that a client role inherits from",
        role("janitors", "nologin"),
        "grant truncate on public.orders to janitors",
        "grant janitors to anon",
        expected={("RLS013", ORDERS)},
        mend=("revoke janitors from anon", "revoke truncate on public.orders from janitors", "drop role janitors"),
        role="supabase_admin",
    ),
    case(
        "RLS013 the server side, and a schema that is not exposed",
        "grant truncate on public.orders to service_role",
        "create schema internal",
        "grant usage on schema internal to anon",
        f"create table internal.batches (id uuid primary key, {STAMPS})",
        "create trigger touch before update on internal.batches for each row execute function public.touch_updated_at()",
        "comment on table internal.batches is 'platformkit:not-tenant-scoped runs of the server side'",
        "grant truncate on internal.batches to anon",
        expected=set(),
    ),
    # -- RLS014 -----------------------------------------------------------------------------------------------------
    case(
        "RLS014 a role with BYPASSRLS",
        role("backoffice", "login bypassrls"),
        expected={("RLS014", "role backoffice")},
        mend=("drop role backoffice",),
        role="supabase_admin",
    ),
    case(
        "RLS014 a superuser that nobody documented",
        role("backoffice", "nologin superuser"),
        expected={("RLS014", "role backoffice")},
        mend=("alter role backoffice nosuperuser", "drop role backoffice"),
        role="supabase_admin",
    ),
    case(
        "RLS014 a client role that can become one which bypasses",
        role("backoffice", "nologin bypassrls"),
        role("team", "nologin nobypassrls"),
        "grant backoffice to team",
        "grant team to anon",
        expected={("RLS014", "role backoffice"), ("RLS014", "role anon")},
        mend=("drop role team", "drop role backoffice"),
        role="supabase_admin",
    ),
    case(
        "RLS014 a client role that acts as the owner of tables",
        role("team", "nologin"),
        "alter table public.tenants force row level security",
        "alter table public.orders owner to team",
        "grant team to authenticated",
        expected={("RLS014", "role authenticated"), ("RLS013", ORDERS), ("TEN003", ORDERS)},
        mend=("revoke team from authenticated", "alter table public.orders owner to postgres", "drop role team"),
        role="supabase_admin",
    ),
    # -- RLS015 -----------------------------------------------------------------------------------------------------
    case(
        "RLS015 the owner logs in",
        role("shop_backend", "login"),
        "alter table public.orders owner to shop_backend",
        expected={("RLS015", ORDERS)},
        mend=("alter table public.orders force row level security",),
        role="supabase_admin",
    ),
    case(
        "RLS015 a login inherits from the owner",
        role("shop_owner", "nologin"),
        role("shop_backend", "login inherit"),
        "grant shop_owner to shop_backend",
        "alter table public.orders owner to shop_owner",
        expected={("RLS015", ORDERS)},
        mend=("alter table public.orders force row level security", "revoke shop_owner from shop_backend"),
        role="supabase_admin",
    ),
    case(
        "RLS015 an owner that nobody logs in as",
        role("shop_owner", "nologin"),
        "alter table public.orders owner to shop_owner",
        expected=set(),
        role="supabase_admin",
    ),
    # -- RLS017 -----------------------------------------------------------------------------------------------------
    case(
        "RLS017 a partition that callers may read by its own name",
        *READINGS,
        "grant select on public.readings_rest to authenticated",
        expected={("RLS001", REST), ("RLS017", REST)},
        mend=("alter table public.readings_rest enable row level security",),
    ),
    case(
        "RLS017 a partition without a grant has only its own row level security missing",
        *READINGS,
        expected={("RLS001", REST)},
        mend=("alter table public.readings_rest enable row level security",),
    ),
    case(
        "RLS017 a partition of a partition",
        *READINGS[:-1],
        "create table public.readings_new partition of public.readings default partition by range (created_at)",
        "alter table public.readings_new enable row level security",
        "create table public.readings_rest partition of public.readings_new default",
        "grant select (id) on public.readings_rest to anon",
        expected={("RLS001", REST), ("RLS017", REST)},
        mend=("alter table public.readings_rest enable row level security",),
    ),
    case(
        "RLS017 a table that inherits",
        "create table public.old_orders (primary key (id), foreign key (tenant_id) references public.tenants (id) on delete cascade) "
        "inherits (public.orders)",
        "create index on public.old_orders (tenant_id)",
        "create trigger touch before update on public.old_orders for each row execute function public.touch_updated_at()",
        "grant select on public.old_orders to authenticated",
        expected={("RLS001", "table public.old_orders"), ("RLS017", "table public.old_orders")},
        mend=(
            "alter table public.old_orders enable row level security",
            f"create policy old_orders_of_tenant on public.old_orders for select to authenticated using (tenant_id = {TENANT})",
        ),
    ),
    case(
        "RLS017 an open parent shows the rows of a protected child",
        *BRANCHES,
        "grant select on public.branches to anon",
        expected={("RLS001", "table public.branches"), ("RLS017", "table public.branches")},
        mend=(
            "alter table public.branches enable row level security",
            "revoke all on public.branches from anon",
            "grant select on public.branches to authenticated",
            BRANCH_POLICY,
        ),
    ),
    case(
        "RLS017 a parent that client roles cannot reach opens nothing",
        *BRANCHES,
        expected={("RLS001", "table public.branches")},
        mend=("alter table public.branches enable row level security", BRANCH_POLICY, "grant select on public.branches to authenticated"),
    ),
    case(
        "RLS017 a parent whose policy is true for everybody opens a child with policies of its own",
        *BRANCHES,
        "alter table public.branches enable row level security",
        "create policy everything on public.branches for select to authenticated using (true)",
        "comment on table public.branches is 'platformkit:not-tenant-scoped of all platformkit:public-read on the map'",
        "grant select on public.branches to authenticated",
        expected={("RLS017", "table public.branches")},
        mend=("drop policy everything on public.branches", BRANCH_POLICY),
    ),
    case(
        "RLS017 policies of parent and child that differ cannot be told",
        *BRANCHES,
        "alter table public.branches enable row level security",
        "create policy named on public.branches for select to authenticated using (name <> '')",
        "grant select on public.branches to authenticated",
        expected={("RLS017", "table public.branches")},
        mend=("drop policy named on public.branches", BRANCH_POLICY),
    ),
    case(
        "RLS017 a child that client roles see as a whole loses nothing",
        *BRANCHES,
        "alter policy of_owner on public.closed_branches using (true)",
        "comment on table public.closed_branches is 'platformkit:not-tenant-scoped of all platformkit:public-read on the map'",
        "grant select on public.branches to authenticated",
        expected={("RLS001", "table public.branches")},
        mend=("alter table public.branches enable row level security", BRANCH_POLICY),
    ),
    case(
        "RLS017 partitions that are protected, under a parent that is not",
        *READINGS[:3],
        READINGS[5],
        READINGS[6],
        "alter table public.readings_rest enable row level security",
        expected={("RLS001", "table public.readings"), ("RLS017", "table public.readings")},
        mend=READINGS[3:5],
    ),
    case(
        "RLS017 partitions with tenant policies of their own under a parent that has others",
        *READINGS,
        "alter table public.readings_rest enable row level security",
        "create policy rest on public.readings_rest for select to authenticated "
        f"using (tenant_id = {TENANT} and created_at > '2026-01-01')",
        "grant select on public.readings_rest to authenticated",
        expected=set(),
    ),
    # -- RLS018 -----------------------------------------------------------------------------------------------------
    case(
        "RLS018 a grant without a policy",
        "grant insert on public.tenants to authenticated",
        expected={("RLS018", "table public.tenants")},
        mend=("revoke insert on public.tenants from authenticated",),
    ),
    case(
        "RLS018 a policy without a grant",
        f"create policy naming on public.tenants for update to authenticated using (id = {TENANT})",
        expected={("RLS018", "table public.tenants")},
        mend=("grant update (name) on public.tenants to authenticated",),
    ),
    case(
        "RLS018 both on one table are one finding",
        f"create policy naming on public.tenants for update to authenticated using (id = {TENANT})",
        "grant delete on public.tenants to public",
        expected={("RLS018", "table public.tenants")},
        mend=("drop policy naming on public.tenants", "revoke delete on public.tenants from public"),
    ),
    case(
        "RLS018 a policy for all commands and a grant for one",
        "revoke insert, update, delete on public.orders from authenticated",
        expected=set(),
    ),
    case(
        "RLS018 no grant at all",
        *GOOD,
        "revoke all on public.notes from authenticated",
        expected={("RLS018", NOTES)},
        mend=("grant select on public.notes to authenticated",),
    ),
    case(
        "RLS018 a policy for PUBLIC whose grant is another role's",
        role("shop_backend", "login"),
        "grant select, update on public.tenants to shop_backend",
        f"create policy naming on public.tenants for update to public using (id = {TENANT})",
        expected=set(),
        role="supabase_admin",
    ),
]
