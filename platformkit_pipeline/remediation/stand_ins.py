"""What in a shadow stands on a stand-in: it was rebuilt, but it may do something else than in the target."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from platformkit_pipeline.model.snapshot import Index, Snapshot, Type
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.remediation.faithfulness import is_of_extension, records_of, tables_of_extensions
from platformkit_pipeline.sandbox.shadow.collations import collation_names
from platformkit_pipeline.sqltext.identifiers import identifier, qualified

_NAMES = re.compile(r'(?:"(?:[^"]|"")*"|[\w$]+)(?:\.(?:"(?:[^"]|"")*"|[\w$]+))?')
_DEPARSED = ("definition", "sql_body", "type", "default", "using", "with_check", "predicate", "arguments", "result")


def standing_on_extensions(wanted: Snapshot, missing: Collection[str]) -> dict[str, str]:
    """Canonical identity and reason of whatever names an object of a `missing` extension, or a view or function that does."""
    if not missing:
        return {}
    found = {
        identity_of(e).canonical: "differs: this server does not have it, a stub is in its place"
        for e in wanted.extensions
        if e.name in missing
    }
    owned: tuple[Any, ...] = (*wanted.functions, *wanted.types, *wanted.relations)
    names = {qualified(r.schema, r.name): str(r.extension) for r in owned if r.extension in missing}
    found.update(_foreign(wanted, missing, names))
    of_extensions = tables_of_extensions(wanted)
    others = [r for r in records_of(wanted) if not is_of_extension(r, of_extensions)]
    words = [(r, _words(r), _words_of_body(r)) for r in others]
    grew = True
    while grew:
        grew = False
        bare = {name.rpartition(".")[2]: extension for name, extension in names.items()}
        for record, deparsed, written in words:
            extension = next((names[w] for w in deparsed if w in names), None) or next((bare[w] for w in written if w in bare), None)
            identity = identity_of(record).canonical
            if extension is None or identity in found:
                continue
            found[identity] = f"differs: stands on a stub of extension {extension}"
            if hasattr(record, "schema") and not hasattr(record, "relation"):
                names[qualified(record.schema, record.name)] = extension
                grew = True
    return found


def standing_on_collations(wanted: Snapshot) -> dict[str, str]:
    """Columns, domains and indexes that sort by a collation of which only the name is known."""
    names = set(collation_names(wanted))
    reason = "differs: its collation is known by name only"
    found = {identity_of(c).canonical: reason for c in wanted.columns if c.collation in names}
    sorting: tuple[Index | Type, ...] = (*wanted.indexes, *wanted.types)
    found |= {identity_of(r).canonical: reason for r in sorting if names and not names.isdisjoint(_NAMES.findall(r.definition or ""))}
    return found


def _foreign(wanted: Snapshot, missing: Collection[str], names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Wrappers are not observed: one that no extension of this server brings may have been a missing extension's."""
    brought = {e.name for e in wanted.extensions} - set(missing)
    servers = {f"server {identifier(s.name)}" for s in wanted.foreign_servers if s.wrapper not in brought}
    reason = f"differs: its wrapper may be of a missing extension ({', '.join(sorted(missing))})"
    for server in wanted.foreign_servers:
        if f"server {identifier(server.name)}" in servers:
            yield identity_of(server).canonical, reason
    for relation in wanted.relations:
        if relation.definition in servers:
            yield identity_of(relation).canonical, reason
            names[qualified(relation.schema, relation.name)] = min(missing)


def _words(record: Any) -> frozenset[str]:
    """Names in what the server printed: those outside of pg_catalog are qualified there."""
    texts = [text for name in _DEPARSED if isinstance(text := getattr(record, name, None), str)]
    if hasattr(record, "function_name"):
        texts.append(qualified(record.function_schema, record.function_name))
    return frozenset(word for text in texts for word in _NAMES.findall(text))


def _words_of_body(record: Any) -> frozenset[str]:
    """Names in what somebody wrote: there a search_path may find them, so that the schema need not be told."""
    parts = (word.rpartition(".")[2] for word in _NAMES.findall(getattr(record, "body", None) or ""))
    return frozenset(parts)
