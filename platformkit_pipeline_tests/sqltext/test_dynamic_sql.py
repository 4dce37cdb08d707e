"""What of the caller's reaches EXECUTE unquoted in a PL/pgSQL body, and what does not."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.dynamic_sql import UnquotedUse, unquoted_uses, unquoted_uses_of_sql
from platformkit_pipeline.sqltext.parser import SqlSyntaxError


def uses(arguments: str, body: str, declared: str = "", returns: str = "void") -> tuple[UnquotedUse, ...]:
    definition = (
        f"CREATE OR REPLACE FUNCTION public.run({arguments})\n RETURNS {returns}\n LANGUAGE plpgsql\n SECURITY DEFINER\n"
        f"AS $function$\ndeclare {declared} unused int;\nbegin\n{body}\nend\n$function$\n"
    )
    inputs = ", ".join(argument for argument in arguments.split(", ") if not argument.startswith("out "))
    return unquoted_uses(definition, inputs, lambda name: name == "public.mood", lambda name: "uuid" if name[-1] == "tenant_of" else "text")


UNQUOTED = [
    ("p text", "execute 'select ' || p;", "", "void"),
    ("p text", "execute p;", "", "void"),
    ("p text", "execute format('select %s', p);", "", "void"),
    ("p text", "execute format('%I %2$s', 'a', p);", "", "void"),
    ("p text", "execute format(p);", "", "void"),
    ("q text, variadic p text[]", "execute format('%I %s', variadic p);", "", "void"),
    ("p text", "q := 'x' || p; execute q;", "q text;", "void"),
    ("p text", "execute q;", "q text := 'x' || p;", "void"),
    ("p jsonb", "execute 'x' || (p ->> 'a');", "", "void"),
    ("p text[]", "execute 'x' || array_to_string(p, ',');", "", "void"),
    ("p text[]", "execute 'x' || (select string_agg(c, ',') from unnest(p) as c);", "", "void"),
    ("p text[]", "foreach q in array p loop execute 'drop ' || q; end loop;", "q text;", "void"),
    ("p text", "if p = 'a' then execute 'x'; else execute 'x' || p; end if;", "", "void"),
    ("p text", "if p is null or p <> 'a' then raise notice 'x'; end if; execute p;", "", "void"),
    ("p text", "case when p like 'a%' then execute p; else null; end case;", "", "void"),
    ("p text", "for r in select p as x loop execute 'x' || r.x; end loop;", "r record;", "void"),
    ("p text", "for r in execute 'x' || p loop null; end loop;", "r record;", "void"),
    ("p text", "r.a := p; execute r.a;", "r record;", "void"),
    ("p text", "select p into q; execute q;", "q text;", "void"),
    ("p text", "begin q := p; raise exception 'x'; exception when others then execute q; end;", "q text;", "void"),
    ("p text", "loop execute q; q := p; exit; end loop;", "q text := 'a';", "void"),
    ("p text", "open c for execute 'x' || p;", "c refcursor;", "void"),
    ("p text", "return query execute concat('a', lower(p)) using 1;", "", "setof text"),
    ("p text", "execute 'select ' || quote_ident(p) || ' where ' || p;", "", "void"),
    ("p text", "execute public.wrapped(p);", "", "void"),
    ("p text", "perform query_to_xml('select ' || p, true, false, '');", "", "void"),
    (
        "p text",
        "q := pg_catalog.query_to_xml_and_xmlschema(query => p, nulls => true, tableforest => true, targetns => '');",
        "q text;",
        "void",
    ),
    ("p text", "select query_to_xmlschema(p, true, true, '')::text into q;", "q text;", "void"),
    ("p text", "if (select count(*) from ts_stat(p)) > 0 then null; end if;", "", "void"),
    ("p text", "if false then null; elsif exists (select from ts_stat(p, 'a')) then null; end if;", "", "void"),
    ("p text", "return query select t.word from ts_stat('select v from ' || p) as t;", "", "setof text"),
    (
        "p text",
        "for r in select * from extensions.dblink('shop', format('select %s', p)) as t(a int) loop null; end loop;",
        "r record;",
        "void",
    ),
    ("p text", "perform extensions.dblink(p, false);", "", "void"),
    ("p text", "perform dblink_exec('shop', p, true);", "", "void"),
    ("p text", "perform dblink_open('shop', 'c', p);", "", "void"),
    ("p text", "perform dblink_open('c', p, false);", "", "void"),
    ("p text", "raise notice '%', dblink_send_query('shop', p);", "", "void"),
    ("p text", "perform cron.schedule('nightly', '* * * * *', 'vacuum ' || p);", "", "void"),
    ("p text", "perform cron.schedule('* * * * *', p);", "", "void"),
    ("p text", "perform cron.schedule(job_name => 'a', schedule => '* * * * *', command => p);", "", "void"),
    ("p text", "perform cron.schedule_in_database('a', '* * * * *', p, 'shop');", "", "void"),
    ("p text", "perform cron.alter_job(1, command := p);", "", "void"),
    ("p text", "q := ts_rewrite('a'::tsquery, p);", "q tsquery;", "void"),
    ("p text", "while dblink_exec(q) = '' loop q := p; end loop;", "q text;", "void"),
    ("p text", "case dblink_exec(p) when 'a' then null; else null; end case;", "", "void"),
    ("p text", "open c(p); close c;", "c cursor (k text) for select * from ts_stat(k);", "void"),
    ("p text", "for r in c(p) loop null; end loop;", "c cursor (k text) for select * from ts_stat(k); r record;", "void"),
    ("p text", "with s as (select p as q) select count(*) into n from s, ts_stat(s.q);", "n int;", "void"),
    ("p text", "insert into t select query_to_xml(x.q, true, true, '') from (select 'a' || p as q) as x;", "", "void"),
]

QUOTED = [
    ("p text", "execute 'select ' || quote_ident(p) || quote_literal(p);", "", "void"),
    ("p text", "execute format('select %I %L %%', p, p);", "", "void"),
    ("p text", "execute 'select $1' using p;", "", "void"),
    ("p uuid, n int, m public.mood, t timestamp with time zone", "execute 'select ' || p || n || m || t;", "", "void"),
    ("p text", "execute 'x' || p::regclass;", "", "void"),
    ("p text", "p := quote_ident(p); execute 'x' || p;", "", "void"),
    ("p text", "q := p; execute 'x' || q;", "q uuid;", "void"),
    ("p text", "if p not in ('a', 'b') then raise exception 'no'; end if; execute 'x' || p;", "", "void"),
    ("p text", "if p is null or not (p = any (array['a', 'b'])) then return; end if; execute 'x' || p;", "", "void"),
    ("p text", "if p in ('a', 'b') then execute 'x' || p; end if;", "", "void"),
    ("p text", "execute 'x' || case p when 'a' then 'asc' else 'desc' end;", "", "void"),
    ("p text[]", "execute (select string_agg(quote_ident(c), ',') from unnest(p) as c);", "", "void"),
    ("p text", "for r in select name from t where kind = p loop execute 'x' || r.name; end loop;", "r record;", "void"),
    ("p text", "execute format('x %s', length(p));", "", "void"),
    ("p text", "execute 'x' || regexp_replace(p, '[^a-z0-9_]', '', 'g');", "", "void"),
    ("p text", "execute 'x' || public.tenant_of(p);", "", "void"),
    ("p text", "execute 'y' into q; execute q;", "q text := p;", "void"),
    ("p text", "perform 'a' || p; execute 'notify x';", "", "void"),
    ("p text, out q text", "q := 'a'; execute q;", "", "text"),
    ("p jsonb", "execute format('x %s %L', (p ->> 'n')::int, p);", "", "void"),
    ("", "execute format('insert into %I', tg_table_name); return new;", "", "trigger"),
    ("p text", "perform query_to_xml(format('select %L', p), true, false, p);", "", "void"),
    ("p text", "perform cron.schedule(p, p, 'vacuum');", "", "void"),
    ("p text", "perform cron.schedule('a', '* * * * *', format('select public.run(%L)', p));", "", "void"),
    ("p text", "perform cron.schedule(command => 'vacuum', job_name => p, schedule => p);", "", "void"),
    ("p text", "perform cron.alter_job(1, schedule := p);", "", "void"),
    ("p text", "perform dblink('shop', 'select ' || quote_literal(p));", "", "void"),
    ("p text", "perform dblink_open('shop', p, 'select 1', false);", "", "void"),
    ("p text", "perform ts_stat('select v from t', p), ts_rewrite('a'::tsquery, 'b'::tsquery, p::tsquery);", "", "void"),
    ("p text", "perform table_to_xml(p::regclass, true, true, ''), schema_to_xml(p, true, true, '');", "", "void"),
    ("c refcursor, n int", "perform cursor_to_xml(c, n, true, true, '');", "", "void"),
    ("p text", "perform case when p in ('a', 'b') then dblink_exec(p) else dblink_exec('c') end;", "", "void"),
    ("p text", "if p not in ('a', 'b') then return; elsif dblink_exec(p) = '' then null; end if;", "", "void"),
    ("p text, n int", "open c(n, p); fetch c into q;", "c cursor (k int, l text) for select dblink_exec('a'), l; q text;", "void"),
    ("p text", "q[1 + (n[1])] := p; perform pg_catalog.lower(p);", "q text[]; n int[]; s text := 'dblink';", "void"),
    ("p text", "perform shop.query_to_xml(p);", "", "void"),
]


@pytest.mark.parametrize(("arguments", "body", "declared", "returns"), UNQUOTED, ids=[u[1] for u in UNQUOTED])
def test_the_callers_text_in_executed_sql_is_found(arguments: str, body: str, declared: str, returns: str) -> None:
    [use] = uses(arguments, body, declared, returns)
    assert use.sources == ("p",)
    assert use.line == 4


@pytest.mark.parametrize(("arguments", "body", "declared", "returns"), QUOTED, ids=[u[1] for u in QUOTED])
def test_what_cannot_carry_sql_is_no_fault(arguments: str, body: str, declared: str, returns: str) -> None:
    assert uses(arguments, body, declared, returns) == ()


@pytest.mark.parametrize(
    ("arguments", "body", "returns", "source"),
    [
        ("", "execute 'insert into ' || new.name; return new;", "trigger", "NEW"),
        ("", "execute 'x' || (auth.jwt() ->> 'name');", "void", "auth.jwt()"),
        ("", "execute 'x' || current_setting('request.headers')::json ->> 'x-name';", "void", "current_setting('request.headers')"),
        ("text", "execute 'x' || $1;", "void", "$1"),
    ],
)
def test_what_the_caller_sends_is_more_than_named_arguments(arguments: str, body: str, returns: str, source: str) -> None:
    [use] = uses(arguments, body, returns=returns)
    assert use.sources == (source,)


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("select 1;\nselect query_to_xml('select ' || p, true, true, '')", [2]),
        ("\nselect *\nfrom dblink('shop', $1) as t(a int)", [3]),
        ("select count(*) from dblink('shop', run.p) as t(a int)", [1]),
        ("BEGIN ATOMIC\n SELECT 1;\n SELECT query_to_xml(p, true, true, ''::text) AS query_to_xml;\nEND", [3]),
        ("RETURN query_to_xml(('select '::text || p), true, true, ''::text)", [1]),
        ("with q as (select 'select ' || p as s) select query_to_xml(s, true, true, '') from q", [1]),
        ("select case when p = 'a' then query_to_xml(p, true, true, '') end", []),
        ("select query_to_xml(format('select %L', p), true, true, '')", []),
        ("RETURN query_to_xml('select 1', true, true, p)", []),
    ],
)
def test_a_body_in_sql_is_read_as_well(body: str, lines: list[int]) -> None:
    found = unquoted_uses_of_sql(body, "p text, n integer")
    assert [use.line for use in found] == lines
    assert {use.sources for use in found} <= {("p",), ("$1",)}


def test_each_statement_is_a_use_with_its_line() -> None:
    found = uses("a text, b text", "execute a;\nexecute 'x';\nexecute a || b;")
    assert [(use.line, use.sources) for use in found] == [(4, ("a",)), (6, ("a", "b"))]


def test_a_body_that_does_not_parse_is_an_error_with_the_parsers_sentence() -> None:
    with pytest.raises(SqlSyntaxError, match="THEN"):
        uses("p text", "if execute p;")


@pytest.mark.timeout(60)  # seconds when it goes well, for ever when work multiplies
def test_hundreds_of_branches_take_no_long_time() -> None:
    body = (
        "".join(
            f"if p <> '{n}x' then q{n} := null; else null; end if; if unused > {n} then q{n} := p; q := q || q{n}; end if;\n"
            for n in range(400)
        )
        + "execute q;"
    )
    assert len(uses("p text", body, "q text; " + " ".join(f"q{n} text;" for n in range(400)))) == 1


@pytest.mark.timeout(60)  # seconds when it goes well, for ever when work multiplies
def test_loops_in_loops_take_no_long_time() -> None:
    depth = 40
    body = "".join(f"loop q{n + 1} := q{n}; " for n in range(depth)) + "q0 := p; execute 'x' || p;" + " end loop;" * depth
    assert uses("p text", body, " ".join(f"q{n} text;" for n in range(depth + 1)))
