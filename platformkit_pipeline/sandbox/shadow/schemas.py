"""Schemas, and what roles grant on objects that they will make."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import DefaultPrivilege, Schema, Snapshot
from platformkit_pipeline.sandbox.shadow.access import changes, default_privileges_of
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, statement_for

_KINDS = {
    "tables": "table",
    "sequences": "sequence",
    "functions": "routine",
    "types": "type",
    "schemas": "schema",
    "large_objects": "large object",
}


def schemas(snapshot: Snapshot) -> Iterator[Statement]:
    """All that no extension makes. What template0 brings, `public`, is made anew, so that nothing of it stays."""
    yield statement_for(Schema("public", ""), "drop schema if exists public")
    for schema in snapshot.schemas:
        if schema.extension is None:
            yield statement_for(schema, f"create schema {quoted(schema.name)} authorization {quoted(schema.owner)}")


def schema_privileges(snapshot: Snapshot) -> Iterator[Statement]:
    for schema in snapshot.schemas:
        if schema.extension is None:
            have = default_privileges_of("schema", schema.owner)
            for sql in changes("schema", f"schema {quoted(schema.name)}", have, schema.privileges):
                yield statement_for(schema, sql)


def default_privileges(snapshot: Snapshot) -> Iterator[Statement]:
    """To be run last: they would change what new objects grant."""
    for entry in snapshot.default_privileges:
        kind = _KINDS[entry.object_type]
        # An entry for a schema adds to what is granted everywhere; one without replaces what the server would grant.
        have = default_privileges_of(kind, entry.role) if entry.schema is None else ()
        place = "" if entry.schema is None else f" in schema {quoted(entry.schema)}"
        for sql in changes(kind, _plural(entry), have, entry.privileges):
            yield statement_for(entry, f"alter default privileges for role {quoted(entry.role)}{place} {sql}")


def _plural(entry: DefaultPrivilege) -> str:
    return entry.object_type.replace("_", " ")
