"""JSON Schemas that this product publishes, shipped with it. A schema's number is the `schema_version` it describes."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, cast


def scan_schema() -> dict[str, Any]:
    """Schema of `platformkit scan --format json`, version 1."""
    return _read("scan-1.schema.json")


def parity_schema() -> dict[str, Any]:
    """Schema of `platformkit parity --format json`, version 1."""
    return _read("parity-1.schema.json")


def _read(name: str) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(files(__name__).joinpath(name).read_text(encoding="utf-8")))
