"""Identity of a catalogue object: kind and qualified name, stable across scans, servers and dumps.

Never an oid (differs per server) and never a hash of a body (changes with the object).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")
_OF_REPOSITORIES = frozenset({"file", "repository", "head", "declarations", "tag", "manifest", "version", "changelog", "printing_file"})
"""Kinds whose names are paths and the like, not identifiers of SQL."""


def quote_identifier(name: str) -> str:
    """Quote as PostgreSQL's `quote_ident` does, except that keywords stay bare (the result is a label, not SQL)."""
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True, order=True)
class ObjectIdentity:
    """`kind` is a catalogue noun (table, view, policy, function, constraint, column, index, extension, schema, database).

    `name` is the relation for things that live on one (policy, column, constraint, index, trigger); what tells
    them apart then stands in `detail`, as do the argument types of a function.
    """

    kind: str
    schema: str | None
    name: str
    detail: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        if self.kind in _OF_REPOSITORIES:
            return _path_label(self)
        qualified = quote_identifier(self.name) if self.schema is None else f"{quote_identifier(self.schema)}.{quote_identifier(self.name)}"
        parts = dict(self.detail)
        if "arguments" in parts:
            qualified += f"({parts.pop('arguments')})"
        if parts:
            qualified += "." + ".".join(quote_identifier(v) for v in parts.values())
        return qualified

    @property
    def canonical(self) -> str:
        """Kind and name in one string; what fingerprints and inventory keys are made of."""
        return f"{self.kind} {self}"


def _path_label(identity: ObjectIdentity) -> str:
    """`path [what, what]`; a path that looks like that itself is quoted."""
    path = identity.name if " [" not in identity.name and not identity.name.startswith('"') else quote_identifier(identity.name)
    return f"{path} [{', '.join(value for _, value in identity.detail)}]" if identity.detail else path


def identity_document(identity: ObjectIdentity) -> dict[str, Any]:
    """As JSON values."""
    return {"kind": identity.kind, "schema": identity.schema, "name": identity.name, "detail": dict(identity.detail)}


def identity_from(document: Mapping[str, Any]) -> ObjectIdentity:
    """Inverse of `identity_document`."""
    return ObjectIdentity(document["kind"], document["schema"], document["name"], tuple(document["detail"].items()))


def database_identity(name: str) -> ObjectIdentity:
    return ObjectIdentity("database", None, name)


def schema_identity(name: str) -> ObjectIdentity:
    return ObjectIdentity("schema", None, name)


def extension_identity(name: str) -> ObjectIdentity:
    return ObjectIdentity("extension", None, name)


def relation_identity(kind: str, schema: str, name: str) -> ObjectIdentity:
    return ObjectIdentity(kind, schema, name)


def function_identity(schema: str, name: str, arguments: str) -> ObjectIdentity:
    return ObjectIdentity("function", schema, name, (("arguments", arguments),))


def member_identity(kind: str, schema: str, relation: str, member: str) -> ObjectIdentity:
    """A column, constraint, index, policy or trigger of a relation."""
    return ObjectIdentity(kind, schema, relation, ((kind, member),))
