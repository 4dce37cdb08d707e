"""What the bodies of SQL and PL/pgSQL functions hold.

As one expression, where a helper that policies call returns one value: no branches, loops, exception handlers, dynamic
SQL or nested blocks. As facts, whatever the body does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from platformkit_pipeline.sqltext.expression_facts import ExpressionFacts, facts_of, facts_of_query, facts_together
from platformkit_pipeline.sqltext.parser import (
    CACHE_SIZE,
    Node,
    kind,
    parse_expression,
    parse_plpgsql,
    parse_statements,
    value_of_select,
)

_ASSIGNMENT = re.compile(r"^\s*[^:=]+?\s*:?=")
_ATOMIC = re.compile(r"\s*begin\s+atomic\b(?P<body>.*)\bend\s*\Z", re.IGNORECASE | re.DOTALL)
_RETURN = re.compile(r"\s*return\b", re.IGNORECASE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_RETURNED_NAME = re.compile(r"\breturn\s+(?P<name>[a-z_][a-z0-9_$]*)\s*;", re.IGNORECASE)
_READABLE_STATEMENTS = frozenset({"PLpgSQL_stmt_return", "PLpgSQL_stmt_assign", "PLpgSQL_stmt_execsql"})
_IMPLICIT_VARIABLES = frozenset({"found", "sqlstate", "sqlerrm"})


def returned_by_sql(body: str) -> Node | None:
    """The expression of a body `select x`, `return x` or `begin atomic select x; end`; the SELECT when it reads tables.

    None for anything longer. Raises SqlSyntaxError for text that does not parse.
    """
    if start := _RETURN.match(body):
        return parse_expression(body[start.end() :])
    atomic = _ATOMIC.fullmatch(body)
    statements = parse_statements(atomic["body"] if atomic else body)
    if len(statements) != 1 or kind(statements[0]) != "SelectStmt":
        return None
    return _value_or_select(statements[0])


def statements_of_sql(body: str) -> tuple[int, tuple[Node, ...]]:
    """Statements of a body in SQL (the expression, of RETURN), and where the text begins that their locations count from.

    Raises SqlSyntaxError.
    """
    if start := _RETURN.match(body):
        return start.end() - len("select "), (parse_expression(body[start.end() :]),)
    atomic = _ATOMIC.fullmatch(body)
    return (atomic.start("body"), parse_statements(atomic["body"])) if atomic else (0, parse_statements(body))


def returned_by_plpgsql(definition: str) -> Node | None:
    """The expression that a PL/pgSQL function returns, or the SELECT whose rows it returns; None when it is not one value.

    `definition` is the whole CREATE FUNCTION. A returned variable is followed to its only assignment
    (default, `:=` or SELECT INTO). Raises SqlSyntaxError.
    """
    function = parse_plpgsql(definition)
    block = function["action"]["PLpgSQL_stmt_block"]
    statements = [
        (name, body)
        for statement in block.get("body", [])
        for name, body in statement.items()
        if name != "PLpgSQL_stmt_raise" and not (name == "PLpgSQL_stmt_return" and "lineno" not in body)  # the parser's own closing RETURN
    ]
    names = [name for name, _ in statements]
    if "exceptions" in block or not names:
        return None
    if names[0] == "PLpgSQL_stmt_return_query" and set(names[1:]) <= {"PLpgSQL_stmt_return"}:
        return None if _variables(function) else _queried(statements[0][1].get("query"))
    if names.count("PLpgSQL_stmt_return") != 1 or set(names) - _READABLE_STATEMENTS:
        return None
    expression = next(body for name, body in statements if name == "PLpgSQL_stmt_return").get("expr")
    if expression is None:
        return _value_of_variable(function, statements, _RETURNED_NAME.findall(_COMMENT.sub(" ", definition)))
    if _variables(function) or len(names) > 1:
        return None  # the expression may use what was assigned before
    return parse_expression(expression["PLpgSQL_expr"]["query"])


@lru_cache(maxsize=CACHE_SIZE)
def facts_of_function(language: str, body: str | None, definition: str | None) -> ExpressionFacts | None:
    """What all statements and expressions of a body mention; None for a language that cannot be read.

    `body` is that of an SQL function, `definition` the whole CREATE FUNCTION of one in PL/pgSQL. Raises SqlSyntaxError.
    """
    if language == "sql" and body:
        if start := _RETURN.match(body):
            return facts_of(body[start.end() :])
        atomic = _ATOMIC.fullmatch(body)
        return facts_of_query(atomic["body"] if atomic else body)
    if language == "plpgsql" and definition:
        return facts_together(_facts_of_expression(found) for found in _expressions(parse_plpgsql(definition)))
    return None


def _expressions(part: Any) -> Iterator[dict[str, Any]]:
    """Every SQL text inside a parsed PL/pgSQL function."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "PLpgSQL_expr":
                yield value
            else:
                yield from _expressions(value)
    elif isinstance(part, list):
        for item in part:
            yield from _expressions(item)


