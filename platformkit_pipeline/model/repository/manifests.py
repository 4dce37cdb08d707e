"""What manifests of package managers declare."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ecosystem(StrEnum):
    PYTHON = "python"
    NODE = "node"
    DENO = "deno"
    RUST = "rust"
    GO = "go"


@dataclass(frozen=True, slots=True, order=True)
class Manifest:
    """Dependencies that a module has when it runs, by normalised name, without versions. Those of development are left out.

    A folder of Deno functions has no manifest of necessity: its `path` is then the folder, and the imports are the dependencies.
    """

    path: str
    ecosystem: Ecosystem
    dependencies: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    """Folders of the Python packages that it names or that carry its name."""
    fault: str | None = None
    """Why it could not be read, as the rest of a sentence about it."""

    @property
    def folder(self) -> str:
        """Of the module, empty for the root of the repository. `requirements/` is no module."""
        if self.ecosystem is Ecosystem.DENO and not self.path.endswith((".json", ".jsonc")):
            return self.path
        folder = self.path.rpartition("/")[0]
        return folder.rpartition("/")[0] if folder.rpartition("/")[2] == "requirements" else folder
