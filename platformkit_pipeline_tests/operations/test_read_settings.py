from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from platformkit_pipeline.model.errors import ConfigurationError, SettingsError, UnknownTarget
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.read_settings import DEFAULT_SETTINGS, find_project, read_settings, resolve_dsn, settings_path

FULL = """\
projects:
  - name: shop-production
    environment: production
    owners: [team:shop]
    database: {dsn_env: SHOP_DATABASE_URL}
    management_api: {project_ref: abcdefghij, token_env: SUPABASE_ACCESS_TOKEN}
    exposed_schemas: [public]
    tenancy: {column: tenant_id, claim: tenant_id}
    audit_columns: {created_at: created_at, updated_at: updated_at}
    critical_tables: [public.invoices]
    repository: acme/shop
repositories: [{name: acme/shop, path: ../shop, github: {token_env: GITHUB_TOKEN}}]
connectors: [{name: stripe, class: "acme_connectors.stripe:StripeConnector", options: {key_env: STRIPE_KEY, pages: 3}}]
parity: {weights: {api: 30, data: 30, event: 20, behavior: 20}, max_drop_percent: 5}
schedule: {nightly: "0 2 * * *", timezone: Europe/Rome}
notifications:
  mattermost: {webhook_env: MATTERMOST_WEBHOOK}
  n8n: {webhook_env: N8N_WEBHOOK}
  github_issues: {repository: acme/shop, token_env: GITHUB_TOKEN}
"""


def write(folder: Path, text: str, name: str = "platformkit.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def row(name: str) -> str:
    return f"  - {{name: {name}, environment: staging, database: {{dsn_env: {name.upper()}_URL}}}}\n"


def faults_of(path: Path) -> list[str]:
    """The lines of the error, with the folder taken off."""
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def test_the_whole_file_of_the_documentation_is_read(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, FULL))
    assert settings.projects[0].repository == "acme/shop"
    assert settings.connectors[0].options == {"key_env": "STRIPE_KEY", "pages": 3}
    assert settings.schedule.timezone == "Europe/Rome"


def test_an_empty_file_lists_nothing(tmp_path: Path) -> None:
    assert read_settings(write(tmp_path, "# nothing yet\n")) == Settings()


def test_every_fault_is_named_at_once_with_file_line_and_path(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """\
projects:
  - name: a,b
    environment: prod
    database: {dsn_env: hunter2}
    colour: red
  - environment: staging
    database: text
    owners: team:shop
parity: {max_drop_percent: 500}
zone: 1
""",
    )
    found = faults_of(path)
    assert [line.split(": ")[:2] for line in found] == [
        ["platformkit.yaml:2", "projects[0].name"],
        ["platformkit.yaml:3", "projects[0].environment"],
        ["platformkit.yaml:4", "projects[0].database.dsn_env"],
        ["platformkit.yaml:5", "projects[0].colour"],
        ["platformkit.yaml:6", "projects[1].name"],
        ["platformkit.yaml:7", "projects[1].database"],
        ["platformkit.yaml:8", "projects[1].owners"],
        ["platformkit.yaml:9", "parity.max_drop_percent"],
        ["platformkit.yaml:10", "zone"],
    ]
    assert "expected 'production', 'staging' or 'development'" in found[1]
    assert found[4].endswith("is required")
    assert found[5].endswith("expected a mapping with dsn_env")


