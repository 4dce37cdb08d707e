"""Cases of FUN003, FUN005, FUN006, FUN007, FUN008 and EXT002."""

from __future__ import annotations

from platformkit_pipeline_tests.rules.planted import TENANT, Case, case

WIPE = "function public.wipe()"
REASON = "comment on function public.wipe() is 'platformkit:definer clears rows the caller may not see'"


def _definer(path: str = "''", name: str = "public.wipe", returns: str = "void") -> str:
    return f"create function {name}() returns {returns} language sql security definer set search_path = {path} as 'select'"


def _dynamic(arguments: str, statements: str, declared: str = "") -> tuple[str, str]:
    """A definer `run(arguments)` with a reason, that nobody but its owner may call."""
    types = ", ".join(argument.split()[-1] for argument in arguments.split(", ")) if arguments else ""
    body = f"declare {declared} unused int; begin {statements} end"
    return (
        f"create function public.run({arguments}) returns void language plpgsql security definer set search_path = '' as $f$ {body} $f$",
        f"comment on function public.run({types}) is 'platformkit:definer maintenance'",
    )


def _run(arguments: str) -> tuple[str, str]:
    return ("FUN008", f"function public.run({arguments})")


_MENDED = "drop function public.run"

_HELPER = (
    "create function public.tenants_of_caller() returns setof uuid language sql stable security definer set search_path = '' "
    f"as $$ select {TENANT} $$",
    "comment on function public.tenants_of_caller() is 'platformkit:definer reads memberships'",
    "create policy through_helper on public.orders as restrictive to authenticated "
    "using (tenant_id in (select public.tenants_of_caller()))",
)

