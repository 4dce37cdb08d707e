"""Changes of the settings are on record, once each, without secrets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from platformkit_pipeline.control_plane import audit
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.model.settings_changes import canonical_settings, changes_between
from platformkit_pipeline.operations.record_settings import MOST_CHANGES, record_settings

NOW = datetime(2027, 1, 15, 3, 0, tzinfo=UTC)


def settings(*names: str, environment: str = "staging", **more: Any) -> Settings:
    projects = [{"name": name, "environment": environment, "owners": ["team:shop"], "database": {"dsn_env": "SHOP_DSN"}} for name in names]
    return Settings.model_validate({"projects": projects, **more})


def audited(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.execute("select detail from ops.audit_log where action = 'settings.changed' order by seq").fetchall()
    connection.rollback()
    return [detail for (detail,) in rows]


def test_a_change_is_recorded_once_with_what_it_was_before(pipeline: Connection) -> None:
    first = record_settings(pipeline, settings("shop"), NOW)
    assert "projects[shop].environment" in first
    assert record_settings(pipeline, settings("shop"), NOW) == ()
    changed = record_settings(pipeline, settings("shop", environment="production"), NOW)
    assert changed == ("projects[shop].environment",)
    back = record_settings(pipeline, settings("shop"), NOW)
    assert back == changed, "going back is a change as well"
    told = audited(pipeline)
    assert [entry["changes"] for entry in told[1:]] == [
        [{"path": "projects[shop].environment", "old": "staging", "new": "production"}],
        [{"path": "projects[shop].environment", "old": "production", "new": "staging"}],
    ]
    assert told[0]["digest"] == told[2]["digest"] != told[1]["digest"]
    assert audit.verify(pipeline).ok


def test_a_project_that_comes_or_goes_moves_no_other(pipeline: Connection) -> None:
    record_settings(pipeline, settings("shop", "trial"), NOW)
    assert all(path.startswith("projects[shop].") for path in record_settings(pipeline, settings("trial"), NOW))
    assert {change["new"] for change in audited(pipeline)[1]["changes"]} == {None}


def test_a_large_change_is_cut_in_the_log_and_whole_in_its_version(pipeline: Connection) -> None:
    paths = record_settings(pipeline, settings(*(f"shop-{n}" for n in range(40))), NOW)
    [entry] = audited(pipeline)
    assert len(paths) > MOST_CHANGES == len(entry["changes"])
    assert entry["changes_left_out"] == len(paths) - MOST_CHANGES
    row = pipeline.execute("select jsonb_array_length(content -> 'projects'), recorded_at from ops.settings_versions").fetchone()
    assert row == (40, NOW)


def test_nothing_that_may_be_a_secret_is_kept() -> None:
    connector = {"name": "mail", "class": "a.b:C", "owners": ["team:shop"]}
    options = {"api_key": "hunter2", "url": "https://kim:hunter2@mail.test/", "token_env": "MAIL_TOKEN", "nested": {"password": "hunter2"}}
    content = canonical_settings(Settings.model_validate({"connectors": [{**connector, "options": options}]}))
    assert "hunter2" not in str(content)
    assert content["connectors"][0]["options"]["token_env"] == "MAIL_TOKEN"


@pytest.mark.parametrize("long", [199, 200, 201, 5000])
def test_values_are_bounded(long: int) -> None:
    [change] = changes_between({}, {"text": "x" * long})
    assert isinstance(change.new, str)
    assert len(change.new) == min(long, 200)
