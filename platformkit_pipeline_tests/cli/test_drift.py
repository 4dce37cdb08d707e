"""`platformkit drift` and `platformkit replay` as their users start them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.observe_target import observe_target
from platformkit_pipeline.sandbox.databases import connect, with_user
from platformkit_pipeline_tests.cli.program import ROOT, platformkit

SARIF_SCHEMA = ROOT / "platformkit_pipeline_tests" / "data" / "sarif-2.1.0.json"
NOTES = "create table public.notes (id int primary key);\nalter table public.notes enable row level security;\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout with one migration."""
    folder = tmp_path / "shop" / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20261101000000_notes.sql").write_text(NOTES)
    return tmp_path / "shop"


@pytest.fixture
def environment(supabase_database: Dsn, tmp_path: Path) -> dict[str, str]:
    """A project with the same table, and a home of its own."""
    live = with_user(supabase_database, "postgres")
    with connect(live) as connection:
        connection.execute(NOTES.encode())
    return {"SHOP_URL": live.reveal(), "PLATFORMKIT_HOME": str(tmp_path / "home")}


def change(environment: dict[str, str], statement: str) -> None:
    with connect(Dsn(environment["SHOP_URL"])) as connection:
        connection.execute(statement.encode())


def test_no_drift_is_exit_code_0_and_drift_1(repository: Path, environment: dict[str, str]) -> None:
    call = ("drift", "--dsn-env", "SHOP_URL", "--name", "shop")
    same = platformkit(*call, env=environment, cwd=repository)
    assert (same.returncode, same.stderr) == (0, "")
    assert "no difference" in same.stdout
    change(environment, "alter table public.notes disable row level security; grant select on public.notes to anon")
    other = platformkit(*call, env=environment, cwd=repository)
    assert (other.returncode, other.stderr) == (1, "")
    assert "table public.notes" in other.stdout
    assert "row_security" in other.stdout
    assert platformkit(*call, "--fail-on", "critical", env=environment, cwd=repository).returncode == 0


def test_a_target_brings_its_repository_along(repository: Path, environment: dict[str, str], tmp_path: Path) -> None:
    settings = tmp_path / "platformkit.yaml"
    project = {"name": "shop-production", "environment": "production", "database": {"dsn_env": "SHOP_URL"}, "repository": "acme/shop"}
    settings.write_text(yaml.safe_dump({"projects": [project], "repositories": [{"name": "acme/shop", "path": "shop"}]}))
    change(environment, "create policy by_hand on storage.objects for select to anon using (true)")
    output = tmp_path / "drift.json"
    call = ("drift", "--target", "shop-production", "--settings", str(settings), "--format", "json", "--output", str(output))
    ended = platformkit(*call, env=environment)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "")
    document = json.loads(output.read_text())
    assert document["target"] == {"kind": "supabase_project", "name": "shop-production", "environment": "production"}
    assert [d["canonical"] for d in document["differences"]] == ["policy storage.objects.by_hand"]
    assert [f["rule"] for f in document["findings"]] == ["MIG051"]
    assert document["versions"]["rows"] == [
        {"version": "20261101000000", "state": "not_applied", "file": "20261101000000_notes.sql", "applied_as": None}
    ]


def test_what_cannot_be_told_is_exit_code_3(repository: Path, environment: dict[str, str]) -> None:
    (repository / "supabase" / "migrations" / "20261102000000_map.sql").write_text("create extension postgis;")
    ended = platformkit("drift", "--dsn-env", "SHOP_URL", env=environment, cwd=repository)
    assert ended.returncode == 3
    assert "does not have the extension postgis" in ended.stdout


def test_without_a_folder_it_says_what_to_do(environment: dict[str, str], tmp_path: Path) -> None:
    ended = platformkit("drift", "--dsn-env", "SHOP_URL", env=environment, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--migrations DIR" in ended.stderr
    ended = platformkit("replay", env=environment, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "no such folder" in ended.stderr


def test_the_control_plane_knows_targets_only(repository: Path, environment: dict[str, str]) -> None:
    ended = platformkit("drift", "--dsn-env", "SHOP_URL", "--since-last-scan", env=environment, cwd=repository)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--since-last-scan needs --target" in ended.stderr


def test_what_was_lost_since_the_last_scan_is_named(
    repository: Path, environment: dict[str, str], pipeline: Connection, pipeline_dsn: Dsn, tmp_path: Path
) -> None:
    shop = Target(TargetKind.SUPABASE_PROJECT, "shop", Environment.STAGING)
    with pipeline.transaction():
        targets.sync(pipeline, [shop])
    observe_target(pipeline, shop, Dsn(environment["SHOP_URL"]), run_id=None)
    pipeline.commit()
    change(environment, "alter table public.notes disable row level security")
    settings = tmp_path / "platformkit.yaml"
    project = {"name": "shop", "environment": "staging", "database": {"dsn_env": "SHOP_URL"}}
    settings.write_text(yaml.safe_dump({"projects": [project]}))
    call = ("drift", "--target", "shop", "--settings", str(settings), "--since-last-scan", "--format", "json")
    ended = platformkit(*call, env={**environment, "PLATFORMKIT_DATABASE_URL": pipeline_dsn.reveal()}, cwd=repository)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert json.loads(ended.stdout)["regressions"] == [
        {"object": "table public.notes", "protection": "row_security", "before": "true", "after": None, "scan_id": None}
    ]


def test_replay_alone_names_file_line_and_statement(repository: Path, environment: dict[str, str]) -> None:
    good = platformkit("replay", env=environment, cwd=repository)
    assert (good.returncode, good.stderr) == (0, "")
    (repository / "supabase" / "migrations" / "20261102000000_bad.sql").write_text("select 1;\nselect * from nowhere;")
    bad = platformkit("replay", env=environment, cwd=repository)
    assert (bad.returncode, bad.stderr) == (1, "")
    assert '20261102000000_bad.sql, line 2: relation "nowhere" does not exist' in bad.stdout
    assert "select * from nowhere" in bad.stdout


def test_sarif_points_at_the_line_of_the_failing_file_and_keeps_the_schema(repository: Path, environment: dict[str, str]) -> None:
    (repository / "supabase" / "migrations" / "20261102000000_bad.sql").write_text("select 1;\nselect * from nowhere;")
    document = json.loads(platformkit("replay", "--format", "sarif", env=environment, cwd=repository).stdout)
    Draft202012Validator(json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))).validate(document)
    [result] = document["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "supabase/migrations/20261102000000_bad.sql"},
        "region": {"startLine": 2},
    }


def test_markdown_is_a_document_with_both_texts(repository: Path, environment: dict[str, str]) -> None:
    change(environment, "comment on table public.notes is 'a | b'")
    ended = platformkit("drift", "--dsn-env", "SHOP_URL", "--name", "shop", "--format", "markdown", env=environment, cwd=repository)
    assert ended.stdout.startswith("# shop: drift\n")
    assert "| `table public.notes` | different | comment | none | `a \\| b` |" in ended.stdout
