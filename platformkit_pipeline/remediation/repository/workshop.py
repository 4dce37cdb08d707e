"""Trees and commits that exist for a trial only, made in the bare repository of ours: no checkout, so no filter and no hook."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.introspection.repository.git import GitRepository
from platformkit_pipeline.introspection.repository.git_process import git
from platformkit_pipeline.model.repository.tree import TreeFile

_NEW_FILE = "100644"
_AUTHOR = "platformkit"
_MAIL = "platformkit@localhost"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Works on copies of one repository's trees. Objects made here are gone with the opened repository."""

    repository: GitRepository

    def tree_of(self, commit: str) -> str:
        return self._git("rev-parse", f"{commit}^{{tree}}").decode().strip()

    def tree_with(self, tree: str, writes: Mapping[str, bytes | None], existing: Mapping[str, TreeFile]) -> str:
        """The tree with files written or removed; a file that is there keeps its mode."""
        lines = []
        for path, content in sorted(writes.items()):
            if content is None:
                lines.append(f"0 {'0' * 40}\t{path}".encode())
                continue
            identity = self._git("hash-object", "-w", "--no-filters", "--stdin", stdin=content).decode().strip()
            mode = existing[path].mode if path in existing else _NEW_FILE
            lines.append(f"{mode} {identity}\t{path}".encode())
        with self._index(tree) as index:
            self._git("update-index", "-z", "--index-info", stdin=b"".join(line + b"\0" for line in lines), index=index)
            return self._git("write-tree", index=index).decode().strip()

    def diff(self, before: str, after: str) -> bytes:
        """From one tree to another as `git apply` takes it; empty when they are the same.

        Bytes that are no UTF-8 stand as they are, so that the patch fits exactly.
        """
        options = ("-r", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
        return self._git("diff-tree", *options, before, after)

    def applied(self, tree: str, diff: bytes, *, reverse: bool = False) -> str:
        """The tree after `git apply`. Raises GitFailed when the patch does not apply as it is."""
        with self._index(tree) as index:
            self._git("apply", "--cached", "--whitespace=nowarn", *(["-R"] if reverse else []), "-", stdin=diff, index=index)
            return self._git("write-tree", index=index).decode().strip()

    def commit(self, tree: str, parent: str, message: str) -> str:
        """A commit of the tree on top of another one, always at the same moment."""
        environment = {
            **{"GIT_AUTHOR_NAME": _AUTHOR, "GIT_AUTHOR_EMAIL": _MAIL, "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z"},
            **{"GIT_COMMITTER_NAME": _AUTHOR, "GIT_COMMITTER_EMAIL": _MAIL, "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"},
        }
        made = git(self.repository.folder, "commit-tree", tree, "-p", parent, "-m", message, environment=environment)
        return made.decode().strip()

    @contextmanager
    def _index(self, tree: str) -> Iterator[Path]:
        """An index of its own for one step, filled from a tree."""
        with tempfile.TemporaryDirectory(dir=self.repository.folder) as folder:
            index = Path(folder) / "index"
            self._git("read-tree", tree, index=index)
            yield index

    def _git(self, *arguments: str, stdin: bytes = b"", index: Path | None = None) -> bytes:
        environment = {"GIT_INDEX_FILE": str(index)} if index else {}
        return git(self.repository.folder, *arguments, stdin=stdin, environment=environment)
