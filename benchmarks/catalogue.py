"""Catalogues of any size for `benchmarks.scan`: a well-kept majority, planted faults, and the list of them.

The shape follows what public projects have per table: about eight columns, 1.7 policies, 1.2 functions, 1.5 foreign keys,
three to four indexes, a trigger, 0.2 views; enums, domains, partitions, comments and checks; a tenth of the schemas in
`public`. Every fourth table has a policy text of its own. The truth is written down beside each planted fault, by hand:
nothing here asks a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.faults import PLANTS, SERVER_WIDE, Plant
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import connect
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.supabase import copy_supabase_database

CLAIM = "((select auth.jwt()) ->> 'tenant_id')::uuid"
OWN = f"tenant_id = {CLAIM}"
WRITERS = 2
TABLES_PER_TRANSACTION = 50
"""Keeps the locks of one transaction within the server's lock table."""

AREAS = 9
"""Schemas beside public."""

Truth = frozenset[tuple[str, str]]
"""(rule, object) of every finding that a scan must report."""

AREA = """
create schema {area};
grant usage on schema {area} to authenticated, service_role;
create table {area}.tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
comment on table {area}.tenants is 'platformkit:not-tenant-scoped the tenants themselves';
alter table {area}.tenants enable row level security;
grant select on {area}.tenants to authenticated;
create trigger touch before update on {area}.tenants for each row execute function public.touch_updated_at();
create policy own_tenant on {area}.tenants for select to authenticated using (id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
"""
"""Tenants of its own: ten thousand foreign keys to one table are twenty thousand triggers on it, which no project has."""

SHARED = """
create type public.stage as enum ('new', 'open', 'done');
create domain public.short_text as text check (length(value) <= 200);
create function public.same_tenant(row_tenant uuid) returns boolean language sql stable set search_path = ''
  return row_tenant = ((select auth.jwt()) ->> 'tenant_id')::uuid;
grant execute on function public.same_tenant(uuid) to authenticated;
"""

BACKEND = """
create foreign data wrapper elsewhere;
create server elsewhere foreign data wrapper elsewhere;
grant usage, create on schema public to bench_backend;
"""

VERBS = (
    ("all",),
    ("all",),
    ("select", "insert"),
    ("all",),
    ("all",),
    ("select", "insert", "update"),
    ("all",),
    ("all",),
    ("select", "insert"),
    ("select", "insert", "update", "delete"),
)
"""Commands with a policy of their own, by the last digit of the table's number: 1.7 policies per table."""


def schema_of(n: int) -> str:
    return "public" if n % 10 == 0 else f"area_{n % 10}"


def schemas() -> tuple[str, ...]:
    return ("public", *(f"area_{n}" for n in range(1, AREAS + 1)))


