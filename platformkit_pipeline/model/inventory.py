"""Inventory: one row per observed object, with the hash that tells whether it changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HASH_VERSION = b"platformkit-inventory-1\n"


@dataclass(frozen=True, slots=True)
class InventoryObject:
    """`identity` is `ObjectIdentity` as text (unique per kind); `payload` holds JSON values only."""

    kind: str
    identity: str
    payload: str
    """Canonical JSON: sorted keys, no spaces."""
    content_hash: bytes
    """SHA-256 over the payload and the version of this scheme; 32 bytes."""


def inventory_object(kind: str, identity: str, payload: Mapping[str, Any]) -> InventoryObject:
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return InventoryObject(kind, identity, text, hashlib.sha256(HASH_VERSION + text.encode()).digest())


def set_digest(objects: Iterable[InventoryObject]) -> str:
    """SHA-256 (hex) over kind, identity and hash of all objects, whatever their order."""
    digest = hashlib.sha256(HASH_VERSION)
    for key in sorted(f"{o.kind}\x1f{o.identity}\x1f{o.content_hash.hex()}\n" for o in objects):
        digest.update(key.encode())
    return digest.hexdigest()