def test_an_unknown_key_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path, "projects:\n  - {name: a, environment: staging, database: {dsn: X}}\n")
    assert faults_of(path) == [
        "platformkit.yaml:2: projects[0].database.dsn_env: is required",
        "platformkit.yaml:2: projects[0].database.dsn: is not a known key; known here: dsn_env; "
        "secrets never stand here, only the names of environment variables that hold them",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "projects:\n  - {name: a, environment: staging, database: {dsn_env: 'postgresql://me:hunter2@db/shop'}}\n",
        "projects:\n  - {name: a, environment: staging, database: 'postgresql://me:hunter2@db/shop'}\n",
        "projects:\n  - {name: a, environment: staging, database: {dsn: 'postgresql://me:hunter2@db/shop'}}\n",
        "projects:\n  - {name: a, environment: staging, database: {dsn_env: hunter2}}\n",
        "projects:\n  - {name: a, environment: staging, database: {dsn_env: A}, management_api: {project_ref: x, token: hunter2}}\n",
        "projects:\n  - {name: 'postgresql://me:hunter2@db/x', environment: staging, database: {dsn_env: A}}\n",
        "projects:\n  - {name: a, environment: hunter2, database: {dsn_env: A}}\n",
        "'postgresql://me:hunter2@db/x': 1\n",
        "connectors: [{name: s, class: 'a:B', options: {url: 'https://me:hunter2@api'}}]\n",
        "connectors: [{name: s, class: 'a:B', options: {conn: 'host=x password=hunter2'}}]\n",
        "connectors: [{name: s, class: 'a:B', options: {password_env: hunter2}}]\n",
        "connectors: [{name: s, class: hunter2}]\n",
        "notifications: {mattermost: {webhook_env: 'https://chat/hooks/hunter2'}}\n",
        "notifications: {mattermost: *hunter2}\n",
        "schedule: {timezone: hunter2}\n",
    ],
)
def test_a_secret_in_the_settings_is_refused_and_never_repeated(tmp_path: Path, text: str) -> None:
    found = faults_of(write(tmp_path, text))
    assert found
    assert "hunter2" not in "\n".join(found)


def test_a_password_in_an_option_of_a_connector_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "connectors:\n  - name: s\n    class: a:B\n    options:\n      url: https://me:hunter2@api\n")
    assert faults_of(path) == [
        "platformkit.yaml:5: connectors[0].options.url: holds a secret; put it into an environment variable and name that one here"
    ]


def test_repeated_keys_are_refused(tmp_path: Path) -> None:
    assert faults_of(write(tmp_path, "projects: []\nprojects: []\n")) == [
        "platformkit.yaml:2: projects: this key stands twice in one mapping"
    ]


def test_a_tab_is_named_with_its_line(tmp_path: Path) -> None:
    assert faults_of(write(tmp_path, "projects:\n\t- a\n"))[0].startswith("platformkit.yaml:2: is not YAML: a tab")


def test_a_list_at_the_top_is_answered_with_the_keys_that_may_stand_there(tmp_path: Path) -> None:
    assert faults_of(write(tmp_path, "- a\n"))[0].startswith("platformkit.yaml:1: expected a mapping with projects, ")


def test_a_name_is_given_once_per_kind_over_all_files(tmp_path: Path) -> None:
    write(tmp_path, "projects:\n" + row("b") + row("shop"), "more.yaml")
    path = write(tmp_path, "include: [more.yaml]\nprojects:\n" + row("shop"))
    assert faults_of(path) == ["more.yaml:3: projects[1].name: this name is taken by platformkit.yaml:3"]


def test_targets_of_included_files_follow_in_the_order_of_the_files(tmp_path: Path) -> None:
    write(tmp_path, "projects:\n" + row("c"), "fleet/2.yaml")
    write(tmp_path, json.dumps({"projects": [{"name": "b", "environment": "staging", "database": {"dsn_env": "B"}}]}), "fleet/1.json")
    path = write(tmp_path, "include: ['fleet/*', 'fleet/1.json']\nprojects:\n" + row("a"))
    assert [project.name for project in read_settings(path).projects] == ["a", "b", "c"]


def test_faults_in_included_files_name_those_files(tmp_path: Path) -> None:
    write(tmp_path, '{"projects": [\n{"name": "b", "environment": "x", "database": {"dsn_env": "B"}}]}', "fleet/1.json")
    write(tmp_path, "projects: [\n", "fleet/2.yaml")
    write(tmp_path, "schedule: {}\n", "fleet/3.yaml")
    found = faults_of(write(tmp_path, "include: ['fleet/*']\n"))
    assert found[0] == "fleet/1.json:2: projects[0].environment: expected 'production', 'staging' or 'development'"
    assert found[1].startswith("fleet/2.yaml:2: is not YAML: ")
    assert found[2] == "fleet/3.yaml:1: schedule: is not a known key; known here: projects, repositories, connectors"


