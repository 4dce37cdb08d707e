"""CREATE and ALTER of functions and views as acts: whose rights they run with, and by which search_path."""

from __future__ import annotations

from collections.abc import Iterator

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.migration_actions import (
    Action,
    FunctionAltered,
    FunctionWritten,
    Made,
    NeedsVersion,
    QualifiedName,
    ViewWritten,
)
from platformkit_pipeline.sqltext.migration_names import Scope, type_text
from platformkit_pipeline.sqltext.migration_tables import option_of
from platformkit_pipeline.sqltext.parser import Node, kind, string_parts, unwrap

_INPUTS = frozenset({pg.FUNC_PARAM_IN, pg.FUNC_PARAM_INOUT, pg.FUNC_PARAM_VARIADIC, pg.FUNC_PARAM_DEFAULT})


def function_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """CREATE [OR REPLACE] FUNCTION and PROCEDURE, ALTER FUNCTION."""
    if kind(node) == "AlterFunctionStmt":
        name = scope.name(string_parts(node.func.objname))
        options = [unwrap(option) for option in node.actions]
        arguments = None if node.func.args_unspecified else ", ".join(type_text(unwrap(a)) for a in node.func.objargs)
        yield FunctionAltered(line=0, name=name, arguments=arguments, definer=_definer(options), fixed_path=_fixed_path(options))
        return
    options = [unwrap(option) for option in node.options]
    inputs = [unwrap(parameter) for parameter in node.parameters]
    arguments = ", ".join(type_text(p.arg_type) for p in inputs if p.mode in _INPUTS)
    name = scope.name(string_parts(node.funcname))
    yield Made(line=0, kind="function", name=f"{name}({arguments})", guarded=node.replace)
    yield FunctionWritten(
        line=0,
        name=name,
        arguments=arguments,
        replaces=node.replace,
        definer=bool(_definer(options)),
        fixed_path=bool(_fixed_path(options)) or node.HasField("sql_body"),
        body=_body(options),
    )


def _definer(options: list[Node]) -> bool | None:
    for option in options:
        if option.defname == "security":
            return bool(unwrap(option.arg).boolval)
    return None


def _fixed_path(options: list[Node]) -> bool | None:
    """True when search_path is set, False when it is reset; None when nothing is said about it."""
    said: bool | None = None
    for option in options:
        if option.defname != "set":
            continue
        setting = unwrap(option.arg)
        if setting.kind == pg.VAR_RESET_ALL or (setting.name == "search_path" and setting.kind in (pg.VAR_RESET, pg.VAR_SET_DEFAULT)):
            said = False
        elif setting.name == "search_path":
            said = True
    return said


def _body(options: list[Node]) -> str:
    for option in options:
        if option.defname == "as":
            items = unwrap(option.arg)
            return str(unwrap(items.items[0]).sval) if kind(items) == "List" and len(items.items) else ""
    return ""


def view_acts(node: Node, scope: Scope) -> Iterator[Action]:
    """CREATE [OR REPLACE] VIEW; a temporary one is nobody's concern."""
    if node.view.relpersistence == "t":
        return
    name: QualifiedName = scope.table(node.view)
    invoker = option_of(node.options, "security_invoker")
    yield Made(line=0, kind="view", name=str(name), guarded=node.replace)
    yield ViewWritten(line=0, name=name, replaces=node.replace, invoker=bool(invoker))
    if invoker is not None:
        yield NeedsVersion(line=0, what="security_invoker", version=15)
