"""Blobs that commits of every branch and tag brought, with the oldest commit that did, and the messages of commits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from platformkit_pipeline.introspection.repository.git import GitRepository
from platformkit_pipeline.introspection.repository.git_process import GitFailed, git
from platformkit_pipeline.model.errors import ObservationError

MAX_COMMITS = 100_000
_SECONDS = 120
_SUBMODULE = b"160000"


@dataclass(frozen=True, slots=True)
class Brought:
    """Where a blob came from; no `commit` for what a reference names without one. `age` grows towards older commits."""

    path: str
    commit: str
    age: int


@dataclass(slots=True)
class History:
    """`blobs` by id. `cut` tells that there are more commits than are read."""

    blobs: dict[str, Brought] = field(default_factory=dict)
    messages: list[tuple[str, int, bytes]] = field(default_factory=list, repr=False)
    """Commit, age, text."""
    cut: bool = False


def read_history(repository: GitRepository, commit: str | None, *, most: int = MAX_COMMITS) -> History:
    """History of all references. Where an older `commit` than HEAD is observed, without what HEAD has since brought.

    Raises ObservationError when git cannot read it.
    """
    if repository.borrowed.commit is None:
        return History()
    history = History()
    try:
        left_out = _since(repository, commit)
        history.blobs, count = _blobs(repository, left_out, most)
        history.messages = [*_messages(repository, left_out, most), *_said_by_tags(repository)]
        for identity, path in _named_by_references(repository):
            history.blobs.setdefault(identity, Brought(path, "", 0))
    except GitFailed as failed:
        raise ObservationError(f"the history cannot be read: {failed}") from None
    history.cut = count >= most
    return history


def _since(repository: GitRepository, commit: str | None) -> frozenset[str]:
    head = repository.borrowed.commit
    if commit is None or head is None or commit == head:
        return frozenset()
    return frozenset(git(repository.folder, "rev-list", f"{commit}..{head}", timeout=_SECONDS).decode().split())


def _blobs(repository: GitRepository, left_out: frozenset[str], most: int) -> tuple[dict[str, Brought], int]:
    """Newest commits first, so that the oldest one that brought a blob is the one that stays."""
    arguments = ("log", "--all", f"--max-count={most}", "--raw", "-z", "-c", "-r", "--root", "--no-abbrev", "--no-renames", "--format=%H")
    found: dict[str, Brought] = {}
    commit, age, about = "", 0, b""
    for token in git(repository.folder, *arguments, timeout=_SECONDS).split(b"\0"):
        if about:
            _remember(found, about, token, commit, age, left_out)
            about = b""
        elif (text := token.lstrip(b"\n")).startswith(b":"):
            about = text
        elif text:
            commit, age = text.decode("ascii", "replace"), age + 1
    return found, age


def _remember(found: dict[str, Brought], about: bytes, path: bytes, commit: str, age: int, left_out: frozenset[str]) -> None:
    """`:<modes> <ids> <status>`; a merge has one mode and id per parent before those of the result."""
    if commit in left_out:
        return
    parts = about.lstrip(b":").split(b" ")
    parents = len(about) - len(about.lstrip(b":"))
    mode, identity = parts[parents], parts[2 * parents + 1]
    if identity.strip(b"0") and mode != _SUBMODULE:
        found[identity.decode("ascii", "replace")] = Brought(path.decode("utf-8", "backslashreplace"), commit, age)


def _messages(repository: GitRepository, left_out: frozenset[str], most: int) -> Iterator[tuple[str, int, bytes]]:
    said = git(repository.folder, "log", "--all", f"--max-count={most}", "-z", "--format=%H%n%B", timeout=_SECONDS)
    for age, record in enumerate(said.split(b"\0"), start=1):
        commit, _, text = record.lstrip(b"\n").partition(b"\n")
        if text.strip() and (name := commit.decode("ascii", "replace")) not in left_out:
            yield name, age, text


def _said_by_tags(repository: GitRepository) -> Iterator[tuple[str, int, bytes]]:
    """Messages of annotated tags, below the commits that they are about."""
    form = "%(objecttype)%00%(*objectname)%00%(contents)%00%00"
    for record in git(repository.folder, "for-each-ref", f"--format={form}", "refs/tags", timeout=_SECONDS).split(b"\0\0"):
        kind, _, rest = record.strip(b"\n").partition(b"\0")
        commit, _, text = rest.partition(b"\0")
        if kind == b"tag" and text.strip():
            yield commit.decode("ascii", "replace"), 0, text


def _named_by_references(repository: GitRepository) -> Iterator[tuple[str, str]]:
    """Blobs that a reference names without any commit, itself or through a tree, each with a path."""
    form = "%(objecttype) %(objectname) %(*objecttype) %(*objectname) %(refname)"
    for line in (
        git(repository.folder, "for-each-ref", f"--format={form}", timeout=_SECONDS).decode("utf-8", "backslashreplace").splitlines()
    ):
        kind, identity, peeled_kind, peeled, *name = line.split(" ")
        kind, identity = (peeled_kind, peeled) if kind == "tag" else (kind, identity)
        if kind == "blob":
            yield identity, name[0]
        elif kind == "tree":
            for record in filter(None, git(repository.folder, "ls-tree", "-r", "-z", identity, timeout=_SECONDS).split(b"\0")):
                about, _, path = record.partition(b"\t")
                if not about.startswith(_SUBMODULE):
                    yield about.split()[2].decode("ascii", "replace"), f"{name[0]}/{path.decode('utf-8', 'backslashreplace')}"
