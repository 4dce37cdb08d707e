from __future__ import annotations

import pytest
from dagster import StaticPartitionsDefinition
from pydantic import ValidationError

from platformkit_pipeline.model.connector import ConnectorLimits
from platformkit_pipeline.model.settings import (
    Connector,
    Project,
    Repository,
    Settings,
    connector_limits_of,
    declarations_of,
    observation_options_of,
    repeated_names,
    target_of,
)
from platformkit_pipeline.model.target import (
    Declarations,
    Environment,
    ManagementApiAccess,
    ObservationOptions,
    Target,
    TargetKind,
    Tenancy,
)
from platformkit_pipeline.model.target_name import LONGEST_NAME, name_fault


def project(**fields: object) -> Project:
    return Project.model_validate({"name": "shop", "environment": "production", "database": {"dsn_env": "SHOP"}, **fields})


@pytest.mark.parametrize("name", ["shop", "acme/shop", "Shop 2 (EU)", "büro", "a.b", "a" * LONGEST_NAME])
def test_a_usable_name_is_a_partition_key_of_dagster(name: str) -> None:
    assert name_fault(name) is None
    assert StaticPartitionsDefinition([name]).get_partition_keys() == [name]


@pytest.mark.parametrize(
    "name", ["", ".hidden", "a,b", "a...b", "tab\tbed", "line\nbreak", "nul\0", " led", "trailed ", "a" * (LONGEST_NAME + 1)]
)
def test_an_unusable_name_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(ValidationError, match="a name has 1 to 100 characters"):
        project(name=name)


def test_a_project_is_a_target_of_its_environment_and_owners() -> None:
    target = target_of(project(owners=["team:shop", "ann@shop.example"]))
    assert target == Target(TargetKind.SUPABASE_PROJECT, "shop", Environment.PRODUCTION, ("team:shop", "ann@shop.example"))


def test_repositories_and_connectors_are_targets_of_their_own_kind() -> None:
    repository = Repository.model_validate({"name": "acme/shop", "path": "../shop"})
    connector = Connector.model_validate({"name": "stripe", "class": "acme_connectors.stripe:StripeConnector"})
    assert [target_of(repository).kind, target_of(connector).kind] == [TargetKind.REPOSITORY, TargetKind.CONNECTOR]


def test_a_project_without_declarations_leaves_everything_to_observation() -> None:
    assert declarations_of(project()) == Declarations()


def test_what_owners_declare_reaches_the_rules() -> None:
    declared = declarations_of(
        project(
            exposed_schemas=["public", "api"],
            tenancy={"column": "org_id", "claim": "org", "membership_tables": ["public.members"]},
            audit_columns={"created_at": "made_at", "updated_at": "changed_at"},
            critical_tables=["public.invoices"],
        )
    )
    assert declared == Declarations(
        exposed_schemas=("public", "api"),
        tenancy=Tenancy("org_id", "org", ("public.members",)),
        critical_tables=("public.invoices",),
        created_at="made_at",
        updated_at="changed_at",
    )


def test_an_empty_list_of_exposed_schemas_is_a_declaration_and_a_missing_one_is_not() -> None:
    assert declarations_of(project(exposed_schemas=[])).exposed_schemas == ()
    assert declarations_of(project()).exposed_schemas is None


def test_logs_and_running_statements_are_asked_for_in_the_settings() -> None:
    assert observation_options_of(project()) == ObservationOptions()
    assert not declarations_of(project()).management_api
    asked = project(management_api={"project_ref": "abcd", "token_env": "A_TOKEN"}, performance={"explain_analyze": True})
    assert observation_options_of(asked) == ObservationOptions(True, ManagementApiAccess("abcd", "A_TOKEN"))
    assert declarations_of(asked).management_api


@pytest.mark.parametrize("value", ["postgresql://me:hunter2@db/shop", "hunter2", "lower_case", "1ST", "A-B", ""])
def test_a_value_in_place_of_a_variable_name_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        project(database={"dsn_env": value})
    assert "expected the name of an environment variable" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("owner", ["shop", "team:", "ann@", "@shop.example", "team:a b"])
def test_an_owner_is_a_team_or_an_address(owner: str) -> None:
    with pytest.raises(ValidationError, match="expected team:<name> or an e-mail address"):
        project(owners=[owner])


@pytest.mark.parametrize("table", ["invoices", "public.", ".invoices", "a.b.c", "public invoices"])
def test_a_critical_table_is_qualified(table: str) -> None:
    with pytest.raises(ValidationError, match="expected a qualified table name"):
        project(critical_tables=[table])


def test_a_quoted_table_name_is_qualified_as_well() -> None:
    assert project(critical_tables=['public."Line items"']).critical_tables == ('public."Line items"',)


def test_two_projects_of_one_name_are_refused_and_two_kinds_may_share_one() -> None:
    with pytest.raises(ValidationError, match="shop stands there more than once"):
        Settings(projects=(project(), project(environment="staging")))
    assert Settings(projects=(project(),), repositories=(Repository(name="shop"),)).projects[0].name == "shop"


def test_repeated_names_come_in_the_order_of_their_repetition() -> None:
    assert repeated_names(["a", "b", "c", "b", "a", "b"]) == ("b", "a")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        project().name = "other"  # type: ignore[misc]  # the record is frozen, which is tested


@pytest.mark.parametrize("cron", ["0 2 * * *", "*/15 0-6 1,15 * MON-FRI"])
def test_a_cron_expression_of_five_fields_is_accepted(cron: str) -> None:
    assert Settings.model_validate({"schedule": {"nightly": cron}}).schedule.nightly == cron


@pytest.mark.parametrize("cron", ["", "daily", "0 2 * *", "0 2 * * * *", "0 2 * * ;"])
def test_anything_else_is_not_a_cron_expression(cron: str) -> None:
    with pytest.raises(ValidationError, match="cron expression of five fields"):
        Settings.model_validate({"schedule": {"nightly": cron}})


def test_weights_that_are_all_zero_measure_nothing() -> None:
    with pytest.raises(ValidationError, match="at least one weight"):
        Settings.model_validate({"parity": {"weights": {"api": 0, "data": 0, "event": 0, "behavior": 0}}})


def test_a_connector_is_held_to_the_limits_of_its_entry_and_else_to_the_defaults() -> None:
    def limits(**given: float) -> ConnectorLimits:
        return connector_limits_of(Connector.model_validate({"name": "crm", "class": "acme:Crm", "limits": given}))

    assert limits() == ConnectorLimits() == ConnectorLimits(latency_seconds=2.0, pending=10_000, oldest_age_seconds=900.0)
    assert limits(pending=0, latency_seconds=0.5) == ConnectorLimits(latency_seconds=0.5, pending=0)
    for wrong in ({"pending": -1}, {"latency_seconds": 0}, {"oldest_age_seconds": float("inf")}, {"penndig": 1}):
        with pytest.raises(ValidationError):
            limits(**wrong)
