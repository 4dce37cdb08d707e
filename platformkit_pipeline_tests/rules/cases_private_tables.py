"""Cases of RLS007 and API002: views that lead to tables which nothing protects, because their schema is not exposed."""

from __future__ import annotations

from platformkit_pipeline_tests.rules.planted import STAMPS, TENANT, Case, case

CUSTOMERS = (
    "create schema private",
    "create table private.customers (id uuid primary key, owned_by uuid, org_id uuid, ssn text, city text, has_password boolean, "
    f"born_at timestamptz, {STAMPS})",
    "create trigger touch before update on private.customers for each row execute function public.touch_updated_at()",
    "comment on table private.customers is 'platformkit:not-tenant-scoped people of all organisations'",
)
LEDGER = (
    "create schema private",
    "create table private.ledger (id uuid primary key, tenant_id uuid not null references public.tenants (id) on delete cascade, "
    f"amount numeric, status text, {STAMPS})",
    "create index on private.ledger (tenant_id)",
    "create trigger touch before update on private.ledger for each row execute function public.touch_updated_at()",
)
READ = "grant select on public.shown to anon"
SHOWN = ("API002", "view public.shown")
TENANTS = ("RLS007", "view public.shown")
CLOSE = ("revoke all on public.shown from anon, authenticated",)


def view(query: str) -> str:
    return f"create view public.shown as {query}"


