"""A table that keeps every rule of the book: clauses 1.1, 1.4, 2.1, 5.1 to 5.3 and 6.2 as one migration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.operations.migration_folder import MigrationFolder, NewMigration
from platformkit_pipeline.operations.new_project import TENANTS, check_baseline
from platformkit_pipeline.operations.scaffold_input import (
    ColumnRequest,
    ReferenceRequest,
    check_declarations,
    check_reason,
    check_type,
    checked_name,
    read_column,
    read_reference,
)
from platformkit_pipeline.operations.table_definition import ACCOUNTS, UUID, Reference, TableDefinition
from platformkit_pipeline.operations.templates import render
from platformkit_pipeline.rules.database.foreign_keys import looks_like_reference
from platformkit_pipeline.sqltext.column_types import read_column_type
from platformkit_pipeline.sqltext.identifiers import qualified
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.schema_scripts import DeclaredSchema, DeclaredTable, Name

_NEXT_TYPES = {"serial": "int", "bigserial": "bigint", "smallserial": "smallint"}
"""What a column holds that refers to a serial one."""


@dataclass(frozen=True, slots=True)
class TableRequest:
    """What was asked for, as it stands on the command line; at most one of the two reasons."""

    name: str
    schema: str = "public"
    columns: Sequence[str] = ()
    references: Sequence[str] = ()
    critical: bool = False
    not_tenant_scoped: str | None = None
    public_read: str | None = None


def new_table(request: TableRequest, checkout: Path, declarations: Declarations, *, now: datetime | None = None) -> tuple[Path, ...]:
    """Write the migration that makes the table, and its undo.

    Returns the files that were written; none when they are there. Raises ConfigurationError, and nothing is written, for
    input that cannot be used and for files of the same name with other content.
    """
    name = (checked_name("--schema", request.schema), checked_name("table", request.name))
    columns = [read_column(spec) for spec in request.columns]
    asked = [read_reference(spec) for spec in request.references]
    tenant = _tenant_column(request, declarations)
    check_declarations(declarations)
    folder = MigrationFolder(checkout)
    file_name = f"create_{request.name}" if request.schema == "public" else f"create_{request.schema}.{request.name}"
    declared = _declared_before(folder, folder.find(file_name), name)
    check_baseline(declared, declarations, critical=request.critical)
    _check_schema(request.schema, declared)
    references = [_resolved(reference, declared, declarations, tenant) for reference in asked]
    _check_columns(columns, references, declared, declarations, request, name)

    definition = TableDefinition(name, columns, references, declarations, tenant, request.critical)
    values = {
        "table": qualified(*name),
        "about": "rows of one tenant each" if tenant else "readable by everybody" if request.public_read else "for the server side",
        "lines": definition.lines,
        "comment": _comment(request, tenant),
        "tenant": tenant,
        "claim": declarations.tenancy.claim,
        "public_read": request.public_read is not None,
        "critical": request.critical,
        "indexes": definition.indexes,
    }
    migration = NewMigration(file_name, render("table.up.sql.j2", **values), render("table.down.sql.j2", **values))
    return folder.store(migration, now=now or datetime.now(UTC))


# -- is it a table that can be made -------------------------------------------------------------------------------------


def _tenant_column(request: TableRequest, declarations: Declarations) -> str | None:
    """Name of the tenant column; None for a table outside the tenant model."""
    if request.not_tenant_scoped is not None and request.public_read is not None:
        raise ConfigurationError("--not-tenant-scoped and --public-read: give one of them, for a table is either")
    if request.not_tenant_scoped is not None:
        check_reason("--not-tenant-scoped", request.not_tenant_scoped)
        return None
    if request.public_read is not None:
        check_reason("--public-read", request.public_read)
        return None
    if declarations.tenancy.not_applicable_reason:
        raise ConfigurationError(
            "the settings declare a single tenant, so there is no tenant policy to write: say --not-tenant-scoped REASON or "
            "--public-read REASON, and add the policies that the table needs"
        )
    return declarations.tenancy.column


def _declared_before(folder: MigrationFolder, existing: Path | None, name: Name) -> DeclaredSchema:
    """What the folder's migrations make, up to this table's own if it is there already."""
    declared = DeclaredSchema()
    for path, text in folder.scripts(before=existing):
        try:
            declared.read(text)
        except SqlSyntaxError as error:
            raise ConfigurationError(f"{path} cannot be parsed ({error}), so what it makes is not known; mend it first") from None
        if name in declared.tables:
            raise ConfigurationError(f"{path} makes the table {qualified(*name)} already; change it by a migration of its own")
    return declared


def _check_schema(schema: str, declared: DeclaredSchema) -> None:
    if is_managed(schema):
        raise ConfigurationError(f"--schema {schema}: belongs to the platform or to PostgreSQL; choose one of the project's")
    known = declared.schemas | {name[0] for name in (*declared.tables, *declared.functions)}
    if schema not in known:
        raise ConfigurationError(f"--schema {schema}: no migration of the folder makes it; the folder has {', '.join(sorted(known))}")


def _resolved(asked: ReferenceRequest, declared: DeclaredSchema, declarations: Declarations, tenant: str | None) -> Reference:
    label, tenancy = qualified(*asked.table), declarations.tenancy.column
    if asked.table == TENANTS and tenant:
        raise ConfigurationError(f"--references {label}: the table has its tenant anyway")
    table = declared.tables.get(asked.table)
    if asked.table == ACCOUNTS:
        table = DeclaredTable({"id": UUID}, ("id",), {frozenset({"id"})})
    if table is None:
        made = ", ".join(sorted(qualified(*name) for name in declared.tables)) or "none"
        raise ConfigurationError(f"--references {label}: no migration of the folder makes that table; it makes {made}")
    keys = [column for column in table.primary_key if column != tenancy]
    if len(keys) != 1 or keys[0] not in table.columns:
        raise ConfigurationError(f"--references {label}: its primary key is not one column, so write the foreign key by hand")
    key = keys[0]
    with_tenant = tenant is not None and tenancy in table.columns
    needed = {key, tenancy} if with_tenant else {key}
    if needed not in table.keys:
        listed = ", ".join(sorted(needed, key=lambda column: column != tenancy))
        raise ConfigurationError(
            f"--references {label}: it has no unique key ({listed}), which a foreign key that stays within the tenant needs; "
            f"add `unique ({listed})` to it by a migration first"
        )
    key_type = table.columns[key]
    column = asked.column or f"{_singular(asked.table[1])}_id"
    checked_name(f"--references {label}: column", column)
    return Reference(asked.table, column, key, read_column_type(_NEXT_TYPES.get(key_type.text, key_type.text)), with_tenant)


def _check_columns(
    columns: list[ColumnRequest],
    references: list[Reference],
    declared: DeclaredSchema,
    declarations: Declarations,
    request: TableRequest,
    name: Name,
) -> None:
    taken = {"id": "the primary key", declarations.tenancy.column: "the tenant", declarations.created_at: "the audit columns"}
    taken |= dict.fromkeys((declarations.updated_at, declarations.created_by, declarations.updated_by), "the audit columns")
    for reference in references:
        if reference.column in taken:
            raise ConfigurationError(
                f"--references {qualified(*reference.table)}: the name {reference.column} is taken by {taken[reference.column]}; "
                "choose another with table:column"
            )
        taken[reference.column] = "a reference"
    tables = {**declared.tables, ACCOUNTS: DeclaredTable({"id": UUID}, ("id",)), name: DeclaredTable({"id": UUID}, ("id",))}
    for column in columns:
        if column.name in taken:
            raise ConfigurationError(f"--column {column.name}: the name is taken by {taken[column.name]}")
        taken[column.name] = "another --column"
        check_type(column, declared)
        for other, table in tables.items():
            key_types = {table.columns[key].name for key in table.primary_key if key in table.columns}
            if looks_like_reference(column.name, other[1]) and column.type.name in key_types:
                raise ConfigurationError(
                    f"--column {column.name}: looks like the key of {qualified(*other)}, and would have no foreign key (FKY001); "
                    f"say --references {'.'.join(other)}:{column.name}, or choose another name"
                )


def _singular(table: str) -> str:
    if table.endswith("ies") and len(table) > 4:
        return table[:-3] + "y"
    return table[:-1] if table.endswith("s") and not table.endswith("ss") else table


def _comment(request: TableRequest, tenant: str | None) -> str:
    parts = ["One row belongs to one tenant." if tenant else ""]
    if request.critical:
        parts.append("platformkit:critical its changes are logged")
    if request.not_tenant_scoped is not None:
        parts.append(f"platformkit:not-tenant-scoped {request.not_tenant_scoped.strip()}")
    if request.public_read is not None:
        reason = request.public_read.strip()
        parts.append(f"platformkit:public-read {reason}\nplatformkit:not-tenant-scoped {reason}")
    return "\n".join(part for part in parts if part)
