"""Identifiers and literals as SQL text, for statements that end up in migration files."""

from __future__ import annotations

import re

MAX_IDENTIFIER_BYTES = 63
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
_RESERVED = frozenset(
    "all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column concurrently "
    "constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user default "
    "deferrable desc distinct do else end except false fetch for foreign freeze from full grant group having ilike in initially inner intersect "
    "into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps "
    "placing primary references returning right select session_user similar some symmetric system_user table tablesample then to trailing true "
    "union unique user using variadic verbose when where window with "
    # not reserved everywhere, but refused as a bare name in some place where these statements use one
    "between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout int integer interval least "
    "national nchar none normalize nullif numeric out overlay position precision real row setof smallint substring time timestamp treat trim "
    "values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable".split()
)


def identifier(name: str) -> str:
    """Quote where PostgreSQL needs it: odd characters, capitals, reserved words."""
    if _PLAIN.match(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    return f"{identifier(schema)}.{identifier(name)}"


def literal(text: str) -> str:
    """A string constant; backslashes need no care because standard_conforming_strings is on."""
    return "'" + text.replace("'", "''") + "'"


def object_name(*parts: str, suffix: str) -> str:
    """`table_column_idx`, shortened to PostgreSQL's limit of 63 bytes without cutting the suffix."""
    stem = "_".join(parts)
    room = MAX_IDENTIFIER_BYTES - len(suffix.encode()) - 1
    while len(stem.encode()) > room:
        stem = stem[:-1]
    return f"{stem}_{suffix}"
