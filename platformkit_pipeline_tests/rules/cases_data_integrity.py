"""Cases of FKY004, FKY005, TEN004, KEY001, TYP001 and AUD001-006; the oldest ones of FKY and AUD are in `cases_basics`."""

from __future__ import annotations

from platformkit_pipeline_tests.rules.planted import GOOD, NOTES, TRIGGER, Case, case

REFERENCE = (
    "alter table public.notes add column order_id uuid",
    "create index on public.notes (order_id)",
)
TO_ORDER = "constraint public.notes.to_order"
KEYED = (
    "alter table public.orders add unique (tenant_id, id)",
    "drop index public.orders_tenant_id_idx",
)
ARCHIVE = "create schema archive"
STILL = "created_at timestamptz not null default now(), updated_at timestamptz not null generated always as (created_at) stored"
LOG = (
    "create schema audit",
    f"create table audit.log (id bigint generated always as identity primary key, line text not null, {STILL})",
    "comment on table audit.log is 'platformkit:not-tenant-scoped read by auditors only'",
)
LOG_VIEW = "create schema archive; create view archive.lines as select id, line from audit.log"
DEFINER_DELETES = (
    "create or replace function archive.remove() returns trigger language plpgsql security definer set search_path = '' as "
    "$f$ begin delete from audit.log where line = old.line; return old; end $f$"
)
REASON = "comment on function archive.remove() is 'platformkit:definer lets auditors strike lines out'"
ACTORS = (
    "alter table public.notes add column created_by uuid not null references auth.users (id) on delete restrict",
    "alter table public.notes add column updated_by uuid not null references auth.users (id) on delete restrict",
    "create index on public.notes (created_by)",
    "create index on public.notes (updated_by)",
)
CRITICAL = "comment on table public.notes is 'platformkit:critical evidence'"


def function(body: str, name: str = "audit.record", declare: str = "") -> str:
    return (
        f"create or replace function {name}() returns trigger language plpgsql set search_path = '' as $f$ {declare} begin {body} end $f$"
    )


RECORD = function("insert into audit.log (line) values (tg_op); return null;")
ON_DELETE = "create trigger record after delete or truncate on public.notes for each statement execute function audit.record()"
AUDITED = (*GOOD, *ACTORS, *LOG, RECORD, CRITICAL)

