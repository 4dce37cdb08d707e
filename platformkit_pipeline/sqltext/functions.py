"""What a small function returns, as one expression: bodies of SQL and PL/pgSQL helpers that policies call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from platformkit_pipeline.sqltext.parser import (
    Node,
    kind,
    parse_expression,
    parse_plpgsql,
    parse_statements,
    value_of_select,
)

_ASSIGNMENT = re.compile(r"^\s*[^:=]+?\s*:?=")


def returned_by_sql(body: str) -> Node | None:
    """The expression of a body `select x`, `return x` or `begin atomic select x; end`; None for anything longer.

    Raises SqlSyntaxError for text that does not parse.
    """
    text = body.strip()
    if text.upper().startswith("RETURN"):
        return parse_expression(text[len("RETURN") :])
    if text.upper().startswith("BEGIN ATOMIC"):
        text = text[len("BEGIN ATOMIC") :].strip().removesuffix(";")
        text = text[: -len("END")] if text.upper().endswith("END") else text
    statements = parse_statements(text)
    return value_of_select(statements[0]) if len(statements) == 1 else None


def select_of_sql(body: str) -> Node | None:
    """The single SELECT of an SQL body, with its FROM clause; None when the body holds something else."""
    statements = parse_statements(body)
    return statements[0] if len(statements) == 1 and kind(statements[0]) == "SelectStmt" else None


def returned_by_plpgsql(definition: str) -> Node | None:
    """The expression that a PL/pgSQL function returns, when there is exactly one and it is not conditional.

    `definition` is the whole CREATE FUNCTION. A returned variable is followed to its only assignment
    (default, `:=` or SELECT INTO). Raises SqlSyntaxError.
    """
    function = parse_plpgsql(definition)
    statements = list(_flat(function["action"]["PLpgSQL_stmt_block"].get("body", [])))
    returns = [body for name, body in statements if name == "PLpgSQL_stmt_return"]
    branching = {
        "PLpgSQL_stmt_if",
        "PLpgSQL_stmt_case",
        "PLpgSQL_stmt_loop",
        "PLpgSQL_stmt_while",
        "PLpgSQL_stmt_fori",
        "PLpgSQL_stmt_fors",
    }
    if len(returns) != 1 or any(name in branching for name, _ in statements):
        return None
    if "expr" in returns[0]:
        return parse_expression(returns[0]["expr"]["PLpgSQL_expr"]["query"])
    # `return v` is resolved by the parser to a variable number that its JSON leaves out: follow the only value there is
    values = [*_defaults(function), *_assigned(statements)]
    return values[0] if len(values) == 1 else None


def _defaults(function: dict[str, Any]) -> Iterator[Node]:
    for datum in function.get("datums", []):
        default = datum.get("PLpgSQL_var", {}).get("default_val")
        if default:
            yield parse_expression(default["PLpgSQL_expr"]["query"])


def _assigned(statements: list[tuple[str, Any]]) -> Iterator[Node | None]:
    for name, statement in statements:
        if name == "PLpgSQL_stmt_assign":
            yield parse_expression(_ASSIGNMENT.sub("", statement["expr"]["PLpgSQL_expr"]["query"], count=1))
        elif name == "PLpgSQL_stmt_execsql" and statement.get("into"):
            parsed = parse_statements(statement["sqlstmt"]["PLpgSQL_expr"]["query"])
            yield value_of_select(parsed[0]) if len(parsed) == 1 else None


def _flat(statements: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    for statement in statements:
        for name, body in statement.items():
            yield name, body
            if name == "PLpgSQL_stmt_block":
                yield from _flat(body.get("body", []))
