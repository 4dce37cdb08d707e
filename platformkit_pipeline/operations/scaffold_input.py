"""What a person asks the scaffold for, checked word by word before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.remediation.object_names import MAX_IDENTIFIER_BYTES
from platformkit_pipeline.sqltext.column_types import BUILT_IN_TYPES, ColumnType, read_column_type
from platformkit_pipeline.sqltext.identifiers import identifier
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.schema_scripts import DeclaredSchema, Name

_NOT_NULL = ":not_null"
_SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
_SERIALS = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})
_PLATFORM_TYPES = frozenset({"extensions"})
"""Schemas whose types are not made by migrations of the project, so that they cannot be looked up."""


@dataclass(frozen=True, slots=True)
class ColumnRequest:
    name: str
    type: ColumnType
    not_null: bool


@dataclass(frozen=True, slots=True)
class ReferenceRequest:
    """`column` is None where the referenced table's name gives it."""

    table: Name
    column: str | None


def checked_name(what: str, name: str) -> str:
    """The name, if it needs no quotes anywhere. Raises ConfigurationError with what is wrong about it."""
    if not name:
        raise ConfigurationError(f"{what}: the name is empty")
    if len(name.encode(errors="replace")) > MAX_IDENTIFIER_BYTES:
        raise ConfigurationError(f"{what}: the name is longer than {MAX_IDENTIFIER_BYTES} bytes, which PostgreSQL would cut off")
    if name.startswith("pg_"):
        raise ConfigurationError(f"{what} {name}: names that begin with pg_ belong to PostgreSQL")
    if any(not ("a" <= c <= "z" or c == "_" or "0" <= c <= "9") for c in name) or name[0].isdigit():
        raise ConfigurationError(f"{what} {_shown(name)}: a name has lower-case letters, digits and underscores, and begins with no digit")
    if identifier(name) != name:
        raise ConfigurationError(f"{what} {name}: is a reserved word of SQL and would need quotes wherever it is used; choose another name")
    return name


def read_column(spec: str) -> ColumnRequest:
    """`name:type` or `name:type:not_null`. Raises ConfigurationError."""
    name, colon, type_text = spec.partition(":")
    if not colon:
        raise ConfigurationError(f"--column {_shown(spec)}: expected name:type or name:type:not_null")
    checked_name("--column", name)
    if name in _SYSTEM_COLUMNS:
        raise ConfigurationError(f"--column {name}: every table has a system column of that name; choose another one")
    try:
        read = read_column_type(type_text.removesuffix(_NOT_NULL))
    except SqlSyntaxError as error:
        raise ConfigurationError(
            f"--column {name}: {_shown(type_text)} is not a type ({error}); write one type, as in total:numeric(12,2)"
        ) from None
    return ColumnRequest(name, read, type_text.endswith(_NOT_NULL))


def read_reference(spec: str) -> ReferenceRequest:
    """`table`, `schema.table`, either followed by `:column`. Raises ConfigurationError."""
    path, colon, column = spec.partition(":")
    schema, dot, table = path.rpartition(".")
    name = (checked_name("--references", schema) if dot else "public", checked_name("--references", table))
    return ReferenceRequest(name, checked_name("--references", column) if colon else None)


def check_type(column: ColumnRequest, declared: DeclaredSchema) -> None:
    """The type exists as far as can be told without a server, and suits a column. Raises ConfigurationError."""
    schema, name = column.type.schema, column.type.name
    if schema is None and name in _SERIALS:
        raise ConfigurationError(
            f"--column {column.name}: {name} makes a sequence that needs grants of its own; use bigint, "
            "and add an identity by hand where it is needed"
        )
    known = schema in _PLATFORM_TYPES or (schema or "public", name) in declared.types or (schema is None and name in BUILT_IN_TYPES)
    if not known:
        raise ConfigurationError(
            f"--column {column.name}: there is no type {column.type.text} in PostgreSQL or in the migrations of the folder; "
            "types of an extension are written extensions.<type>"
        )


def check_reason(option: str, reason: str) -> str:
    """A reason that can stand in a comment on the table as one directive. Raises ConfigurationError."""
    if not reason.strip():
        raise ConfigurationError(f"{option} needs a reason: it is written on the table, and a directive without one is a finding")
    if not reason.isprintable() or "platformkit:" in reason:
        raise ConfigurationError(f"{option}: the reason must be one line of plain text without 'platformkit:'")
    return reason.strip()


def check_declarations(declarations: Declarations) -> None:
    """The names that the settings give to columns can be written into functions. Raises ConfigurationError."""
    names = {
        "tenancy.column": declarations.tenancy.column,
        "audit_columns.created_at": declarations.created_at,
        "audit_columns.updated_at": declarations.updated_at,
        "audit_columns.created_by": declarations.created_by,
        "audit_columns.updated_by": declarations.updated_by,
    }
    for key, name in names.items():
        checked_name(f"the settings' {key}", name)
    if len(set(names.values())) < len(names) or {"id", "name"} & set(names.values()):
        raise ConfigurationError("the settings give one name to two columns of a table: check tenancy and audit_columns")
    if not declarations.tenancy.claim.isprintable():
        raise ConfigurationError("the settings' tenancy.claim has characters that cannot be printed")


def _shown(text: str) -> str:
    return repr(redact(text[:80]))