CASES: list[Case] = [
    # -- foreign keys ---------------------------------------------------------------------------------------------------
    case(
        "FKY004 a foreign key that was never validated",
        *GOOD,
        "alter table public.notes add column user_id uuid",
        "create index on public.notes (user_id)",
        "alter table public.notes add constraint to_user foreign key (user_id) references auth.users (id) on delete cascade not valid",
        expected={("FKY004", "constraint public.notes.to_user")},
        mend=("alter table public.notes validate constraint to_user",),
    ),
    case(
        "FKY005 a foreign key to a unique key of a managed table",
        *GOOD,
        "alter table public.notes add column phone text constraint to_user references auth.users (phone) on delete set null",
        "create index on public.notes (phone)",
        expected={("FKY005", "constraint public.notes.to_user")},
        mend=("alter table public.notes drop column phone",),
    ),
    case(
        "FKY005 the primary key of a managed table may be referred to",
        *GOOD,
        "alter table public.notes add column bucket text references storage.buckets (id) on delete restrict",
        "create index on public.notes (bucket)",
        expected=set(),
    ),
    case(
        "TEN004 a row may refer to a row of another tenant",
        *GOOD,
        *REFERENCE,
        "alter table public.notes add constraint to_order foreign key (order_id) references public.orders (id) on delete cascade",
        expected={("TEN004", TO_ORDER)},
        mend=(
            *KEYED,
            "alter table public.notes drop constraint to_order",
            "create index on public.notes (tenant_id, order_id)",
            "drop index public.notes_order_id_idx, public.notes_tenant_id_idx",
            "alter table public.notes add constraint to_order foreign key (tenant_id, order_id) "
            "references public.orders (tenant_id, id) on delete cascade",
        ),
    ),
    case(
        "TEN004 carrying the tenant column in another place is not carrying it",
        *GOOD,
        "alter table public.orders add column buyer uuid not null",
        "alter table public.orders add constraint orders_key unique (buyer, id)",
        *REFERENCE,
        "alter table public.notes add constraint to_order foreign key (tenant_id, order_id) "
        "references public.orders (buyer, id) on delete cascade",
        "create index on public.notes (tenant_id, order_id)",
        "drop index public.notes_tenant_id_idx",
        expected={("TEN004", TO_ORDER)},
        mend=("alter table public.notes drop column order_id", "create index on public.notes (tenant_id)"),
    ),
    case(
        "TEN004 a second, wider foreign key over the same column holds the tenants together",
        *GOOD,
        *KEYED,
        *REFERENCE,
        "alter table public.notes add foreign key (order_id) references public.orders (id) on delete cascade",
        "alter table public.notes add foreign key (tenant_id, order_id) references public.orders (tenant_id, id) on delete cascade",
        "create index on public.notes (tenant_id, order_id)",
        "drop index public.notes_tenant_id_idx",
        expected=set(),
    ),
    case(
        "TEN004 tables that are declared to be outside the tenants are no matter",
        *GOOD,
        "comment on table public.notes is 'platformkit:not-tenant-scoped written by the platform'",
        *REFERENCE,
        "alter table public.notes add foreign key (order_id) references public.orders (id) on delete cascade",
        expected=set(),
    ),
    # -- keys and types -------------------------------------------------------------------------------------------------
    case(
        "KEY001 a table without a primary key; a unique key is none",
        *GOOD,
        "alter table public.notes drop constraint notes_pkey",
        "create unique index on public.notes (id)",
        expected={("KEY001", NOTES)},
        mend=("alter table public.notes add primary key using index notes_id_idx",),
    ),
    case(
        "KEY001 a partitioned table is judged, its partitions are not; unlogged tables are",
        ARCHIVE,
        f"create table archive.visits (id uuid, at date, {STILL}) partition by list (at)",
        "comment on table archive.visits is 'platformkit:not-tenant-scoped counts of the website'",
        "create table archive.visits_default partition of archive.visits default",
        f"create unlogged table archive.scratch (line text, {STILL})",
        "comment on table archive.scratch is 'platformkit:not-tenant-scoped scratch'",
        expected={("KEY001", "table archive.visits"), ("KEY001", "table archive.scratch")},
        mend=("alter table archive.visits add primary key (id, at)", "alter table archive.scratch add primary key (line)"),
    ),
    case(
        "TYP001 reg types, in arrays, domains and composite types",
        *GOOD,
        "create domain public.handler as regprocedure",
        "create domain public.handlers as public.handler[]",
        "create type public.step as (position integer, what regproc)",
        "alter table public.notes add column a regproc, add column b regconfig[], add column c public.handlers, add column d public.step, "
        "add column e regclass, add column f regtype[], add column g text",
        expected={("TYP001", f"column public.notes.{c}") for c in "abcd"},
        mend=tuple(f"alter table public.notes drop column {c}" for c in "abcd"),
    ),
    case(
        "TYP001 materialized views store values, views do not",
        ARCHIVE,
        "create view archive.v as select 'lower(text)'::regprocedure as f",
        "create materialized view archive.m as select 'lower(text)'::regprocedure as f",
        expected={("TYP001", "column archive.m.f")},
        mend=("drop materialized view archive.m",),
    ),
    # -- audit columns --------------------------------------------------------------------------------------------------
    case(
        "AUD002 a domain over timestamptz is one, and may say NOT NULL itself",
        "create domain public.moment as timestamptz(3) not null",
        "create domain public.instant as public.moment",
        "create domain public.loose as timestamp",
        *GOOD,
        "alter table public.notes alter column created_at type public.instant, alter column created_at drop not null, "
        "alter column updated_at type public.loose",
        expected={("AUD002", "column public.notes.updated_at")},
        mend=("alter table public.notes alter column updated_at type public.moment",),
    ),
    case(
        "AUD003 a critical table that does not say who wrote its rows",
        *GOOD,
        *LOG,
        RECORD,
        ON_DELETE,
        CRITICAL,
        "alter table public.notes add column created_by uuid",
        expected={("AUD003", NOTES)},
        mend=("alter table public.notes drop column created_by", *ACTORS),
    ),
    # -- what keeps updated_at ------------------------------------------------------------------------------------------
    case(
        "AUD005 nothing sets updated_at",
        *GOOD,
        "drop trigger touch on public.notes",
        expected={("AUD005", "column public.notes.updated_at")},
        mend=(TRIGGER,),
    ),
    case(
        "AUD005 a disabled trigger sets nothing",
        *GOOD,
        "alter table public.notes disable trigger touch",
        expected={("AUD005", "column public.notes.updated_at")},
        mend=("alter table public.notes enable always trigger touch",),
    ),
    case(
        "AUD005 a trigger for some columns, and one that sets it for INSERT only",
        *GOOD,
        "drop trigger touch on public.notes",
        "create trigger touch before update of tenant_id on public.notes for each row execute function public.touch_updated_at()",
        function("if tg_op = 'INSERT' then new.updated_at := pg_catalog.now(); end if; return new;", "public.stamp"),
        "create trigger stamp before insert or update on public.notes for each row execute function public.stamp()",
        expected={("AUD005", "column public.notes.updated_at")},
        mend=(
            function("if new is distinct from old then select pg_catalog.now() into new.updated_at; end if; return new;", "public.stamp"),
        ),
    ),
    case(
        "AUD005 a function that makes the row anew cannot be told",
        *GOOD,
        function("new := pg_catalog.jsonb_populate_record(new, '{}'); return new;", "public.stamp"),
        "drop trigger touch on public.notes",
        "create trigger stamp before update on public.notes for each row execute function public.stamp()",
        expected={("AUD005", "column public.notes.updated_at")},
        mend=(function('new."updated_at" = pg_catalog.now(); return new;', "public.stamp"),),
    ),
    case(
        "AUD005 rows that cannot be updated need nothing",
        *GOOD,
        function("raise exception 'append-only';", "public.refuse"),
        "drop trigger touch on public.notes",
        "create trigger refuse before update on public.notes for each row execute function public.refuse()",
        expected=set(),
    ),
    # -- audit triggers ---------------------------------------------------------------------------------------------------
    case("AUD004 a critical table whose deletions are not logged", *AUDITED, expected={("AUD004", NOTES)}, mend=(ON_DELETE,)),
    case(
        "AUD004 a trigger that logs other operations only",
        *AUDITED,
        function("if tg_op <> 'DELETE' then insert into audit.log (line) values (tg_op); end if; return null;"),
        "create trigger record after insert or update or delete on public.notes for each row execute function audit.record()",
        expected={("AUD004", NOTES)},
        mend=(
            function("case tg_op when 'DELETE' then insert into audit.log (line) values (tg_op); else null; end case; return null;"),
            "revoke truncate on public.notes from service_role",
        ),
    ),
    case(
        "AUD004 TRUNCATE is to be logged where somebody may do it",
        *AUDITED,
        "create trigger record after delete on public.notes for each row execute function audit.record()",
        expected={("AUD004", NOTES)},
        mend=("revoke truncate on public.notes from service_role",),
    ),
    case(
        "AUD004 a log that is written by a function which the trigger calls",
        *AUDITED,
        "create function audit.append(line text) returns void language sql set search_path = '' "
        "as 'insert into audit.log (line) values (line)'",
        function("perform audit.append(tg_op); return null;"),
        ON_DELETE,
        expected=set(),
    ),
    case(
        "AUD004 SQL that is built at run time, and a condition, cannot be told",
        *AUDITED,
        function("execute 'insert into audit.' || pg_catalog.quote_ident(tg_table_name) || ' values (1)'; return null;"),
        ON_DELETE,
        expected={("AUD004", NOTES)},
        mend=(RECORD,),
    ),
    case(
        "AUD004 writing to a table that is no log audits nothing; a disabled trigger neither",
        *AUDITED,
        function("insert into public.orders (tenant_id, total) values (old.tenant_id, 0); return null;", "audit.copy"),
        "create trigger copy after delete on public.notes for each row execute function audit.copy()",
        ON_DELETE,
        "alter table public.notes disable trigger record",
        expected={("AUD004", NOTES)},
        mend=("alter table public.notes enable trigger record",),
    ),
    # -- tables that only grow --------------------------------------------------------------------------------------------
    case(
        "AUD001 an audit log needs no updated_at, and the time of the insert by whatever name",
        "create schema audit",
        "create table audit.log (id bigint generated always as identity primary key, created_at timestamptz not null default now())",
        "create table audit.events (id bigint generated always as identity primary key, logged_at timestamptz not null default now())",
        "comment on table audit.log is 'platformkit:not-tenant-scoped read by auditors only'",
        "comment on table audit.events is 'platformkit:not-tenant-scoped read by auditors only'",
        expected=set(),
    ),
    case(
        "AUD001 an audit log without the time of its rows",
        "create schema audit",
        "create table audit.log (id bigint generated always as identity primary key, due_at timestamptz not null, at timestamptz)",
        "comment on table audit.log is 'platformkit:not-tenant-scoped read by auditors only'",
        expected={("AUD001", "table audit.log")},
        mend=("alter table audit.log add column at_insert timestamptz not null default timezone('utc', now())",),
    ),
    case(
        "AUD001 a table that nobody can update needs no updated_at",
        ARCHIVE,
        "create table archive.readings (id bigint generated always as identity primary key, created_at timestamptz not null default now())",
        "comment on table archive.readings is 'platformkit:not-tenant-scoped of the building'",
        expected={("AUD001", "table archive.readings")},
        mend=(
            function("raise exception 'readings are written once';", "archive.refuse"),
            "create trigger refuse before update on archive.readings for each row execute function archive.refuse()",
        ),
    ),
    case(
        "AUD005 nothing changes updated_at of an audit log",
        *(s.replace("generated always as (created_at) stored", "default now()") for s in LOG),
        expected=set(),
    ),
    # -- audit logs -------------------------------------------------------------------------------------------------------
    case(
        "AUD006 the server's role may delete from the audit log",
        *LOG,
        "grant usage on schema audit to service_role",
        "grant select, insert, delete on audit.log to service_role",
        expected={("AUD006", "table audit.log")},
        mend=("revoke delete on audit.log from service_role",),
    ),
    case(
        "AUD006 a right on a column, and one to truncate",
        *LOG,
        "grant update (line) on audit.log to authenticated",
        "grant truncate on audit.log to dashboard_user",
        expected={("AUD006", "table audit.log")},
        mend=(
            "revoke update (line) on audit.log from authenticated",
            function("raise exception 'no';", "audit.refuse"),
            "create trigger refuse before truncate on audit.log for each statement execute function audit.refuse()",
        ),
    ),
    case(
        "AUD006 no policy lets the role change a row",
        *LOG,
        "alter table audit.log enable row level security",
        "grant update on audit.log to authenticated",
        "create policy reading on audit.log for select to authenticated using ((select auth.uid()) is not null)",
        expected=set(),
    ),
    case(
        "AUD006 what an audit trigger writes to is an audit log, whatever its name",
        *GOOD,
        ARCHIVE,
        f"create table archive.notes_history (id bigint generated always as identity primary key, line text, {STILL})",
        "comment on table archive.notes_history is 'platformkit:not-tenant-scoped read by auditors only'",
        function("insert into archive.notes_history (line) values (tg_op); return null;", "archive.keep"),
        "create trigger keep after delete on public.notes for each row execute function archive.keep()",
        "grant delete on archive.notes_history to service_role",
        expected={("AUD006", "table archive.notes_history")},
        mend=("revoke delete on archive.notes_history from service_role",),
    ),
    case(
        "AUD006 a definer view over the log passes changes on",
        *LOG,
        LOG_VIEW,
        "grant update, delete on archive.lines to authenticated",
        expected={("AUD006", "table audit.log")},
        mend=("alter view archive.lines set (security_invoker = on)",),
    ),
    case(
        "AUD006 a view over a view over the log, and a grant on one column",
        *LOG,
        LOG_VIEW,
        "create view archive.short as select line from archive.lines where line <> ''",
        "grant update (line) on archive.short to authenticated",
        expected={("AUD006", "table audit.log")},
        mend=("revoke update (line) on archive.short from authenticated",),
    ),
    case(
        "AUD006 views that pass nothing on: joined, read only, or of an owner who may only read",
        *LOG,
        ARCHIVE,
        "create view archive.counted as select line, count(*) as n from audit.log group by line",
        "create view archive.looked_up as select t.id from public.tenants as t where t.name in (select l.line from audit.log as l)",
        "create view archive.read_only as select line from audit.log",
        "create view archive.of_reader as select line from audit.log",
        "grant select on audit.log to dashboard_user",
        "alter view archive.of_reader owner to dashboard_user",
        "grant update, delete on archive.counted, archive.looked_up, archive.of_reader to authenticated",
        "grant select, insert on archive.read_only to authenticated",
        expected=set(),
        role="supabase_admin",
    ),
    case(
        "AUD006 a trigger on the log stops what comes through a view as well",
        *LOG,
        LOG_VIEW,
        "grant update, delete on archive.lines to authenticated",
        function("raise exception 'no';", "audit.refuse"),
        "create trigger refuse before update or delete on audit.log for each row execute function audit.refuse()",
        expected=set(),
    ),
    case(
        "AUD006 a trigger instead of the deletion deletes as its owner",
        *LOG,
        ARCHIVE,
        "create view archive.counted as select line, count(*) as n from audit.log group by line",
        "grant delete on archive.counted to authenticated",
        function("raise exception 'no';", "archive.remove"),
        "create trigger remove instead of delete on archive.counted for each row execute function archive.remove()",
        DEFINER_DELETES,
        REASON,
        expected={("AUD006", "table audit.log")},
        mend=("alter function archive.remove() security invoker",),
    ),
    case(
        "AUD006 what a rule makes of a deletion cannot be told",
        *LOG,
        ARCHIVE,
        "create view archive.counted as select line, count(*) as n from audit.log group by line",
        "create rule forget as on delete to archive.counted do instead delete from audit.log where line = old.line",
        "grant delete on archive.counted to authenticated",
        expected={("AUD006", "table audit.log")},
        mend=("revoke delete on archive.counted from authenticated",),
    ),
    case(
        "AUD006 a table that only sounds like one",
        ARCHIVE,
        f"create table archive.audit_requests (id bigint generated always as identity primary key, {STILL})",
        f"create table archive.catalogue (id bigint generated always as identity primary key, {STILL})",
        "comment on table archive.audit_requests is 'platformkit:not-tenant-scoped asked for by customers'",
        "comment on table archive.catalogue is 'platformkit:not-tenant-scoped the same for all'",
        "grant all on all tables in schema archive to service_role",
        expected=set(),
    ),
]
