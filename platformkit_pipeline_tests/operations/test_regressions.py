"""Protections that were lost between two scans, read from the history of the control plane."""

from __future__ import annotations

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.observe_target import observe_target
from platformkit_pipeline.operations.regressions import known_history, regressions, still_lost
from platformkit_pipeline_tests.rules.conftest import run_sql

PROTECTED = """
create view public.titles with (security_invoker = true) as select 1 as one;
create function public.answer() returns int language sql set search_path = '' as 'select 42';
create table public.diaries (id uuid primary key);
alter table public.diaries enable row level security;
"""


def test_what_a_replacement_lost_in_silence_is_named_until_it_is_back(pipeline: Connection, shop: Target, supabase_database: Dsn) -> None:
    def observed(sql: str) -> str:
        run_sql(supabase_database, sql)
        return observe_target(pipeline, shop, supabase_database, run_id=None).scan_id

    observed(PROTECTED)
    assert regressions(pipeline, shop) == ()
    lost = observed(
        "create or replace view public.titles as select 1 as one;"
        "create or replace function public.answer() returns int language sql as 'select 42';"
        "alter table public.diaries disable row level security;"
    )
    found = [(r.object, r.protection, r.before, r.after, r.scan_id) for r in regressions(pipeline, shop)]
    assert found == [
        ("function public.answer()", "search_path", '""', None, lost),
        ("table public.diaries", "row_security", "true", None, lost),
        ("view public.titles", "security_invoker", "true", None, lost),
    ]
    last, known = known_history(pipeline, shop)
    assert still_lost(known, last) == known == regressions(pipeline, shop)
    run_sql(supabase_database, "alter table public.diaries enable row level security; drop view public.titles;")
    assert [r.object for r in still_lost(known, observe(supabase_database))] == ["function public.answer()"]
    run_sql(supabase_database, "alter table public.diaries disable row level security; create view public.titles as select 1 as one;")
    observed("comment on view public.titles is 'changed again, and still open'; alter table public.diaries enable row level security;")
    assert [(r.object, r.scan_id) for r in regressions(pipeline, shop)] == [
        ("function public.answer()", lost),
        ("view public.titles", lost),
    ]
    observed("alter view public.titles set (security_invoker = on); drop function public.answer();")
    assert regressions(pipeline, shop) == ()
