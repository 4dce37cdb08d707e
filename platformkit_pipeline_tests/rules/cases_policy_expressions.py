"""Cases of RLS006, RLS010, RLS012, RLS016 and RLS019, and of where RLS004 and RLS012 share the work."""

from __future__ import annotations

from platformkit_pipeline_tests.rules.planted import GOOD, NOTES, TENANT, Case, case

OWN = "policy public.tenants.own_tenant"
MENDED = (f"alter policy own_tenant on public.tenants using (id = {TENANT})",)
PATH = "set search_path = ''"


def reading(using: str) -> str:
    """The policy of public.tenants, which is outside of the tenant model, with another condition."""
    return f"alter policy own_tenant on public.tenants using ({using})"


def helper(signature: str, returns: str, body: str, language: str = "sql") -> str:
    return f"create function public.{signature} returns {returns} language {language} stable {PATH} as $f${body}$f$"


def trusting(name: str, using: str, *before: str) -> Case:
    return case(f"RLS006 {name}", *before, reading(using), expected={("RLS006", OWN)}, mend=MENDED)


def silent(name: str, using: str, *before: str) -> Case:
    """What looks like a fault and is none."""
    return case(name, *before, reading(using), expected=set())


OVERLOADS = (
    "create type public.kind as enum ('a', 'b')",
    helper("chosen(t uuid)", "boolean", "select t = (auth.jwt() ->> 'tenant_id')::uuid"),
    helper("chosen(t text)", "boolean", "select t = (auth.jwt() -> 'user_metadata' ->> 'tenant_id')"),
    helper("chosen(t uuid, u text)", "boolean", "select t::text = (auth.jwt() -> 'user_metadata' ->> u)"),
)
OPENED = (
    helper("opened(t uuid)", "boolean", "begin return auth.uid() is null or t = auth.uid(); end", "plpgsql"),
    helper("opened(t text)", "boolean", "begin return t = auth.uid()::text; end", "plpgsql"),
)

