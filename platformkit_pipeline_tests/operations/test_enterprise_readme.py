"""The organisation's README, out of a real control plane, and templates of somebody's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from platformkit_pipeline.control_plane import inventory, targets
from platformkit_pipeline.control_plane.connection import DATABASE_URL, Connection
from platformkit_pipeline.locations import templates_directory
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError
from platformkit_pipeline.model.repository.generated_readme import StampState, check_stamp
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.enterprise_readme import TEMPLATE, inventoried_targets, render_enterprise_readme
from platformkit_pipeline.reporting.enterprise_readme import InventoriedTarget, enterprise_readme
from platformkit_pipeline.reporting.fleet import TargetStanding
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline_tests.control_plane.builders import stored_scan, table

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION, ("team:shop",))
REPOSITORY = Target(TargetKind.REPOSITORY, "acme/shop", Environment.PRODUCTION)
SHIPPED = (templates_directory() / TEMPLATE).read_text()


def standing(name: str, score: float | None = 97.5) -> TargetStanding:
    return TargetStanding(
        name, TargetKind.SUPABASE_PROJECT, Environment.PRODUCTION, ("team:shop",), None, score, score, dict.fromkeys(Severity, 1), 0
    )


def test_the_readme_says_what_the_control_plane_holds(pipeline: Connection, pipeline_dsn: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    with pipeline.transaction():
        targets.sync(pipeline, [SHOP, REPOSITORY])
        stored = targets.find(pipeline, SHOP.kind, SHOP.name)
        assert stored is not None
        objects = [table("orders"), table("customers")]
        scan_id = stored_scan(pipeline, stored.target_id)
        inventory.write(pipeline, stored.target_id, scan_id, objects)
    assert {t.standing.name: dict(t.objects) for t in inventoried_targets(pipeline)} == {"acme/shop": {}, "shop-production": {"table": 2}}
    monkeypatch.setenv(DATABASE_URL, pipeline_dsn.reveal())
    text = render_enterprise_readme()
    assert "| shop-production | production | team:shop | – | – | – | 0 | 0 | 2 | 0 |" in text
    assert "| acme/shop | – | – | – | 0 | 0 | 0 | 0 |" in text
    assert "Connectors" not in text
    assert render_enterprise_readme() == text
    assert check_stamp(text).state is StampState.INTACT


def test_tables_are_whole_and_names_cannot_break_them() -> None:
    named = [InventoriedTarget(TargetKind.SUPABASE_PROJECT, standing(name), {"table": 3}) for name in ("b", "a | <script>\n# x @all")]
    lines = enterprise_readme(named, SHIPPED).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4
    assert {line.replace("\\|", "").count("|") for line in rows} == {11}
    assert rows[2].startswith("| a \\|")
    assert "<script>" not in "".join(rows)
    assert rows[3] == "| b | production | team:shop | 97.5 | 97.5 | – | 1 | 1 | 3 | 0 |"
    assert lines.index(rows[0]) == lines.index("## Projects") + 2


def test_it_carries_the_mark_by_which_an_edit_is_told() -> None:
    texts = [
        enterprise_readme([InventoriedTarget(TargetKind.SUPABASE_PROJECT, standing("shop", score), {})], SHIPPED) for score in (97.5, 49.0)
    ]
    stamps = [check_stamp(text) for text in texts]
    assert [stamp.state for stamp in stamps] == [StampState.INTACT, StampState.INTACT]
    assert stamps[0].inventory_digest != stamps[1].inventory_digest
    assert check_stamp(texts[0].replace("97.5", "100.0")).state is StampState.EDITED


def test_nothing_registered_is_said() -> None:
    assert "No target is registered." in enterprise_readme([], SHIPPED)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% if %}", "fault in line 1"),
        ("\n{{ nothing }}", "'nothing' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ 1 / 0 }}", "division"),
        ("{{ range(10 ** 9) }}", "Range too big"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        ("{{ lipsum(1) }}", "'lipsum' is undefined"),
        ("{{ [1, 2] | random }}", "No filter named 'random'"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused(template: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        enterprise_readme([], template)


def test_without_a_control_plane_or_a_template_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE_URL, raising=False)
    with pytest.raises(ControlPlaneError, match=DATABASE_URL):
        render_enterprise_readme()
    with pytest.raises(ConfigurationError, match="--template"):
        render_enterprise_readme(tmp_path / "missing.j2")


def test_a_control_plane_that_nobody_migrated_says_what_to_do(
    blank_database: Dsn, pipeline_dsn: Dsn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role is there, for another database of the server has it."""
    pipeline = with_user(blank_database, "platformkit_pipeline")
    monkeypatch.setenv(DATABASE_URL, pipeline.reveal())
    with pytest.raises(ControlPlaneError, match="run `platformkit db migrate`"):
        render_enterprise_readme()
    monkeypatch.setenv(DATABASE_URL, pipeline_dsn.reveal())
    assert "No target is registered." in render_enterprise_readme()
