"""What a fixed search_path would break or decide otherwise in the body of a function, although the patch passes every proof.

Proofs do not call functions: what a body does under another path has to be read from its text.
"""

from __future__ import annotations

import re

from platformkit_pipeline.model.snapshot import Function, Relation, Type
from platformkit_pipeline.rules.database.catalog import Catalog

_ENDS_TRANSACTIONS = re.compile(r"\b(commit|rollback|call)\b", re.IGNORECASE)
_TOUCHES_THE_PATH = re.compile(r"\bsearch_path\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d][\w$]*")

Doubt = tuple[str, str]
"""The reason, and what has to be settled before the path is set."""


def doubt_about_a_path(catalog: Catalog, function: Function, path: list[str]) -> Doubt | None:
    """None where nothing in the body speaks against setting `path`; bodies that were parsed when they were created have no say."""
    source = function.body
    if source is None:
        return None
    if function.kind == "procedure" and _ENDS_TRANSACTIONS.search(source):
        return (
            "the procedure may end transactions, or calls one that may, which PostgreSQL forbids under a SET clause",
            "Qualify every name in the body, so that no path matters; or do the work in a function with a fixed path that the procedure "
            "calls between its COMMITs. Where nothing in it ends a transaction:",
        )
    if _TOUCHES_THE_PATH.search(source):
        return (
            "the body reads or sets search_path itself; under a SET clause, what it sets ends with the call",
            "Find out who relies on the path that it leaves behind. Where nobody does:",
        )
    if name := _ambiguous(catalog, source, path):
        return (
            f"{name} in the body exists in several of the schemas {', '.join(path)}: today the caller's path decides which one is meant",
            "Qualify it in the body with its schema, then:",
        )
    return None


def _ambiguous(catalog: Catalog, source: str, path: list[str]) -> str:
    """A bare name in the body that two schemas of the path have an object of."""
    words = {word.lower() for word in _WORD.findall(source)}
    snapshot = catalog.snapshot
    homes: dict[str, set[str]] = {}
    records: tuple[Relation | Function | Type, ...] = (*snapshot.relations, *snapshot.functions, *snapshot.types)
    for record in records:
        if record.schema in path and record.name.lower() in words:
            homes.setdefault(record.name, set()).add(record.schema)
    return next((name for name, schemas in sorted(homes.items()) if len(schemas) > 1 and _stands_bare(name, source)), "")


def _stands_bare(name: str, source: str) -> bool:
    return re.search(rf'(?<![\w.$"])"?{re.escape(name)}(?![\w$])', source, re.IGNORECASE) is not None
