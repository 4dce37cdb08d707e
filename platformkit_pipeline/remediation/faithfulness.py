"""What about a shadow is not as in its target: by fingerprint, by what the server refused, and by what stands on stand-ins."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from platformkit_pipeline.introspection.postgres.fingerprint import object_fingerprints
from platformkit_pipeline.model.identity import database_identity
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.sandbox.shadow.building import Failure
from platformkit_pipeline.sqltext.secrets import MARKER

_LISTS = (
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
_TEXTS = ("definition", "body", "sql_body", "type", "default", "using", "with_check", "predicate", "arguments", "result", "comment")
_WORD = re.compile(r'(?:"(?:[^"]|"")*"|[\w$]+)(?:\.(?:"(?:[^"]|"")*"|[\w$]+))?')


def unfaithful_objects(wanted: Snapshot, found: Snapshot, failures: Iterable[Failure], missing_extensions: Collection[str]) -> dict[str, str]:
    """Canonical identity and reason of everything that cannot be relied on, sorted."""
    reasons = {failure.identity: failure.message for failure in reversed(tuple(failures))}
    unfaithful = dict(_standing_on(wanted, missing_extensions)) if missing_extensions else {}
    expected, present = object_fingerprints(wanted), object_fingerprints(found)
    there = {identity_of(record).canonical for record in _records(found)}
    for identity, message in reasons.items():
        unfaithful[identity] = f"{'differs' if identity in there else 'missing'}: {message}"
    for identity in expected.keys() - present.keys():
        unfaithful.setdefault(identity, f"missing: {_why_missing(wanted, identity)}")
    records: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for identity in sorted(expected.keys() & present.keys()):
        if expected[identity] != present[identity]:
            if not records[0]:
                records = (_by_identity(wanted), _by_identity(found))
            unfaithful.setdefault(identity, f"differs: {_differing(records[0].get(identity), records[1].get(identity))}")
    for identity in present.keys() - expected.keys():
        unfaithful.setdefault(identity, "additional")
    for unobserved in wanted.unobserved:
        if unobserved.what in _LISTS:
            unfaithful[f"{database_identity(wanted.server.database).canonical} {unobserved.what}"] = f"differs: not observed: {unobserved.why}"
    return dict(sorted(unfaithful.items()))


def masked_objects(snapshot: Snapshot) -> frozenset[str]:
    """Objects with a mask in one of their texts."""
    return frozenset(
        identity_of(record).canonical for record in _records(snapshot) if any(MARKER in text for text in _texts(record))
    )


def _records(snapshot: Snapshot) -> Iterator[Any]:
    for name in _LISTS:
        yield from getattr(snapshot, name)


def _by_identity(snapshot: Snapshot) -> dict[str, Any]:
    return {identity_of(record).canonical: record for record in _records(snapshot)}


def _texts(record: Any) -> Iterator[str]:
    for name in _TEXTS:
        value = getattr(record, name, None)
        if isinstance(value, str):
            yield value


def _differing(wanted: Any, found: Any) -> str:
    if wanted is None or found is None:
        return "kind"
    return ", ".join(f.name for f in fields(wanted) if getattr(wanted, f.name) != getattr(found, f.name)) or "spelling"


def _why_missing(wanted: Snapshot, identity: str) -> str:
    """For kinds whose making is not observed; everything else has a message of the server."""
    for function in wanted.functions:
        if function.kind == "aggregate" and identity_of(function).canonical == identity:
            return "what an aggregate is made of is not observed"
    for made in wanted.types:
        if made.kind == "base" and identity_of(made).canonical == identity:
            return "what a base type is made of is not observed"
    return "it is made with another object that is missing"


# -- stand-ins ----------------------------------------------------------------------------------------------------------


def _standing_on(wanted: Snapshot, extensions: Collection[str]) -> Iterator[tuple[str, str]]:
    """Whatever names an object of a missing extension, or a view or function that does."""
    names: dict[str, str] = {}
    for record in (*wanted.functions, *wanted.types, *wanted.relations):
        if record.extension in extensions:
            names[f"{_plain(record.schema)}.{_plain(record.name)}"] = str(record.extension)
    for extension in wanted.extensions:
        if extension.name in extensions:
            yield identity_of(extension).canonical, "differs: this server does not have it; a stand-in has its place"
    seen: set[str] = set()
    while True:
        more = [(r, e) for r, e in _touching(wanted, names) if identity_of(r).canonical not in seen]
        if not more:
            return
        for record, extension in more:
            identity = identity_of(record).canonical
            seen.add(identity)
            yield identity, f"differs: stands on a stub of extension {extension}"
            if hasattr(record, "schema") and not hasattr(record, "relation"):
                names[f"{_plain(record.schema)}.{_plain(record.name)}"] = extension


def _touching(wanted: Snapshot, names: Mapping[str, str]) -> Iterator[tuple[Any, str]]:
    bare = {name.rpartition(".")[2]: extension for name, extension in names.items()}
    for record in _records(wanted):
        if getattr(record, "extension", None) is not None:
            continue
        texts = list(_texts(record))
        if hasattr(record, "function_name"):
            texts.append(f"{_plain(record.function_schema)}.{_plain(record.function_name)}")
        body = getattr(record, "body", None)
        for word in (m[0] for text in texts for m in _WORD.finditer(text)):
            if word in names:
                yield record, names[word]
                break
        else:
            # a body is as somebody wrote it: what it calls may be found through its search_path
            called = next((w for w in (m[0] for m in _WORD.finditer(body or "")) if w in bare), None)
            if called is not None:
                yield record, bare[called]


def _plain(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_$]*", name) else '"' + name.replace('"', '""') + '"'