def test_a_pattern_that_matches_nothing_is_a_fault_and_not_an_empty_fleet(tmp_path: Path) -> None:
    path = write(tmp_path, "include:\n  - nowhere/*.yaml\n")
    assert faults_of(path) == ["platformkit.yaml:2: include[0]: no file matches this pattern"]


def test_a_pattern_that_matches_the_settings_themselves_does_not_read_them_twice(tmp_path: Path) -> None:
    path = write(tmp_path, "include: ['*.yaml']\nprojects:\n" + row("a"))
    assert len(read_settings(path).projects) == 1


def test_a_project_names_a_repository_that_is_listed(tmp_path: Path) -> None:
    path = write(tmp_path, "projects:\n  - {name: a, environment: staging, database: {dsn_env: A}, repository: acme/shop}\n")
    assert faults_of(path) == ["platformkit.yaml:2: projects[0].repository: no entry under repositories has this name"]


def test_an_unknown_time_zone_is_refused(tmp_path: Path) -> None:
    assert "not a time zone" in faults_of(write(tmp_path, "schedule: {timezone: Mars/Olympus}\n"))[0]


def test_more_faults_than_anybody_reads_are_counted(tmp_path: Path) -> None:
    found = faults_of(write(tmp_path, "projects:\n" + "  - {}\n" * 100))
    assert len(found) == 51
    assert found[-1] == "and 250 more"


@pytest.mark.parametrize(("content", "expected"), [(None, "no such file"), (b"\xff\xfe", "is not UTF-8 text")])
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "platformkit.yaml"
    if content is not None:
        path.write_bytes(content)
    assert expected in faults_of(path)[0]


def test_a_folder_is_not_a_settings_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_settings(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "platformkit.yaml"
    path.write_bytes(b"\xef\xbb\xbfprojects: []\n")
    assert read_settings(path) == Settings()


def test_five_thousand_projects_are_read_from_one_file_and_from_as_many_files(tmp_path: Path) -> None:
    names = [f"shop{n}" for n in range(5000)]
    one = write(tmp_path, "projects:\n" + "".join(map(row, names)), "one.yaml")
    for name in names:
        write(tmp_path, "projects:\n" + row(name), f"fleet/{name}.yaml")
    many = write(tmp_path, "include: ['fleet/*.yaml']\n", "many.yaml")
    assert {p.name for p in read_settings(one).projects} == {p.name for p in read_settings(many).projects} == set(names)


def test_reading_leaves_the_garbage_collector_as_it_was(tmp_path: Path) -> None:
    faults_of(write(tmp_path, "zone: 1\n"))
    assert gc.isenabled()


def test_the_option_goes_before_the_variable_and_that_before_the_default() -> None:
    environment = {"PLATFORMKIT_SETTINGS": "from-variable.yaml"}
    assert settings_path(Path("from-option.yaml"), environment) == Path("from-option.yaml")
    assert settings_path(None, environment) == Path("from-variable.yaml")
    assert settings_path(None, {"PLATFORMKIT_SETTINGS": ""}) == DEFAULT_SETTINGS


def test_an_unknown_target_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, "projects:\n" + "".join(row(f"p{n:02}") for n in range(12))))
    assert find_project(settings, "p03").name == "p03"
    with pytest.raises(UnknownTarget, match=r"no project is called 'shop'; the settings list p00, p01, .* and 2 more"):
        find_project(settings, "shop")


def test_the_connection_string_comes_from_the_variable_and_says_so(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, "projects:\n" + row("shop")))
    dsn = resolve_dsn(settings.projects[0], {"SHOP_URL": " postgresql://me:hunter2@db/shop\n"})
    assert dsn.reveal() == "postgresql://me:hunter2@db/shop"
    assert dsn.origin == "environment variable SHOP_URL"


@pytest.mark.parametrize(("environment", "state"), [({}, "is not set"), ({"SHOP_URL": "  "}, "is empty")])
def test_a_missing_variable_is_named_with_its_target(tmp_path: Path, environment: dict[str, str], state: str) -> None:
    settings = read_settings(write(tmp_path, "projects:\n" + row("shop")))
    with pytest.raises(ConfigurationError, match=f"shop: environment variable SHOP_URL {state}"):
        resolve_dsn(settings.projects[0], environment)
