"""What a repository says about itself, read from its objects alone."""

from __future__ import annotations

import subprocess
import zlib
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.files import UnreadableError
from platformkit_pipeline.introspection.repository.git import GitRepository, open_repository
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.migration import Change
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder


def run_git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def paths_of(repository: GitRepository) -> tuple[str, ...]:
    return repository.files(repository.head().commit).paths


def test_the_committed_tree_is_read_and_not_the_work_tree(builder: RepositoryBuilder) -> None:
    builder.write("docs/a.md", "committed\n")
    commit = builder.commit("one")
    builder.write("docs/a.md", "edited\n")
    builder.write("new.md", "new\n")
    with open_repository(builder.folder) as repository:
        head = repository.head()
        files = repository.files(head.commit)
        assert (head.commit, head.branch, head.commits, head.shallow) == (commit, "main", 1, False)
        assert head.committed_at == "2026-01-05T09:00:00Z"
        assert files.paths == ("docs/a.md",)
        assert files.text("docs/a.md") == "committed\n"
        assert [entry.path for entry in files.below("docs")] == ["docs/a.md"]
        assert [entry.path for entry in files.matching("*.md")] == ["docs/a.md"]


def test_an_empty_repository_has_no_commit_and_no_files(builder: RepositoryBuilder) -> None:
    with open_repository(builder.folder) as repository:
        head = repository.head()
        assert (head.commit, head.branch, head.commits) == (None, "main", 0)
        assert repository.files(head.commit).paths == ()
        assert repository.tags() == ()


def test_bare_linked_and_packed_repositories_read_alike(builder: RepositoryBuilder, tmp_path: Path) -> None:
    builder.write("a.txt", "a\n")
    builder.commit("one")
    builder.tag("v1.0.0")
    run_git(tmp_path, "clone", "--quiet", "--bare", "repository", "bare.git")
    run_git(builder.folder, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    run_git(builder.folder, "gc", "--quiet")
    for path, branch in ((builder.folder, "main"), (tmp_path / "bare.git", "main"), (tmp_path / "linked", "side")):
        with open_repository(path) as repository:
            assert (repository.head().commit, repository.head().branch) == (builder.head(), branch), path
            assert paths_of(repository) == ("a.txt",)
            assert [(tag.name, tag.commit) for tag in repository.tags()] == [("v1.0.0", builder.head())]


def test_a_repository_with_sha256_names_is_read(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "--quiet", "--object-format=sha256", "-b", "main", "wide")
    (tmp_path / "wide" / "a.txt").write_text("a\n")
    run_git(tmp_path / "wide", "add", ".")
    run_git(tmp_path / "wide", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "one")
    with open_repository(tmp_path / "wide") as repository:
        head = repository.head()
        assert (len(head.commit or ""), head.object_format) == (64, "sha256")
        assert repository.files(head.commit).text("a.txt") == "a\n"


def test_a_shallow_clone_says_so(builder: RepositoryBuilder, tmp_path: Path) -> None:
    for number in range(3):
        builder.write("a.txt", f"{number}\n")
        builder.commit(f"commit {number}")
    run_git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{builder.folder}", "shallow")
    with open_repository(tmp_path / "shallow") as repository:
        head = repository.head()
        assert (head.commits, head.shallow) == (1, True)
        assert repository.files(head.commit).text("a.txt") == "2\n"


def test_a_change_is_compared_with_where_the_branch_left(builder: RepositoryBuilder) -> None:
    builder.write("kept.txt", "kept\n")
    builder.write("edited.txt", "before\n")
    builder.write("gone.txt", "gone\n")
    left = builder.commit("before")
    run_git(builder.folder, "branch", "base")
    builder.write("edited.txt", "after\n")
    builder.write("new.txt", "new\n")
    builder.remove("gone.txt")
    head = builder.commit("after")
    with open_repository(builder.folder) as repository:
        assert repository.merge_base("base", head) == left
        assert repository.changed(left, head) == {"edited.txt": Change.EDITED, "new.txt": Change.ADDED, "gone.txt": Change.DELETED}


@pytest.mark.parametrize("base", ["no-such-branch", "--upload-pack=touch", " ", "HEAD:a.txt"])
def test_a_base_that_is_none_is_refused(builder: RepositoryBuilder, base: str) -> None:
    builder.write("a.txt", "a\n")
    builder.commit("one")
    with open_repository(builder.folder) as repository, pytest.raises(ConfigurationError, match="--base"):
        repository.merge_base(base, builder.head())


def test_what_is_no_repository_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no git repository; name the folder"), open_repository(tmp_path):
        pass
    with pytest.raises(ConfigurationError, match="there is no such folder"), open_repository(tmp_path / "nowhere"):
        pass


def test_the_observed_repository_is_not_written_to(builder: RepositoryBuilder) -> None:
    builder.write("a.txt", "a\n")
    builder.commit("one")
    before = {path: path.stat().st_mtime_ns for path in builder.folder.rglob("*")}
    with open_repository(builder.folder) as repository:
        folder = repository.folder
        assert paths_of(repository) == ("a.txt",)
        assert repository.files(repository.head().commit).text("a.txt") == "a\n"
    assert {path: path.stat().st_mtime_ns for path in builder.folder.rglob("*")} == before
    assert not folder.exists()


def test_links_submodules_and_large_files_are_named_and_not_read(builder: RepositoryBuilder) -> None:
    builder.write("large.txt", "x" * 100)
    (builder.folder / "link").symlink_to("/etc/passwd")
    run_git(builder.folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    builder.commit("one")
    with open_repository(builder.folder) as repository:
        files = repository.files(repository.head().commit)
        for path, reason in (
            ("link", "is a symbolic link, which is not followed"),
            ("large.txt", "is too large: 100 bytes, and 10 are read at most"),
            ("nothing", "is not in the tree"),
        ):
            with pytest.raises(UnreadableError) as refused:
                files.data(path, 10)
            assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"caf\xe9", "is no UTF-8 text: byte 4 cannot be decoded"), (b"a\0b", "is no text: it holds a zero byte")],
)
def test_what_is_no_text_is_told(builder: RepositoryBuilder, content: bytes, reason: str) -> None:
    builder.write("a.txt", content)
    builder.commit("one")
    with open_repository(builder.folder) as repository, pytest.raises(UnreadableError) as refused:
        repository.files(repository.head().commit).text("a.txt")
    assert str(refused.value) == reason


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_text(builder: RepositoryBuilder) -> None:
    builder.write("a.txt", b"\xef\xbb\xbfone\r\ntwo\r\n")
    builder.commit("one")
    with open_repository(builder.folder) as repository:
        assert repository.files(repository.head().commit).text("a.txt") == "one\ntwo\n"