_WHOLE_STATEMENT, _PLAIN_EXPRESSION = 0, 2
"""RawParseMode of the parser; the greater ones are assignments."""


def _facts_of_expression(found: dict[str, Any]) -> ExpressionFacts:
    mode = found.get("parseMode", _WHOLE_STATEMENT)
    if mode == _WHOLE_STATEMENT:
        return facts_of_query(found["query"])
    return facts_of(found["query"] if mode == _PLAIN_EXPRESSION else _ASSIGNMENT.sub("", found["query"], count=1))


def _value_or_select(select: Node) -> Node:
    value = value_of_select(select)
    return select if value is None else value


def _queried(query: dict[str, Any] | None) -> Node | None:
    parsed = parse_statements(query["PLpgSQL_expr"]["query"]) if query else ()
    return parsed[0] if len(parsed) == 1 and kind(parsed[0]) == "SelectStmt" else None


def _variables(function: dict[str, Any]) -> list[str]:
    """Declared variables, records included; arguments carry no line number."""
    found = []
    for datum in function.get("datums", []):
        for form, body in datum.items():
            if form != "PLpgSQL_row" and (form != "PLpgSQL_var" or body.get("lineno")) and body.get("refname") not in _IMPLICIT_VARIABLES:
                found.append(str(body.get("refname")))
    return found


def _value_of_variable(function: dict[str, Any], statements: list[tuple[str, Any]], returned: list[str]) -> Node | None:
    """`return v` is resolved by the parser to a number that its JSON leaves out; the name is read from the text."""
    if len(returned) != 1:
        return None
    name = returned[0].lower()
    declared = _variables(function)
    if declared != [name]:
        return None  # another variable, or an argument, may have flown into it
    values = [*_defaults(function), *_assigned(statements, name)]
    return values[0] if len(values) == 1 else None


def _defaults(function: dict[str, Any]) -> Iterator[Node]:
    for datum in function.get("datums", []):
        default = datum.get("PLpgSQL_var", {}).get("default_val")
        if default:
            yield parse_expression(default["PLpgSQL_expr"]["query"])


def _assigned(statements: list[tuple[str, Any]], name: str) -> Iterator[Node | None]:
    """Values given to the variable; None for one that cannot be read."""
    for kind_of_statement, statement in statements:
        if kind_of_statement == "PLpgSQL_stmt_assign":
            query = statement["expr"]["PLpgSQL_expr"]["query"]
            target = _ASSIGNMENT.match(query)
            ours = target is not None and target[0].rstrip(":= ").strip().lower() == name
            yield parse_expression(_ASSIGNMENT.sub("", query, count=1)) if ours else None
        elif kind_of_statement == "PLpgSQL_stmt_execsql":
            fields = statement.get("target", {}).get("PLpgSQL_row", {}).get("fields", [])
            parsed = parse_statements(statement["sqlstmt"]["PLpgSQL_expr"]["query"])
            ours = [f["name"] for f in fields] == [name] and len(parsed) == 1 and kind(parsed[0]) == "SelectStmt"
            yield _value_or_select(parsed[0]) if ours else None
