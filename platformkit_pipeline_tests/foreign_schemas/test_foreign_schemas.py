"""Schemas that nobody here wrote: Dagster's own storage, Wagtail and MLflow, each made by its own migrations.

What the rules say there is compared with plain catalogue queries that share no code with them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import jsonschema
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import create_database, drop_database
from platformkit_pipeline_tests.cli.program import platformkit

HERE = Path(__file__).parent
SCHEMA = resources.files("platformkit_pipeline.reporting.schemas") / "scan-1.schema.json"
NAMES = ("dagster", "wagtail", "mlflow")

ORACLES = {
    "RLS001": """
        select format('table %s.%s', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relrowsecurity""",
    "AUD001": """
        select format('table %s.%s', t.table_schema, t.table_name) from information_schema.tables t
         where t.table_schema = 'public' and t.table_type = 'BASE TABLE'
           and (select count(*) from information_schema.columns c where (c.table_schema, c.table_name) = (t.table_schema, t.table_name)
                   and c.column_name in ('created_at', 'updated_at')) < 2""",
    "FKY002": """
        select format('constraint public.%s.%s', r.relname, k.conname) from pg_constraint k join pg_class r on r.oid = k.conrelid
         where k.contype = 'f' and k.confdeltype = 'a'""",
    "FKY003": """
        select format('constraint public.%s.%s', r.relname, k.conname) from pg_constraint k join pg_class r on r.oid = k.conrelid
         where k.contype = 'f' and not exists (
               select from pg_index i where i.indrelid = k.conrelid and i.indpred is null
                  and (select array_agg(a order by a) from unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) a)
                    = (select array_agg(a order by a) from unnest(k.conkey) a))""",
}


def _make_dagster(dsn: Dsn) -> None:
    code = "import sys; from dagster_postgres.storage import DagsterPostgresStorage as S; S(sys.argv[1]).event_log_storage"
    _run("-c", code, _sqlalchemy_url(dsn))


def _make_wagtail(dsn: Dsn) -> None:
    parts = conninfo_to_dict(dsn.reveal())
    _run(str(HERE / "wagtail_migrations.py"), str(parts["host"]), str(parts["user"]), str(parts["dbname"]))


def _make_mlflow(dsn: Dsn) -> None:
    _run(str(HERE / "mlflow_migrations.py"), _sqlalchemy_url(dsn))


def _sqlalchemy_url(dsn: Dsn) -> str:
    return dsn.reveal().replace("postgresql://", "postgresql+psycopg2://")


def _run(*arguments: str) -> str:
    ended = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return ended.stdout


@pytest.fixture(scope="module")
def foreign(admin_dsn: Dsn) -> Iterator[dict[str, Dsn]]:
    made = {name: create_database(admin_dsn, f"foreign_{name}") for name in NAMES}
    for name, make in (("dagster", _make_dagster), ("wagtail", _make_wagtail), ("mlflow", _make_mlflow)):
        make(made[name])
    yield made
    for dsn in made.values():
        drop_database(admin_dsn, str(conninfo_to_dict(dsn.reveal())["dbname"]))


def _scan(dsn: Dsn, *options: str) -> dict[str, object]:
    ended = platformkit("scan", "--dsn", dsn.reveal(), "--format", "json", *options)
    assert ended.returncode in (0, 1, 3), ended.stderr
    document: dict[str, object] = json.loads(ended.stdout)
    return document


@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_valid_and_its_findings_are_what_the_catalogue_says(foreign: dict[str, Dsn], name: str) -> None:
    document = _scan(foreign[name], "--exposed-schema", "public")
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    findings = document["findings"]
    assert isinstance(findings, list)
    with psycopg.connect(foreign[name].reveal()) as connection:
        for rule, query in ORACLES.items():
            expected = {row[0].replace('"', "") for row in connection.execute(query.encode())}
            assert {_canonical(f["object"]) for f in findings if f["rule"] == rule} == expected, rule
            assert expected or (name, rule) in {("dagster", "FKY002"), ("dagster", "FKY003"), ("wagtail", "FKY003")}


def test_an_empty_database_has_nothing_to_judge(admin_dsn: Dsn, blank_database: Dsn) -> None:
    document = _scan(blank_database)
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert document["findings"] == []
    assert document["score"] == {"raw": 100.0, "effective": 100.0}


def _canonical(identity: dict[str, object]) -> str:
    detail = identity["detail"]
    assert isinstance(detail, dict)
    return ".".join([f"{identity['kind']} {identity['schema']}", str(identity["name"]), *map(str, detail.values())])