def test_a_missing_object_is_told_and_not_fetched(builder: RepositoryBuilder) -> None:
    builder.write("a.txt", "a\n")
    builder.write("b.txt", "b\n")
    builder.commit("one")
    run_git(builder.folder, "config", "remote.origin.url", "https://example.invalid/none.git")
    run_git(builder.folder, "config", "remote.origin.promisor", "true")
    run_git(builder.folder, "config", "extensions.partialClone", "origin")
    blob = run_git(builder.folder, "rev-parse", "HEAD:a.txt").strip()
    (builder.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with open_repository(builder.folder) as repository:
        files = repository.files(repository.head().commit)
        with pytest.raises(UnreadableError, match="is missing from this clone"):
            files.text("a.txt")
        assert files.text("b.txt") == "b\n"


def test_a_content_that_is_not_what_its_id_says_counts_as_missing(builder: RepositoryBuilder) -> None:
    builder.write("a.txt", "a\n")
    builder.commit("one")
    blob = run_git(builder.folder, "rev-parse", "HEAD:a.txt").strip()
    file = builder.folder / ".git" / "objects" / blob[:2] / blob[2:]
    file.unlink()
    file.write_bytes(zlib.compress(b"blob 2\0b\n"))
    with open_repository(builder.folder) as repository:
        assert run_git(builder.folder, "cat-file", "blob", blob) == "b\n"  # git itself does not look
        assert repository.blobs.read(blob) is None


def test_a_missing_tree_is_an_error_and_no_empty_repository(builder: RepositoryBuilder) -> None:
    builder.write("a.txt", "a\n")
    builder.commit("one")
    tree = run_git(builder.folder, "rev-parse", "HEAD^{tree}").strip()
    (builder.folder / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with open_repository(builder.folder) as repository, pytest.raises(ObservationError, match="cannot be read"):
        repository.files(repository.head().commit)


def test_many_contents_are_read_in_the_order_asked_and_a_missing_one_is_none(builder: RepositoryBuilder) -> None:
    for number in range(1200):  # more than are asked for at once
        builder.write(f"{number:04}.txt", f"content {number}\n" * 50)
    builder.commit("many")
    with open_repository(builder.folder) as repository:
        identities = [entry.object_id for entry in repository.files(repository.head().commit).entries]
        asked = [*identities[:600], "0" * 40, *identities[600:]]
        answers = list(repository.blobs.read_many(asked))
        assert [identity for identity, _ in answers] == asked
        assert answers[600][1] is None
        assert answers[-1][1] == b"content 1199\n" * 50
        abandoned = repository.blobs.read_many(identities)
        next(abandoned)
        abandoned.close()
        assert repository.blobs.read(identities[7]) == b"content 7\n" * 50
