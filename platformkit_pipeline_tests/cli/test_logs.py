"""At DEBUG, every line on stderr of every command here is one of ours, names what it is about, and holds no secret."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from platformkit_pipeline.control_plane.connection import session
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.cli.conftest import PASSWORD, USER, Program
from platformkit_pipeline_tests.fleet_history import nights_behind

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "contracts" / "log-line.schema.json").read_text(encoding="utf-8"))


def test_every_line_is_structured_and_holds_no_password(
    program: Program, pipeline_dsn: Dsn, tcp_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with session(pipeline_dsn) as connection:
        nights_behind(connection, nights=2)
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", pipeline_dsn.reveal())
    settings = tmp_path / "platformkit.yaml"
    settings.write_text("projects: [{name: shop, environment: staging, database: {dsn_env: SHOP_URL}}]\n", encoding="utf-8")
    url = tcp_server.tcp_dsn(user=USER, password=PASSWORD).reveal()
    monkeypatch.setenv("SHOP_URL", url)
    commands = {
        ("scan", "--dsn-env", "SHOP_URL", "--fail-on", "none"): 0,
        ("scan", "--target", "shop", "--settings", str(settings), "--fail-on", "none", "--format", "json"): 0,
        ("targets", "--settings", str(settings)): 0,
        ("rules", "explain", "RLS001"): 0,
        ("metrics", "--format", "prometheus", "--output", str(tmp_path / "platformkit.prom")): 0,
        ("metrics", "--format", "json"): 0,
        ("metrics",): 0,
        ("report", "--output", str(tmp_path / "report.html")): 0,
        ("report", "--format", "markdown"): 0,
        ("report", "--format", "json"): 0,
        ("new", "project", "--help"): 0,
    }
    lines: list[dict[str, object]] = []
    for command, code in commands.items():
        done = program("--log-level", "DEBUG", *command)
        assert done.code == code, (command, done.stderr)
        assert PASSWORD not in done.stdout + done.stderr
        for text in done.stderr.splitlines():
            line = json.loads(text)
            jsonschema.validate(line, SCHEMA)
            lines.append(line)
    scanned = [line for line in lines if line["component"] == "operations.scan"]
    assert len(scanned) == 2
    assert all(line["scan_id"] and line["target"] for line in scanned)
    assert (tmp_path / "platformkit.prom").read_text(encoding="utf-8").startswith("# HELP platformkit_")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_an_endpoint_that_others_can_reach_is_refused_unless_it_is_wanted(program: Program) -> None:
    done = program("metrics", "--serve", "0", "--host", "192.0.2.1")
    assert done.code == 2
    assert "--allow-remote" in done.stderr
    assert program("metrics", "--serve", "0", "--output", "x").code == 2
