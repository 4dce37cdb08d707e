"""What a shadow is at one moment: its catalogue, what the rules say about it, and how two moments differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint, object_fingerprints
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.snapshot import Extension, ForeignServer, Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Rule

Key = tuple[str, str]
"""(rule, canonical identity) of a result."""

_NO_SCHEMA = frozenset({"server", "relation_statistics", "activity", "isolation", "storage_buckets", "cron_jobs", "database_settings"})
"""Fields of a snapshot that a fingerprint does not look at."""


@dataclass(frozen=True, slots=True)
class State:
    """`snapshot` is what the shadow's catalogue shows, in the circumstances of the target."""

    snapshot: Snapshot
    objects: Mapping[str, str]
    """Canonical identity → fingerprint."""
    results: tuple[Result, ...]
    fingerprint: str

    def finding(self, key: Key) -> Result | None:
        return next((r for r in self.results if r.is_finding and (r.rule, r.object.canonical) == key), None)


def judged(shadow: Snapshot, target: Snapshot, declarations: Declarations, rules: Sequence[Rule]) -> State:
    """Judge what was observed of a shadow as if it were the target."""
    snapshot = in_place_of(shadow, target)
    return State(snapshot, object_fingerprints(snapshot), evaluate(snapshot, declarations, rules), catalog_fingerprint(snapshot))


def in_place_of(shadow: Snapshot, target: Snapshot) -> Snapshot:
    """The shadow's schema with all that is no schema taken from the target: server, counters, rows of the platform, what was not seen."""
    return replace(
        shadow,
        server=target.server,
        relation_statistics=target.relation_statistics,
        activity=target.activity,
        isolation=target.isolation,
        storage_buckets=target.storage_buckets,
        cron_jobs=target.cron_jobs,
        database_settings=target.database_settings,
        unobserved=target.unobserved,
        extensions=tuple(_extensions(shadow, target)),
        foreign_servers=tuple(_foreign_servers(shadow, target)),
    )


def _extensions(shadow: Snapshot, target: Snapshot) -> Iterator[Extension]:
    """Where an extension lives is schema; its version and files are the server's."""
    of_target = {e.name: e for e in target.extensions}
    for extension in shadow.extensions:
        known = of_target.get(extension.name)
        yield extension if known is None else replace(known, schema=extension.schema)


def _foreign_servers(shadow: Snapshot, target: Snapshot) -> Iterator[ForeignServer]:
    """Where they lead, and as whom, is not rebuilt: the shadow must not be able to call anywhere."""
    of_target = {s.name: s for s in target.foreign_servers}
    for server in shadow.foreign_servers:
        known = of_target.get(server.name, server)
        yield replace(server, options=known.options, user_mappings=known.user_mappings)


def same_schema(one: Snapshot, other: Snapshot) -> bool:
    """Whether nothing changed that a fingerprint looks at. Comparing records spares hashing them where they are equal."""
    if all(getattr(one, f.name) == getattr(other, f.name) for f in fields(Snapshot) if f.name not in _NO_SCHEMA):
        return True
    return object_fingerprints(one) == object_fingerprints(other)


def changed_objects(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """Canonical identities of what appeared, changed or went."""
    return frozenset(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def new_findings(before: State, after: State) -> list[Result]:
    """Findings that were not there, and those that got worse: UNKNOWN to FAIL, or more severe."""
    earlier = {(r.rule, r.object.canonical): r for r in before.results if r.is_finding}
    return [r for r in after.results if r.is_finding and _is_worse(r, earlier.get((r.rule, r.object.canonical)))]


def _is_worse(result: Result, earlier: Result | None) -> bool:
    if earlier is None:
        return True
    opened = result.outcome is Outcome.FAIL and earlier.outcome is Outcome.UNKNOWN
    return opened or result.severity.rank < earlier.severity.rank