CASES: list[Case] = [
    # -- RLS006
    trusting("by the two arrows", "id = ((select auth.jwt() -> 'user_metadata') ->> 'tenant_id')::uuid"),
    trusting("by a path", "id = ((select auth.jwt()) #>> '{user_metadata,tenant_id}')::uuid"),
    trusting("by a function", "id = (jsonb_extract_path_text((select auth.jwt()), 'user_metadata', 'tenant_id'))::uuid"),
    trusting("by a subscript", "id = (((select auth.jwt())['user_metadata']['tenant_id']) #>> '{}')::uuid"),
    trusting("by containment", """(select auth.jwt()) @> '{"user_metadata": {"admin": true}}'"""),
    trusting("by a JSON path", "(select auth.jwt()) @? '$.user_metadata.admin'"),
    trusting(
        "in the setting", "id = ((select current_setting('request.jwt.claims', true)::json) -> 'user_metadata' ->> 'tenant_id')::uuid"
    ),
    trusting(
        "through COALESCE and NULLIF",
        "id = (select coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb -> 'user_metadata' ->> 't')::uuid",
    ),
    trusting(
        "in a record",
        "exists (select from jsonb_to_record((select auth.jwt())) as claims (user_metadata jsonb) where claims.user_metadata ? 'admin')",
    ),
    trusting(
        "in auth.users",
        "exists (select from auth.users u where u.id = (select auth.uid()) and u.raw_user_meta_data ->> 'tenant' = tenants.id::text)",
    ),
    trusting(
        "through a helper",
        "id = (select public.tenant_of_caller())",
        helper("tenant_of_caller()", "uuid", "select (auth.jwt() -> 'user_metadata' ->> 'tenant_id')::uuid"),
    ),
    trusting(
        "through a helper that returns the token",
        "id = ((select public.claims()) -> 'user_metadata' ->> 'tenant_id')::uuid",
        helper("claims()", "jsonb", "select auth.jwt()"),
    ),
    trusting(
        "through a chain of helpers, one of them in PL/pgSQL",
        "(select public.is_admin())",
        helper("token_of_caller()", "jsonb", "declare t jsonb := auth.jwt(); begin return t -> 'user_metadata'; end", "plpgsql"),
        helper("is_admin()", "boolean", "select public.token_of_caller() ? 'admin'"),
    ),
    case(
        "RLS006 holds where row level security is off",
        "alter policy orders_of_tenant on public.orders using ((select auth.jwt()) -> 'user_metadata' ? 'admin')",
        "alter table public.orders disable row level security",
        expected={
            ("RLS001", "table public.orders"),
            ("RLS002", "table public.orders"),
            ("RLS006", "policy public.orders.orders_of_tenant"),
        },
        mend=(
            f"alter policy orders_of_tenant on public.orders using (tenant_id = {TENANT})",
            "alter table public.orders enable row level security",
        ),
    ),
    case(
        "RLS006 a column of the table itself may be called so",
        "alter table public.tenants add column user_metadata jsonb",
        reading(f"id = {TENANT} and (user_metadata -> 'user_metadata') ->> 'kind' = 'a'"),
        expected=set(),
    ),
    silent("RLS006 app_metadata is the server's", "id = ((select auth.jwt()) -> 'app_metadata' ->> 'tenant_id')::uuid"),
    silent(
        "RLS006 a key below app_metadata may be called so",
        "id = ((select auth.jwt()) -> 'app_metadata' -> 'user_metadata' ->> 'tenant_id')::uuid",
    ),
    # -- RLS010
    case(
        "RLS010 each function is named once",
        reading("id = auth.uid() or id = (auth.jwt() ->> 'tenant_id')::uuid or id = auth.uid()"),
        expected={("RLS010", OWN)},
        mend=MENDED,
    ),
    case(
        "RLS010 a setting",
        reading("id = (current_setting('request.jwt.claims', true)::json ->> 'tenant_id')::uuid"),
        expected={("RLS010", OWN)},
        mend=MENDED,
    ),
    case(
        "RLS010 a helper that asks for the caller",
        helper("tenant_of_caller()", "uuid", "select (auth.jwt() ->> 'tenant_id')::uuid"),
        reading("id = public.tenant_of_caller()"),
        expected={("RLS010", OWN)},
        mend=(reading("id = (select public.tenant_of_caller())"),),
    ),
    case(
        "RLS010 an EXISTS that compares with the row",
        reading("exists (select from auth.users u where u.id = auth.uid() and u.email = tenants.name)"),
        expected={("RLS010", OWN)},
        mend=(reading("exists (select from auth.users u where u.id = (select auth.uid()) and u.email = tenants.name)"),),
    ),
    case(
        "RLS010 the left side of IN stands outside of the sub-select",
        reading("auth.uid() in (select u.id from auth.users u where u.email = tenants.name)"),
        expected={("RLS010", OWN)},
        mend=MENDED,
    ),
    case(
        "RLS010 a check of INSERT is evaluated for every row, too",
        "grant insert on public.tenants to authenticated",
        "create policy founding on public.tenants for insert to authenticated with check (id = auth.uid())",
        expected={("RLS010", "policy public.tenants.founding")},
        mend=("alter policy founding on public.tenants with check (id = (select auth.uid()))",),
    ),
    silent("RLS010 the whole claim in a scalar sub-select", "id = (select (auth.jwt() ->> 'tenant_id')::uuid)"),
    silent("RLS010 a look-up that reads nothing of the row", "id in (select u.id from auth.users u where u.id = auth.uid())"),
    silent("RLS010 an array of a look-up", "id = any (array(select u.id from auth.users u where u.id = auth.uid()))"),
    silent(
        "RLS010 a helper that is given the row",
        "public.is_mine(id)",
        helper("is_mine(wanted uuid)", "boolean", "select wanted = (auth.jwt() ->> 'tenant_id')::uuid"),
    ),
    # -- RLS012, and where RLS004 speaks instead
    case(
        "RLS012 an owner gives a row away",
        "grant update on public.tenants to authenticated",
        "create policy renaming on public.tenants for update to authenticated using (id = (select auth.uid())) with check (1 = 1)",
        expected={("RLS012", "policy public.tenants.renaming")},
        mend=("alter policy renaming on public.tenants with check (id = (select auth.uid()))",),
    ),
    case(
        "RLS012 a restrictive policy closes the check",
        "grant update on public.tenants to authenticated",
        "create policy renaming on public.tenants for update to authenticated using (id = (select auth.uid())) with check (true)",
        "create policy fence on public.tenants as restrictive for update to authenticated using (id = (select auth.uid()))",
        expected=set(),
    ),
    case(
        "RLS012 without WITH CHECK the condition of USING is the check",
        "grant update on public.tenants to authenticated",
        "create policy renaming on public.tenants for update to authenticated using (id = (select auth.uid()))",
        expected=set(),
    ),
    case(
        "RLS012 moves a row to another tenant, which TEN003 says as well",
        *GOOD[:-1],
        f"create policy notes_of_tenant on public.notes to authenticated using (tenant_id = {TENANT}) with check (true)",
        "revoke insert on public.notes from authenticated",
        expected={("RLS012", "policy public.notes.notes_of_tenant"), ("TEN003", NOTES)},
        mend=(f"alter policy notes_of_tenant on public.notes with check (tenant_id = {TENANT})",),
    ),
    case(
        "RLS004 speaks where the open check lets rows in",
        *GOOD[:-1],
        f"create policy notes_of_tenant on public.notes to authenticated using (tenant_id = {TENANT}) with check (true)",
        expected={("RLS004", "policy public.notes.notes_of_tenant"), ("TEN003", NOTES)},
        mend=(f"alter policy notes_of_tenant on public.notes with check (tenant_id = {TENANT})",),
    ),
    silent(
        "RLS006 spares the function of pg_catalog whose namesake reads user metadata",
        f"lower(name) = 'x' and id = {TENANT}",
        helper("lower(t text)", "text", "select auth.jwt() -> 'user_metadata' ->> t"),
    ),
    silent(
        "RLS006 spares a bare name in a body whose path leads to pg_catalog alone",
        "id = (select public.mine())",
        helper("lower(t text)", "text", "select auth.jwt() -> 'user_metadata' ->> t"),
        helper("mine()", "uuid", "select lower(auth.jwt() ->> 'tenant_id')::uuid"),
    ),
    silent("RLS006 spares the overload that the type of a column rules out", "public.chosen(id)", *OVERLOADS),
    trusting("by the overload that the type of a column leads to", "public.chosen(name)", *OVERLOADS),
    trusting("by the overload that a cast leads to", "public.chosen(id::text)", *OVERLOADS),
    trusting("by the overload that the number of arguments leads to", "public.chosen(id, 'x')", *OVERLOADS),
    case(
        "RLS006 says that it cannot tell which overload is called",
        *OVERLOADS,
        "alter table public.tenants add column kind public.kind not null default 'a'",
        "create function public.chosen(k public.kind) returns boolean language sql stable set search_path = '' as 'select false'",
        "create cast (public.kind as text) with inout as implicit",
        reading("public.chosen(greatest(kind, 'a'))"),
        expected={("RLS006", OWN)},
        mend=("alter policy own_tenant on public.tenants using (public.chosen(kind))",),
    ),
    # -- RLS016
    silent("RLS016 spares the overload that the type of a column rules out", "public.opened(name)", *OPENED),
    case(
        "RLS016 by the overload that the type of a column leads to",
        *OPENED,
        reading("public.opened(id)"),
        expected={("RLS016", OWN)},
        mend=(reading("public.opened(name)"),),
    ),
    case(
        "RLS016 whoever is not signed in",
        reading("(select auth.uid()) is null or id = (select auth.uid())"),
        expected={("RLS016", OWN)},
        mend=MENDED,
    ),
    case(
        "RLS016 a missing claim stands for every row",
        reading(f"coalesce({TENANT}, id) = id"),
        expected={("RLS016", OWN)},
        mend=(reading(f"coalesce({TENANT}, '00000000-0000-0000-0000-000000000000') = id"),),
    ),
    case(
        "RLS016 a comparison that NULL satisfies",
        "alter table public.tenants add column parent_id uuid unique",
        "alter table public.tenants add foreign key (parent_id) references public.tenants (id) on delete cascade",
        reading(f"parent_id is not distinct from {TENANT}"),
        expected={("RLS016", OWN)},
        mend=(reading(f"parent_id = {TENANT}"),),
    ),
    silent("RLS016 a column that is never NULL is distinct from a missing claim", f"id is not distinct from {TENANT}"),
    case(
        "RLS016 through a helper",
        helper("sees(t uuid)", "boolean", "select auth.uid() is null or t = auth.uid()"),
        reading("public.sees(id)"),
        expected={("RLS016", OWN)},
        mend=MENDED,
    ),
    case(
        "RLS016 a function with branches that may return NULL",
        helper("caller()", "uuid", "begin if auth.uid() is null then return null; end if; return auth.uid(); end", "plpgsql"),
        reading("(select public.caller()) is null or id = (select public.caller())"),
        expected={("RLS016", OWN)},
        mend=(reading("id = (select public.caller())"),),
    ),
    case(
        "RLS016 a function with branches that says yes to whoever has no claim",
        helper("sees(t uuid)", "boolean", "begin if auth.uid() is null then return true; end if; return t = auth.uid(); end", "plpgsql"),
        reading("public.sees(id)"),
        expected={("RLS016", OWN)},
        mend=(reading("(select auth.uid()) is not null and public.sees(id)"),),
    ),
    case(
        "RLS016 a function with a loop, of which nobody can tell",
        helper(
            "sees(t uuid)",
            "boolean",
            "begin for n in 1..2 loop if auth.uid() is null then return true; end if; end loop; return t = auth.uid(); end",
            "plpgsql",
        ),
        reading("public.sees(id)"),
        expected={("RLS016", OWN)},
        mend=(reading("(select auth.uid()) is not null and public.sees(id)"),),
    ),
    case(
        "RLS016 a function with branches that says no to whoever has no claim",
        helper(
            "is_me(t uuid)",
            "boolean",
            "declare v uuid; begin if auth.uid() is null then return false; end if; "
            "select x.id into v from public.tenants x where x.id = auth.uid() and x.id = t; return found; end",
            "plpgsql",
        ),
        "alter function public.is_me(uuid) security definer",
        "comment on function public.is_me(uuid) is 'platformkit:definer reads tenants without the policy that calls it'",
        reading("public.is_me(id)"),
        expected=set(),
    ),
    case(
        "RLS016 a restrictive policy that demands the claim",
        reading("(select auth.uid()) is null or id = (select auth.uid())"),
        "create policy members on public.tenants as restrictive for select to authenticated using ((select auth.uid()) is not null)",
        expected=set(),
    ),
    silent("RLS016 what the row grants", f"name = 'public' or id = {TENANT}"),
    silent("RLS016 what the row grants to strangers alone", f"((select auth.uid()) is null and name = 'public') or id = {TENANT}"),
    silent("RLS016 NOT over a comparison with NULL", f"not (id <> {TENANT})"),
    # -- RLS019, whose other cases stand in test_policy_recursion.py
    case(
        "RLS019 a policy that reads its own table",
        reading(f"id in (select t.id from public.tenants t where t.id = {TENANT})"),
        expected={("RLS019", OWN)},
        mend=MENDED,
    ),
]
