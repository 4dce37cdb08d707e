"""What a series of scripts declares, read without a server: schemas, tables with their columns and keys, types, functions.

Plain DDL only: what a DO block or a function builds is not seen, and neither are LIKE, INHERITS and AS. A name without a
schema is looked for in `public`, as migrations of the Supabase CLI do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.column_types import ColumnType, type_of
from platformkit_pipeline.sqltext.parser import kind, parse_statement, string_parts, unwrap
from platformkit_pipeline.sqltext.scripts import split_statements

Name = tuple[str, str]
"""(schema, object)."""

_KEYS = {pg.CONSTR_PRIMARY: True, pg.CONSTR_UNIQUE: False}


@dataclass(slots=True)
class DeclaredTable:
    """Columns in their order. `keys` are the column sets that a foreign key may refer to, the primary key among them."""

    columns: dict[str, ColumnType] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    keys: set[frozenset[str]] = field(default_factory=set)


@dataclass(slots=True)
class DeclaredSchema:
    """What is there after the scripts that were read. `functions` maps to the whole CREATE FUNCTION, the latest one."""

    schemas: set[str] = field(default_factory=lambda: {"public"})
    tables: dict[Name, DeclaredTable] = field(default_factory=dict)
    types: set[Name] = field(default_factory=set)
    functions: dict[Name, str] = field(default_factory=dict)

    def read(self, script: str) -> None:
        """Take in one more script; all of it or, when it cannot be parsed, nothing. Raises SqlSyntaxError."""
        for text, statement in [(text, parse_statement(text)) for text in split_statements(script)]:
            self._take(text, statement)

    def _take(self, text: str, statement: Any) -> None:
        match kind(statement):
            case "CreateSchemaStmt":
                self.schemas.add(str(statement.schemaname))
            case "CreateStmt":
                self._create(statement)
            case "AlterTableStmt":
                self._alter(statement)
            case "RenameStmt":
                self._rename(statement)
            case "DropStmt":
                self._drop(statement)
            case "IndexStmt" if statement.unique and not statement.HasField("where_clause"):
                table = self.tables.get(_name(statement.relation))
                if table is not None:
                    table.keys.add(frozenset(unwrap(element).name for element in statement.index_params))
            case "CreateFunctionStmt":
                self.functions[_qualified(string_parts(statement.funcname))] = text
            case "CreateEnumStmt" | "CreateRangeStmt":
                self.types.add(_qualified(string_parts(statement.type_name)))
            case "CreateDomainStmt":
                self.types.add(_qualified(string_parts(statement.domainname)))
            case "CompositeTypeStmt":
                self.types.add(_name(statement.typevar))

    def _create(self, statement: Any) -> None:
        name = _name(statement.relation)
        if name in self.tables and statement.if_not_exists:
            return
        table = self.tables[name] = DeclaredTable()
        for element in map(unwrap, statement.table_elts):
            if kind(element) == "ColumnDef":
                _add_column(table, element)
            elif kind(element) == "Constraint":
                _add_constraint(table, element, string_parts(element.keys))

    def _alter(self, statement: Any) -> None:
        table = self.tables.get(_name(statement.relation))
        if table is None:
            return
        for command in map(unwrap, statement.cmds):
            match command.subtype:
                case pg.AT_AddColumn:
                    _add_column(table, unwrap(getattr(command, "def")))
                case pg.AT_DropColumn:
                    table.columns.pop(command.name, None)
                    table.keys = {key for key in table.keys if command.name not in key}
                    table.primary_key = () if command.name in table.primary_key else table.primary_key
                case pg.AT_AlterColumnType:
                    table.columns[command.name] = type_of(unwrap(getattr(command, "def")).type_name)
                case pg.AT_AddConstraint:
                    constraint = unwrap(getattr(command, "def"))
                    _add_constraint(table, constraint, string_parts(constraint.keys))

    def _rename(self, statement: Any) -> None:
        name = _name(statement.relation)
        if statement.rename_type == pg.OBJECT_TABLE and name in self.tables:
            self.tables[(name[0], statement.newname)] = self.tables.pop(name)
        elif statement.rename_type == pg.OBJECT_COLUMN and (table := self.tables.get(name)) is not None:
            old, new = str(statement.subname), str(statement.newname)
            table.columns = {new if c == old else c: t for c, t in table.columns.items()}
            table.keys = {frozenset(new if c == old else c for c in key) for key in table.keys}
            table.primary_key = tuple(new if c == old else c for c in table.primary_key)

    def _drop(self, statement: Any) -> None:
        for item in map(unwrap, statement.objects):
            if statement.remove_type == pg.OBJECT_TABLE:
                self.tables.pop(_qualified(string_parts(item.items)), None)
            elif statement.remove_type == pg.OBJECT_FUNCTION:
                self.functions.pop(_qualified(string_parts(item.objname)), None)
            elif statement.remove_type == pg.OBJECT_SCHEMA:
                self._drop_schema(str(item.sval))

    def _drop_schema(self, schema: str) -> None:
        self.schemas.discard(schema)
        self.types = {name for name in self.types if name[0] != schema}
        for declared in (self.tables, self.functions):
            for name in [name for name in declared if name[0] == schema]:
                del declared[name]


def _add_column(table: DeclaredTable, column: Any) -> None:
    table.columns.setdefault(str(column.colname), type_of(column.type_name))
    for constraint in map(unwrap, column.constraints):
        _add_constraint(table, constraint, (str(column.colname),))


def _add_constraint(table: DeclaredTable, constraint: Any, columns: tuple[str, ...]) -> None:
    is_primary = _KEYS.get(constraint.contype)
    if is_primary is None or not columns:
        return
    table.keys.add(frozenset(columns))
    if is_primary:
        table.primary_key = columns


def _name(relation: Any) -> Name:
    return (str(relation.schemaname) or "public", str(relation.relname))


def _qualified(parts: tuple[str, ...]) -> Name:
    return (parts[-2] if len(parts) > 1 else "public", parts[-1])
