"""Patches for FUN001 and FUN002: fix the search_path of a function."""

from __future__ import annotations

import re

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Function
from platformkit_pipeline.remediation.mentions import named_records, source_of, stands_bare, words_of
from platformkit_pipeline.remediation.ownership import left_to_the_owner, may_alter
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified, schemas_in_path

_ENDS_TRANSACTIONS = re.compile(r"\b(commit|rollback|call)\b", re.IGNORECASE)
_TOUCHES_THE_PATH = re.compile(r"\bsearch_path\b", re.IGNORECASE)


def fix_search_path(catalog: Catalog, finding: Result) -> Proposal:
    """Set the path that the body most likely relies on, without any schema in which a client role may create (clause 2.2)."""
    function = function_of(catalog, finding)
    verb, signature = verb_of(function), signature_of(function)
    wanted = _wanted(catalog, function)
    path = ", ".join(["pg_catalog", *map(identifier, wanted), "pg_temp"])
    fix = f"alter {verb} {signature} set search_path = {path}"
    if not may_alter(catalog, function.owner):
        return left_to_the_owner(signature, function.owner, (fix,))
    if doubt := _doubt(catalog, function, wanted, fix):
        return doubt
    return Change(
        f"Fix the search_path of {signature}",
        (fix,),
        (f"alter {verb} {signature} reset search_path",),
        objects=(finding.object.canonical,),
        notes=(
            f"Unqualified names in the body resolve in {', '.join(wanted)} from now on, whoever calls.",
            "A later CREATE OR REPLACE without the SET clause takes the setting away again.",
            *(("SQL functions with a SET clause are not inlined into the queries that call them.",) if function.language == "sql" else ()),
        ),
    )


def function_of(catalog: Catalog, finding: Result) -> Function:
    """The function that the finding is about."""
    arguments = dict(finding.object.detail)["arguments"]
    return next(f for f in catalog.functions_named(finding.object.name, finding.object.schema) if f.arguments == arguments)


def verb_of(function: Function) -> str:
    return "procedure" if function.kind == "procedure" else "function"


def signature_of(function: Function) -> str:
    """As ALTER, GRANT and REVOKE name it."""
    return f"{qualified(function.schema, function.name)}({function.arguments})"


def _wanted(catalog: Catalog, function: Function) -> list[str]:
    """The function's own schema first, as the Data API searches it, then what the database gives to every session."""
    present = {s.name for s in catalog.snapshot.schemas}
    given = (value for s in catalog.snapshot.database_settings for name, value in s.settings if name == "search_path")
    in_force = [schema for value in given for schema in schemas_in_path(value)]
    wanted = dict.fromkeys((function.schema, "public", "extensions", *in_force))
    return [s for s in wanted if s in present and not s.startswith("pg_")]


def _doubt(catalog: Catalog, function: Function, wanted: list[str], fix: str) -> ByHand | None:
    """Why the path may not be what the body relies on, or what a fixed path would break."""
    signature, source = signature_of(function), source_of(function)
    if unsafe := [s for s in wanted if s in catalog.schemas_open_to_create]:
        return ByHand(
            reason=f"client roles may create objects in {', '.join(unsafe)}, so a path that contains it protects nothing",
            steps=(
                *(f"revoke create on schema {identifier(s)} from public, anon, authenticated;" for s in unsafe),
                f"{fix};",
            ),
        )
    if function.kind == "procedure" and _ENDS_TRANSACTIONS.search(source):
        return ByHand(
            reason=f"procedure {signature} may end transactions, or calls one that may, which PostgreSQL forbids under a SET clause",
            steps=(
                "Qualify every table, function, type and operator in the body with its schema, so that no search_path matters; or put the "
                "work into a function with a fixed search_path that the procedure calls between its COMMITs.",
                "Where nothing in it ends a transaction:",
                f"{fix};",
            ),
        )
    if _TOUCHES_THE_PATH.search(source):
        return ByHand(
            reason=f"{signature} reads or sets search_path itself; with a fixed one, what it sets ends with the call",
            steps=("Find out who relies on the path that it leaves behind. Where nobody does:", f"{fix};"),
        )
    if ambiguous := _ambiguous(catalog, source, wanted):
        return ByHand(
            reason=f"{ambiguous} in the body of {signature} exists in several of the schemas {', '.join(wanted)}: the caller decides today",
            steps=("Decide which one is meant and qualify it in the body with its schema, then:", f"{fix};"),
        )
    return None


def _ambiguous(catalog: Catalog, source: str, wanted: list[str]) -> str:
    """A name in the body that two of the schemas have an object of."""
    words = words_of(source)
    homes: dict[str, set[str]] = {}
    for record in named_records(catalog):
        if record.schema in wanted and record.name.lower() in words:
            homes.setdefault(record.name, set()).add(record.schema)
    return next((name for name, schemas in sorted(homes.items()) if len(schemas) > 1 and stands_bare(name, source)), "")
