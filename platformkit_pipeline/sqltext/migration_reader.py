"""Statements of a migration to the acts that they are: what is made, dropped, altered, granted and copied.

Bodies of DO blocks are followed (see `migration_blocks`). What is not known here is no act: the rules that need to know more say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.migration_actions import (
    Action,
    ColumnRenamed,
    DataCopied,
    Dropped,
    EventTriggerMade,
    ExtensionPlaced,
    FunctionWritten,
    InterfaceRenamed,
    Made,
    NeedsVersion,
    OwnerSet,
    QualifiedName,
    TableMade,
    TableRenamed,
    Unreadable,
)
from platformkit_pipeline.sqltext.migration_blocks import block_actions, body_actions
from platformkit_pipeline.sqltext.migration_functions import function_acts, view_acts
from platformkit_pipeline.sqltext.migration_inner import given_statements, inner_statements
from platformkit_pipeline.sqltext.migration_names import Scope
from platformkit_pipeline.sqltext.migration_privileges import grant_acts, membership_acts, owner_acts, policy_acts, role_acts
from platformkit_pipeline.sqltext.migration_rows import (
    call_acts,
    calls_of_a_write,
    columns_in,
    comment_acts,
    delete_acts,
    insert_acts,
    is_temporary,
    merge_acts,
    select_acts,
    set_acts,
    truncate_acts,
    update_acts,
)
from platformkit_pipeline.sqltext.migration_script import Script, ScriptStatement
from platformkit_pipeline.sqltext.migration_tables import alter_table_acts, column_made
from platformkit_pipeline.sqltext.parser import CACHE_SIZE, Node, SqlSyntaxError, kind, parse_statement, string_parts, unwrap

Acts = Iterator[Action]


def read_actions(script: Script) -> tuple[Action, ...]:
    """The acts of a script in their order."""
    scope = Scope()
    found: list[Action] = []
    for statement in script.statements:
        try:
            found += _statement_actions(statement, scope)
        except RecursionError:  # a sum of thousands of terms
            found.append(Unreadable(line=statement.line, reason="the statement is nested too deeply to be followed"))
    return tuple(found)


def _statement_actions(statement: ScriptStatement, scope: Scope) -> Acts:
    if kind(statement.node) == "DoStmt":
        yield from block_actions(statement, lambda node, line, certain: _acts(node, line, certain, scope))
        return
    for action in _acts(statement.node, statement.line, True, scope):
        yield replace(action, definition=statement.text) if isinstance(action, FunctionWritten) else action


@lru_cache(maxsize=CACHE_SIZE)
def called_actions(function: FunctionWritten) -> tuple[Action, ...]:
    """What the body of a function does when it is called; lines count from its CREATE statement."""
    if not function.definition:  # made by a block
        return (Unreadable(line=1, reason=f"it calls {function.name}(), which a block makes", hint=function.body.lower()),)
    try:
        node = parse_statement(function.definition)
        scope = Scope()
        return tuple(body_actions(node, function.definition, lambda inner, line, certain: _acts(inner, line, certain, scope)))
    except (SqlSyntaxError, RecursionError):
        return (Unreadable(line=1, reason=f"it calls {function.name}(), which cannot be followed", hint=function.body.lower()),)


def _acts(node: Node, line: int, certain: bool, scope: Scope) -> Acts:
    given = (statement for statements in given_statements(node) for statement in statements or ()) if kind(node) == "SelectStmt" else ()
    for inner in (*inner_statements(node), *given):
        yield from _acts(inner, line, certain, scope)
    if kind(node) in ("InsertStmt", "UpdateStmt", "DeleteStmt"):
        yield from (replace(action, line=line, certain=certain) for action in calls_of_a_write(node, scope))
    read = _READERS.get(kind(node))
    if read is not None:
        yield from (replace(action, line=line, certain=certain and action.certain) for action in read(node, scope))
    elif kind(node) in _MAKERS:
        yield from (replace(action, line=line, certain=certain) for action in _made(node, scope))


# -- CREATE --------------------------------------------------------------------------------------------------------------
def _create_table(node: Node, scope: Scope) -> Acts:
    name = scope.temporary(node.relation) if is_temporary(node.relation) else scope.table(node.relation)
    elements = [unwrap(element) for element in node.table_elts]
    columns = tuple(column_made(element) for element in elements if kind(element) == "ColumnDef")
    keys = {
        part.string.sval
        for element in elements
        if kind(element) == "Constraint" and element.contype == pg.CONSTR_PRIMARY
        for part in element.keys
    }
    parents = [scope.table(unwrap(parent)) for parent in node.inh_relations]
    yield TableMade(
        line=0,
        name=name,
        columns=tuple(replace(c, not_null=True) if c.name in keys else c for c in columns),
        parent=parents[0] if parents and node.HasField("partbound") else None,
        temporary=is_temporary(node.relation),
        guarded=node.if_not_exists,
    )


def _create_table_as(node: Node, scope: Scope) -> Acts:
    materialized = node.objtype == pg.OBJECT_MATVIEW
    yield DataCopied(line=0, sources=scope.tables_in(node.query), columns=columns_in(node.query))
    name = scope.temporary(node.into.rel) if is_temporary(node.into.rel) else scope.table(node.into.rel)
    if materialized:
        yield Made(line=0, kind="materialized view", name=str(name), guarded=node.if_not_exists)
    else:
        yield TableMade(line=0, name=name, temporary=is_temporary(node.into.rel), guarded=node.if_not_exists)


def _create_schema(node: Node, scope: Scope) -> Acts:
    schema = node.schemaname or node.authrole.rolename
    yield Made(line=0, kind="schema", name=schema, guarded=node.if_not_exists)
    if node.HasField("authrole"):
        yield OwnerSet(line=0, objects=f"the schema {schema}", owner=node.authrole.rolename)
    inner = scope.inside(schema)
    for element in node.schema_elts:
        yield from _acts(unwrap(element), 0, True, inner)


def _create_extension(node: Node, scope: Scope) -> Acts:
    yield Made(line=0, kind="extension", name=node.extname, guarded=node.if_not_exists)
    options = {o.def_elem.defname: unwrap(o.def_elem.arg) for o in node.options}
    yield ExtensionPlaced(line=0, name=node.extname, schema=options["schema"].sval if "schema" in options else None)


def _create_event_trigger(node: Node, scope: Scope) -> Acts:
    yield Made(line=0, kind="event trigger", name=node.trigname, guarded=False)
    yield EventTriggerMade(line=0, function=string_parts(node.funcname)[-1])


def _create_index(node: Node, scope: Scope) -> Acts:
    table = scope.table(node.relation)
    yield Made(line=0, kind="index", name=str(QualifiedName(table.schema, node.idxname or "(unnamed)")), guarded=node.if_not_exists)
    if node.nulls_not_distinct:
        yield NeedsVersion(line=0, what="NULLS NOT DISTINCT", version=15)


def _create_trigger(node: Node, scope: Scope) -> Acts:
    yield Made(line=0, kind="trigger", name=f"{node.trigname} on {scope.table(node.relation)}", guarded=node.replace)


def _of_type(node: Node, scope: Scope) -> Acts:
    yield Made(line=0, kind="type", name=str(scope.name(string_parts(node.type_name))), guarded=False)


def _composite(node: Node, scope: Scope) -> Acts:
    yield Made(line=0, kind="type", name=str(scope.table(node.typevar)), guarded=False)


def _domain(node: Node, scope: Scope) -> Acts:
    yield Made(line=0, kind="domain", name=str(scope.name(string_parts(node.domainname))), guarded=False)


def _sequence(node: Node, scope: Scope) -> Acts:
    if not is_temporary(node.sequence):
        yield Made(line=0, kind="sequence", name=str(scope.table(node.sequence)), guarded=node.if_not_exists)


def _enum_value(node: Node, scope: Scope) -> Acts:
    if node.old_val:
        yield InterfaceRenamed(
            line=0, kind="enum value", old=f"{node.old_val} of {scope.name(string_parts(node.type_name))}", new=node.new_val
        )
        return
    name = f"{node.new_val} of {scope.name(string_parts(node.type_name))}"
    yield Made(line=0, kind="enum value", name=name, guarded=node.skip_if_new_val_exists)


_MAKERS: dict[str, tuple[str, str, str]] = {
    "CreatePublicationStmt": ("publication", "pubname", ""),
    "CreateSubscriptionStmt": ("subscription", "subname", ""),
    "CreateForeignServerStmt": ("server", "servername", "if_not_exists"),
    "CreateFdwStmt": ("foreign-data wrapper", "fdwname", ""),
    "CreatePLangStmt": ("language", "plname", "replace"),
    "RuleStmt": ("rule", "rulename", "replace"),
    "CreateStatsStmt": ("statistics", "", "if_not_exists"),
}
"""Node → noun, the field of the name, and the field that says IF NOT EXISTS or OR REPLACE."""


def _made(node: Node, scope: Scope) -> Acts:
    noun, name, guard = _MAKERS[kind(node)]
    label = getattr(node, name) if name else ".".join(string_parts(node.defnames)) or "(unnamed)"
    yield Made(line=0, kind=noun, name=label, guarded=bool(getattr(node, guard)) if guard else False)


# -- DROP, rename, move ----------------------------------------------------------------------------------------------------
_OWNED = frozenset({pg.OBJECT_POLICY, pg.OBJECT_TRIGGER, pg.OBJECT_RULE})
_UNQUALIFIED = frozenset(
    {pg.OBJECT_SCHEMA, pg.OBJECT_EXTENSION, pg.OBJECT_PUBLICATION, pg.OBJECT_EVENT_TRIGGER, pg.OBJECT_FOREIGN_SERVER, pg.OBJECT_FDW}
)
_NOUNS = {
    pg.OBJECT_MATVIEW: "materialized view",
    pg.OBJECT_EVENT_TRIGGER: "event trigger",
    pg.OBJECT_FOREIGN_TABLE: "foreign table",
    pg.OBJECT_FOREIGN_SERVER: "server",
    pg.OBJECT_FDW: "foreign-data wrapper",
    pg.OBJECT_PROCEDURE: "function",
    pg.OBJECT_ROUTINE: "function",
}


def _noun(object_type: int) -> str:
    return _NOUNS.get(object_type) or str(pg.ObjectType.Name(object_type)).removeprefix("OBJECT_").lower().replace("_", " ")


def _drop(node: Node, scope: Scope) -> Acts:
    cascade = node.behavior == pg.DROP_CASCADE
    noun = _noun(node.remove_type)
    for wrapper in node.objects:
        item = unwrap(wrapper)
        table: QualifiedName | None = None
        if kind(item) == "ObjectWithArgs":
            label = scope.signature(item)
        elif node.remove_type in _OWNED:
            parts = string_parts(item.items)
            label = f"{parts[-1]} on {scope.name(parts[:-1])}"
        elif kind(item) == "String":
            label = item.sval
        elif kind(item) == "TypeName":
            label = str(scope.name(string_parts(item.names)))
        else:
            name = scope.name(string_parts(item.items))
            table = name if node.remove_type == pg.OBJECT_TABLE else None
            label = name.name if node.remove_type in _UNQUALIFIED else str(name)
        yield Dropped(line=0, kind=noun, name=label, guarded=node.missing_ok, cascade=cascade, table=table)


def _drop_role(node: Node, scope: Scope) -> Acts:
    for role in node.roles:
        yield Dropped(line=0, kind="role", name=unwrap(role).rolename, guarded=node.missing_ok, cascade=False)


def _drop_owned(node: Node, scope: Scope) -> Acts:
    for role in node.roles:
        yield Dropped(line=0, kind="owned", name=unwrap(role).rolename, guarded=True, cascade=node.behavior == pg.DROP_CASCADE)


def _rename(node: Node, scope: Scope) -> Acts:
    if node.rename_type == pg.OBJECT_TABLE:
        old = scope.table(node.relation)
        yield TableRenamed(line=0, old=old, new=QualifiedName(old.schema, node.newname))
    elif node.rename_type == pg.OBJECT_COLUMN and node.relation_type == pg.OBJECT_TABLE:
        yield ColumnRenamed(line=0, table=scope.table(node.relation), old=node.subname, new=node.newname)
    elif node.rename_type == pg.OBJECT_SCHEMA:
        yield InterfaceRenamed(line=0, kind="schema", old=node.subname, new=node.newname)
    elif node.rename_type in _RENAMED:
        yield InterfaceRenamed(line=0, kind=_noun(node.rename_type), old=_label(node, scope), new=node.newname)


def _move(node: Node, scope: Scope) -> Acts:
    if node.object_type == pg.OBJECT_TABLE:
        old = scope.table(node.relation)
        yield TableRenamed(line=0, old=old, new=QualifiedName(node.newschema, old.name))
    elif node.object_type == pg.OBJECT_EXTENSION:
        yield ExtensionPlaced(line=0, name=unwrap(node.object).sval, schema=node.newschema)
    elif node.object_type in _RENAMED:
        yield InterfaceRenamed(line=0, kind=_noun(node.object_type), old=_label(node, scope), new=f"schema {node.newschema}")


_RENAMED = frozenset(
    {
        *(pg.OBJECT_VIEW, pg.OBJECT_MATVIEW, pg.OBJECT_FOREIGN_TABLE, pg.OBJECT_FUNCTION, pg.OBJECT_PROCEDURE, pg.OBJECT_ROUTINE),
        *(pg.OBJECT_TYPE, pg.OBJECT_DOMAIN),
    }
)


def _label(node: Node, scope: Scope) -> str:
    """`schema.name` of what a RENAME or SET SCHEMA is about."""
    if node.HasField("relation"):
        return str(scope.table(node.relation))
    item = unwrap(node.object)
    return scope.signature(item) if kind(item) == "ObjectWithArgs" else str(scope.name(string_parts(item.items)))


_READERS: dict[str, Callable[[Node, Scope], Acts]] = {
    "CreateStmt": _create_table,
    "CreateTableAsStmt": _create_table_as,
    "CreateSchemaStmt": _create_schema,
    "CreateExtensionStmt": _create_extension,
    "CreateEventTrigStmt": _create_event_trigger,
    "IndexStmt": _create_index,
    "CreateTrigStmt": _create_trigger,
    "CreateEnumStmt": _of_type,
    "CreateRangeStmt": _of_type,
    "CompositeTypeStmt": _composite,
    "CreateDomainStmt": _domain,
    "CreateSeqStmt": _sequence,
    "AlterEnumStmt": _enum_value,
    "CreateFunctionStmt": function_acts,
    "AlterFunctionStmt": function_acts,
    "ViewStmt": view_acts,
    "AlterTableStmt": alter_table_acts,
    "DropStmt": _drop,
    "DropRoleStmt": _drop_role,
    "DropOwnedStmt": _drop_owned,
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": _move,
    "TruncateStmt": truncate_acts,
    "UpdateStmt": update_acts,
    "DeleteStmt": delete_acts,
    "InsertStmt": insert_acts,
    "MergeStmt": merge_acts,
    "SelectStmt": select_acts,
    "CallStmt": call_acts,
    "VariableSetStmt": set_acts,
    "CommentStmt": comment_acts,
    "GrantStmt": grant_acts,
    "AlterDefaultPrivilegesStmt": grant_acts,
    "GrantRoleStmt": membership_acts,
    "CreateRoleStmt": role_acts,
    "AlterRoleStmt": role_acts,
    "AlterOwnerStmt": owner_acts,
    "ReassignOwnedStmt": owner_acts,
    "CreatePolicyStmt": policy_acts,
    "AlterPolicyStmt": policy_acts,
}
