"""Patches for FUN001: fix the search_path of a SECURITY DEFINER function."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Schema
from platformkit_pipeline.remediation.proposal import ByHand, Change, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified


def fix_search_path(catalog: Catalog, finding: Result) -> Proposal:
    """Set the path that the body most likely relies on, without any schema in which a client role may create (clause 2.2)."""
    schema, name = finding.object.schema or "", finding.object.name
    arguments = dict(finding.object.detail)["arguments"]
    function = next(f for f in catalog.functions_named(name, schema) if f.arguments == arguments)
    verb = "procedure" if function.kind == "procedure" else "function"
    signature = f"{qualified(schema, name)}({arguments})"
    by_name = {s.name: s for s in catalog.snapshot.schemas}
    wanted = [s for s in dict.fromkeys((schema, "public", "extensions")) if s in by_name]
    unsafe = [s for s in wanted if _clients_may_create(catalog, by_name[s])]
    if unsafe:
        return ByHand(
            reason=f"client roles may create objects in {', '.join(unsafe)}, so a path that contains it protects nothing",
            steps=(
                *(f"revoke create on schema {identifier(s)} from public, anon, authenticated;" for s in unsafe),
                f"alter {verb} {signature} set search_path = pg_catalog, {', '.join(map(identifier, wanted))}, pg_temp;",
            ),
        )
    path = ", ".join(["pg_catalog", *map(identifier, wanted), "pg_temp"])
    return Change(
        f"Fix the search_path of {signature}",
        (f"alter {verb} {signature} set search_path = {path}",),
        (f"alter {verb} {signature} reset search_path",),
        objects=(finding.object.canonical,),
        notes=(
            f"Unqualified names in the body resolve in {', '.join(wanted)} from now on, whoever calls.",
            "A later CREATE OR REPLACE without the SET clause takes the setting away again.",
        ),
    )


def _clients_may_create(catalog: Catalog, schema: Schema) -> bool:
    return any(schema.owner in catalog.acts_as(role) or catalog.holds(role, "CREATE", schema.privileges) for role in catalog.client_roles)
