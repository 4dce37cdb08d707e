"""Put a file in its place, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def place_file(text: str, path: Path) -> None:
    """Make `text` the content of `path`; a file that has it already is not touched. Another process may be reading it. Raises OSError."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
