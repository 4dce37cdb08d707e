"""What contracts may touch: put together from the settings, without connecting to anything."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.errors import ConfigurationError, TargetUnreachable
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.parity_subject import ParitySubject, subject_of_project

DSNS = {"SHOP_URL": "postgresql://127.0.0.1:9/nobody", "KEY": "sb_publishable_x"}


def subject(folder: Path, *, variables: Mapping[str, str] = DSNS, more: Mapping[str, Any] | None = None, **project: Any) -> ParitySubject:
    entry = {"name": "shop", "environment": "staging", "database": {"dsn_env": "SHOP_URL"}, **project}
    settings = Settings.model_validate({"projects": [entry], **(more or {})})
    return subject_of_project(folder / "platformkit.yaml", settings, settings.projects[0], environment=variables)


def contract(folder: Path, name: str) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / f"{name}.yaml").write_text("a: b\n", encoding="utf-8")


def names(found: ParitySubject) -> list[str]:
    return [c.name for c in found.contracts.contracts]


def test_contracts_lie_where_the_settings_say_else_in_the_repository_else_beside_the_settings(tmp_path: Path) -> None:
    contract(tmp_path / "own", "own")
    contract(tmp_path / "checkout" / "contracts", "of the repository")
    contract(tmp_path / "contracts" / "shop", "beside")
    repository = {"repositories": [{"name": "acme/shop", "path": "checkout"}]}
    assert names(subject(tmp_path, contracts="own", repository="acme/shop", more=repository)) == ["own"]
    assert names(subject(tmp_path, repository="acme/shop", more=repository)) == ["of the repository"]
    assert names(subject(tmp_path)) == ["beside"]


def test_a_folder_that_is_named_and_not_there_is_an_error_and_one_that_nobody_names_is_no_contracts(tmp_path: Path) -> None:
    assert subject(tmp_path).contracts.declared == frozenset()
    with pytest.raises(ConfigurationError, match="there is no folder of contracts"):
        subject(tmp_path, contracts="nowhere")


def test_variables_that_are_not_set_are_said_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="SHOP_URL is not set"):
        subject(tmp_path, variables={})
    api = {"url": "https://shop.supabase.co", "key_env": "KEY"}
    with pytest.raises(ConfigurationError, match="KEY is not set or empty"):
        subject(tmp_path, variables={"SHOP_URL": DSNS["SHOP_URL"]}, data_api=api)
    found = subject(tmp_path, data_api=api)
    assert found.surroundings.data_api is not None
    assert found.surroundings.data_api.key == "sb_publishable_x"
    assert "sb_publishable_x" not in repr(found)


@pytest.mark.parametrize(
    ("environment", "wanted", "allowed"), [("staging", True, True), ("staging", False, False), ("production", True, False)]
)
def test_rows_are_changed_only_with_permission_and_never_in_production(
    tmp_path: Path, environment: str, wanted: bool, allowed: bool
) -> None:
    assert subject(tmp_path, environment=environment, probe_writes=wanted).surroundings.writes_allowed is allowed


def test_weights_and_limit_are_exactly_those_of_the_settings(tmp_path: Path) -> None:
    found = subject(tmp_path, more={"parity": {"weights": {"api": 1, "drift": 0}, "max_drop_percent": 0.1}})
    assert found.weights == {Dimension.API: 1, Dimension.DATA: 30, Dimension.EVENT: 20, Dimension.BEHAVIOR: 20, Dimension.DRIFT: 0}
    assert found.max_drop_percent == Fraction(1, 10)


def test_a_server_that_is_down_is_waited_for_once(tmp_path: Path) -> None:
    observe = subject(tmp_path).surroundings.observe
    with pytest.raises(TargetUnreachable) as first:
        observe()
    with pytest.raises(TargetUnreachable) as second:
        observe()
    assert second.value is first.value


def test_names_that_the_settings_do_not_list_are_said(tmp_path: Path) -> None:
    surroundings = subject(tmp_path, more={"connectors": [{"name": "stripe", "class": "nowhere.at.all:Stripe"}]}).surroundings
    with pytest.raises(ConfigurationError, match="no project is called 'prod'"):
        surroundings.other_environment("prod")
    with pytest.raises(ConfigurationError, match="the settings list stripe"):
        surroundings.connector("strip")
    with pytest.raises(ConfigurationError, match="there is no module nowhere"):
        surroundings.connector("stripe")


@pytest.mark.parametrize(
    ("mine", "theirs", "together"),
    [
        ({"owners": ["team:shop"]}, {"owners": ["team:shop", "team:ops"]}, True),
        ({"owners": ["team:shop"]}, {"owners": ["team:bank"]}, False),
        ({"owners": ["team:shop"]}, {}, False),
        ({}, {}, True),
        ({"owners": ["team:shop"], "repository": "acme/shop"}, {"owners": ["team:ops"], "repository": "acme/shop"}, True),
    ],
    ids=["a common owner", "strangers", "one says whose it is", "nobody's", "one repository"],
)
def test_only_environments_of_the_same_people_are_compared(
    tmp_path: Path, mine: dict[str, object], theirs: dict[str, object], together: bool
) -> None:
    (tmp_path / "repository" / "contracts").mkdir(parents=True)
    other = {"name": "other", "environment": "production", "database": {"dsn_env": "SHOP_URL"}, **theirs}
    project = {"name": "shop", "environment": "staging", "database": {"dsn_env": "SHOP_URL"}, **mine}
    settings = Settings.model_validate({"projects": [project, other], "repositories": [{"name": "acme/shop", "path": "repository"}]})
    surroundings = subject_of_project(tmp_path / "platformkit.yaml", settings, settings.projects[0], environment=DSNS).surroundings
    # nobody listens there, so whoever may ask is told so
    with pytest.raises(TargetUnreachable if together else ConfigurationError, match=None if together else "share neither a repository nor"):
        surroundings.other_environment("other")
