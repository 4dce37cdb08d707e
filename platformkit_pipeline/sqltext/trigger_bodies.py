"""What a trigger function does when it fires: which columns of NEW it sets, where it writes, whether it lets the row through.

Every branch counts unless TG_OP rules it out for the operation that is asked about. What is built at run time (EXECUTE)
cannot be read; the answer then says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import (
    CACHE_SIZE,
    Node,
    SqlSyntaxError,
    bare,
    children,
    column_path,
    constant_of,
    kind,
    parse_expression,
    parse_plpgsql,
    parse_statements,
    string_parts,
    unwrap,
)

Name = tuple[str, str]
"""(schema, object); the schema is empty where none is written."""

_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_ASSIGNMENT = re.compile(
    rf"\s*(?P<record>{_IDENTIFIER})(?:\s*\.\s*(?P<field>{_IDENTIFIER}))?(?:\s*\.\s*{_IDENTIFIER}|\s*\[[^\]]*\])*\s*:?=(?P<value>.*)",
    re.DOTALL,
)
_ATOMIC = re.compile(r"\s*begin\s+atomic\b(?P<body>.*)\bend\s*;?\s*\Z", re.IGNORECASE | re.DOTALL)
_STATEMENT_MODE, _ASSIGNMENT_MODE = 0, 3
"""`parseMode` of an expression: 0 a whole statement, 2 an expression, 3 and more an assignment."""
_ERROR = 21
"""Level of RAISE EXCEPTION; lower levels only send a message."""
_CASE_VARIABLE = "__Case__Variable_"
_LOOPS = frozenset({"loop", "while", "fori", "fors", "forc", "foreach_a", "dynfors"})

# how a list of statements may end
_ON, _RAISES, _NO_ROW, _ROW = "goes on", "raises", "returns null", "returns a row"


@dataclass(frozen=True, slots=True)
class Effects:
    """What a function may do; see the fields."""

    sets: frozenset[str] = frozenset()
    """Columns of NEW that are assigned."""
    remakes_row: bool = False
    """NEW as a whole is assigned, or the returned row comes out of an expression: any column may have been set."""
    inserts_into: frozenset[Name] = frozenset()
    updates: frozenset[tuple[str, str, str]] = frozenset()
    """(schema, relation, column) of UPDATE statements."""
    changes: frozenset[Name] = frozenset()
    """Relations whose rows UPDATE, DELETE, MERGE or TRUNCATE may touch."""
    calls: frozenset[Name] = frozenset()
    runs_dynamic_sql: bool = False
    refuses: bool = False
    """Every path raises an exception."""
    lets_no_row_through: bool = False
    """Every path raises an exception or returns NULL, so that a BEFORE ROW trigger stops the row."""


@lru_cache(maxsize=CACHE_SIZE)
def effects_of_plpgsql(definition: str, operation: str | None = None) -> Effects:
    """Effects of a whole CREATE FUNCTION in PL/pgSQL when TG_OP is `operation`. Raises SqlSyntaxError."""
    function = parse_plpgsql(definition)
    reader = _Reader(operation)
    try:
        ends = reader.block(function["action"]["PLpgSQL_stmt_block"])
    except RecursionError:
        raise SqlSyntaxError("it is nested too deeply to be read") from None
    return reader.effects(ends)


@lru_cache(maxsize=CACHE_SIZE)
def effects_of_sql(body: str) -> Effects:
    """Effects of the body of an SQL function: a script, or BEGIN ATOMIC. Raises SqlSyntaxError."""
    atomic = _ATOMIC.fullmatch(body)
    reader = _Reader(None)
    for statement in parse_statements(atomic["body"] if atomic else body):
        reader.sql(statement)
    return reader.effects(frozenset({_ROW}))


class _Reader:
    def __init__(self, operation: str | None) -> None:
        self._operation = operation
        self._sets: set[str] = set()
        self._remakes_row = False
        self._inserts: set[Name] = set()
        self._updates: set[tuple[str, str, str]] = set()
        self._changes: set[Name] = set()
        self._calls: set[Name] = set()
        self._dynamic = False

    def effects(self, ends: frozenset[str]) -> Effects:
        return Effects(
            sets=frozenset(self._sets),
            remakes_row=self._remakes_row,
            inserts_into=frozenset(self._inserts),
            updates=frozenset(self._updates),
            changes=frozenset(self._changes),
            calls=frozenset(self._calls),
            runs_dynamic_sql=self._dynamic,
            refuses=ends <= {_RAISES},
            lets_no_row_through=ends <= {_RAISES, _NO_ROW},
        )

    # -- statements of PL/pgSQL; each answers how it may end ------------------------------------------------------------
    def block(self, block: dict[str, Any]) -> frozenset[str]:
        ends = self.statements(block.get("body", []))
        if "exceptions" not in block:
            return ends
        self._expressions(block["exceptions"])
        for handler in block["exceptions"]["PLpgSQL_exception_block"].get("exc_list", []):
            ends |= self.statements(handler["PLpgSQL_exception"].get("action", []))
        return ends | {_ON}  # a handler may catch what is raised in the block

    def statements(self, statements: Iterable[dict[str, Any]]) -> frozenset[str]:
        ends: set[str] = set()
        for statement in statements:
            for name, body in statement.items():
                one = self._statement(name.removeprefix("PLpgSQL_stmt_"), body)
                ends |= one - {_ON}
                if _ON not in one:
                    return frozenset(ends)
        return frozenset({*ends, _ON})

    def _statement(self, name: str, body: dict[str, Any]) -> frozenset[str]:
        match name:
            case "block":
                return self.block(body)
            case "if":
                return self._if(body)
            case "case":
                return self._case(body)
            case "raise":
                self._expressions(body)
                return frozenset({_RAISES if body.get("elog_level", _ERROR) >= _ERROR else _ON})
            case "return":
                return self._return(body)
            case "return_query" if "dynquery" in body:
                self._dynamic = True
            case "dynexecute" | "dynfors":
                self._dynamic = True
            case _:
                pass
        self._targets(body)
        if name in _LOOPS:
            ends = self.statements(body.get("body", []))
            self._expressions({key: value for key, value in body.items() if key != "body"})
            return ends | {_ON}
        self._expressions(body)
        return frozenset({_ON})

    def _if(self, body: dict[str, Any]) -> frozenset[str]:
        branches = [(body["cond"], body.get("then_body", []))]
        branches += [(b["PLpgSQL_if_elsif"]["cond"], b["PLpgSQL_if_elsif"].get("stmts", [])) for b in body.get("elsif_list", [])]
        return self._branches([(c["PLpgSQL_expr"]["query"], s) for c, s in branches], body.get("else_body", []), of_operation=False)

    def _case(self, body: dict[str, Any]) -> frozenset[str]:
        subject = body.get("t_expr")
        of_operation = False
        if subject is not None:
            self._expressions(subject)
            of_operation = _is_operation(bare(parse_expression(subject["PLpgSQL_expr"]["query"])), of_operation=False)
        branches = [w["PLpgSQL_case_when"] for w in body.get("case_when_list", [])]
        otherwise = body.get("else_stmts", []) if body.get("have_else") else [{"PLpgSQL_stmt_raise": {}}]  # case_not_found
        return self._branches(
            [(b["expr"]["PLpgSQL_expr"]["query"], b.get("stmts", [])) for b in branches], otherwise, of_operation=of_operation
        )

    def _branches(
        self, branches: list[tuple[str, list[dict[str, Any]]]], otherwise: list[dict[str, Any]], *, of_operation: bool
    ) -> frozenset[str]:
        ends: frozenset[str] = frozenset()
        for condition, statements in branches:
            node = parse_expression(condition)
            self.sql(node)
            holds = _holds(node, self._operation, of_operation=of_operation)
            if holds is False:
                continue
            ends |= self.statements(statements)
            if holds:
                return ends
        return ends | self.statements(otherwise)

    def _return(self, body: dict[str, Any]) -> frozenset[str]:
        if "lineno" not in body:  # the parser's own closing RETURN: a trigger function that gets here fails
            return frozenset({_RAISES})
        if "expr" not in body:
            return frozenset({_ROW})
        value = parse_expression(body["expr"]["PLpgSQL_expr"]["query"])
        constant = constant_of(bare(value))
        if constant is not None and constant.value is None:
            return frozenset({_NO_ROW})
        self.sql(value)
        self._remakes_row |= _makes_a_row(value)
        return frozenset({_ROW})

    def _targets(self, body: dict[str, Any]) -> None:
        """INTO new.column, INTO new, and loop variables."""
        for target in (body.get("target", {}), body.get("var", {})):
            for datum in target.values():
                self._remakes_row |= datum.get("refname") == "new"
                for one in datum.get("fields", []):
                    record, _, column = one["name"].partition(".")
                    if record == "new":
                        self._sets.add(column)

    def _expressions(self, value: Any) -> None:
        """Every SQL text below, in whatever statement it stands."""
        if isinstance(value, list):
            for item in value:
                self._expressions(item)
        elif isinstance(value, dict):
            for key, inner in value.items():
                if key == "PLpgSQL_expr":
                    self._text(inner["query"], inner.get("parseMode", _STATEMENT_MODE))
                elif key != "action":  # of exception handlers, which are read as statements
                    self._expressions(inner)

    def _text(self, text: str, mode: int) -> None:
        if mode >= _ASSIGNMENT_MODE:
            text = self._assigned(text)
        if mode == _STATEMENT_MODE:
            for statement in parse_statements(text):
                self.sql(statement)
        else:
            self.sql(parse_expression(text))

    def _assigned(self, text: str) -> str:
        """Notes the target of an assignment; the text of its value."""
        match = _ASSIGNMENT.fullmatch(text)
        if match is None:
            raise SqlSyntaxError("an assignment cannot be read")
        if _name(match["record"]) == "new":
            if match["field"]:
                self._sets.add(_name(match["field"]))
            else:
                self._remakes_row = True
        return match["value"]

    # -- SQL ----------------------------------------------------------------------------------------------------------
    def sql(self, node: Node) -> None:
        match kind(node):
            case "InsertStmt":
                self._inserts.add(_relation(node.relation))
                if node.HasField("on_conflict_clause") and node.on_conflict_clause.action == pg.ONCONFLICT_UPDATE:
                    self._changes.add(_relation(node.relation))
            case "MergeStmt":
                self._inserts.add(_relation(node.relation))
                self._changes.add(_relation(node.relation))
            case "DeleteStmt":
                self._changes.add(_relation(node.relation))
            case "TruncateStmt":
                self._changes.update(_relation(unwrap(relation)) for relation in node.relations)
            case "UpdateStmt":
                schema, name = _relation(node.relation)
                self._changes.add((schema, name))
                self._updates.update((schema, name, unwrap(target).name) for target in node.target_list)
            case "FuncCall":
                names = string_parts(node.funcname)
                self._calls.add((names[-2] if len(names) > 1 else "", names[-1]))
            case _:
                pass
        for child in children(node):
            self.sql(child)


def _relation(range_var: Any) -> Name:
    return (str(range_var.schemaname), str(range_var.relname))


def _name(identifier: str) -> str:
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier.lower()


def _makes_a_row(value: Node) -> bool:
    """False for `new`, `old` and choices between them: coalesce(new, old), case when ... then old else new end."""
    match kind(value):
        case "ColumnRef":
            return column_path(value) not in (("new",), ("old",))
        case "CoalesceExpr":
            return any(_makes_a_row(unwrap(item)) for item in value.args)
        case "CaseExpr":
            results = [unwrap(unwrap(when).result) for when in value.args]
            return any(map(_makes_a_row, [*results, *([unwrap(value.defresult)] if value.HasField("defresult") else [])]))
        case _:
            return True


def _holds(node: Any, operation: str | None, *, of_operation: bool) -> bool | None:
    """Whether a condition is true when TG_OP is `operation`; None when that does not decide it."""
    if operation is None:
        return None
    if kind(node) == "BoolExpr":
        parts = [_holds(unwrap(part), operation, of_operation=of_operation) for part in node.args]
        if node.boolop == pg.NOT_EXPR:
            return None if parts[0] is None else not parts[0]
        decisive = bool(node.boolop == pg.OR_EXPR)
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    if kind(node) != "A_Expr" or node.kind not in (pg.AEXPR_OP, pg.AEXPR_IN):
        return None
    operator = node.name[-1].string.sval
    if operator not in ("=", "<>") or not _is_operation(bare(unwrap(node.lexpr)), of_operation=of_operation):
        return None
    right = unwrap(node.rexpr)
    constants = [constant_of(bare(unwrap(item))) for item in (right.items if kind(right) == "List" else (right,))]
    if any(constant is None for constant in constants):
        return None
    return (operation in [constant.value for constant in constants if constant]) is (operator == "=")


def _is_operation(node: Node, *, of_operation: bool) -> bool:
    path = column_path(node)
    return path == ("tg_op",) or (of_operation and path is not None and path[-1].startswith(_CASE_VARIABLE))
