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
_EXECUTES = (
    "create function public.execute_text(statement text) returns void language plpgsql set search_path = '' "
    "as $f$ begin execute statement; end $f$"
)

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
        "FUN008 through a function that executes what it is given",
        _EXECUTES,
        *_dynamic("target text", "perform public.execute_text('truncate ' || target);"),
        expected={_run("target text")},
        mend=("create or replace " + _dynamic("target text", "perform public.execute_text(format('truncate %I', target));")[0][7:],),
    ),
    case(
        "FUN008 constants and quoted text may be given to a function that executes it, and anything to its other arguments",
        "create function public.execute_text(statement text, label text) returns void language plpgsql set search_path = '' "
        "as $f$ begin raise notice '%', label; execute statement; end $f$",
        *_dynamic("target text", "perform public.execute_text('select ' || quote_literal(target), target);"),
        expected=set(),
    ),
    case(
        "FUN008 through several functions, by name, in SQL and in a circle",
        "set check_function_bodies = off; create function public.first(a text, b text) returns void language sql set search_path = '' "
        "as 'select public.second(d => b, c => a)'",
        "create function public.second(c text, d text) returns void language plpgsql set search_path = '' "
        "as $f$ begin if length(c) > 9 then perform public.first(d, c); else execute d; end if; end $f$",
        *_dynamic("target text", "perform public.first(target, 'select 1');"),
        expected={_run("target text")},
        mend=("drop function public.run; drop function public.first; drop function public.second",),
    ),
    case(
        "FUN008 a definer in SQL",
        "create function public.run(target text) returns xml language sql security definer set search_path = '' "
        "as $f$ select query_to_xml('select * from ' || target, true, true, '') $f$",
        "comment on function public.run(text) is 'platformkit:definer exports'",
        expected={_run("target text")},
        mend=(
            "create or replace function public.run(target text) returns xml language sql security definer set search_path = '' "
            "as $f$ select query_to_xml(format('select * from %I', target), true, true, '') $f$",
        ),
    ),
    case(
        "FUN008 a definer with BEGIN ATOMIC and one with RETURN, under odd names",
        'create function public."Execute it, ""now"""("the text" text) returns void language plpgsql set search_path = \'\' '
        'as $f$ begin execute "the text"; end $f$',
        "create function public.run(target text) returns void language sql security definer set search_path = '' "
        'begin atomic select; select public."Execute it, ""now"""("the text" => target); end',
        "comment on function public.run(text) is 'platformkit:definer why'",
        'create function public."re turn"("tar get" text) returns xml language sql security definer set search_path = \'\' '
        """return query_to_xml("tar get", true, true, '')""",
        """comment on function public."re turn"(text) is 'platformkit:definer why'""",
        expected={_run("target text"), ("FUN008", 'function public."re turn"("tar get" text)')},
        mend=('drop function public.run, public."re turn"',),
    ),
    case(
        "FUN008 says so when it cannot tell which overload is called",
        "create function public.execute_text(statement text) returns void language plpgsql set search_path = '' "
        "as $f$ begin execute statement; end $f$",
        "create function public.execute_text(row_of json) returns void language plpgsql set search_path = '' as 'begin end'",
        *_dynamic("target text, document json", "perform public.execute_text(document);"),
        expected={_run("target text, document json")},
        mend=("drop function public.execute_text(text)",),
    ),
    case(
        "FUN008 says so when the function that is called cannot be read",
        "set check_function_bodies = off; create function public.execute_text(statement text) returns void language plpgsql "
        "set search_path = '' as $f$ begin if execute statement; end $f$",
        *_dynamic("target text", "perform public.execute_text(target);"),
        expected={_run("target text")},
        mend=(_MENDED, "drop function public.execute_text"),
    ),
    case(
        "FUN008 is content with what an unreadable function is given when none of it is the caller's",
        "set check_function_bodies = off; create function public.execute_text(statement text) returns void language plpgsql "
        "set search_path = '' as $f$ begin if execute statement; end $f$",
        *_dynamic("target text", "perform public.execute_text(quote_ident(target)), public.execute_text('vacuum');"),
        expected=set(),
    ),
    case(
        "FUN008 a function that executes a header of the request, whatever it is given",
        "create function public.execute_header() returns void language plpgsql set search_path = '' "
        "as $f$ begin execute 'set x.y = ' || current_setting('request.header.x-y', true); end $f$",
        *_dynamic("", "perform public.execute_header();"),
        expected={_run("")},
        mend=(_MENDED,),
    ),
    case(
        "FUN008 jobs and other databases are given SQL as well",
        *_dynamic("target text", "perform cron.schedule('nightly', '0 0 * * *', 'truncate ' || target);"),
        expected={_run("target text")},
        mend=("create or replace " + _dynamic("target text", "perform cron.schedule(target, '0 0 * * *', 'vacuum');")[0][7:],),
    ),
    case(
        "EXT002 an older version",
        "create extension hstore schema extensions version '1.4'",
        expected={("EXT002", "extension hstore")},
        mend=("alter extension hstore update",),
    ),
]
