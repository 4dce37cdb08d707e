"""What a planted violation is, and the well-kept table that most of them break.

The cases stand in `cases_*.py`, by family; `test_planted_violations.py` runs them all.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

TENANT = "((select auth.jwt()) ->> 'tenant_id')::uuid"
STAMPS = "created_at timestamptz not null default now(), updated_at timestamptz not null default now()"
TABLE = (
    f"create table public.notes (id uuid primary key, tenant_id uuid not null references public.tenants (id) on delete cascade, {STAMPS})"
)
INDEX = "create index on public.notes (tenant_id)"
GRANT = "grant select, insert, update, delete on public.notes to authenticated"
TRIGGER = "create trigger touch before update on public.notes for each row execute function public.touch_updated_at()"
RLS = "alter table public.notes enable row level security"
POLICY = f"create policy notes_of_tenant on public.notes to authenticated using (tenant_id = {TENANT})"
GOOD = (TABLE, INDEX, GRANT, TRIGGER, RLS, POLICY)
NOTES = "table public.notes"


@dataclass(frozen=True)
class Case:
    """`plant` on the well-kept schema gives exactly `expected`, (rule, object) of every finding; `mend` takes all of them away."""

    name: str
    plant: tuple[str, ...]
    expected: frozenset[tuple[str, str]]
    mend: tuple[str, ...] = ()
    role: str = "postgres"
    """Who runs the statements."""


def case(name: str, *plant: str, expected: set[tuple[str, str]], mend: tuple[str, ...] = (), role: str = "postgres") -> Case:
    return Case(name, plant, frozenset(expected), mend, role)


def all_cases() -> list[Case]:
    """The cases of every module `cases_*` beside this one."""
    package = __package__ or ""
    paths = importlib.import_module(package).__path__
    names = sorted(m.name for m in pkgutil.iter_modules(paths) if m.name.startswith("cases_"))
    return [c for name in names for c in importlib.import_module(f"{package}.{name}").CASES]