def well_kept_table(n: int) -> str:
    """Statements of one table that keeps every rule, with its function, view and triggers."""
    schema, name = schema_of(n), f"records_{n}"
    table = f"{schema}.{name}"
    lines = [
        f"create table {table} (id uuid primary key default gen_random_uuid(),",
        f" tenant_id uuid not null references {schema}.tenants (id) on delete cascade, previous uuid,",
        f" title public.short_text not null check (title <> ''), amount numeric(12, 2) default {n % 97},",
        " stage public.stage not null default 'new', tags text[] not null default '{}',",
        " created_at timestamptz not null default now(), updated_at timestamptz not null default now(),",
        " unique (tenant_id, id));",
        f"create index on {table} (tenant_id, created_at desc);",
        f"alter table {table} enable row level security;",
        f"create trigger touch before update on {table} for each row execute function public.touch_updated_at();",
    ]
    if n % 2 and n > 20:  # the table of the same schema before this one
        lines.append(
            f"alter table {table} add foreign key (tenant_id, previous) references {schema}.records_{n - 20} (tenant_id, id)"
            f" on delete cascade; create index on {table} (tenant_id, previous);"
        )
    verbs = VERBS[n // 10 % 10]
    own = OWN if n % 4 else f"{OWN} and title <> 'hidden {n}'"
    if n % 11 == 0:
        own = own.replace(OWN, "public.same_tenant(tenant_id)")
    for verb in verbs:
        using = f"with check ({own})" if verb == "insert" else f"using ({own})"
        lines.append(f"create policy {verb}_of_tenant on {table} for {verb} to authenticated {using};")
    granted = "select, insert, update, delete" if verbs == ("all",) else ", ".join(verbs)
    lines.append(f"grant {granted} on {table} to authenticated; grant all on {table} to service_role;")
    lines.append(
        f"create function {schema}.title_of_{n}(wanted uuid) returns text language sql stable set search_path = ''"
        f" as 'select title from {table} where id = wanted limit {n % 7 + 1}';"
    )
    if n % 5 == 0:
        lines.append(
            f"create function {schema}.note_{n}() returns trigger language plpgsql set search_path = '' as $f$\n"
            f"begin\n  if new.amount is distinct from old.amount then\n    new.tags := new.tags || 'changed {n}';\n  end if;\n"
            "  return new;\nend $f$;"
            f"create trigger note before update on {table} for each row execute function {schema}.note_{n}();"
        )
        lines.append(
            f"create view {schema}.open_{n} with (security_invoker = true) as"
            f" select id, title, amount from {table} where stage <> 'done' and amount > {n % 13};"
            f"grant select on {schema}.open_{n} to authenticated;"
        )
    if n % 3 == 0:
        lines.append(f"comment on table {table} is 'Records of kind {n}; one row per entry.';")
    return "\n".join(lines)


def partitioned_table(n: int) -> str:
    """As `well_kept_table`, in three partitions that are reached through their parent only. Counts as four tables."""
    table = f"{schema_of(n)}.events_{n}"
    partitions = "".join(
        f"create table {table}_{year} partition of {table} for values from ('{year}-01-01') to ('{year + 1}-01-01');"
        f"alter table {table}_{year} enable row level security;"
        for year in (2024, 2025, 2026)
    )
    return f"""
create table {table} (id uuid not null default gen_random_uuid(),
 tenant_id uuid not null references {schema_of(n)}.tenants (id) on delete cascade, kind text not null,
 payload jsonb not null default '{{}}',
 created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
 primary key (id, created_at)) partition by range (created_at);
create index on {table} (tenant_id, created_at);
alter table {table} enable row level security;
create policy of_tenant on {table} to authenticated using ({OWN});
create trigger touch before update on {table} for each row execute function public.touch_updated_at();
grant select, insert, update, delete on {table} to authenticated;
{partitions}"""


def copies_of(plant: Plant, tables: int) -> int:
    """More of each fault in larger catalogues, so that findings grow as tables do."""
    return 1 if plant.once else max(1, tables // 1000)


def pieces(tables: int) -> Iterator[tuple[int, str]]:
    """(number, statements) of the well-kept tables; the number says in which schema."""
    planted = sum(plant.tables * copies_of(plant, tables) for plant in PLANTS)
    partitioned = max(1, tables // 200)
    plain = max(0, tables - planted - 4 * partitioned - 2 - AREAS)  # well_kept.sql has two tables, and each area one
    for n in range(1, plain + 1):
        yield n, well_kept_table(n)
    for n in range(1, partitioned + 1):
        yield n, partitioned_table(n)


def make_catalogue(server: EmbeddedPostgres, template: str, name: str, tables: int) -> Dsn:
    """A Supabase-shaped database of so many tables, planted faults included. The DSN is the superuser's."""
    dsn = copy_supabase_database(server.dsn(), name, template=template, exposed_schemas=(*schemas(), "pgmq_public"))
    areas = "".join(AREA.format(area=schema) for schema in schemas()[1:])
    _run(dsn, read_sql("sandbox/well_kept.sql") + areas + SHARED)
    by_schema: list[list[str]] = [[] for _ in schemas()]
    for number, statement in pieces(tables):
        by_schema[number % 10].append(statement)
    with ThreadPoolExecutor(WRITERS) as writers:  # a schema's tables refer to one another, not to those of other schemas
        list(writers.map(lambda statements: _write(dsn, statements), by_schema))
    _run(dsn, BACKEND, role=server.superuser)
    for plant in PLANTS:
        for n in range(1, copies_of(plant, tables) + 1):
            _run(dsn, plant.sql.replace("{n}", str(n)), role=plant.role)
    _vacuum(dsn)
    return dsn


def prepare_server(server: EmbeddedPostgres) -> None:
    """What the plants need of the server as a whole: roles. Once per server, after the Supabase shape."""
    _run(server.dsn(), SERVER_WIDE.sql, role=SERVER_WIDE.role)


def shape_of(dsn: Dsn) -> str:
    """Counts of what was made, in words."""
    query = """
        select format('%s tables, %s columns, %s policies (%s distinct conditions), %s functions, %s views, %s foreign keys, %s indexes',
          count(*) filter (where c.relkind in ('r', 'p')),
          (select count(*) from pg_attribute a join pg_class t on t.oid = a.attrelid join pg_namespace m on m.oid = t.relnamespace
            where t.relkind in ('r', 'p') and a.attnum > 0 and m.nspname ~ '^(public|area_.)$'),
          (select count(*) from pg_policies),
          (select count(distinct coalesce(qual, with_check)) from pg_policies),
          (select count(*) from pg_proc p join pg_namespace m on m.oid = p.pronamespace where m.nspname ~ '^(public|area_.)$'),
          count(*) filter (where c.relkind = 'v'),
          (select count(*) from pg_constraint where contype = 'f'),
          count(*) filter (where c.relkind in ('i', 'I')))
        from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname ~ '^(public|area_.)$'"""
    with connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    return str(row[0]) if row else ""


def expected_findings(tables: int, database: str) -> Truth:
    """What a scan of `make_catalogue` with as many tables must report, no more and no less."""
    planted = {
        (rule, found.replace("{n}", str(n)))
        for plant in PLANTS
        for n in range(1, copies_of(plant, tables) + 1)
        for rule, found in plant.expected
    }
    return frozenset(planted | {(rule, found.replace("{database}", database)) for rule, found in SERVER_WIDE.expected})


def _write(dsn: Dsn, statements: Sequence[str]) -> None:
    for first in range(0, len(statements), TABLES_PER_TRANSACTION):
        _run(dsn, "\n".join(statements[first : first + TABLES_PER_TRANSACTION]))


def _run(dsn: Dsn, sql: str, role: str = "postgres") -> None:
    with connect(dsn, autocommit=False) as connection:
        # the platform's event triggers have nobody to notify here
        connection.execute("set session_replication_role = replica")
        connection.execute(f"set local role {role}".encode())
        connection.execute(sql.encode())


def _vacuum(dsn: Dsn) -> None:
    """What autovacuum does on a server that lives; of the catalogues only, so that no table has statistics of its own."""
    with connect(dsn) as connection:
        rows = connection.execute(
            "select relname from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind = 'r'"
        ).fetchall()
        for (name,) in rows:
            connection.execute(f"vacuum analyze pg_catalog.{name}".encode())
