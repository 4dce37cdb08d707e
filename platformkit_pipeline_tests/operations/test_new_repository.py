"""`platformkit new repository`: whole, once, never over other content; and what it writes keeps the rules and its own checks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from platformkit_pipeline.cli.main import COMMANDS, module_of
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.observe import observe_repository
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.introspection.repository.programs import find_program
from platformkit_pipeline.locations import templates_directory
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.operations.new_repository import new_repository, read_action_digests
from platformkit_pipeline.remediation.repository.templates import (
    ACTIONS,
    PLACEHOLDER,
    TOOLS,
    Blueprint,
    Digest,
    Part,
    module_name,
    repository_files,
)
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import Source, rules_about_repositories
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline.sandbox.sample_repository.examples import TODAY
from platformkit_pipeline_tests.cli.program import ROOT

EVERYTHING = frozenset(Part)
OWNER = "@acme/shop"
COMMIT = "1234567890abcdef1234567890abcdef12345678"
DIGESTS = {action: Digest(COMMIT, "v9.9.9") for action in ACTIONS}
PARTS = [frozenset(some) for count in range(1, len(Part) + 1) for some in combinations(Part, count)]


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def workflows(parts: frozenset[Part] = EVERYTHING, **about: Any) -> dict[str, Any]:
    texts = repository_files(Blueprint("shop", OWNER, parts, **about)).texts
    return {path: yaml.safe_load(text) for path, text in texts.items() if path.startswith(".github/workflows/")}


# -- once, whole, never over something else -----------------------------------------------------------------------------


def test_asking_again_changes_nothing(tmp_path: Path) -> None:
    first = new_repository("shop", tmp_path, owner=OWNER, parts=EVERYTHING)
    before = files(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in first.written} == before.keys()
    again = new_repository("shop", tmp_path, owner=OWNER, parts=EVERYTHING)
    assert (again.written, again.pinned, again.unpinned) == ((), (), first.unpinned)
    assert files(tmp_path) == before


def test_files_with_other_content_stop_everything(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / ".gitignore").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"\.gitignore, README\.md: have other content"):
        new_repository("shop", tmp_path, owner=OWNER)
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", ".gitignore"}


def test_a_file_that_was_lost_is_written_again_and_others_stay(tmp_path: Path) -> None:
    new_repository("shop", tmp_path, owner=OWNER)
    (tmp_path / "more.txt").write_text("mine")
    before = files(tmp_path)
    (tmp_path / ".github" / "workflows" / "doc-sync-check.yml").unlink()
    done = new_repository("shop", tmp_path, owner=OWNER)
    assert [path.name for path in done.written] == ["doc-sync-check.yml"]
    assert files(tmp_path) == before


@pytest.mark.parametrize("way", [".github", "CHANGELOG.md", "spec"])
def test_nothing_is_written_through_a_link(tmp_path: Path, way: str) -> None:
    folder, outside = tmp_path / "shop", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / way).symlink_to(outside)
    with pytest.raises(ConfigurationError, match="is in the way"):
        new_repository("shop", folder, owner=OWNER)
    assert list(outside.iterdir()) == []
    assert [path.name for path in folder.iterdir()] == [way]


def test_a_file_where_a_folder_must_be_stops_everything(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"\.github is in the way"):
        new_repository("shop", tmp_path, owner=OWNER)
    assert files(tmp_path) == {".github": "mine"}


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked: list[Path] = []
    hardlink_to = Path.hardlink_to

    def full(self: Path, target: Path) -> None:
        if len(linked) == 5:
            raise OSError(28, "No space left on device", str(self))
        linked.append(self)
        hardlink_to(self, target)

    monkeypatch.setattr(Path, "hardlink_to", full)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        new_repository("shop", tmp_path / "new" / "shop", owner=OWNER)
    assert len(linked) == 5
    assert list(tmp_path.iterdir()) == []


def test_a_generator_that_is_killed_is_finished_by_the_next_one(tmp_path: Path) -> None:
    new_repository("shop", tmp_path / "whole", owner=OWNER)
    code = f"""
