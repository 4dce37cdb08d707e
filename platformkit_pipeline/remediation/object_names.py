"""Names for the objects that patches create."""

from __future__ import annotations

import hashlib

MAX_IDENTIFIER_BYTES = 63
"""NAMEDATALEN - 1; PostgreSQL cuts longer names off with a notice."""


def object_name(*parts: str, suffix: str) -> str:
    """`table_column_idx`, shortened to PostgreSQL's limit without cutting the suffix."""
    stem = "_".join(parts)
    room = MAX_IDENTIFIER_BYTES - len(suffix.encode()) - 1
    while len(stem.encode()) > room:
        stem = stem[:-1]
    return f"{stem}_{suffix}"


def told_apart(*parts: str, suffix: str) -> str:
    """`table_column_1a2b3c4d_idx`: a name that no other parts give, for where the plain one is ambiguous or was cut off."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
    return object_name(*parts, suffix=f"{digest}_{suffix}")


def fitting_name(*parts: str, suffix: str) -> str:
    """`object_name` where nothing has to be cut off, else `told_apart`: two names of one table never become the same."""
    whole = len("_".join((*parts, suffix)).encode()) <= MAX_IDENTIFIER_BYTES
    return object_name(*parts, suffix=suffix) if whole else told_apart(*parts, suffix=suffix)
