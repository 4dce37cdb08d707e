"""The catalogue that `make bench` measures: every rule finds its planted faults in it, and nothing else, at the smallest size."""

from __future__ import annotations

from benchmarks.catalogue import expected_findings, make_catalogue, prepare_server
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Source, all_rules
from platformkit_pipeline.sandbox.databases import drop_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.rules.conftest import run_sql

NAME = "bench_smallest"
NOT_PLANTED = {"API004", "API005"}
"""Where pg_graphql is installed they speak of every granted table."""


def test_findings_are_the_planted_faults(postgres_server: EmbeddedPostgres, supabase_template: str) -> None:
    prepare_server(postgres_server)
    try:
        dsn = make_catalogue(postgres_server, supabase_template, NAME, 100)
        results = evaluate(observe(dsn), Declarations(), all_rules())
    finally:
        drop_database(postgres_server.dsn(), NAME)
        run_sql(postgres_server.dsn(), "drop role bench_reporting; drop role bench_backend", role=postgres_server.superuser)
    truth = expected_findings(100, NAME)
    assert {(r.rule, r.object.canonical) for r in results if r.is_finding} == truth
    assert {r.code for r in all_rules() if r.source is Source.CATALOG} - NOT_PLANTED <= {rule for rule, _ in truth}
