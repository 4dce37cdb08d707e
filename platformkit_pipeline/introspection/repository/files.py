"""The files of one commit, read without a checkout and within limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from platformkit_pipeline.introspection.repository.blobs import BlobReader
from platformkit_pipeline.model.repository.tree import SUBMODULE, SYMBOLIC_LINK, TreeFile

MAX_BYTES = 2 * 1024 * 1024
"""What a document, a workflow or a source file may have to be read."""
_MAX_LINK_BYTES = 4096
_MAX_KEPT_BYTES = 64 * 1024 * 1024
_SMALL = 128 * 1024


class UnreadableError(Exception):
    """Why a file's content is not to be had, as the rest of a sentence about the file."""


class Files:
    """Entries of a tree by path, with `/` between the parts; contents are read when asked for, and small ones kept."""

    def __init__(self, entries: Iterable[TreeFile], blobs: BlobReader) -> None:
        self._entries = {entry.path: entry for entry in sorted(entries)}
        self._blobs = blobs
        self._kept: dict[str, bytes] = {}
        self._room = _MAX_KEPT_BYTES

    @property
    def entries(self) -> tuple[TreeFile, ...]:
        return tuple(self._entries.values())

    @property
    def paths(self) -> tuple[str, ...]:
        """Of every entry, links and submodules among them, in order."""
        return tuple(self._entries)

    def get(self, path: str) -> TreeFile | None:
        return self._entries.get(path)

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def matching(self, *patterns: str) -> Iterator[TreeFile]:
        """Entries whose path matches one of the patterns; `*` matches a `/` as well."""
        return (entry for entry in self._entries.values() if any(fnmatchcase(entry.path, pattern) for pattern in patterns))

    def below(self, folder: str) -> Iterator[TreeFile]:
        """Entries at any depth of a folder."""
        prefix = f"{folder.rstrip('/')}/"
        return (entry for path, entry in self._entries.items() if path.startswith(prefix))

    def data(self, path: str, limit: int = MAX_BYTES) -> bytes:
        """Content of a regular file. Raises UnreadableError, for a link as well: what it leads to is no part of the tree."""
        entry = self._entries.get(path)
        if entry is None:
            raise UnreadableError("is not in the tree")
        if entry.mode == SYMBOLIC_LINK:
            raise UnreadableError("is a symbolic link, which is not followed")
        if entry.mode == SUBMODULE:
            raise UnreadableError("is a submodule")
        if entry.size is None:
            raise UnreadableError("is missing from this clone")
        if entry.size > limit:
            raise UnreadableError(f"is too large: {entry.size} bytes, and {limit} are read at most")
        return self._read(entry)

    def text(self, path: str, limit: int = MAX_BYTES) -> str:
        """Content as UTF-8 text, with `\\n` at the end of lines and without a byte order mark. Raises UnreadableError."""
        try:
            text = self.data(path, limit).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UnreadableError(f"is no UTF-8 text: byte {error.start + 1} cannot be decoded") from None
        if "\0" in text:
            raise UnreadableError("is no text: it holds a zero byte")
        return text.replace("\r\n", "\n")

    def prefetch(self) -> None:
        """Read small files at once, as far as there is room for them: many are asked for, and one by one costs more."""
        chosen: dict[str, int] = {}
        room = self._room
        for entry in self._entries.values():
            if entry.is_regular and entry.size is not None and entry.size <= _SMALL and entry.object_id not in chosen:
                room -= entry.size
                if room < 0:
                    break
                chosen[entry.object_id] = entry.size
        for object_id, data in self._blobs.read_many([known for known in chosen if known not in self._kept]):
            if data is not None:
                self._room -= len(data)
                self._kept[object_id] = data

    def kept(self, object_id: str) -> bytes | None:
        """What was read before and is still here."""
        return self._kept.get(object_id)

    def link(self, path: str) -> str:
        """Where a symbolic link leads, as it says itself. Raises UnreadableError."""
        entry = self._entries.get(path)
        if entry is None or entry.mode != SYMBOLIC_LINK:
            raise UnreadableError("is no symbolic link")
        if entry.size is None or entry.size > _MAX_LINK_BYTES:
            raise UnreadableError("is a symbolic link that cannot be read")
        return self._read(entry).decode("utf-8", "backslashreplace")

    def _read(self, entry: TreeFile) -> bytes:
        if entry.object_id in self._kept:
            return self._kept[entry.object_id]
        data = self._blobs.read(entry.object_id)
        if data is None:
            raise UnreadableError("is missing from this clone")
        if len(data) <= self._room:
            self._room -= len(data)
            self._kept[entry.object_id] = data
        return data
