"""Repositories that would like to be obeyed: nothing of them is run, nothing hangs, and the answer is honest."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.blobs import BlobReader
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.observe import observe_repository
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder

HOOKS = ("pre-commit", "post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman", "pre-auto-gc")


def observe(folder: Path) -> RepositorySnapshot:
    with open_repository(folder) as repository:
        return observe_repository(repository, RepositoryOptions(name="hostile"))


def store(folder: Path, kind: str, content: bytes) -> str:
    """Write an object as it is, whatever git would think of it."""
    data = f"{kind} {len(content)}\0".encode() + content
    identity = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    file = folder / ".git" / "objects" / identity[:2] / identity[2:]
    file.parent.mkdir(exist_ok=True)
    if not file.exists():
        file.write_bytes(zlib.compress(data))
    return identity


def commit_tree(folder: Path, entries: list[tuple[str, bytes, str]]) -> None:
    """Make HEAD a commit of exactly these entries: mode, name, object id."""
    tree = store(folder, "tree", b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(i) for mode, name, i in entries))
    text = f"tree {tree}\nauthor a <a@example.com> 1767603600 +0000\ncommitter a <a@example.com> 1767603600 +0000\n\nhostile\n"
    (folder / ".git" / "refs" / "heads" / "main").write_text(store(folder, "commit", text.encode()) + "\n")


def test_nothing_that_a_repository_says_is_run(builder: RepositoryBuilder, tmp_path: Path) -> None:
    witness = tmp_path / "was-run"
    script = tmp_path / "script.sh"
    script.write_text(f"#!/bin/sh\necho run >> {witness}\ncat\n")
    script.chmod(0o755)
    builder.write(".gitattributes", "* filter=evil diff=evil merge=evil\n")
    builder.write("a.txt", "a\n")
    builder.commit("one")
    for hook in HOOKS:
        file = builder.folder / ".git" / "hooks" / hook
        file.parent.mkdir(exist_ok=True)
        file.write_text(script.read_text())
        file.chmod(0o755)
    (builder.folder / ".git" / "config").write_text(
        f"""[core]
