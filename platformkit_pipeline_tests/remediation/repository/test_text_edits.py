"""Edits leave everything else as it is written, whatever its style, or leave the edit to a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
import yaml

from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Outcome, PatchKind, Result, Severity
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext
from platformkit_pipeline.remediation.repository.secret_hook import add_secret_hook
from platformkit_pipeline.remediation.repository.spec_bundles import put_boxes
from platformkit_pipeline.remediation.repository.workflow_edits import pinned, with_read_permissions, without_credentials
from platformkit_pipeline.rules.repository_subject import file_identity, repository_identity
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder

COMMIT = "c" * 40
BLOCK = """name: A
on: [push]

# what is done
jobs:
  one:
    runs-on: x
    steps:
      - uses: actions/checkout@v4 # sources
      - name: Again
        uses: "actions/checkout@v4"
        with:
          path: there   # aside

      - run: echo
"""


@contextmanager
def context_of(tmp_path: Path, files: dict[str, str]) -> Iterator[RepositoryContext]:
    builder = RepositoryBuilder(tmp_path / "repository")
    builder.init()
    for path, text in files.items():
        builder.write(path, text)
    builder.commit("Begin")
    with open_repository(tmp_path / "repository") as repository:
        head = repository.head(None)
        found = repository.files(head.commit)
        yield RepositoryContext(found, RepositorySnapshot(head=head, files=found.entries), date(2026, 2, 1), "shop")


def finding(path: str | None = None) -> Result:
    identity = file_identity(path) if path else repository_identity("secret hook")
    return Result("SEC005", "no-secret-hook", "2.4", Severity.MEDIUM, Outcome.FAIL, identity, "message", PatchKind.FILE)


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.split("\n"), after.split("\n")
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_permissions_stand_before_the_jobs_and_their_comment() -> None:
    text = with_read_permissions(BLOCK)
    assert text is not None
    assert "on: [push]\n\npermissions:\n  contents: read\n\n# what is done\njobs:\n" in text
    assert changed_lines(BLOCK, text) == ([], ["permissions:", "  contents: read"])


@pytest.mark.parametrize("text", ["{on: push, jobs: {}}", f"permissions: {{}}\n{BLOCK}", "- jobs", "jobs: [", "a: &a [*a]\n"])
def test_permissions_are_left_to_a_person_in_other_forms(text: str) -> None:
    assert with_read_permissions(text) is None


@pytest.mark.parametrize(
    ("step", "added"), [(0, ["        with:", "          persist-credentials: false"]), (1, ["          persist-credentials: false"])]
)
def test_credentials_are_dropped_by_adding_lines(step: int, added: list[str]) -> None:
    text = without_credentials(BLOCK, "one", step)
    assert text is not None
    assert [line for line in text.split("\n") if line not in BLOCK.split("\n")] == [line for line in added if line not in BLOCK.split("\n")]
    assert yaml.safe_load(text)["jobs"]["one"]["steps"][step]["with"]["persist-credentials"] is False


def test_credentials_that_are_kept_by_name_are_dropped_in_that_line() -> None:
    before = BLOCK.replace("path: there   # aside", "persist-credentials: true")
    text = without_credentials(before, "one", 1)
    assert text is not None
    assert changed_lines(before, text) == (["          persist-credentials: true"], ["          persist-credentials: false"])


@pytest.mark.parametrize(
    "text",
    [
        BLOCK.replace("      - uses: actions/checkout@v4 # sources", "      - {uses: actions/checkout@v4}"),
        BLOCK.replace("      - uses: actions/checkout@v4 # sources", "      - &c\n        uses: actions/checkout@v4\n      - *c"),
        BLOCK.replace("actions/checkout@v4 # sources", "actions/checkout@v4\n        with: {path: x}"),
    ],
)
def test_credentials_are_left_to_a_person_in_other_forms(text: str) -> None:
    assert without_credentials(text, "one", 0) is None


@pytest.mark.parametrize(("step", "line"), [(0, "      - uses: "), (1, "        uses: ")])
def test_a_commit_takes_the_place_of_a_tag_with_the_release_behind_it(step: int, line: str) -> None:
    text = pinned(BLOCK, "one", step, "actions/checkout", "v4", COMMIT, "v4.2.2")
    assert text is not None
    assert changed_lines(BLOCK, text)[1] == [f"{line}actions/checkout@{COMMIT} # v4.2.2"]


def test_what_uses_something_else_is_not_pinned() -> None:
    assert pinned(BLOCK, "one", 0, "actions/checkout", "v5", COMMIT, "v5") is None
    assert pinned(BLOCK, "one", 2, "actions/checkout", "v4", COMMIT, "v4") is None
    assert pinned(BLOCK, "two", 0, "actions/checkout", "v4", COMMIT, "v4") is None


@pytest.mark.parametrize(
    "text",
    [
        "repos:\n- repo: local\n  hooks:\n  - id: a\n    name: a\n",
        "repos:\n    - repo: https://example.com/a\n      rev: v1\n      hooks:\n        - id: a\n"
        "          args: [--x,\n            --y]\n\n# the end\n",
        "repos:\n  - repo: local\n    hooks: [{id: a}]\n\nci:\n  skip: [a]\n",
        "fail_fast: true\nrepos:\n  - repo: local\n    hooks:\n      - id: a\n"
        "        description: |\n          long\n          text\ndefault_stages: [pre-commit]",
    ],
)
def test_a_hook_is_added_to_configurations_of_every_style(tmp_path: Path, text: str) -> None:
    with context_of(tmp_path, {".pre-commit-config.yaml": text}) as context:
        edit = add_secret_hook(context, finding())
    assert isinstance(edit, Edit)
    made = (edit.writes[".pre-commit-config.yaml"] or b"").decode()
    assert [line for line in text.split("\n") if line not in made.split("\n")] == []
    before, after = yaml.safe_load(text), yaml.safe_load(made)
    assert after["repos"][:-1] == before["repos"]
    assert after["repos"][-1]["hooks"][0]["id"] == "kingfisher"
    assert {key: value for key, value in after.items() if key != "repos"} == {key: value for key, value in before.items() if key != "repos"}


@pytest.mark.parametrize("text", ["repos: []\n", "repos: [{repo: local, hooks: []}]\n", "{repos: []}\n", "- repos\n", "repos:\n"])
def test_other_configurations_are_left_to_a_person(tmp_path: Path, text: str) -> None:
    with context_of(tmp_path, {".pre-commit-config.yaml": text}) as context:
        answer = add_secret_hook(context, finding())
    assert isinstance(answer, ByHand)
    assert "- id: kingfisher" in answer.steps[0]


def test_hooks_of_another_kind_are_not_given_a_second_one(tmp_path: Path) -> None:
    with context_of(tmp_path, {"lefthook.yml": "pre-push: {}\n"}) as context:
        answer = add_secret_hook(context, finding())
    assert isinstance(answer, ByHand)
    assert "lefthook.yml" in answer.reason


def test_tasks_in_a_table_are_left_to_a_person(tmp_path: Path) -> None:
    with context_of(tmp_path, {"spec/shop/tasks.md": "# Tasks\n\n| Task |\n|---|\n| One |\n"}) as context:
        answer = put_boxes(context, finding("spec/shop/tasks.md"))
    assert isinstance(answer, ByHand)
