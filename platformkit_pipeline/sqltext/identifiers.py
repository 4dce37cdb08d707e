"""Which names need quotes: PostgreSQL's grammar itself is asked, so no list of keywords has to be kept."""

from __future__ import annotations

import re
from functools import lru_cache

from platformkit_pipeline.sqltext.parser import CACHE_SIZE, SqlSyntaxError, parse_statements

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")

_ENTRY = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^,"\s]+))\s*(?:,|\Z)')


@lru_cache(maxsize=CACHE_SIZE)
def identifier(name: str) -> str:
    """The name as it stands in SQL: bare where it may be as table, column, index, policy and function, else quoted."""
    return name if _PLAIN.match(name) and _parses_bare(name) else '"' + name.replace('"', '""') + '"'


def _parses_bare(name: str) -> bool:
    try:
        parse_statements(f"create index {name} on {name}.{name} ({name}); alter function {name}() reset all; drop policy {name} on {name}")
    except SqlSyntaxError:
        return False
    return True


def qualified(schema: str, name: str) -> str:
    return f"{identifier(schema)}.{identifier(name)}"


def literal(text: str) -> str:
    """A string constant, for servers with standard_conforming_strings on (the default since 9.1)."""
    return "'" + text.replace("'", "''") + "'"


@lru_cache(maxsize=256)
def schemas_in_path(setting: str) -> tuple[str, ...]:
    """The schemas of a search_path as the catalogue keeps it: `""` names none, what is not quoted is folded to lower case."""
    entries = (m["plain"].lower() if m["plain"] else m["quoted"].replace('""', '"') for m in _ENTRY.finditer(setting))
    return tuple(entry for entry in entries if entry)
