"""Patches for FUN003: a fixed search_path that does not lead through what callers can write to."""

from __future__ import annotations

import re
from collections.abc import Iterable

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Function
from platformkit_pipeline.remediation.functions import function_of, signature_of, verb_of
from platformkit_pipeline.remediation.mentions import named_records, source_of, stands_bare, words_of
from platformkit_pipeline.remediation.ownership import left_to_the_owner, may_alter
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, literal, schemas_in_path

_TEMPORARY = re.compile(r"pg_temp(?:_\d+)?\Z")
_WRITES = frozenset({"insert", "update", "delete", "merge", "truncate"})
_DYNAMIC = frozenset({"execute"})


def mend_search_path(catalog: Catalog, finding: Result) -> Proposal:
    """pg_temp to the end, "$user" to the owner's schema or away, and without schemas open to callers that nothing relies on."""
    function = function_of(catalog, finding)
    verb, signature = verb_of(function), signature_of(function)
    setting = dict(function.settings)["search_path"]
    present = {s.name for s in catalog.snapshot.schemas}
    named = [function.owner if s == "$user" else s for s in schemas_in_path(setting)]
    kept = [s for s in dict.fromkeys(named) if not _TEMPORARY.match(s) and (s != function.owner or s in present)]
    open_ones = [s for s in kept if s in catalog.schemas_open_to_create]
    safe = [s for s in kept if s not in open_ones]
    path = ", ".join((*map(identifier, safe or ["pg_catalog"]), "pg_temp"))
    fix = f"alter {verb} {signature} set search_path = {path}"
    if not may_alter(catalog, function.owner):
        return left_to_the_owner(signature, function.owner, (fix,))
    if needed := _needed(catalog, function, open_ones):
        whole = ", ".join((*map(identifier, kept), "pg_temp"))
        return ByHand(
            reason=f"client roles may create objects in {', '.join(needed)}, and what {signature} does may rely on finding objects there",
            steps=(
                "Take the right to create from client roles, after making sure that no client relies on it:",
                *(f"revoke create on schema {identifier(s)} from public, anon, authenticated;" for s in needed),
                f"alter {verb} {signature} set search_path = {whole};",
                f"Where they have to keep it: qualify the names in the body with their schemas, then {fix};",
            ),
        )
    gone = [s for s in schemas_in_path(setting) if s not in (*safe, "pg_temp")]
    return Change(
        f"Make the search_path of {signature} safe",
        (fix,),
        (f"alter {verb} {signature} set search_path = {_as_it_was(setting)}",),
        objects=(finding.object.canonical,),
        notes=(
            "Temporary objects are found last from now on: a table that the function makes itself must not be named like one in the path.",
            *((f"No longer searched, because nothing that runs is found there by its bare name: {', '.join(gone)}.",) if gone else ()),
        ),
    )


def _needed(catalog: Catalog, function: Function, schemas: Iterable[str]) -> list[str]:
    """Schemas of which the body, or anything without a path of its own that it may run, may use something by its bare name."""
    schemas = list(schemas)
    if not schemas:
        return []
    sources = _sources(catalog, function)
    words = frozenset[str]().union(*(words_of(source) for source in sources))
    opaque = function.body is None and function.sql_body is None
    records = named_records(catalog)
    needed = []
    for schema in schemas:
        names = {r.name.lower() for r in records if r.schema == schema}
        operators = any(e.schema == schema for e in catalog.snapshot.extensions)
        dynamic = bool(words & _DYNAMIC) and bool(names)
        bare = any(stands_bare(name, source) for name in names & words for source in sources) or any(not n.isidentifier() for n in names)
        if operators or opaque or dynamic or bare:
            needed.append(schema)
    return needed


def _sources(catalog: Catalog, function: Function) -> list[str]:
    """Of the function, and of all that it may run and that takes the path over from it: functions it names, triggers of what it writes."""
    following = [f for f in catalog.functions if all(name != "search_path" for name, _ in f.settings)]
    sources, words = [source_of(function)], words_of(source_of(function))
    writes = bool(words & _WRITES)
    while True:
        found = [f for f in following if f.name.lower() in words or (writes and f.returns_trigger)]
        if not found:
            return sources
        following = [f for f in following if f not in found]
        for called in found:
            sources.append(source_of(called))
            words |= words_of(source_of(called))
        writes = writes or bool(words & _WRITES)


def _as_it_was(setting: str) -> str:
    """The catalogue keeps a path as it is written, but for the empty name, which may stand there as a string only."""
    return setting if '""' not in setting else ", ".join(literal(part.strip().strip('"').replace('""', '"')) for part in setting.split(","))
