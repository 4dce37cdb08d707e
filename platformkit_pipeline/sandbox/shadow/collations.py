"""Collations that somebody made. What they do is not observed, only that columns and types use them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.sandbox.shadow.statement import Statement

_QUALIFIED = r'(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)\.(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
_COLLATE = re.compile(rf"\bCOLLATE ({_QUALIFIED})")
_OWN_SCHEMA = "pg_catalog."


def collation_names(snapshot: Snapshot) -> list[str]:
    """As they stand in definitions, sorted: `app.german`."""
    names = {c.collation for c in snapshot.columns if c.collation is not None}
    texts = (*(t.definition for t in snapshot.types if t.kind == "domain"), *(i.definition for i in snapshot.indexes))
    names |= {name for text in texts if text and "COLLATE" in text for name in _COLLATE.findall(text)}
    return sorted(name for name in names if not name.startswith(_OWN_SCHEMA))


def collations(snapshot: Snapshot) -> Iterator[Statement]:
    """Each sorts as C does: what is in its place only has to have its name."""
    for name in collation_names(snapshot):
        yield Statement(f'create collation if not exists {name} from pg_catalog."C"', ObjectIdentity("collation", None, name).canonical)
