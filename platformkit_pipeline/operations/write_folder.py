"""Write a folder of files, all or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_folder(directory: Path, texts: Mapping[str, str]) -> tuple[Path, ...]:
    """Write `texts` by their paths below `directory`, which must be missing or empty; returns where they are.

    The folder appears with all of them or not at all. Raises OSError.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        for name, text in texts.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        staging.chmod(0o755)
        if directory.exists():
            directory.rmdir()
        os.replace(staging, directory)  # noqa: PTH105 - the rename is the commit
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return tuple(directory / name for name in texts)
