"""Settings as ALTER ROLE and ALTER DATABASE take them, from what the catalogue keeps."""

from __future__ import annotations

import re

from platformkit_pipeline.sandbox.shadow.statement import quoted
from platformkit_pipeline.sqltext.identifiers import literal

_LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
"""Parameters whose value is a list of names, each quoted for itself (GUC_LIST_QUOTE; pg_dump keeps the same list)."""
_ENTRY = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,"\s]+))\s*(?:,|\Z)')


LOADED_AT_LOGIN = frozenset({"local_preload_libraries", "session_preload_libraries"})
"""A library that the server does not have keeps everybody out whom the setting is for."""


def assignment(name: str, value: str) -> str:
    """`"name" to 'value'`, to be put behind SET."""
    parts = ".".join(quoted(part) for part in name.split("."))
    if name.lower() not in _LISTS:
        return f"{parts} to {literal(value)}"
    entries = [m[2] if m[1] is None else m[1].replace('""', '"') for m in _ENTRY.finditer(value)]
    return f"{parts} to {', '.join(map(literal, entries)) or literal('')}"
