"""Questions to a git repository, answered from its objects alone: commits, trees, tags, what a branch changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from platformkit_pipeline.introspection.repository.blobs import BlobReader
from platformkit_pipeline.introspection.repository.borrowed import Borrowed, borrowed
from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.git_process import TIMEOUT_SECONDS, GitFailed, git
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.migration import Change
from platformkit_pipeline.model.repository.tree import SUBMODULE, Head, Tag, TreeFile

MAX_ENTRIES = 300_000
_TREE_SECONDS = 120
_MOMENT = "format-local:%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class PathState:
    """A file as a commit left it. `object_id` is None where the commit deleted it; `size` in bytes, None where it is not in the clone."""

    commit: str
    committed_at: str
    object_id: str | None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class GitRepository:
    """An opened repository; see `open_repository`."""

    borrowed: Borrowed
    blobs: BlobReader

    @property
    def folder(self) -> Path:
        """The bare repository of ours, for tools that read one by themselves."""
        return self.borrowed.folder

    def head(self, commit: str | None = None) -> Head:
        """The commit that HEAD amounts to, or another one, and how much history there is. Raises ObservationError."""
        observed = commit or self.borrowed.commit
        if observed is None:
            return Head(None, self.borrowed.branch, object_format=self.borrowed.object_format)
        committed_at = self._ask("log", "-1", "--no-show-signature", "--format=%cd", f"--date={_MOMENT}", observed)
        count = self._ask("rev-list", "--count", observed)
        return Head(
            commit=observed,
            branch=self.borrowed.branch if commit is None else None,
            committed_at=committed_at.decode().strip(),
            commits=int(count),
            shallow=self.borrowed.shallow,
            object_format=self.borrowed.object_format,
        )

    def files(self, commit: str | None, *, only: str | None = None) -> Files:
        """Entries of the commit's tree, or `only` that of one path. Raises ObservationError for a damaged or an overlarge one."""
        if commit is None:
            return Files((), self.blobs)
        return Files(self._tree(commit, *([only] if only else [])), self.blobs)

    def tags(self) -> tuple[Tag, ...]:
        """By name. Tags of anything but a commit are left out."""
        fields = ("refname:strip=2", "objecttype", "objectname", "*objecttype", "*objectname", f"creatordate:{_MOMENT}")
        form = "%00".join(f"%({field})" for field in fields)
        found = []
        for line in self._ask("for-each-ref", f"--format={form}", "refs/tags").decode("utf-8", "backslashreplace").splitlines():
            name, kind, identity, peeled_kind, peeled, moment = line.split("\0")
            commit = peeled if peeled_kind == "commit" else identity if kind == "commit" else None
            if commit:
                found.append(Tag(name, commit, moment or None))
        return tuple(sorted(found, key=lambda tag: tag.name))

    def commit_of(self, name: str, option: str) -> str:
        """The commit that a branch, tag or id names. Raises ConfigurationError that speaks of `option`."""
        if name.startswith("-") or not name.strip():
            raise ConfigurationError(f"{option} {name!r}: is no name of a commit")
        try:
            return git(self.folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
        except GitFailed:
            raise ConfigurationError(
                f"{option} {name!r}: there is no such commit here; fetch it first, e.g. `git fetch origin {name.removeprefix('origin/')}`"
            ) from None

    def merge_base(self, base: str, commit: str | None) -> str:
        """Where a branch left `base`. Raises ConfigurationError."""
        named = self.commit_of(base, "--base")
        if commit is None:
            raise ConfigurationError("--base needs a commit to compare with, and the repository has none yet")
        try:
            return git(self.folder, "merge-base", named, commit).decode().strip()
        except GitFailed:
            raise ConfigurationError(
                f"--base {base!r}: it has no history in common with HEAD; a shallow clone needs `git fetch --unshallow`"
            ) from None

    def changed(self, base: str, commit: str) -> dict[str, Change]:
        """Paths that differ between two commits, and how."""
        kinds = {"A": Change.ADDED, "D": Change.DELETED}
        parts = self._ask("diff-tree", "-r", "-z", "--no-renames", "--name-status", base, commit).split(b"\0")
        return {_path(path): kinds.get(status.decode(), Change.EDITED) for status, path in zip(parts[0::2], parts[1::2], strict=False)}

    def changed_lines(self, base: str, commit: str) -> dict[str, tuple[int | None, int | None]]:
        """Path → lines added and removed between two commits; None for both where they are not counted. What only moved has 0 and 0."""
        options = ("-r", "-z", "--numstat", "--find-renames=100%", "-l0", "--no-ext-diff", "--no-textconv")
        parts = iter(self._ask("diff-tree", *options, base, commit, seconds=_TREE_SECONDS).split(b"\0"))
        found: dict[str, tuple[int | None, int | None]] = {}
        for record in parts:
            if not record:
                continue
            added, removed, name = record.split(b"\t", 2)
            if not name:  # the names of a file that moved follow
                next(parts, b"")
                name = next(parts, b"")
            found[_path(name)] = (int(added), int(removed)) if added.isdigit() and removed.isdigit() else (None, None)
        return found

    def history(self, path: str, commit: str, limit: int) -> tuple[PathState, ...]:
        """What became of a path on the way to `commit`, latest first, at most `limit` states. Raises ObservationError.

        A merge is one step, as its branch was one change: only first parents are followed. Renames are not.
        """
        options = (
            "--first-parent",
            "-m",
            "--no-follow",
            "--root",
            "--raw",
            "--no-abbrev",
            "--no-renames",
            "--no-show-signature",
            f"--date={_MOMENT}",
        )
        asked = ("log", *options, "--format=commit %H %cd", f"--max-count={limit}", commit, "--", path)
        states: list[PathState] = []
        for line in self._ask(*asked, seconds=_TREE_SECONDS).decode("utf-8", "replace").splitlines():
            if line.startswith("commit "):
                states.append(PathState(line.split()[1], line.split()[2], None))
            elif line.startswith(":") and states and set(object_id := line.split()[3]) != {"0"}:
                states[-1] = replace(states[-1], object_id=object_id)
        sizes = self._sizes([state.object_id for state in states if state.object_id])
        return tuple(replace(state, size=sizes.get(state.object_id or "")) for state in states)

    def _sizes(self, object_ids: Sequence[str]) -> dict[str, int]:
        """Bytes of each blob that the clone has."""
        if not object_ids:
            return {}
        try:
            question = "".join(f"{object_id}\n" for object_id in object_ids).encode("ascii")
            answer = git(self.folder, "cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=question, timeout=_TREE_SECONDS)
        except GitFailed as failed:
            raise ObservationError(f"the repository cannot be read: {failed}") from None
        lines = (line.split() for line in answer.decode("ascii", "replace").splitlines())
        return {name: int(size) for name, size in (line for line in lines if len(line) == 2) if size.isdigit()}

    def _tree(self, commit: str, *paths: str) -> Iterator[TreeFile]:
        listed = self._ask("ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", *paths, seconds=_TREE_SECONDS, max_records=MAX_ENTRIES)
        seen: set[str] = set()
        for record in filter(None, listed.split(b"\0")):
            about, _, name = record.partition(b"\t")
            mode, _, identity, size = about.decode("ascii", "replace").split()
            path = _path(name)
            if path in seen:  # two names that differ only in bytes that are no text
                path = f"{path} [{identity[:12]}]"
            seen.add(path)
            yield TreeFile(path, mode, identity, int(size) if size.isdigit() and mode != SUBMODULE else None)

    def _ask(self, *arguments: str, seconds: float = TIMEOUT_SECONDS, max_records: int | None = None) -> bytes:
        try:
            return git(self.folder, *arguments, timeout=seconds, max_records=max_records)
        except GitFailed as failed:
            raise ObservationError(f"the repository cannot be read: {failed}") from None


@contextmanager
def open_repository(path: Path) -> Iterator[GitRepository]:
    """A repository to ask, until the block ends. Nothing is written to it and nothing of it is run.

    Raises ConfigurationError when there is none at `path`, ObservationError when it cannot be read.
    """
    with borrowed(path) as bare, BlobReader(bare.folder) as blobs:
        yield GitRepository(bare, blobs)


def _path(name: bytes) -> str:
    """A path as text; bytes that are no UTF-8 stand as `\\xNN`, for a report must be able to print them."""
    return name.decode("utf-8", "backslashreplace")
