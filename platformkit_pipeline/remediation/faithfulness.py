"""What about a shadow is not as in its target: by fingerprint, by what the server refused, and by what stands on stand-ins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cached_property
from typing import Any

from platformkit_pipeline.introspection.postgres.fingerprint import object_fingerprints
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.sandbox.shadow.building import Failure
from platformkit_pipeline.sqltext.secrets import MARKER

REBUILT = (
    "schemas",
    "roles",
    "role_memberships",
    "relations",
    "columns",
    "constraints",
    "indexes",
    "policies",
    "functions",
    "triggers",
    "types",
    "default_privileges",
    "event_triggers",
    "publications",
    "foreign_servers",
    "extensions",
)
"""Lists of a snapshot whose records are objects of the schema."""
_TEXTS = ("definition", "body", "sql_body", "default", "using", "with_check", "predicate", "comment")
_PAIRS = ("settings", "options")
_NO_TEXT = {"base": "what a base type is made of is not observed"}
"""By kind of a type, why nothing could be tried."""


class Comparison:
    """A target as observed, its shadow as observed, and what the server refused when the shadow was made."""

    def __init__(self, wanted: Snapshot, found: Snapshot, failures: Iterable[Failure]) -> None:
        self._wanted, self._found = wanted, found
        self._failures = tuple(failures)

    def unfaithful(self) -> dict[str, str]:
        """Canonical identity of every object that is not as in the target, and why."""
        reasons = dict(self._refused())
        expected, present = object_fingerprints(self._wanted), object_fingerprints(self._found)
        for identity in expected.keys() - present.keys():
            reasons.setdefault(identity, f"missing: {self._why_missing(identity)}")
        for identity in expected.keys() & present.keys():
            if expected[identity] != present[identity]:
                reasons.setdefault(identity, f"differs: {self._differing_fields(identity)}")
        for identity in present.keys() - expected.keys():
            reasons.setdefault(identity, "additional")
        reasons.update(self._unobserved())
        return reasons

    def _refused(self) -> Iterator[tuple[str, str]]:
        """The first message about each object. Of extensions' own objects only some versions have all: they do not count."""
        told: set[str] = set()
        of_extensions = tables_of_extensions(self._wanted)
        for failure in self._failures:
            if failure.identity not in told and not is_of_extension(self._wanted_records.get(failure.identity), of_extensions):
                told.add(failure.identity)
                yield failure.identity, f"{'differs' if failure.identity in self._found_records else 'missing'}: {failure.message}"

    def _unobserved(self) -> Iterator[tuple[str, str]]:
        for unobserved in self._wanted.unobserved:
            if unobserved.what in REBUILT:
                yield ObjectIdentity("catalog_kind", None, unobserved.what).canonical, f"missing: not observed: {unobserved.why}"

    def _why_missing(self, identity: str) -> str:
        record = self._wanted_records.get(identity)
        return _NO_TEXT.get(getattr(record, "kind", ""), "it comes with another object that is missing or has another name")

    def _differing_fields(self, identity: str) -> str:
        wanted, found = self._wanted_records.get(identity), self._found_records.get(identity)
        if type(wanted) is not type(found) or wanted is None:
            return "kind of object"
        return ", ".join(f.name for f in fields(wanted) if getattr(wanted, f.name) != getattr(found, f.name)) or "spelling"

    @cached_property
    def _wanted_records(self) -> Mapping[str, Any]:
        return _by_identity(self._wanted)

    @cached_property
    def _found_records(self) -> Mapping[str, Any]:
        return _by_identity(self._found)


def masked_objects(snapshot: Snapshot) -> frozenset[str]:
    """Canonical identities of objects in one of whose texts a secret was masked."""
    return frozenset(identity_of(record).canonical for record in records_of(snapshot) if any(MARKER in text for text in _texts(record)))


def records_of(snapshot: Snapshot) -> Iterator[Any]:
    """All objects of the schema."""
    for name in REBUILT:
        yield from getattr(snapshot, name)


def tables_of_extensions(snapshot: Snapshot) -> frozenset[tuple[str, str]]:
    return frozenset((r.schema, r.name) for r in snapshot.relations if r.extension is not None)


def is_of_extension(record: Any, of_extensions: Collection[tuple[str, str]]) -> bool:
    """True for an object of an extension, and for one that lies on a table of an extension."""
    on = (getattr(record, "schema", None), getattr(record, "relation", None))
    return getattr(record, "extension", None) is not None or on in of_extensions


def _by_identity(snapshot: Snapshot) -> dict[str, Any]:
    return {identity_of(record).canonical: record for record in records_of(snapshot)}


def _texts(record: Any) -> Iterator[str]:
    for name in _TEXTS:
        if isinstance(value := getattr(record, name, None), str):
            yield value
    for name in _PAIRS:
        for pair in getattr(record, name, ()):
            yield pair[-1]
    for mapping in getattr(record, "user_mappings", ()):
        yield from (value for _, value in mapping.options)
