"""How long a replay and its comparison take: a history of many files against a project that it made.

    python -m benchmarks.drift --files 200

Four tables a file, each with keys, an index, a policy and grants; every third file replaces a function.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from platformkit_pipeline.introspection.postgres.differences import compare_schemas
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.introspection.repository.migrations import read_migrations
from platformkit_pipeline.sandbox.replay.applying import apply_files
from platformkit_pipeline.sandbox.replay.limits import Limits
from platformkit_pipeline.sandbox.replay.server import replay_database
from platformkit_pipeline.sandbox.supabase import GrantRegime

TABLES_PER_FILE = 4
_TABLE = """
create table public.{name} (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  title text not null check (length(title) < 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, id)
);
create index {name}_title_idx on public.{name} (tenant_id, title);
alter table public.{name} enable row level security;
create policy own on public.{name} for all to authenticated
  using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid)
  with check (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
grant select, insert, update, delete on public.{name} to authenticated;
comment on table public.{name} is 'one of many';
"""
_FUNCTION = """
create or replace function public.stamp() returns text language sql stable set search_path = '' as 'select {number}::text';
"""


def write_history(folder: Path, files: int) -> None:
    """`files` migrations that replay."""
    for number in range(files):
        text = "".join(_TABLE.format(name=f"t_{number}_{n}") for n in range(TABLES_PER_FILE))
        if number % 3 == 0:
            text += _FUNCTION.format(number=number)
        (folder / f"2026{number:010}_step.sql").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200, help="number of migration files")
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory(prefix="platformkit-drift-") as place:
        folder = Path(place) / "migrations"
        folder.mkdir()
        write_history(folder, files)
        started = time.perf_counter()
        read = read_migrations(folder)
        with replay_database(grants=GrantRegime.EXPLICIT, parent=Path(place) / "replays") as database:
            ready = time.perf_counter()
            replay = apply_files(database, read.files, limits=Limits())
            if replay.failure is not None:
                raise SystemExit(f"the history does not replay: {replay.failure.message}")
            applied = time.perf_counter()
            declared = observe(database.admin)
            live = observe(database.owner)
            observed = time.perf_counter()
            comparison = compare_schemas(declared, live)
            compared = time.perf_counter()
        ended = time.perf_counter()
    print(f"{files} files, {files * TABLES_PER_FILE} tables, {comparison.compared} objects, {len(comparison.differences)} differences")
    steps = (("server and shape", started, ready), ("replay", ready, applied), ("two observations", applied, observed))
    for name, begin, end in (*steps, ("comparison", observed, compared), ("clean-up", compared, ended), ("all", started, ended)):
        print(f"{name:18} {end - begin:7.2f} s")


if __name__ == "__main__":
    main()
