"""What git calls a content: the digest of its kind, its length and itself."""

from __future__ import annotations

import hashlib

SHA1_DIGITS = 40


def object_id(content: bytes, *, kind: str = "blob", digits: int = SHA1_DIGITS) -> str:
    """Of a repository whose ids have 40 hex digits (SHA-1), else 64 (SHA-256)."""
    named = hashlib.sha1(usedforsecurity=False) if digits == SHA1_DIGITS else hashlib.sha256()
    named.update(f"{kind} {len(content)}\0".encode("ascii"))
    named.update(content)
    return named.hexdigest()
