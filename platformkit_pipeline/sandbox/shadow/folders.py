"""Folders of shadow servers: one for each, held by a lock as long as its process lives, swept when nobody holds it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.binaries import Binaries
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

_LOCK_FILE = "shadow.lock"
_GATE_FILE = "sweep.lock"

_log = get_logger("sandbox.shadow")


@dataclass(frozen=True, slots=True)
class HeldFolder:
    """A folder that is ours. The lock ends with the handle, and so with the process, however that ends."""

    path: Path
    handle: IO[str]

    def release(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.handle.close()


def hold_new_folder(parent: Path, binaries: Binaries) -> HeldFolder:
    """Make and lock a folder below `parent`; what it says of its server lets others stop that if we are killed."""
    with _gate(parent):
        path = parent / f"{os.getpid()}-{secrets.token_hex(4)}"
        path.mkdir(mode=0o700)
        handle = (path / _LOCK_FILE).open("w")
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        json.dump({"bindir": str(binaries.bindir), "version": binaries.version}, handle)
        handle.flush()
    return HeldFolder(path, handle)


def sweep(parent: Path) -> int:
    """Stop the servers of processes that are gone and remove their folders; says how many there were."""
    swept = 0
    with _gate(parent):
        for folder in sorted(p for p in parent.iterdir() if p.is_dir()):
            with _abandoned(folder) as note:
                if note is None:
                    continue
                if binaries := _binaries_of(note):
                    EmbeddedPostgres(folder, binaries=binaries).destroy()
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
    if swept:
        _log.info("shadow servers of processes that are gone were removed", count=swept, folder=str(parent))
    return swept


def _binaries_of(note: str) -> Binaries | None:
    """None for a note that was never written to its end: no server was started then."""
    try:
        facts = json.loads(note)
    except ValueError:
        return None
    return Binaries(Path(facts["bindir"]), facts["version"], "as it was started")


@contextmanager
def _gate(parent: Path) -> Iterator[None]:
    """One process at a time makes or sweeps: a folder that is not locked yet must not look abandoned."""
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = (parent / _GATE_FILE).open("w")
    except OSError as error:
        raise SandboxError(f"{parent} cannot be written to: {error.strerror}. Set PLATFORMKIT_HOME to a folder of your own.") from None
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def _abandoned(folder: Path) -> Iterator[str | None]:
    """What the lock file of a folder that nobody holds says, empty if it was never written; None while somebody does."""
    try:
        handle = (folder / _LOCK_FILE).open("r+")
    except FileNotFoundError:
        yield ""
        return
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield handle.read()