CASES: list[Case] = [
    case(
        "FUN003 the schema of whoever runs it",
        _definer('"$user", public'),
        REASON,
        expected={("FUN003", WIPE)},
        mend=("alter function public.wipe() set search_path = pg_catalog, public, pg_temp",),
    ),
    case(
        "FUN003 temporary objects before others",
        _definer("pg_catalog, pg_temp, public"),
        REASON,
        expected={("FUN003", WIPE)},
        mend=("alter function public.wipe() set search_path = pg_catalog, public",),
    ),
    case(
        "FUN003 a schema in which every role may create",
        'create schema "My Tools"',
        'grant create, usage on schema "My Tools" to public',
        _definer('pg_catalog, "My Tools"'),
        REASON,
        expected={("FUN003", WIPE)},
        mend=('revoke create on schema "My Tools" from public',),
    ),
    case(
        "FUN003 a schema in which a group of the client role may create",
        "do $$ begin create role makers; exception when duplicate_object then null; end $$",
        "grant makers to authenticated",
        "create schema tools",
        "grant create on schema tools to makers",
        "set role postgres; " + _definer("tools, pg_temp") + "; " + REASON,
        expected={("FUN003", WIPE)},
        mend=("drop function public.wipe()", "drop schema tools", "drop role makers"),
        role="supabase_admin",
    ),
    case(
        "FUN003 has nothing to say about an empty path",
        _definer("''"),
        REASON,
        'create schema "$user"',  # not what "$user" stands for
        expected=set(),
    ),
    case(
        "FUN005 by the default that every role may execute",
        _definer(),
        REASON,
        "grant execute on function public.wipe() to public",
        expected={("FUN005", WIPE)},
        mend=("revoke execute on function public.wipe() from public",),
    ),
    case(
        "FUN005 a revoke from PUBLIC leaves the grant by name",
        _definer(),
        REASON,
        "grant execute on function public.wipe() to anon, authenticated",
        "revoke execute on function public.wipe() from public",
        expected={("FUN005", WIPE)},
        mend=("alter function public.wipe() security invoker",),
    ),
    case(
        "FUN005 does not hide what only signed-in users may call",
        _definer(),
        REASON,
        _definer(name="public.other"),
        "comment on function public.other() is 'platformkit:definer why'",
        "grant execute on function public.wipe() to public",
        "grant execute on function public.other() to authenticated",
        expected={("FUN005", WIPE), ("FUN006", "function public.other()")},
        mend=("drop function public.wipe()", "drop function public.other()"),
    ),
    case(
        "FUN005 a trigger function and a procedure cannot be called by the Data API",
        "create function public.stamp() returns trigger language plpgsql security definer set search_path = '' as 'begin return new; end'",
        "comment on function public.stamp() is 'platformkit:definer writes the log'",
        "create procedure public.sweep() language sql security definer set search_path = '' as 'select'",
        "comment on procedure public.sweep() is 'platformkit:definer sweeps'",
        "grant execute on all routines in schema public to public",
        expected=set(),
    ),
    case(
        "FUN005 a schema that is not exposed",
        "create schema private",
        "grant usage on schema private to public",
        _definer(name="private.wipe"),
        "comment on function private.wipe() is 'platformkit:definer why'",
        "grant execute on function private.wipe() to public",
        expected=set(),
    ),
    case(
        "FUN006 through a group of the client role",
        "do $$ begin create role callers; exception when duplicate_object then null; end $$",
        "grant callers to authenticated",
        "set role postgres; " + _definer() + "; " + REASON + "; grant execute on function public.wipe() to callers",
        expected={("FUN006", WIPE)},
        mend=("revoke execute on function public.wipe() from callers", "drop role callers"),
        role="supabase_admin",
    ),
    case(
        "FUN006 a helper of a policy passes with its reason",
        *_HELPER,
        "grant execute on function public.tenants_of_caller() to authenticated",
        expected=set(),
    ),
    case(
        "FUN006 a helper of a policy without a reason",
        *_HELPER,
        "grant execute on function public.tenants_of_caller() to authenticated",
        "comment on function public.tenants_of_caller() is null",
        expected={("FUN004", "function public.tenants_of_caller()"), ("FUN006", "function public.tenants_of_caller()")},
        mend=("comment on function public.tenants_of_caller() is 'platformkit:definer reads memberships'",),
    ),
    case(
        "FUN005 a helper of policies for signed-in users need not be open to anon",
        *_HELPER,
        "grant execute on function public.tenants_of_caller() to anon, authenticated",
        expected={("FUN005", "function public.tenants_of_caller()")},
        mend=("revoke execute on function public.tenants_of_caller() from anon",),
    ),
    case(
        "FUN007 owned by a superuser",
        "create function public.wipe() returns void language sql security definer set search_path = '' as 'select'",
        REASON,
        "revoke execute on function public.wipe() from public, anon, authenticated",
        expected={("FUN007", WIPE)},
        mend=("alter function public.wipe() owner to postgres",),
        role="supabase_admin",
    ),
    case(
        "FUN007 owned by a role that callers can become",
        "do $$ begin create role keepers; exception when duplicate_object then null; end $$",
        "grant keepers to anon",
        "set role postgres; " + _definer() + "; " + REASON,
        "alter function public.wipe() owner to keepers",
        expected={("FUN005", WIPE), ("FUN007", WIPE)},  # who owns a function may call it
        mend=("revoke keepers from anon", "drop function public.wipe()", "drop role keepers"),
        role="supabase_admin",
    ),
    case(
        "FUN008 an argument put into the text",
        *_dynamic("target text", "execute 'truncate ' || target;"),
        expected={_run("target text")},
        mend=("create or replace " + _dynamic("target text", "execute 'truncate ' || quote_ident(target);")[0].removeprefix("create "),),
    ),
    case(
        "FUN008 format with %s, through a variable and a branch",
        *_dynamic(
            "target text",
            "if target <> '' then command := format('truncate %s', lower(target)); else command := 'select 1'; end if; execute command;",
            "command text;",
        ),
        expected={_run("target text")},
        mend=(_MENDED,),
    ),
    case(
        "FUN008 the row that fired the trigger",
        "create function public.run() returns trigger language plpgsql security definer set search_path = '' "
        "as $f$ begin execute 'notify ' || new.name; return new; end $f$",
        "comment on function public.run() is 'platformkit:definer tells others'",
        expected={_run("")},
        mend=(_MENDED,),
    ),
    case(
        "FUN008 is content with quoting, safe types, lists of constants and USING",
        *_dynamic(
            "target text, which uuid, relation regclass",
            "execute format('delete from public.%I where id = %s', target, which); execute 'truncate ' || relation; "
            "execute 'select $1' using target; if target not in ('a', 'b') then raise exception 'no'; end if; "
            "execute 'truncate ' || target;",
        ),
        expected=set(),
    ),
    case(
        "FUN008 enum types carry no SQL, and a function that returns a uuid neither",
        "create type public.mood as enum ('good', 'bad')",
        "create function public.tenant_of(name text) returns uuid language sql stable set search_path = '' as 'select null::uuid'",
        *_dynamic("feeling public.mood, name text", "execute 'notify ' || feeling || public.tenant_of(name);"),
        expected=set(),
    ),
    case(
        "FUN008 says so when it cannot read the body",
        "set check_function_bodies = off; create function public.run() returns void language plpgsql security definer "
        "set search_path = '' as $f$ begin if execute; end $f$",
        "comment on function public.run() is 'platformkit:definer why'",
        expected={_run("")},
        mend=(_MENDED,),
    ),
    case(
        "FUN008 an invoker function has no rights to lend",
        "create function public.run(target text) returns void language plpgsql set search_path = '' "
        "as $f$ begin execute 'truncate ' || target; end $f$",
        expected=set(),
    ),
    case(
        "EXT002 an older version",
        "create extension hstore schema extensions version '1.4'",
        expected={("EXT002", "extension hstore")},
        mend=("alter extension hstore update",),
    ),
]
