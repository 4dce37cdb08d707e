from __future__ import annotations

from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.list_targets import Variable, list_targets

SETTINGS = Settings.model_validate(
    {
        "projects": [
            {"name": "b", "environment": "staging", "database": {"dsn_env": "B_URL"}},
            {
                "name": "a",
                "environment": "production",
                "database": {"dsn_env": "A_URL"},
                "management_api": {"project_ref": "x", "token_env": "TOKEN"},
            },
        ],
        "repositories": [{"name": "acme/shop", "github": {"token_env": "GITHUB_TOKEN"}}],
        "connectors": [{"name": "stripe", "class": "acme:Stripe", "options": {"key_env": "STRIPE_KEY", "pages": 3}}],
    }
)


def test_targets_are_listed_by_kind_and_name() -> None:
    assert [listed.target.name for listed in list_targets(SETTINGS, {})] == ["a", "b", "acme/shop", "stripe"]


def test_each_variable_is_listed_with_its_purpose_and_whether_it_is_set() -> None:
    project, _, repository, connector = list_targets(SETTINGS, {"A_URL": "postgresql:///a", "STRIPE_KEY": " "})
    assert project.variables == (Variable("A_URL", "database", True, True), Variable("TOKEN", "management API", False, False))
    assert repository.variables == (Variable("GITHUB_TOKEN", "GitHub", False, False),)
    assert connector.variables == (Variable("STRIPE_KEY", "key", False, True),)


def test_a_target_is_ready_when_what_it_cannot_do_without_is_set() -> None:
    ready = {listed.target.name: listed.ready for listed in list_targets(SETTINGS, {"A_URL": "postgresql:///a"})}
    assert ready == {"a": True, "b": False, "acme/shop": True, "stripe": False}
