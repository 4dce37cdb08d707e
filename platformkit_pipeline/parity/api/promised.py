"""The promised document: inline, or a file beside the contract. Nothing outside of the contract's own project is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from platformkit_pipeline.parity.api.openapi_document import MAX_JSON_BYTES, OpenApi, UnusableDocument, as_openapi, read_openapi


def read_promised(told: str | dict[str, Any], contract: Path) -> OpenApi:
    """Raises UnusableDocument; the message begins with the path."""
    if not isinstance(told, str):
        return _named("openapi", lambda: as_openapi(told))
    try:
        path = (contract.parent / told).resolve()
        # contracts/api/x.yaml: two folders up is where the project's own files are
        if not path.is_relative_to(contract.resolve().parents[2]):
            raise UnusableDocument(f"{told}: lies outside of the folder that holds the contracts; move it there")
        if not path.is_file():
            raise UnusableDocument(f"{told}: there is no such file; the path is relative to {contract.name}")
        if path.stat().st_size > MAX_JSON_BYTES:
            raise UnusableDocument(f"{told}: is larger than {MAX_JSON_BYTES // 1_000_000} MB")
        data = path.read_bytes()
    except (OSError, ValueError, IndexError) as error:
        raise UnusableDocument(f"{told}: cannot be read ({type(error).__name__})") from None
    return _named(told, lambda: read_openapi(data, yaml=True))


def _named(name: str, read: Any) -> OpenApi:
    try:
        document: OpenApi = read()
    except UnusableDocument as reason:
        raise UnusableDocument(f"{name}: {reason}") from None
    return document
