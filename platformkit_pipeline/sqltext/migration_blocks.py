"""Bodies of DO blocks: their statements, also those of dynamic SQL whose text can be told, and the reasons where it cannot.

`format()` with names (`%I`) and literals (`%L`) in a constant template is followed: which statement it is stands in the
template, and the name becomes `ANY_NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from platformkit_pipeline.sqltext.migration_actions import ANY_NAME, Action, Unreadable
from platformkit_pipeline.sqltext.migration_script import ScriptStatement
from platformkit_pipeline.sqltext.parser import (
    Node,
    SqlSyntaxError,
    children,
    constant_of,
    kind,
    operator_of,
    parse_expression,
    parse_plpgsql,
    parse_statements,
    string_parts,
    unwrap,
)

Read = Callable[[Node, int, bool], Iterator[Action]]
"""From a statement, its line, and whether it is certainly run, to acts."""

_TAG = re.compile(r"'|\$(?:[^\W\d]\w*)?\$")
_PLACEHOLDER = re.compile(r"%(?:\d+\$)?-?\d*(?P<type>[%sIL])")
_CONDITIONAL = frozenset(
    {
        *("PLpgSQL_stmt_if", "PLpgSQL_stmt_case", "PLpgSQL_stmt_loop", "PLpgSQL_stmt_while", "PLpgSQL_stmt_fori", "PLpgSQL_stmt_fors"),
        *("PLpgSQL_stmt_forc", "PLpgSQL_stmt_foreach_a", "PLpgSQL_stmt_dynfors", "PLpgSQL_exception_block"),
    }
)
_LEAVING = frozenset({"PLpgSQL_stmt_return", "PLpgSQL_stmt_exit"})


def block_actions(statement: ScriptStatement, read: Read) -> Iterator[Action]:
    """The acts of one DO statement. What cannot be followed is an `Unreadable` act."""
    options = {o.def_elem.defname: unwrap(o.def_elem.arg) for o in statement.node.args}
    language = options["language"].sval if "language" in options else "plpgsql"
    body = options["as"].sval if "as" in options else ""
    if language != "plpgsql":
        yield Unreadable(line=statement.line, reason=f"a DO block in {language} is not read", hint=body.lower())
        return
    tag = _TAG.search(statement.text)
    first = statement.line + (statement.text.count("\n", 0, tag.start()) if tag else 0)
    try:
        function = parse_plpgsql(f"create function pg_temp.block() returns void language plpgsql as {_quoted(body)}")
    except SqlSyntaxError as error:
        yield Unreadable(line=first, reason=f"the body of a DO block does not parse: {error}", hint=body.lower())
        return
    yield from _walk(_defaults(function), first, True, read, first)
    yield from _walk(function.get("action"), first, True, read, first)


def _defaults(function: Any) -> list[Any]:
    """Values that variables are declared with."""
    variables = (datum.get("PLpgSQL_var", {}) for datum in function.get("datums", ()))
    return [variable["default_val"] for variable in variables if "default_val" in variable]


def body_actions(node: Node, definition: str, read: Read) -> Iterator[Action]:
    """The acts of the body of a function, from its CREATE statement. Raises SqlSyntaxError."""
    options = {o.def_elem.defname: unwrap(o.def_elem.arg) for o in node.options}
    language = options["language"].sval if "language" in options else "sql"
    match language:
        case "plpgsql":
            function = parse_plpgsql(definition)
            yield from _walk([*_defaults(function), function.get("action")], 1, True, read)
        case "sql":
            text = "" if node.HasField("sql_body") else str(unwrap(options["as"].items[0]).sval)
            for statement in (*parse_statements(text), *_atomic(node)):
                yield from read(statement, 1, True)
        case _ if language not in ("c", "internal"):
            yield Unreadable(line=1, reason=f"it calls a function in {language}, which is not read", hint=definition.lower())


def _atomic(node: Node) -> Iterator[Node]:
    """Statements of BEGIN ATOMIC ... END, or the one of RETURN."""
    if node.HasField("sql_body"):
        body = unwrap(node.sql_body)
        for part in body.items if kind(body) == "List" else (body,):
            inner = unwrap(part)
            yield from map(unwrap, inner.items) if kind(inner) == "List" else (inner,)


def _quoted(body: str) -> str:
    tag = "$platformkit$"
    while tag in body:
        tag = f"${tag.strip('$')}_$"
    return f"{tag}{body}{tag}"


def _walk(part: Any, first: int, certain: bool, read: Read, line: int = 1) -> Iterator[Action]:
    """`line` is that of the statement around `part`: expressions do not tell theirs."""
    if isinstance(part, list):
        for item in part:
            yield from _walk(item, first, certain, read, line)
            certain = certain and not _may_leave(item)
        return
    if not isinstance(part, dict):
        return
    for name, value in part.items():
        if isinstance(value, dict) and "lineno" in value:
            line = first + value["lineno"] - 1
        match name:
            case "PLpgSQL_stmt_execsql":
                yield from _static(_query(value.get("sqlstmt")), line, certain, read)
            case "PLpgSQL_stmt_perform":
                yield from _static(_query(value.get("expr")), line, certain, read)
            case "PLpgSQL_stmt_dynexecute":
                yield from _dynamic(_query(value.get("query")), line, certain, read)
            case "PLpgSQL_stmt_dynfors":
                yield from _dynamic(_query(value.get("query")), line, certain, read)
                yield from _walk(value.get("body"), first, False, read, line)
            case "dynquery":  # OPEN ... FOR EXECUTE, RETURN QUERY EXECUTE
                yield from _dynamic(_query(value), line, certain, read)
            case "PLpgSQL_expr":
                yield from _value(value, line, certain, read)
            case "PLpgSQL_stmt_block":
                handled = "exceptions" in value
                yield from _walk(value, first, certain and not handled, read, line)
            case _ if name in _CONDITIONAL:
                yield from _walk(value, first, False, read, line)
            case _:
                yield from _walk(value, first, certain, read, line)


_STATEMENT, _ASSIGNMENT = 0, 3
"""Modes in which the parser reads the text of an expression."""


def _value(expression: Any, line: int, certain: bool, read: Read) -> Iterator[Action]:
    """A query that a loop, a cursor or RETURN QUERY runs, or an expression, which may call functions."""
    text, mode = str(expression.get("query", "")), expression.get("parseMode", _STATEMENT)
    if mode == _ASSIGNMENT:
        text = text.partition("=")[2]
    if mode != _STATEMENT and "(" not in text:
        return
    try:
        statements = parse_statements(text if mode == _STATEMENT else f"select {text}")
    except SqlSyntaxError:
        return
    for node in statements:
        yield from read(node, line, certain)


def _may_leave(part: Any) -> bool:
    """`if ... then return; end if`: what stands behind it is done only sometimes."""
    if isinstance(part, dict):
        return any(name in _LEAVING or _may_leave(value) for name, value in part.items())
    return isinstance(part, list) and any(_may_leave(item) for item in part)


def _query(expression: Any) -> str:
    return str((expression or {}).get("PLpgSQL_expr", {}).get("query", ""))


def _static(text: str, line: int, certain: bool, read: Read) -> Iterator[Action]:
    try:
        statements = parse_statements(text)
    except SqlSyntaxError as error:
        yield Unreadable(line=line, reason=f"a statement of a DO block does not parse: {error}", hint=text.lower())
        return
    for node in statements:
        yield from read(node, line, certain)


def _dynamic(text: str, line: int, certain: bool, read: Read) -> Iterator[Action]:
    try:
        expression = parse_expression(text)
    except SqlSyntaxError:
        expression = None
    told = _told(expression) if expression is not None else None
    if told is not None:
        try:
            statements = parse_statements(told)
        except SqlSyntaxError:
            statements = None
        if statements is not None:
            for node in statements:
                yield from read(node, line, certain)
            return
    hint = " ".join(_constants(expression)) if expression is not None else text
    yield Unreadable(line=line, certain=certain, reason="EXECUTE of a text that is put together when it runs", hint=hint.lower())


def _told(node: Node) -> str | None:
    """The text that an expression gives, with `ANY_NAME` for the names in it; None when more than names is open."""
    node = unwrap(node)
    constant = constant_of(node)
    if constant is not None:
        return constant.value if isinstance(constant.value, str) else None
    if kind(node) == "TypeCast":
        return _told(node.arg)
    if operator_of(node) == "||":
        parts = [_told(node.lexpr), _told(node.rexpr)]
        return None if None in parts else "".join(part for part in parts if part is not None)
    if kind(node) != "FuncCall":
        return None
    name = string_parts(node.funcname)[-1]
    if name == "quote_ident":
        return ANY_NAME
    if name in ("quote_literal", "quote_nullable"):
        return f"'{ANY_NAME}'"
    return _formatted(node) if name == "format" and len(node.args) else None


def _formatted(call: Node) -> str | None:
    template = constant_of(unwrap(call.args[0]))
    if template is None or not isinstance(template.value, str):
        return None
    types = {match["type"] for match in _PLACEHOLDER.finditer(template.value)}
    if "s" in types:
        return None
    standing = {"%": "%", "I": ANY_NAME, "L": f"'{ANY_NAME}'"}
    return _PLACEHOLDER.sub(lambda match: standing[match["type"]], template.value)


def _constants(node: Node) -> Iterator[str]:
    constant = constant_of(node)
    if constant is not None and isinstance(constant.value, str):
        yield constant.value
    for child in children(node):
        yield from _constants(child)