import os, signal
from pathlib import Path
from platformkit_pipeline.operations.new_repository import new_repository
link, calls = Path.hardlink_to, []
def deadly(self, target):
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(link(self, target))
Path.hardlink_to = deadly
new_repository("shop", Path({str(tmp_path / "killed")!r}), owner={OWNER!r})
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert 3 <= len(files(tmp_path / "killed")) < 60
    new_repository("shop", tmp_path / "killed", owner=OWNER)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ({"name": "a b"}, "--name"),
        ({"name": ""}, "--name"),
        ({"name": "../up"}, "--name"),
        ({"name": "a\n"}, "--name"),
        ({"owner": "acme/shop"}, "--owner"),
        ({"owner": "@acme shop"}, "--owner"),
        ({"owner": "@acme/shop\n* @evil"}, "--owner"),
        ({"parts": ["rust"]}, "--with"),
    ],
)
def test_wrong_input_is_refused(tmp_path: Path, about: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        new_repository(about.get("name", "shop"), tmp_path, owner=about.get("owner", OWNER), parts=about.get("parts", ()))
    assert list(tmp_path.iterdir()) == []


# -- digests ------------------------------------------------------------------------------------------------------------


def test_without_digests_every_action_is_pinned_to_zeros_and_listed(tmp_path: Path) -> None:
    done = new_repository("shop", tmp_path, owner=OWNER, parts=EVERYTHING)
    assert done.unpinned.keys() == ACTIONS.keys()
    for path, text in files(tmp_path / ".github" / "workflows").items():
        used = re.findall(r"uses: (\S+)@(\S+) # (.*)", text)
        assert used
        assert {(digest, comment.endswith(", to be pinned")) for _, digest, comment in used} == {(PLACEHOLDER, True)}
        for action in {action for action, _, _ in used}:
            assert f"#   {action} {ACTIONS[action]}\n" in text
            assert f".github/workflows/{path}" in done.unpinned[action]


def test_digests_take_the_place_of_the_zeros_in_what_nobody_changed(tmp_path: Path) -> None:
    new_repository("shop", tmp_path, owner=OWNER)
    done = new_repository("shop", tmp_path, owner=OWNER, digests=DIGESTS)
    assert (done.written, done.unpinned) == ((), {})
    assert {path.suffix for path in done.pinned} == {".yml"}
    for text in files(tmp_path / ".github" / "workflows").values():
        assert PLACEHOLDER not in text
        assert "to be pinned" not in text
        assert "Does not start yet" not in text
        assert f"@{COMMIT} # v9.9.9" in text
    assert new_repository("shop", tmp_path, owner=OWNER, digests=DIGESTS).pinned == ()
    changed = tmp_path / ".github" / "workflows" / "doc-sync-check.yml"
    changed.write_text(changed.read_text() + "# mine\n")
    with pytest.raises(ConfigurationError, match=r"doc-sync-check\.yml: has other content"):
        new_repository("shop", tmp_path, owner=OWNER, digests=DIGESTS)


def test_some_digests_leave_the_others_to_be_pinned(tmp_path: Path) -> None:
    done = new_repository("shop", tmp_path, owner=OWNER, digests={"actions/checkout": Digest(COMMIT)})
    assert "actions/checkout" not in done.unpinned
    assert "actions/setup-python" in done.unpinned
    assert f"actions/checkout@{COMMIT} # v5\n" in (tmp_path / ".github/workflows/doc-sync-check.yml").read_text()


def test_a_file_of_digests_is_read(tmp_path: Path) -> None:
    file = tmp_path / "digests.yml"
    file.write_text(f"actions/checkout: {COMMIT} v5.0.1\nactions/setup-python: '{COMMIT}'\n")
    assert read_action_digests(file) == {"actions/checkout": Digest(COMMIT, "v5.0.1"), "actions/setup-python": Digest(COMMIT)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("actions/checkout: v5", "40 hexadecimal digits"),
        (f"actions/checkout: '{PLACEHOLDER}'", "40 hexadecimal digits"),
        (f"actions/checkout: {COMMIT} $(rm)", "40 hexadecimal digits"),
        (f"actions/check-out: {COMMIT}", "no workflow uses actions/check-out"),
        ("- actions/checkout", "expected lines such as"),
        ("a: [", "is no YAML"),
        ("", "expected lines such as"),
    ],
)
def test_a_file_of_digests_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "digests.yml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        read_action_digests(file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_action_digests(tmp_path / "missing.yml")


# -- the workflows themselves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digests", [{}, DIGESTS], ids=["zeros", "digests"])
def test_workflows_keep_githubs_schema_and_zizmor_finds_nothing(tmp_path: Path, digests: dict[str, Digest]) -> None:
    new_repository("shop", tmp_path, owner=OWNER, parts=EVERYTHING, digests=digests)
    found = sorted(str(path) for path in (tmp_path / ".github" / "workflows").iterdir())
    assert len(found) == 6
    valid = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *found)
    assert valid.returncode == 0, valid.stdout
    clean = run("zizmor", "--offline", "--no-ignores", "--persona", "pedantic", "--format", "json", str(tmp_path))
    assert (clean.returncode, clean.stdout.strip()) == (0, "[]"), clean.stderr


