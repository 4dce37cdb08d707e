"""Observations of commits, kept by what they depend on: the same commit need not be read twice.

A file here holds what the control plane would hold, no text of the repository and no secret. One that cannot be read, or
was cut short, counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline import __version__
from platformkit_pipeline.introspection.repository.git import GitRepository
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.locations import home_directory
from platformkit_pipeline.model.record_json import from_json, to_json
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot

OBSERVATION_VERSION = 5
"""Raised whenever the same commit would be observed differently."""
MAX_FILES = 200
_MAX_BYTES = 256 * 1024 * 1024


def cache_folder() -> Path:
    """Below PLATFORMKIT_HOME."""
    return home_directory() / "cache" / "repositories"


def cache_key(repository: GitRepository, options: RepositoryOptions, tools: tuple[str, ...] = ()) -> str:
    """Names everything that an observation of the clone depends on: commits and references, options, this version, and tools."""
    references = (repository.folder / "packed-refs").read_bytes()
    cut = repository.folder / "shallow"
    ends = hashlib.sha256(cut.read_bytes()).hexdigest() if repository.borrowed.shallow and cut.is_file() else ""
    parts = [
        *(__version__, str(OBSERVATION_VERSION), options.name, repository.borrowed.commit or "", options.commit or "", options.base or ""),
        *(str(repository.borrowed.branch), ends, hashlib.sha256(references).hexdigest(), *tools),
    ]
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Observed:
    """A snapshot, and the digest that names it: of its inventory, as the control plane would store it."""

    snapshot: RepositorySnapshot
    digest: str


def recall(folder: Path, key: str) -> Observed | None:
    """The observation of that key, None where there is none that can be used."""
    file = folder / f"{key}.json"
    try:
        if file.stat().st_size > _MAX_BYTES:
            return None
        document = json.loads(file.read_bytes())
        known = Observed(from_json(RepositorySnapshot, document["snapshot"]), str(document["digest"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    with suppress(OSError):
        os.utime(file)
    return known


def remember(folder: Path, key: str, made: Observed) -> None:
    """Keep an observation. A folder that cannot be written to keeps nothing, which costs time and no more."""
    document = {"digest": made.digest, "snapshot": to_json(made.snapshot)}
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(folder / f"{key}.json")
        except OSError:
            Path(name).unlink(missing_ok=True)
        _forget_oldest(folder)


def _forget_oldest(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[MAX_FILES:]:
        file.unlink(missing_ok=True)
