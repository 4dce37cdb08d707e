"""What people type goes on record and into messages: a secret in it must not (clauses 8.1, 11.1)."""

from __future__ import annotations

from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.sqltext.secrets import mask_secrets


def without_secrets(text: str) -> str:
    """`text` with passwords and tokens masked; itself where it holds none."""
    return redact(mask_secrets(text, prose=True))


def holds_a_secret(text: str) -> bool:
    """Whether something in it looks like a password or a token."""
    return without_secrets(text) != text
