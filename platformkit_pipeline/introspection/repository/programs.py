"""Where the programs of others are that were installed with this one."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path


def find_program(name: str) -> str | None:
    """The one beside this program, else the one on PATH, else None."""
    beside = Path(sysconfig.get_path("scripts")) / name
    return str(beside) if beside.is_file() else shutil.which(name)
