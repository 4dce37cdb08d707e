"""Patches that look right and are wrong, each with the proof obligation (design section 8) that has to refuse it.

Each is made so that, as far as it can be, *only* that obligation sees the fault: the statements are of kinds that a patch of
the rule may well have, the finding goes away, and so on. `also` names obligations that may refuse it before or besides.
The well-kept schema of `sql/sandbox/well_kept.sql` is the base, and everything runs as role `postgres`, which is no superuser.
"""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline_tests.rules.planted import GRANT, INDEX, NOTES, POLICY, TABLE, TENANT, TRIGGER

PRESENT, KINDS, APPLIES, GONE, NOTHING_NEW, SCOPE, TWICE, UNDO, ROLES, FRESH = range(1, 11)
"""The ten obligations by number."""


@dataclass(frozen=True, slots=True)
class WrongPatch:
    """`setup` on the well-kept schema makes the finding of `rule` on `object` (its canonical identity), but for obligation 1."""

    name: str
    setup: tuple[str, ...]
    rule: str
    object: str
    up: tuple[str, ...]
    down: tuple[str, ...]
    obligation: int
    why: str
    also: frozenset[int] = frozenset()


_OPEN = (TABLE, INDEX, GRANT, TRIGGER)
"""A tenant table in use that lacks row level security."""
_ENABLE = "alter table public.notes enable row level security"
_DISABLE = "alter table public.notes disable row level security"
_DROP_POLICY = "drop policy if exists notes_of_tenant on public.notes"

_CLOSE_DAY = "function public.close_day()"
_DEFINER = "create function public.close_day() returns void language sql security definer {path} as 'select'"
_REASON = "comment on function public.close_day() is 'platformkit:definer updates every tenant'"
_CALLABLE = (_DEFINER.format(path="set search_path = ''"), _REASON, "grant execute on function public.close_day() to public")
_MUTABLE = (_DEFINER.format(path=""), _REASON)

_UNINDEXED = ("alter table public.orders add column user_id uuid references auth.users (id) on delete set null",)
_USER_KEY = "constraint public.orders.orders_user_id_fkey"

_REPORTS = (
    "create table public.reports (id uuid primary key, text text not null, "
    "created_at timestamptz not null default now(), updated_at timestamptz not null default now())",
    "comment on table public.reports is 'platformkit:not-tenant-scoped written by the operator'",
    "create trigger touch before update on public.reports for each row execute function public.touch_updated_at()",
    "create index reports_created_at_idx on public.reports (created_at)",
    "grant select on public.reports to authenticated",
)

