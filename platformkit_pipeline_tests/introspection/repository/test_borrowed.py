"""The commit of HEAD, read from a few small files: the same that a whole reading of the repository finds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.borrowed import borrowed, head_commit
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(builder: RepositoryBuilder) -> RepositoryBuilder:
    builder.write("a.txt", "a\n")
    builder.commit("one")
    return builder


def agrees(path: Path) -> str | None:
    """What both readings say."""
    with borrowed(path) as whole:
        assert head_commit(path) == whole.commit
        return whole.commit


def test_loose_packed_detached_bare_and_linked_repositories_name_their_commit(repository: RepositoryBuilder, tmp_path: Path) -> None:
    head = repository.head()
    assert agrees(repository.folder) == head
    git(repository.folder, "pack-refs", "--all")
    assert not (repository.folder / ".git" / "refs" / "heads" / "main").exists()
    assert agrees(repository.folder) == head
    git(repository.folder, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    git(repository.folder, "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    assert agrees(tmp_path / "linked") == agrees(tmp_path / "bare.git") == head
    git(repository.folder, "checkout", "--quiet", "--detach")
    assert agrees(repository.folder) == head


def test_a_loose_reference_wins_over_a_packed_one(repository: RepositoryBuilder) -> None:
    git(repository.folder, "pack-refs", "--all")
    packed = repository.head()
    repository.commit("two")
    assert packed != agrees(repository.folder) == repository.head()


def test_a_repository_without_a_commit_has_none(builder: RepositoryBuilder) -> None:
    assert agrees(builder.folder) is None


def test_a_reference_behind_a_link_is_not_followed(repository: RepositoryBuilder, tmp_path: Path) -> None:
    head = repository.folder / ".git" / "refs" / "heads" / "main"
    (tmp_path / "elsewhere").write_text(f"{'ab' * 20}\n")
    head.unlink()
    head.symlink_to(tmp_path / "elsewhere")
    assert agrees(repository.folder) is None
    (tmp_path / "main").write_text(f"{'ab' * 20}\n")
    head.unlink()
    head.parent.rmdir()
    head.parent.symlink_to(tmp_path, target_is_directory=True)
    assert agrees(repository.folder) is None


@pytest.mark.parametrize("head", ["ref: refs/../../etc/passwd", "nonsense", "x" * 5000])
def test_a_head_that_git_did_not_write_is_refused(repository: RepositoryBuilder, head: str) -> None:
    (repository.folder / ".git" / "HEAD").write_text(head)
    with pytest.raises(ObservationError, match="HEAD"):
        head_commit(repository.folder)


def test_a_folder_that_is_no_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no git repository"):
        head_commit(tmp_path)