CASES: list[Case] = [
    # -- API002 -----------------------------------------------------------------------------------------------------
    case(
        "API002 a view over a private table without row level security",
        *CUSTOMERS,
        view("select * from private.customers"),
        READ,
        expected={SHOWN},
        mend=("create or replace view public.shown as select * from private.customers where owned_by = (select auth.uid())",),
    ),
    case(
        "API002 a sensitive column under another name, through expressions and a sub-select",
        *CUSTOMERS,
        view("select s.reference from (select coalesce(lower(c.ssn), '') || '' as reference from private.customers as c) as s"),
        READ,
        expected={SHOWN},
        mend=CLOSE,
    ),
    case(
        "API002 whole rows as JSON",
        *CUSTOMERS,
        view("select to_jsonb(c) as j from private.customers as c"),
        READ,
        expected={SHOWN},
        mend=CLOSE,
    ),
    case(
        "API002 a view of harmless columns, and of what is told about the others",
        *CUSTOMERS,
        view(
            "select id, city, has_password, born_at, ssn is not null as has_ssn, md5(ssn) as fingerprint, right(ssn, 4) as last "
            "from private.customers"
        ),
        READ,
        expected=set(),
    ),
    case("API002 a count", *CUSTOMERS, view("select city, count(ssn) as ssn from private.customers group by city"), READ, expected=set()),
    case(
        "API002 only harmless columns of the view are granted",
        *CUSTOMERS,
        view("select * from private.customers"),
        "grant select (id, city) on public.shown to anon",
        expected=set(),
    ),
    case(
        "API002 an invoker view, and callers may read the private table",
        *CUSTOMERS,
        "create view public.shown with (security_invoker = on) as select * from private.customers",
        READ,
        "grant usage on schema private to anon",
        "grant select on private.customers to anon",
        expected={SHOWN},
        mend=("revoke select on private.customers from anon",),
    ),
    case(
        "API002 an invoker view, and callers may not read the private table",
        *CUSTOMERS,
        "create view public.shown with (security_invoker = on) as select * from private.customers",
        READ,
        expected=set(),
    ),
    case(
        "API002 a view over a view over a materialized view",
        *CUSTOMERS,
        "create materialized view private.copies as select id, ssn as number from private.customers",
        "create view private.between as select number, id from private.copies",
        view("select b.number as a, b.id from private.between as b"),
        READ,
        expected={SHOWN},
        mend=("create or replace view private.between as select repeat('*', 9) as number, id from private.copies",),
    ),
    case(
        "API002 a materialized view gives a sensitive column another name",
        *CUSTOMERS,
        "create materialized view public.shown as select id, ssn as reference from private.customers",
        READ,
        expected={("RLS008", "materialized_view public.shown"), ("API002", "materialized_view public.shown")},
        mend=CLOSE,
    ),
    case(
        "API002 rows of the caller, by a join and by a look-up",
        *CUSTOMERS,
        "create table private.members (org_id uuid, person uuid, primary key (org_id, person), " + STAMPS + ")",
        "create trigger touch before update on private.members for each row execute function public.touch_updated_at()",
        "comment on table private.members is 'platformkit:not-tenant-scoped who belongs where'",
        view("select c.* from private.customers as c join private.members as m using (org_id) where m.person = auth.uid()"),
        "create view public.looked_up as select * from private.customers as c where c.org_id in "
        "(select m.org_id from private.members as m where m.person = (select auth.uid()))",
        "grant select on public.shown, public.looked_up to authenticated",
        expected=set(),
    ),
    case(
        "API002 a condition that asks for the caller and does not tie the row to them cannot be told",
        *CUSTOMERS,
        view("select * from private.customers where auth.role() = 'authenticated'"),
        READ,
        expected={SHOWN},
        mend=CLOSE,
    ),
    case(
        "API002 what a function of the project leaves of the value cannot be told",
        *CUSTOMERS,
        "create function private.masked(text) returns text language sql immutable set search_path = '' as 'select repeat(''*'', 4)'",
        view("select private.masked(ssn) as ssn from private.customers"),
        READ,
        expected={SHOWN},
        mend=CLOSE,
    ),
    case(
        "API002 a digest made by an extension hands nothing on",
        *CUSTOMERS,
        view("select extensions.digest(ssn, 'sha256') as ssn from private.customers"),
        READ,
        expected=set(),
    ),
    # -- RLS007 -----------------------------------------------------------------------------------------------------
    case(
        "RLS007 a view over a private table of all tenants",
        *LEDGER,
        view("select id, amount from private.ledger"),
        "grant select on public.shown to authenticated",
        expected={TENANTS},
        mend=(f"create or replace view public.shown as select id, amount from private.ledger where tenant_id = {TENANT}",),
    ),
    case(
        "RLS007 sums of each tenant in a private table",
        *LEDGER,
        view("select tenant_id, sum(amount) as total from private.ledger group by tenant_id"),
        "grant select on public.shown to authenticated",
        expected={TENANTS},
        mend=CLOSE,
    ),
    case(
        "RLS007 figures about all tenants of a private table",
        *LEDGER,
        view("select status, count(*) as n, sum(amount) as total from private.ledger group by status"),
        READ,
        expected=set(),
    ),
    case(
        "RLS007 a private table that can be written through the view",
        *LEDGER,
        view("select id, amount from private.ledger"),
        "grant delete on public.shown to authenticated",
        expected={TENANTS},
        mend=CLOSE,
    ),
    case(
        "RLS007 a private table that is declared public",
        *LEDGER,
        "comment on table private.ledger is 'platformkit:public-read open books'",
        view("select id, amount from private.ledger"),
        READ,
        expected=set(),
    ),
    case(
        "RLS007 a condition that asks for the caller cannot be told",
        *LEDGER,
        view("select id, amount from private.ledger where auth.role() = 'authenticated'"),
        READ,
        expected={TENANTS},
        mend=CLOSE,
    ),
    case(
        "RLS007 an invoker view over a definer view over a private table",
        *LEDGER,
        "grant usage on schema private to authenticated",
        "create view private.between as select * from private.ledger",
        "grant select on private.between to authenticated",
        "create view public.shown with (security_invoker = on) as select id, amount from private.between",
        "grant select on public.shown to authenticated",
        expected={TENANTS},
        mend=("alter view private.between set (security_invoker = on)",),
    ),
]
