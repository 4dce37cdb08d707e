"""Made-up secrets of the kinds that rules look for, composed when they are needed: none of them opens anything."""

from __future__ import annotations

import hashlib
import string

_LETTERS = string.ascii_letters + string.digits


def made_up_secret(kind: str) -> str:
    """The same value for the same kind. Raises ValueError for a kind that is none."""
    if kind not in _FORMS:
        raise ValueError(f"there is no made-up secret of the kind {kind!r}; there are {', '.join(sorted(_FORMS))}")
    prefix, length, suffix = _FORMS[kind]
    return prefix + letters(kind, length) + suffix


def letters(seed: str, length: int) -> str:
    """Letters and digits without a pattern, the same for the same seed."""
    digest = hashlib.shake_256(seed.encode()).digest(length)
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest)


_FORMS = {
    "supabase_access_token": ("sbp" + "_", 40, ""),
}
