"""Cases of IDX001, IDX003 and IDX005."""

from __future__ import annotations

from platformkit_pipeline_tests.rules.planted import GOOD, INDEX, NOTES, STAMPS, Case, case

SELLER = (
    *GOOD,
    "alter table public.notes add column seller uuid not null",
    "create policy own on public.notes as restrictive for delete to authenticated using (seller = (select auth.uid()))",
)
PARTITIONED = (
    "create table public.visits (id uuid, at date, tenant_id uuid not null references public.tenants (id) on delete cascade, "
    f"{STAMPS}, primary key (tenant_id, id, at)) partition by range (at)",
    "alter table public.visits enable row level security",
    "create trigger touch before update on public.visits for each row execute function public.touch_updated_at()",
    "create table public.visits_2026 partition of public.visits for values from ('2026-01-01') to ('2027-01-01')",
    "create table public.visits_2027 partition of public.visits for values from ('2027-01-01') to ('2028-01-01')",
    "alter table public.visits_2026 enable row level security",
    "alter table public.visits_2027 enable row level security",
)

CASES: list[Case] = [
    # -- IDX001 -----------------------------------------------------------------------------------------------------------
    case(
        "IDX001 a column that a policy compares with the caller",
        *SELLER,
        expected={("IDX001", NOTES)},
        mend=("create index on public.notes (seller, created_at)",),
    ),
    case(
        "IDX001 an index that begins with something else, a partial one, and one of another kind do not serve",
        *SELLER,
        "create index on public.notes (created_at, seller)",
        "create index on public.notes (seller) where created_at > '2026-01-01'",
        "create index on public.notes using brin (seller)",
        expected={("IDX001", NOTES)},
        mend=("create index on public.notes using hash (seller)",),
    ),
    case(
        "IDX001 an index of all rows that can be equal to something serves",
        *SELLER,
        "create index on public.notes (seller) where seller is not null",
        expected=set(),
    ),
    case(
        "IDX001 what is compared with a constant, or checked of a new row, needs no index",
        *GOOD,
        "alter table public.notes add column state text not null default 'open', add column seller uuid not null",
        "create policy opened on public.notes as restrictive for update to authenticated "
        "using (state = 'open' and id <> (select auth.uid())) with check (seller = (select auth.uid()))",
        "create policy mixed on public.notes as restrictive for delete to authenticated "
        "using (state = any (array['open', 'new']) and (select auth.uid()) is not null)",
        expected=set(),
    ),
    case(
        "IDX001 one finding for a partitioned table, none for its partitions",
        *PARTITIONED,
        "alter table public.visits add column seller uuid not null",
        *(
            f"create policy own on public.{name} to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid "
            "and seller = (select auth.uid()))"
            for name in ("visits", "visits_2026", "visits_2027")
        ),
        "grant select, insert, update, delete on public.visits, public.visits_2026, public.visits_2027 to authenticated",
        expected={("IDX001", "table public.visits")},
        mend=("create index on public.visits (seller)",),
    ),
    # -- IDX003 -----------------------------------------------------------------------------------------------------------
    case(
        "IDX003 the same index twice",
        *GOOD,
        "create index notes_again on public.notes (tenant_id)",
        expected={("IDX003", "index public.notes.notes_tenant_id_idx")},
        mend=("drop index public.notes_tenant_id_idx",),
    ),
    case(
        "IDX003 the beginning of another index, of a unique one as well",
        *GOOD,
        "create unique index notes_key on public.notes (tenant_id, id)",
        expected={("IDX003", "index public.notes.notes_tenant_id_idx")},
        mend=("drop index public.notes_tenant_id_idx",),
    ),
    case(
        "IDX003 a unique key that repeats the primary key",
        *GOOD,
        "alter table public.notes add constraint notes_once unique (id)",
        expected={("IDX003", "index public.notes.notes_once")},
        mend=("alter table public.notes drop constraint notes_once",),
    ),
    case(
        "IDX003 three alike: the one of the constraint stays, and both others name it",
        *GOOD,
        "create index b on public.notes (id)",
        "create unique index a on public.notes (id)",
        expected={("IDX003", "index public.notes.a"), ("IDX003", "index public.notes.b")},
        mend=("drop index public.a, public.b",),
    ),
    case(
        "IDX003 what differs in order, condition, operator class, collation, method or INCLUDE is not superfluous",
        *GOOD,
        "alter table public.notes add column word text, add column other text",
        "create index on public.notes (word)",
        "create index on public.notes (word desc, other)",
        "create index on public.notes (word text_pattern_ops, other)",
        'create index on public.notes (word collate "C", other)',
        "create index on public.notes using hash (word)",
        "create index on public.notes (word, other) where other is not null",
        "create index on public.notes (lower(word), other)",
        "create index on public.notes (lower(other))",
        "create unique index on public.notes (other)",
        "create index on public.notes (other, created_at) include (word)",
        expected=set(),
    ),
    case(
        "IDX003 expressions, conditions and odd names are compared as they are",
        *GOOD,
        'alter table public.notes add column "a "" USING btree (x)" text',
        'create index "n 1" on public.notes (lower("a "" USING btree (x)")) where created_at > \'2026-01-01\'',
        'create index "n 2" on public.notes (lower("a "" USING btree (x)"), created_at) where created_at > \'2026-01-01\'',
        expected={("IDX003", 'index public.notes."n 1"')},
        mend=('drop index public."n 1"',),
    ),
    case(
        "IDX003 INCLUDE counts what the wider index has somewhere",
        *GOOD,
        "create index narrow on public.notes (created_at) include (id)",
        "create index wide on public.notes (created_at, updated_at) include (id)",
        expected={("IDX003", "index public.notes.narrow")},
        mend=("drop index public.narrow",),
    ),
    case(
        "IDX003 partitions carry copies of their parent's indexes; only what they have besides is superfluous",
        *PARTITIONED,
        "create policy own on public.visits to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid)",
        "create policy own on public.visits_2026 to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid)",
        "create policy own on public.visits_2027 to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid)",
        "grant select, insert, update, delete on public.visits, public.visits_2026, public.visits_2027 to authenticated",
        "create index extra on public.visits_2027 (tenant_id)",
        expected={("IDX003", "index public.visits_2027.extra")},
        mend=("drop index public.extra",),
    ),
    # -- IDX005 -----------------------------------------------------------------------------------------------------------
    case(
        "IDX005 an index of a partitioned table that not every partition has",
        "create schema archive",
        "create table archive.visits (id uuid not null, at date not null, created_at timestamptz not null default now(), "
        "updated_at timestamptz not null generated always as (created_at) stored, primary key (id, at)) partition by range (at)",
        "comment on table archive.visits is 'platformkit:not-tenant-scoped counts of the website'",
        "create table archive.visits_2026 partition of archive.visits for values from ('2026-01-01') to ('2027-01-01')",
        "create index visits_at on only archive.visits (at)",
        expected={("IDX005", "index archive.visits.visits_at")},
        mend=(
            "create index visits_2026_at on archive.visits_2026 (at)",
            "alter index archive.visits_at attach partition archive.visits_2026_at",
        ),
    ),
    case(
        "IDX005 an index whose build failed does no work, not even for a foreign key",
        *(f"set role postgres; {statement}" for statement in (*GOOD, INDEX)),
        "drop index public.notes_tenant_id_idx",
        "update pg_index set indisvalid = false where indexrelid = 'public.notes_tenant_id_idx1'::regclass",
        expected={
            ("IDX005", "index public.notes.notes_tenant_id_idx1"),
            ("IDX001", NOTES),
            ("FKY003", "constraint public.notes.notes_tenant_id_fkey"),
        },
        mend=("reindex index public.notes_tenant_id_idx1",),
        role="supabase_admin",
    ),
]