@pytest.mark.parametrize("parts", PARTS, ids=["+".join(sorted(parts)) for parts in PARTS])
def test_every_combination_of_parts_gives_workflows_that_ask_for_little(parts: frozenset[Part]) -> None:
    if not parts & {Part.PYTHON, Part.NODE}:
        parts |= {Part.PYTHON}
    for path, workflow in workflows(parts).items():
        assert workflow["permissions"] == {}, path
        assert "cancel-in-progress" in workflow["concurrency"]
        for job in workflow["jobs"].values():
            assert set(job["permissions"].values()) <= {"read"} or set(job["permissions"]) & {"security-events"} or "enterprise" in path
            assert job["timeout-minutes"] <= 30
            assert len(job["steps"]) >= 2
            for step in job["steps"]:
                assert ("uses" in step) != ("run" in step)
                assert "${{" not in step.get("run", "")
                if step.get("uses", "").startswith("actions/checkout@"):
                    assert step["with"]["persist-credentials"] is False
    assert ("schema" in workflows(parts)[".github/workflows/required-checks.yml"]["jobs"]) is (Part.DATABASE in parts)


def test_workflows_call_commands_and_rules_that_exist() -> None:
    called = {
        tuple(line.strip().split()[1:])
        for workflow in workflows().values()
        for job in workflow["jobs"].values()
        for step in job["steps"]
        for line in step.get("run", "").splitlines()
        if line.strip().startswith("platformkit ")
    }
    assert len(called) > 10
    codes = {rule.code[:3] for rule in rules_about_repositories()}
    for words in called:
        options = options_of(words)
        for word in words:
            if word.startswith("--"):
                assert word in options, words
        if "--select" in words and "--repo" in words:
            assert words[words.index("--select") + 1] in codes


def options_of(words: tuple[str, ...]) -> set[str]:
    assert words[0] in COMMANDS
    module = __import__(module_of(words[0]), fromlist=["app"])
    command = typer.main.get_command(module.app)
    if isinstance(command, TyperGroup) and words[1:2] and not words[1].startswith("-"):
        command = command.commands[words[1]]
    return {option for parameter in command.params for option in parameter.opts}


def test_tools_are_those_that_this_product_uses() -> None:
    dependencies = (ROOT / "pyproject.toml").read_text()
    assert f'"ruff=={TOOLS["ruff"]}"' in dependencies
    assert "kingfisher-bin==" not in dependencies or f'"kingfisher-bin=={TOOLS["kingfisher"]}"' in dependencies


def test_every_template_is_used() -> None:
    used = [path for part in ("repository", "workflows") for path in (templates_directory() / part).rglob("*") if path.is_file()]
    parts = EVERYTHING - {Part.ORGANISATION_PROFILE}
    texts = {path for some in (EVERYTHING, parts) for path in repository_files(Blueprint("shop", OWNER, some)).texts}
    templated = [path for path in texts if not path.startswith("supabase/gates/") and path not in ("GEMINI.md", "CODEX.md")]
    assert len(templated) == len(used)


# -- a repository that was started this way -----------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [frozenset({Part.PYTHON}), frozenset({Part.NODE}), EVERYTHING], ids=["python", "node", "everything"])
def test_it_keeps_every_rule_but_those_that_say_it_is_a_template(tmp_path: Path, parts: frozenset[Part]) -> None:
    builder = RepositoryBuilder(tmp_path / "shop")
    builder.init()
    new_repository("shop", builder.folder, owner=OWNER, parts=parts)
    builder.commit("Start")
    with open_repository(builder.folder) as repository:
        snapshot = observe_repository(repository, RepositoryOptions(name="shop"))
    assert snapshot.declarations.fault is None
    results = evaluate_repository(snapshot, [r for r in rules_about_repositories() if r.source is Source.CLONE], TODAY)
    broken = {(result.rule, str(result.object)) for result in results if result.is_finding}
    not_generated_yet = {("RDM001", "profile/README.md")} if Part.ORGANISATION_PROFILE in parts else set()
    assert {(rule, name) for rule, name in broken if not (rule.startswith("SPC") and name.startswith("spec/shop"))} == not_generated_yet
    assert {rule for rule, _ in broken} >= {"SPC002"}
    assert {"DOC001", "VER001", "VER002", "LOG001", "LOG002"} <= {result.rule for result in results}


def test_its_python_passes_its_own_checks(tmp_path: Path) -> None:
    name = "Very-long.name_of-a-repository-0"
    new_repository(name, tmp_path, owner=OWNER, parts=[Part.PYTHON, Part.CONNECTOR])
    assert module_name(name) == "very_long_name_of_a_repository_0"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "COVERAGE_PROCESS_START": ""}
    tested = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=src", "--cov-fail-under=80", "-W", "ignore"]
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], tested):
        program = [find_program(command[0]) or command[0], *command[1:]]
        done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    found = find_program(program)
    assert found is not None, f"{program} is not installed"
    return subprocess.run([found, *arguments], capture_output=True, text=True, check=False, timeout=120)
