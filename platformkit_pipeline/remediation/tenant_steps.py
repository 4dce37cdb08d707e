"""What a person does about tenant columns: TEN001 and TEN002. Whose rows they are is not in the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.remediation.proposal import ByHand, Proposal
from platformkit_pipeline.remediation.rows_first import added_reference, not_null_steps
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.sqltext.identifiers import identifier, literal, qualified


def add_tenant_column(catalog: Catalog, finding: Result) -> Proposal:
    """TEN001: either the table belongs to no tenant, which is declared, or its rows are given to theirs."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name, column = qualified(table.schema, table.name), catalog.declarations.tenancy.column
    said = f"{table.comment}\n" if table.comment and "platformkit:not-tenant-scoped" not in table.comment else ""
    declare = f"`comment on table {name} is {literal(f'{said}platformkit:not-tenant-scoped <reason>')}`"
    if catalog.column(table, column) is not None:
        return ByHand("the reason is known to a person only", (declare,))
    return ByHand(
        "whether its rows belong to tenants, and to which, is known to a person only",
        (
            f"If its rows belong to no tenant, say so and stop here: {declare}",
            f"Else: `alter table {name} add column {identifier(column)} uuid`",
            *not_null_steps(table, column, "<tenant of the row>"),
            *_reference(catalog, table, column),
            f"`create index concurrently on {name} ({identifier(column)})`, outside a transaction block.",
            "Let the next plan propose the tenant policy, or write one that confines rows to the caller's tenant.",
        ),
    )


def mend_tenant_column(catalog: Catalog, finding: Result) -> Proposal:
    """TEN002: the type first, because that needs the table for itself, then the rows without a tenant."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name, column = qualified(table.schema, table.name), dict(finding.object.detail)["column"]
    quoted = identifier(column)
    steps: list[str] = []
    if finding.evidence["type"] != "uuid":
        no_uuid = f"select {quoted} from {name} where {quoted}::text !~* '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$'"  # noqa: S608 - a text for people, names are quoted
        steps += [
            f"Look for values that are no uuid, and map them: `{no_uuid}`",
            "Drop the policies, views and foreign keys that use the column, and create them anew in the same transaction.",
            f"`alter table {name} alter column {quoted} type uuid using {quoted}::text::uuid`: rewrites the table, and locks it meanwhile.",
        ]
    if not finding.evidence["not_null"]:
        steps += not_null_steps(table, column, "<tenant of the row>")
    return ByHand("to which tenant a row belongs that names none, or none by uuid, is known to a person only", tuple(steps))


def _reference(catalog: Catalog, table: Relation, column: str) -> Iterator[str]:
    """To the table that most tenant columns refer to."""
    used: Counter[tuple[Name, str]] = Counter(
        ((k.referenced_schema or "", k.referenced_relation or ""), k.referenced_columns[0])
        for k in catalog.foreign_keys
        if k.columns == (column,)
    )
    if used:
        referenced, target = min(used, key=lambda u: (-used[u], u))
        yield from added_reference(table, (column,), catalog.relations[referenced], (target,), "cascade")
