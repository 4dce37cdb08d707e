"""What a branch changes is told from a real repository, and nothing that the repository brings along is run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.changes import changed_migrations
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.migration import Change

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(params=["sha1", "sha256"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Two migrations on main; the branch `change` is checked out."""
    git(tmp_path, "init", "-q", "-b", "main", f"--object-format={request.param}")
    migrations(tmp_path).mkdir(parents=True)
    (migrations(tmp_path) / "1_one.sql").write_text("select 1;\n")
    (migrations(tmp_path) / "2_two.sql").write_text("select 2;\n")
    commit(tmp_path)
    git(tmp_path, "switch", "-q", "-c", "change")
    return tmp_path


def migrations(root: Path) -> Path:
    return root / "app" / "supabase" / "migrations"


def commit(root: Path) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "x")
    return git(root, "rev-parse", "HEAD")


def test_an_unchanged_folder_has_no_changes(root: Path) -> None:
    found = changed_migrations(migrations(root), "main")
    assert (dict(found.changes), found.base) == ({}, git(root, "rev-parse", "main"))


@pytest.mark.parametrize("committed", [True, False])
def test_added_edited_and_deleted_files_are_told_whether_committed_or_not(root: Path, committed: bool) -> None:
    (migrations(root) / "1_one.sql").write_text("select 11;\n")
    (migrations(root) / "2_two.sql").unlink()
    (migrations(root) / "3_three.sql").write_text("select 3;\n")
    if committed:
        commit(root)
    assert dict(changed_migrations(migrations(root), "main").changes) == {
        "1_one.sql": Change.EDITED,
        "2_two.sql": Change.DELETED,
        "3_three.sql": Change.ADDED,
    }


def test_a_rename_is_a_deletion_and_an_addition(root: Path) -> None:
    git(root, "mv", "app/supabase/migrations/2_two.sql", "app/supabase/migrations/3_two.sql")
    commit(root)
    assert dict(changed_migrations(migrations(root), "main").changes) == {"2_two.sql": Change.DELETED, "3_two.sql": Change.ADDED}


def test_what_main_gained_meanwhile_is_not_the_branchs_change(root: Path) -> None:
    git(root, "switch", "-q", "main")
    (migrations(root) / "9_main.sql").write_text("select 9;\n")
    commit(root)
    git(root, "switch", "-q", "change")
    (migrations(root) / "3_three.sql").write_text("select 3;\n")
    commit(root)
    assert dict(changed_migrations(migrations(root), "main").changes) == {"3_three.sql": Change.ADDED}


def test_a_folder_that_the_base_does_not_have_is_all_new(root: Path) -> None:
    other = root / "other" / "migrations"
    other.mkdir(parents=True)
    (other / "1_x.sql").write_text("select 1;")
    assert dict(changed_migrations(other, "main").changes) == {"1_x.sql": Change.ADDED}


def test_line_ends_of_a_checkout_on_windows_are_no_change(root: Path) -> None:
    (migrations(root) / "1_one.sql").write_bytes(b"select 1;\r\n")
    assert dict(changed_migrations(migrations(root), "main").changes) == {}


def test_a_file_that_became_a_link_is_edited(root: Path) -> None:
    (migrations(root) / "1_one.sql").unlink()
    (migrations(root) / "1_one.sql").symlink_to("2_two.sql")
    assert dict(changed_migrations(migrations(root), "main").changes) == {"1_one.sql": Change.EDITED}


def test_names_that_are_no_plain_words_are_read_as_they_are(root: Path) -> None:
    (migrations(root) / '3_ü "quoted"\nname.sql').write_text("select 3;")
    commit(root)
    assert dict(changed_migrations(migrations(root), "main").changes) == {'3_ü "quoted"\nname.sql': Change.ADDED}
    assert dict(changed_migrations(migrations(root), "change").changes) == {}


@pytest.mark.parametrize("base", ["nonsense", "origin/main", "--output=x", "", "main:app"])
def test_a_base_that_names_no_commit_is_refused_with_a_sentence(root: Path, base: str) -> None:
    with pytest.raises(ConfigurationError, match="--base"):
        changed_migrations(migrations(root), base)
    assert not (root / "x").exists()


def test_unrelated_histories_are_refused_with_a_sentence(root: Path) -> None:
    git(root, "switch", "-q", "--orphan", "elsewhere")
    (root / "file").write_text("x")
    commit(root)
    migrations(root).mkdir(parents=True, exist_ok=True)
    with pytest.raises(ConfigurationError, match="no history in common"):
        changed_migrations(migrations(root), "main")


def test_a_folder_outside_of_any_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="git"):
        changed_migrations(tmp_path, "main")


def test_nothing_that_a_hostile_repository_brings_along_is_run(root: Path) -> None:
    trace = root / "ran"
    script = root / "evil.sh"
    script.write_text(f"#!/bin/sh\necho \"$0 $@\" >> '{trace}'\ncat\n")
    script.chmod(0o755)
    (root / ".gitattributes").write_text("*.sql diff=evil filter=evil merge=evil\n")
    (migrations(root) / "3_three.sql").write_text("select 3;\n")
    commit(root)
    for hook in ("post-index-change", "reference-transaction", "pre-commit", "post-checkout", "fsmonitor-watchman"):
        (root / ".git" / "hooks" / hook).write_text(script.read_text())
        (root / ".git" / "hooks" / hook).chmod(0o755)
    for name, value in {
        "core.fsmonitor": str(script),
        "core.hooksPath": str(root / ".git" / "hooks"),
        "core.pager": str(script),
        "core.sshCommand": str(script),
        "core.editor": str(script),
        "diff.external": str(script),
        "diff.evil.textconv": str(script),
        "diff.evil.command": str(script),
        "filter.evil.clean": str(script),
        "filter.evil.smudge": str(script),
        "filter.evil.process": str(script),
        "alias.merge-base": f"!{script}",
        "alias.ls-tree": f"!{script}",
        "remote.origin.url": "ssh://example.invalid/x",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": str(script),
        "credential.helper": str(script),
        "gpg.program": str(script),
    }.items():
        git(root, "config", name, value)
    (migrations(root) / "1_one.sql").write_text("select 11;\n")
    git(root, "--no-pager", "diff", "--stat")
    assert trace.exists()  # git itself would run them
    trace.unlink()
    found = changed_migrations(migrations(root), "main")
    assert dict(found.changes) == {"1_one.sql": Change.EDITED, "3_three.sql": Change.ADDED}
    assert not trace.exists()


def test_a_tree_that_is_missing_is_not_fetched(root: Path) -> None:
    """A partial clone lacks objects; git would fetch them with whatever the configuration names."""
    trace = root / "ran"
    script = root / "evil.sh"
    script.write_text(f"#!/bin/sh\necho ran >> '{trace}'\n")
    script.chmod(0o755)
    tree = git(root, "rev-parse", "main:app/supabase/migrations")
    (root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    for name, value in {
        "extensions.partialClone": "origin",
        "remote.origin.url": "ssh://example.invalid/x",
        "remote.origin.promisor": "true",
        "core.sshCommand": str(script),
    }.items():
        git(root, "config", name, value)
    with pytest.raises(ConfigurationError):
        changed_migrations(migrations(root), "main")
    assert not trace.exists()


def test_variables_of_a_surrounding_git_do_not_lead_elsewhere(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_WORK_TREE", "/")
    assert dict(changed_migrations(migrations(root), "main").changes) == {}