\trepositoryformatversion = 0
\tfsmonitor = {script}
\tpager = {script}
\teditor = {script}
\tsshCommand = {script}
\thooksPath = {builder.folder}/.git/hooks
\talternateRefsCommand = {script}
\tgitProxy = {script}
[filter "evil"]
\tsmudge = {script}
\tclean = {script}
\tprocess = {script}
\trequired = true
[diff "evil"]
\ttextconv = {script}
\tcommand = {script}
[diff]
\texternal = {script}
[gpg]
\tprogram = {script}
[log]
\tshowSignature = true
[uploadpack]
\tpackObjectsHook = {script}
[credential]
\thelper = !{script}
[alias]
\tls-tree = !{script}
\tcat-file = !{script}
[include]
\tpath = {tmp_path}/more
"""
    )
    (tmp_path / "more").write_text(f"[core]\n\tfsmonitor = {script}\n")
    assert [file.path for file in observe(builder.folder).files] == [".gitattributes", "a.txt"]
    assert not witness.exists()
    subprocess.run(["git", "status"], cwd=builder.folder, check=False, capture_output=True)
    assert witness.exists(), "the trap is none: git itself does not step into it"


def test_names_that_lead_out_of_the_tree_are_names_and_nothing_more(builder: RepositoryBuilder, tmp_path: Path) -> None:
    blob = store(builder.folder, "blob", b"evil\n")
    names = [b"../../escaped", b"/etc/passwd", b".git/config", b"a\nb", b"C:\\evil", b"\x1b[31mred", b"-rf"]
    commit_tree(builder.folder, [("100644", name, blob) for name in sorted(names)])
    found = [file.path for file in observe(builder.folder).files]
    assert sorted(found) == sorted(name.decode() for name in names)
    assert not (tmp_path / "escaped").exists()


def test_names_that_are_no_text_can_be_told_apart(builder: RepositoryBuilder) -> None:
    blob = store(builder.folder, "blob", b"a\n")
    commit_tree(builder.folder, [("100644", b"\\xff", blob), ("100644", b"caf\xe9.txt", blob), ("100644", b"\xff", blob)])
    paths = [file.path for file in observe(builder.folder).files]
    assert paths == sorted({"\\xff", "caf\\xe9.txt", f"\\xff [{blob[:12]}]"})


def test_a_blob_of_200_megabytes_is_counted_and_not_read(builder: RepositoryBuilder) -> None:
    (builder.folder / "CLAUDE.md").write_bytes(b"\0" * 200_000_000)
    builder.write("GEMINI.md", "small\n")
    builder.commit("one")
    snapshot = observe(builder.folder)
    assert next(file.size for file in snapshot.files if file.path == "CLAUDE.md") == 200_000_000
    faults = {document.path: document.fault or "" for document in snapshot.agent_documents}
    assert faults["CLAUDE.md"].startswith("is too large: 200000000 bytes")
    assert faults["GEMINI.md"] == ""


def test_an_object_that_is_a_pipe_does_not_hang(builder: RepositoryBuilder) -> None:
    builder.write("CLAUDE.md", "a\n")
    builder.commit("one")
    blob = subprocess.run(
        ["git", "rev-parse", "HEAD:CLAUDE.md"], cwd=builder.folder, check=True, capture_output=True, text=True
    ).stdout.strip()
    file = builder.folder / ".git" / "objects" / blob[:2] / blob[2:]
    file.unlink()
    os.mkfifo(file)
    with open_repository(builder.folder) as repository, BlobReader(repository.folder, timeout=0.5) as reader:
        with pytest.raises(ObservationError, match="gave no answer"):
            reader.read(blob)
        assert reader.read(repository.head().commit or "") is not None, "asking again starts anew"


@pytest.mark.parametrize(
    "head",
    ["", "ref: ../../../etc/passwd\n", "ref: refs/heads/..%2f\n", "garbage\n", "ref: refs/heads/a b\n", "x" * 10_000],
)
def test_a_head_that_git_would_not_write_is_refused(builder: RepositoryBuilder, head: str) -> None:
    builder.write("a.txt", "a\n")
    builder.commit("one")
    (builder.folder / ".git" / "HEAD").write_text(head)
    with pytest.raises((ObservationError, ConfigurationError)), open_repository(builder.folder):
        pass


def test_references_that_are_none_are_passed_over(builder: RepositoryBuilder, tmp_path: Path) -> None:
    builder.write("a.txt", "a\n")
    commit = builder.commit("one")
    heads = builder.folder / ".git" / "refs" / "heads"
    (heads / "broken").write_text("not an id\n")
    (heads / "link").symlink_to("/etc/hostname")
    os.mkfifo(heads / "pipe")
    (builder.folder / ".git" / "packed-refs").write_bytes(
        b"# pack-refs with: peeled\n" + commit.encode() + b" refs/heads/fine\n" + commit.encode() + b" ../evil\n\xff\xfe\n^nothing\n"
    )
    with open_repository(builder.folder) as repository:
        assert repository.commit_of("fine", "--base") == commit
        packed = (repository.folder / "packed-refs").read_text().splitlines()
    assert packed == [f"{commit} refs/heads/fine", f"{commit} refs/heads/main"]


def test_a_tree_without_end_is_refused(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformkit_pipeline.introspection.repository.git.MAX_ENTRIES", 3)
    for number in range(5):
        builder.write(f"{number}.txt", "a\n")
    builder.commit("one")
    with pytest.raises(ObservationError, match="more than 3 things to tell"):
        observe(builder.folder)


def test_a_tree_of_a_few_objects_that_unfolds_to_billions_of_files_is_refused(
    builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformkit_pipeline.introspection.repository.git.MAX_ENTRIES", 30_000)
    identity, mode = store(builder.folder, "blob", b"x"), "100644"
    for _ in range(10):
        body = b"".join(f"{mode} {n}".encode() + b"\0" + bytes.fromhex(identity) for n in range(10))
        identity, mode = store(builder.folder, "tree", body), "40000"
    text = f"tree {identity}\nauthor a <a@example.com> 1767603600 +0000\ncommitter a <a@example.com> 1767603600 +0000\n\nbomb\n"
    (builder.folder / ".git" / "refs" / "heads" / "main").write_text(store(builder.folder, "commit", text.encode()) + "\n")
    with pytest.raises(ObservationError, match="more than"):
        observe(builder.folder)
