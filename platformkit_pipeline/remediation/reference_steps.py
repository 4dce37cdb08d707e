"""What a person does about references: FKY001, FKY004 and TEN004. Whether rows are in the way is not in the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.snapshot import Constraint, ConstraintType, Relation
from platformkit_pipeline.remediation.object_names import fitting_name
from platformkit_pipeline.remediation.proposal import ByHand, Proposal
from platformkit_pipeline.remediation.rows_first import added_reference, orphans
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified


def declare_reference(catalog: Catalog, finding: Result) -> Proposal:
    """FKY001: the foreign key that the column's name tells of, with the tenant column where both tables have it."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    name = dict(finding.object.detail)["column"]
    meant = finding.evidence["references"]
    key = next(c for c in catalog.snapshot.columns if f"{c.schema}.{c.relation}.{c.name}" == meant)
    referenced = catalog.relations[(key.schema, key.relation)]
    tenant = catalog.declarations.tenancy.column
    together = catalog.is_tenant_scoped(table) and catalog.is_tenant_scoped(referenced) and tenant not in (name, key.name)
    columns, targets = ((tenant, name), (tenant, key.name)) if together else ((name,), (key.name,))
    column = catalog.column(table, name)
    action = "restrict" if column is None or column.not_null else f"set null ({identifier(name)})" if together else "set null"
    return ByHand(
        "that the column means this table is told by its name only, and rows may refer to what is gone",
        (
            f"Make sure that {name} means {meant}.",
            f"Look for rows that refer to nothing, and mend them: `{orphans(table, columns, referenced, targets)}`",
            *_unique_steps(catalog, referenced, targets),
            *added_reference(table, columns, referenced, targets, action),
            f"ON DELETE is a proposal ({action}); CASCADE if the rows should go with what they refer to.",
            *_index_step(table, columns),
        ),
    )


def validate_reference(catalog: Catalog, finding: Result) -> Proposal:
    """FKY004: the rows that are in the way, then the statement that believes or refuses."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    key = _key_of(catalog, table, finding)
    name, constraint = qualified(table.schema, table.name), identifier(key.name)
    mend = (
        f"`alter table {name} validate constraint {constraint}`: reads all rows, locks nobody out, and fails while such a row is there."
        if key.enforced
        else f"`alter table {name} alter constraint {constraint} enforced`: checks all rows at once, and fails while such a row is there."
    )
    referenced = catalog.relations.get((key.referenced_schema or "", key.referenced_relation or ""))
    query = f": `{orphans(table, key.columns, referenced, key.referenced_columns)}`" if referenced else "."
    return ByHand(
        "whether it holds depends on the rows, and a shadow has none to try it with",
        (f"Look for rows that refer to nothing, and mend them{query}", mend),
    )


def carry_tenant(catalog: Catalog, finding: Result) -> Proposal:
    """TEN004: a key that carries the tenant column beside the old one, then instead of it."""
    table = catalog.relations[(finding.object.schema or "", finding.object.name)]
    key = _key_of(catalog, table, finding)
    referenced = catalog.relations[(key.referenced_schema or "", key.referenced_relation or "")]
    tenant = catalog.declarations.tenancy.column
    columns = (tenant, *(c for c in key.columns if c != tenant))
    targets = (tenant, *(r for c, r in zip(key.columns, key.referenced_columns, strict=True) if c != tenant))
    actions = {"SET NULL": f"set null ({', '.join(map(identifier, columns[1:]))})", "NO ACTION": ""}
    action = actions.get(key.on_delete or "", (key.on_delete or "").lower())
    return ByHand(
        "rows may refer to rows of another tenant already, and whose they are has to be decided",
        (
            f"Look for rows that refer to nothing of their own tenant, and mend them: `{orphans(table, columns, referenced, targets)}`",
            *_unique_steps(catalog, referenced, targets),
            *added_reference(table, columns, referenced, targets, action),
            f"`alter table {qualified(table.schema, table.name)} drop constraint {identifier(key.name)}`",
            *_index_step(table, columns),
        ),
    )


def _key_of(catalog: Catalog, table: Relation, finding: Result) -> Constraint:
    name = dict(finding.object.detail)["constraint"]
    return next(k for k in catalog.foreign_keys_of(table) if k.name == name)


def _unique_steps(catalog: Catalog, referenced: Relation, columns: tuple[str, ...]) -> Iterator[str]:
    """What a foreign key may refer to: nothing where there is such a key."""
    keys = (ConstraintType.PRIMARY_KEY, ConstraintType.UNIQUE)
    if any(c.type in keys and set(c.columns) == set(columns) for c in catalog.constraints_of(referenced)):
        return
    name, constraint = qualified(referenced.schema, referenced.name), identifier(fitting_name(referenced.name, *columns, suffix="key"))
    yield f"`create unique index concurrently {constraint} on {name} ({', '.join(map(identifier, columns))})`, outside a transaction block."
    yield f"`alter table {name} add constraint {constraint} unique using index {constraint}`"


def _index_step(table: Relation, columns: tuple[str, ...]) -> Iterator[str]:
    keys = ", ".join(map(identifier, columns))
    yield (
        f"Unless an index begins with these columns: `create index concurrently on {qualified(table.schema, table.name)} ({keys})`, "
        "outside a transaction block."
    )