WRONG_PATCHES: tuple[WrongPatch, ...] = (
    WrongPatch(
        name="a patch for a finding that is not there",
        setup=(),
        rule="FKY003",
        object="constraint public.orders.orders_tenant_id_fkey",
        up=("create index if not exists orders_by_tenant_idx on public.orders (total, tenant_id)",),
        down=("drop index if exists public.orders_by_tenant_idx",),
        obligation=PRESENT,
        why="the foreign key has its index already",
    ),
    WrongPatch(
        name="enable row level security alone",
        setup=_OPEN,
        rule="RLS001",
        object=NOTES,
        up=(_ENABLE,),
        down=(_DISABLE,),
        obligation=NOTHING_NEW,
        why="no policy lets a row through, so the application is locked out: RLS003",
        also=frozenset({ROLES}),
    ),
    WrongPatch(
        name="revoke from anon only",
        setup=_CALLABLE,
        rule="FUN005",
        object=_CLOSE_DAY,
        up=("revoke execute on function public.close_day() from anon",),
        down=("grant execute on function public.close_day() to public",),
        obligation=GONE,
        why="PUBLIC still holds EXECUTE, and anon is part of it",
    ),
    WrongPatch(
        name="drop the table",
        setup=_OPEN,
        rule="RLS001",
        object=NOTES,
        up=("drop table if exists public.notes cascade",),
        down=(TABLE, INDEX, GRANT, TRIGGER),
        obligation=KINDS,
        why="no table, no finding: DROP TABLE is no kind of statement that mends row level security",
        also=frozenset({SCOPE, ROLES}),
    ),
    WrongPatch(
        name="drop the table, with an undo that forgets what stood on it",
        setup=(*_OPEN, "comment on table public.notes is 'One row: a note.'"),
        rule="RLS001",
        object=NOTES,
        up=("drop table if exists public.notes cascade",),
        down=(TABLE,),
        obligation=UNDO,
        why="index, grants, trigger and comment do not come back",
        also=frozenset({KINDS, SCOPE, ROLES}),
    ),
    WrongPatch(
        name="create the policy without dropping it first",
        setup=_OPEN,
        rule="RLS001",
        object=NOTES,
        up=(_ENABLE, f"{POLICY} with check (tenant_id = {TENANT})"),
        down=(_DROP_POLICY, _DISABLE),
        obligation=TWICE,
        why="CREATE POLICY fails the second time: 42710",
    ),
    WrongPatch(
        name="ask for the caller on every row",
        setup=_OPEN,
        rule="RLS001",
        object=NOTES,
        up=(
            _ENABLE,
            _DROP_POLICY,
            "create policy notes_of_tenant on public.notes to authenticated using (tenant_id = (auth.jwt() ->> 'tenant_id')::uuid)",
        ),
        down=(_DROP_POLICY, _DISABLE),
        obligation=NOTHING_NEW,
        why="the claim is read anew for each row: RLS010",
    ),
    WrongPatch(
        name="a policy that is always true",
        setup=_OPEN,
        rule="RLS001",
        object=NOTES,
        up=(_ENABLE, _DROP_POLICY, "create policy notes_of_tenant on public.notes to authenticated using (true) with check (true)"),
        down=(_DROP_POLICY, _DISABLE),
        obligation=NOTHING_NEW,
        why="row level security is on and protects nothing: RLS004, RLS005, RLS012 and TEN003, as bad as before",
    ),
    WrongPatch(
        name="an undo that loses the comment",
        setup=_MUTABLE,
        rule="FUN001",
        object=_CLOSE_DAY,
        up=("alter function public.close_day() set search_path = ''",),
        down=("drop function if exists public.close_day()", _MUTABLE[0]),
        obligation=UNDO,
        why="the function made anew has no comment, so its justification is gone",
    ),
    WrongPatch(
        name="grant something elsewhere on the way",
        setup=(
            *_CALLABLE,
            "create function public.open_day() returns void language sql set search_path = '' as 'select'",
        ),
        rule="FUN005",
        object=_CLOSE_DAY,
        up=(
            "revoke execute on function public.close_day() from public, anon",
            "grant execute on function public.open_day() to authenticated",
        ),
        down=(
            "revoke execute on function public.open_day() from authenticated",
            "grant execute on function public.close_day() to public",
        ),
        obligation=SCOPE,
        why="another function changes as well; no rule minds, since it is no definer",
        also=frozenset({ROLES}),
    ),
    WrongPatch(
        name="let anon in while the rule falls silent",
        setup=_REPORTS,
        rule="RLS001",
        object="table public.reports",
        up=(
            "alter table public.reports enable row level security",
            "drop policy if exists published on public.reports",
            "create policy published on public.reports for select to anon, authenticated using (created_at <= now())",
            "grant select on public.reports to anon",
        ),
        down=(
            "revoke select on public.reports from anon",
            "drop policy if exists published on public.reports",
            "alter table public.reports disable row level security",
        ),
        obligation=ROLES,
        why="anon could not read a report before and reads all of them now; no rule can tell that this was not meant",
        also=frozenset({KINDS}),
    ),
    WrongPatch(
        name="security_invoker where callers may not read the table",
        setup=(
            "revoke select, update, delete on public.orders from authenticated",
            "create view public.order_totals as select id, tenant_id, total from public.orders",
            "grant select on public.order_totals to authenticated",
        ),
        rule="RLS007",
        object="view public.order_totals",
        up=("alter view public.order_totals set (security_invoker = on)",),
        down=("alter view public.order_totals reset (security_invoker)",),
        obligation=ROLES,
        why="the view is read with the caller's rights from now on, and authenticated has none on the table: permission denied",
    ),
    WrongPatch(
        name="sleep before the work",
        setup=_UNINDEXED,
        rule="FKY003",
        object=_USER_KEY,
        up=("select pg_catalog.pg_sleep(3600)", "create index if not exists orders_user_id_idx on public.orders (user_id)"),
        down=("drop index if exists public.orders_user_id_idx",),
        obligation=APPLIES,
        why="it does not end within statement_timeout",
        also=frozenset({KINDS}),
    ),
    WrongPatch(
        name="an index whose predicate never comes to an end",
        setup=(
            *_UNINDEXED,
            "create function public.patient() returns boolean language plpgsql immutable set search_path = '' "
            "as $$ begin perform pg_catalog.pg_sleep(3600); return true; end $$",
        ),
        rule="FKY003",
        object=_USER_KEY,
        up=("create index if not exists orders_user_id_idx on public.orders (user_id) where public.patient()",),
        down=("drop index if exists public.orders_user_id_idx",),
        obligation=APPLIES,
        why="a statement of the right kind that does not end within statement_timeout, although the table is empty",
    ),
    WrongPatch(
        name="a setting that only a superuser may make",
        setup=_MUTABLE,
        rule="FUN001",
        object=_CLOSE_DAY,
        up=("alter function public.close_day() set search_path = '' set log_statement = 'none'",),
        down=("alter function public.close_day() reset search_path reset log_statement",),
        obligation=APPLIES,
        why="permission denied to the role that applies migrations: 42501",
    ),
)
