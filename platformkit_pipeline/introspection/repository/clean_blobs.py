"""Blobs that were searched and hold nothing, kept by id: content never changes, so it need not be searched twice.

A file holds ids and nothing else; those of blobs in which something was found are not kept, and are searched each time.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from platformkit_pipeline.locations import home_directory

_WIDTH = 20
MAX_KEPT = 2_000_000


class CleanBlobs:
    """Ids that one ruleset found clean. What cannot be read or written costs time and no more."""

    def __init__(self, ruleset: str, folder: Path | None = None) -> None:
        self._file = (folder or home_directory() / "cache" / "clean-blobs") / f"{ruleset}.ids"
        self._known = self._read()
        self._new: set[bytes] = set()

    def __contains__(self, object_id: str) -> bool:
        return _key(object_id) in self._known

    def add(self, object_ids: Iterable[str]) -> None:
        self._new.update(map(_key, object_ids))

    def save(self) -> None:
        """Write what was added. Two at once lose what one of them added, never more."""
        if self._new <= self._known:
            return
        kept = self._new if len(self._known) + len(self._new) > MAX_KEPT else self._known | self._new
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".", dir=self._file.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(b"".join(sorted(kept)))
                Path(name).replace(self._file)
            except OSError:
                Path(name).unlink(missing_ok=True)

    def _read(self) -> set[bytes]:
        try:
            data = self._file.read_bytes() if self._file.stat().st_size <= MAX_KEPT * _WIDTH else b""
        except OSError:
            return set()
        if len(data) % _WIDTH:
            return set()
        return {data[at : at + _WIDTH] for at in range(0, len(data), _WIDTH)}


def _key(object_id: str) -> bytes:
    return bytes.fromhex(object_id)[:_WIDTH]
