"""ALTER TABLE (and ALTER VIEW, which the grammar reads as the same statement) as acts."""

from __future__ import annotations

from collections.abc import Iterator

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.migration_actions import (
    Action,
    ColumnAdded,
    ColumnDropped,
    ColumnMade,
    Dropped,
    Made,
    NotNullSet,
    OwnerSet,
    PartitionAttached,
    QualifiedName,
    RowSecuritySet,
    TypeChanged,
    ViewAltered,
)
from platformkit_pipeline.sqltext.migration_names import Scope, type_text
from platformkit_pipeline.sqltext.parser import Node, column_path, constant_of, kind, unwrap

_FILLING = frozenset({pg.CONSTR_DEFAULT, pg.CONSTR_IDENTITY, pg.CONSTR_GENERATED})
_SERIAL = frozenset({"serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"})
_FALSE = frozenset({"false", "off", "no", "0"})


def column_made(node: Node) -> ColumnMade:
    """A column definition of CREATE TABLE or ADD COLUMN."""
    constraints = [unwrap(constraint) for constraint in node.constraints]
    type_name = type_text(node.type_name)
    null_default = any(
        c.contype == pg.CONSTR_DEFAULT and (constant := constant_of(unwrap(c.raw_expr))) is not None and constant.value is None
        for c in constraints
    )
    return ColumnMade(
        name=node.colname,
        type=type_name,
        not_null=any(c.contype in (pg.CONSTR_NOTNULL, pg.CONSTR_PRIMARY) for c in constraints) or type_name in _SERIAL,
        filled=(any(c.contype in _FILLING for c in constraints) and not null_default) or type_name in _SERIAL,
    )


def alter_table_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """One act per sub-command that the rules know."""
    table = scope.table(node.relation)
    for wrapper in node.cmds:
        yield from _command(unwrap(wrapper), node.objtype, table, scope)


def _command(command: Node, object_type: int, table: QualifiedName, scope: Scope) -> Iterator[Action]:
    match command.subtype:
        case pg.AT_AddColumn:
            yield ColumnAdded(line=0, table=table, column=column_made(unwrap(getattr(command, "def"))), guarded=command.missing_ok)
        case pg.AT_DropColumn if object_type in (pg.OBJECT_TABLE, pg.OBJECT_TYPE):
            yield ColumnDropped(line=0, table=table, column=command.name, guarded=command.missing_ok)
        case pg.AT_AlterColumnType if object_type == pg.OBJECT_TABLE:
            changed = unwrap(getattr(command, "def"))
            type_name = type_text(changed.type_name)
            computed = changed.HasField("raw_default") and not _is_cast_of(unwrap(changed.raw_default), command.name, type_name)
            yield TypeChanged(line=0, table=table, column=command.name, type=type_name, computed=computed)
        case pg.AT_SetNotNull:
            yield NotNullSet(line=0, table=table, column=command.name)
        case pg.AT_EnableRowSecurity | pg.AT_DisableRowSecurity:
            yield RowSecuritySet(line=0, table=table, enabled=command.subtype == pg.AT_EnableRowSecurity)
        case pg.AT_ChangeOwner:
            owner = "PUBLIC" if command.newowner.roletype == pg.ROLESPEC_PUBLIC else command.newowner.rolename
            yield OwnerSet(line=0, objects=str(table), owner=owner)
        case pg.AT_AttachPartition:
            yield PartitionAttached(line=0, parent=table, child=scope.table(unwrap(getattr(command, "def")).name))
        case pg.AT_AddConstraint:
            constraint = unwrap(getattr(command, "def"))
            if constraint.conname:
                yield Made(line=0, kind="constraint", name=f"{constraint.conname} on {table}", guarded=False)
        case pg.AT_DropConstraint:
            yield Dropped(line=0, kind="constraint", name=f"{command.name} on {table}", guarded=command.missing_ok, cascade=False)
        case pg.AT_SetRelOptions | pg.AT_ResetRelOptions:  # a view may be altered as a table, too
            invoker = option_of(unwrap(getattr(command, "def")).items, "security_invoker")
            if invoker is not None:
                yield ViewAltered(line=0, name=table, invoker=invoker and command.subtype == pg.AT_SetRelOptions)


def _is_cast_of(node: Node, column: str, type_name: str) -> bool:
    while kind(node) == "TypeCast" and type_text(node.type_name) in (type_name, "text"):
        node = unwrap(node.arg)
    path = column_path(node)
    return path is not None and path[-1] == column


def option_of(options: object, name: str) -> bool | None:
    """A boolean option of WITH (...); None when it is not among them."""
    for wrapper in options:  # type: ignore[attr-defined]  # messages of the parser are not typed
        option = unwrap(wrapper)
        if option.defname != name:
            continue
        if not option.HasField("arg"):
            return True
        value = unwrap(option.arg)
        match kind(value):
            case "Boolean":
                return bool(value.boolval)
            case "Integer":
                return bool(value.ival)
            case "TypeName":
                return type_text(value).lower() not in _FALSE
            case _:
                return str(value.sval).lower() not in _FALSE
    return None
