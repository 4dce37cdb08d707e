"""Run SQL on a Supabase-shaped database and ask the rule book what it finds."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Source, all_rules

WELL_KEPT = read_sql("sandbox/well_kept.sql")
"""A schema that keeps every rule; each test breaks one thing in it."""

RULES = tuple(r for r in all_rules() if r.source is Source.CATALOG)
"""What one look at the catalogues answers. A fresh server has no statistics, and nobody asked for a probe."""


def run_sql(dsn: Dsn, sql: str, role: str = "postgres") -> None:
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute(f"set role {role}".encode())
        connection.execute(sql.encode())


def run_each(dsn: Dsn, statements: Iterable[str], role: str = "postgres") -> None:
    """As `run_sql` for each, over one connection: what one has set is gone for the next."""
    with psycopg.connect(dsn.reveal(), autocommit=True, prepare_threshold=None) as connection:
        for statement in statements:
            connection.execute("discard all")
            connection.execute(f"set role {role}".encode())
            connection.execute(statement.encode())


def judge(dsn: Dsn, declarations: Declarations | None = None) -> tuple[Result, ...]:
    return evaluate(observe(dsn, counters=False), declarations or Declarations(), RULES)


def findings(dsn: Dsn, declarations: Declarations | None = None) -> set[tuple[str, str]]:
    """(rule, object) of every FAIL and UNKNOWN."""
    return {(r.rule, r.object.canonical) for r in judge(dsn, declarations) if r.is_finding}
