"""What a PL/pgSQL function returns, as one expression: branches become CASE, variables are put in where they are used.

Loops, dynamic SQL, nested blocks, records and statements that write are not followed. A RAISE EXCEPTION becomes NULL: nobody gets a
row by it. So does a handler of errors that raises or returns NULL or false; any other handler makes the function unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import (
    Node,
    SqlSyntaxError,
    bare,
    constant_of,
    kind,
    parse_expression,
    parse_plpgsql,
    parse_statements,
    value_of_select,
    wrapped,
)

Substitute = Callable[[Node, Mapping[str, Node]], Node]
"""The expression with what stands for the names in it put in."""

MAX_STEPS = 400
"""Statements gone through: branches that meet again are followed once for each way to them."""
MAX_VALUE_BYTES = 40_000
"""Size of a value as the parser keeps it: variables that are put into one another grow without bound."""
_ERROR = 21
"""Level of RAISE EXCEPTION; lower levels only send a message."""
_PLAIN_TYPES = frozenset({"uuid", "text", "bool", "int4", "int8", "varchar", "json", "jsonb"})
_FOUND = "found"
_IMPLICIT_VARIABLES = frozenset({_FOUND, "sqlstate", "sqlerrm"})
_ASSIGNMENT = re.compile(r"^\s*(?P<target>[^:=]+?)\s*:?=")
_NAME = re.compile(r"[a-z_][a-z0-9_$]*\Z")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_RETURNED_NAME = re.compile(r"\breturn\s+(?P<name>[a-z_][a-z0-9_$]*)\s*;", re.IGNORECASE)

_Statement = tuple[str, dict[str, Any]]
_Names = Mapping[str, Node]


class UnreadableBodyError(ValueError):
    """Why a body cannot be followed, as the rest of a sentence that begins with the function."""


def returned_by_plpgsql(definition: str, arguments: _Names, substitute: Substitute) -> Node:
    """The expression that a PL/pgSQL function returns, or the SELECT whose rows it returns.

    `definition` is the whole CREATE FUNCTION, `arguments` stand for names in it: also `$1` and so on. Raises UnreadableBodyError
    and SqlSyntaxError.
    """
    return _Reader(definition, arguments, substitute).value()


class _Reader:
    def __init__(self, definition: str, arguments: _Names, substitute: Substitute) -> None:
        self._definition = definition
        self._function = parse_plpgsql(definition)
        self._arguments = arguments
        self._substitute = substitute
        self._steps = MAX_STEPS
        self._types: dict[str, str] = {}
        """Variable → its type: an assignment casts to it."""
        self._returned: dict[int, str] = {}
        """Place of a `return v` → v. The parser turns the name into a number, which its JSON leaves out."""

    def value(self) -> Node:
        if "out_param_varno" in self._function:
            raise UnreadableBodyError("returns its OUT arguments")
        block = self._function["action"]["PLpgSQL_stmt_block"]
        body = _statements(block.get("body"))
        for handler in block.get("exceptions", {}).get("PLpgSQL_exception_block", {}).get("exc_list", []):
            if not _gives_nothing(_statements(handler["PLpgSQL_exception"].get("action"))):
                raise UnreadableBodyError("handles errors")
        names = self._variables()
        if [name for name, _ in body][:1] == ["return_query"] and {name for name, _ in body[1:]} <= {"return"}:
            return self._queried(body[0][1], names)
        self._returned = self._names_returned(body)
        return self._run(body, names)

    # -- variables ----------------------------------------------------------------------------------------------------
    def _variables(self) -> dict[str, Node]:
        """Arguments and variables as they stand when the body begins."""
        names: dict[str, Node] = dict(self._arguments)
        declared: set[str] = set()
        for datum in self._function.get("datums", []):
            for form, body in datum.items():
                name = str(body.get("refname"))
                if form == "PLpgSQL_row" or name in _IMPLICIT_VARIABLES or (form == "PLpgSQL_var" and not body.get("lineno")):
                    continue  # an argument carries no line number
                if name in declared or name in names:
                    raise UnreadableBodyError(f"gives the name {name} to several variables")
                declared.add(name)
                self._types[name] = body.get("datatype", {}).get("PLpgSQL_type", {}).get("typname", "")
                default = body.get("default_val")
                names[name] = _typed(self._expression(default, names), self._types[name]) if default else _null()
        names[_FOUND] = parse_expression("false")
        return names

    def _set(self, names: _Names, name: str, value: Node) -> dict[str, Node]:
        if not _NAME.match(name) or name not in names:
            raise UnreadableBodyError("assigns to something else than a plain variable")
        if value.ByteSize() > MAX_VALUE_BYTES:
            raise UnreadableBodyError("makes too long an expression")
        value, before = _typed(value, self._types.get(name, "")), names[name]
        return {other: value if other == name or (other.startswith("$") and old is before) else old for other, old in names.items()}

    def _names_returned(self, body: list[_Statement]) -> dict[int, str]:
        nameless = [id(statement) for name, statement in _all_statements(body) if name == "return" and "expr" not in statement]
        found = _RETURNED_NAME.findall(_COMMENT.sub(" ", self._definition))
        constants = {"null", "true", "false"}
        variables = [name.lower() for name in found if name.lower() not in constants]
        if len(nameless) != len(variables):
            raise UnreadableBodyError("returns a variable that cannot be told")
        return dict(zip(nameless, variables, strict=True))

    # -- statements ---------------------------------------------------------------------------------------------------
    def _run(self, statements: list[_Statement], names: _Names) -> Node:
        """What is returned by the statements; NULL where they end without, which is an error."""
        for position, (name, statement) in enumerate(statements):
            self._steps -= 1
            if self._steps < 0:
                raise UnreadableBodyError("has too many branches")
            match name:
                case "return":
                    return self._return(statement, names)
                case "raise" if statement.get("elog_level", _ERROR) >= _ERROR:
                    return _null()
                case "if" | "case":
                    return self._branches(_branches_of(name, statement), statements[position + 1 :], names)
                case "raise" | "assert":
                    pass
                case _:
                    names = self._after(name, statement, names)
        return _null()

    def _return(self, statement: dict[str, Any], names: _Names) -> Node:
        if "expr" in statement:
            return self._expression(statement["expr"], names)
        name = self._returned[id(statement)]
        if name not in names:
            raise UnreadableBodyError(f"returns {name}, which is no plain variable")
        return names[name]

    def _branches(self, branches: list[tuple[Any, list[_Statement]]], rest: list[_Statement], names: _Names) -> Node:
        case = pg.CaseExpr()
        for condition, statements in branches:
            value = self._run([*statements, *rest], names)
            if condition is None:
                case.defresult.CopyFrom(wrapped(value))
                break
            when = pg.CaseWhen(expr=wrapped(self._expression(condition, names)), result=wrapped(value))
            case.args.append(pg.Node(case_when=when))
        if case.ByteSize() > MAX_VALUE_BYTES:
            raise UnreadableBodyError("makes too long an expression")
        return case

    def _after(self, name: str, statement: dict[str, Any], names: _Names) -> _Names:
        """The variables after a statement that goes on."""
        match name:
            case "assign":
                text = statement["expr"]["PLpgSQL_expr"]["query"]
                target = _ASSIGNMENT.match(text)
                if target is None:
                    raise UnreadableBodyError("has an assignment that cannot be read")
                value = self._substitute(parse_expression(text[target.end() :]), names)
                return self._set(names, target["target"].lower(), value)
            case "perform":
                return self._set(names, _FOUND, self._exists(self._query(statement["expr"], names)))
            case "execsql" if statement.get("into"):
                return self._into(statement, names)
            case _:
                raise UnreadableBodyError(f"has a statement that is not followed ({_SHOWN.get(name, name)})")

    def _into(self, statement: dict[str, Any], names: _Names) -> _Names:
        fields = [field["name"] for field in statement.get("target", {}).get("PLpgSQL_row", {}).get("fields", [])]
        select = self._query(statement["sqlstmt"], names)
        if len(fields) != len(select.target_list) or not fields:
            raise UnreadableBodyError("selects into something else than plain variables")
        found = self._exists(select)
        for position, field in enumerate(fields):
            names = self._set(names, field, _column_of(select, position))
        return self._set(names, _FOUND, found)

    # -- expressions --------------------------------------------------------------------------------------------------
    def _expression(self, found: dict[str, Any], names: _Names) -> Node:
        return self._substitute(parse_expression(found["PLpgSQL_expr"]["query"]), names)

    def _query(self, found: dict[str, Any], names: _Names) -> Any:
        parsed = parse_statements(found["PLpgSQL_expr"]["query"])
        if len(parsed) != 1 or kind(parsed[0]) != "SelectStmt" or len(parsed[0].values_lists) or parsed[0].HasField("larg"):
            raise UnreadableBodyError("runs a statement that is no plain SELECT")
        return self._substitute(parsed[0], names)

    def _queried(self, statement: dict[str, Any], names: _Names) -> Node:
        query = statement.get("query")
        parsed = parse_statements(query["PLpgSQL_expr"]["query"]) if query else ()
        if len(parsed) != 1 or kind(parsed[0]) != "SelectStmt":
            raise UnreadableBodyError("returns rows of a query that is built at run time" if query is None else "returns no SELECT")
        return self._substitute(parsed[0], names)

    def _exists(self, select: Any) -> Node:
        return pg.SubLink(sub_link_type=pg.EXISTS_SUBLINK, subselect=wrapped(select))


_SHOWN = {
    "block": "a nested block",
    "loop": "a loop",
    "while": "a loop",
    "fori": "a loop",
    "fors": "a loop",
    "forc": "a loop",
    "foreach_a": "a loop",
    "dynfors": "a loop",
    "dynexecute": "EXECUTE",
    "execsql": "one that writes",
    "return_next": "RETURN NEXT",
    "return_query": "RETURN QUERY",
}


def _statements(found: list[dict[str, Any]] | None) -> list[_Statement]:
    return [
        (name.removeprefix("PLpgSQL_stmt_"), body)
        for statement in found or ()
        for name, body in statement.items()
        if not _closing(name, body)
    ]


def _closing(name: str, body: dict[str, Any]) -> bool:
    """The RETURN that the parser itself puts at the end."""
    return name == "PLpgSQL_stmt_return" and "lineno" not in body


def _gives_nothing(handler: list[_Statement]) -> bool:
    """It raises, or returns NULL or false."""
    if len(handler) != 1:
        return False
    [(name, body)] = handler
    if name == "raise":
        return bool(body.get("elog_level", _ERROR) >= _ERROR)
    if name != "return" or "expr" not in body:
        return False
    constant = constant_of(bare(parse_expression(body["expr"]["PLpgSQL_expr"]["query"])))
    return constant is not None and constant.value in (None, False, "f", "false")


def _branches_of(name: str, statement: dict[str, Any]) -> list[tuple[Any, list[_Statement]]]:
    """(condition, statements) in order; the last condition is None: whatever else."""
    if name == "case":
        if "t_expr" in statement:
            raise UnreadableBodyError("has a statement that is not followed (CASE of a value)")
        whens = [when["PLpgSQL_case_when"] for when in statement.get("case_when_list", [])]
        branches = [(when["expr"], _statements(when.get("stmts"))) for when in whens]
        otherwise = _statements(statement.get("else_stmts")) if statement.get("have_else") else [("raise", {})]  # case_not_found
        return [*branches, (None, otherwise)]
    branches = [(statement["cond"], _statements(statement.get("then_body")))]
    others = [other["PLpgSQL_if_elsif"] for other in statement.get("elsif_list", [])]
    branches += [(other["cond"], _statements(other.get("stmts"))) for other in others]
    return [*branches, (None, _statements(statement.get("else_body")))]


def _all_statements(statements: list[_Statement]) -> Iterator[_Statement]:
    """In the order of the text, those of branches included."""
    for name, body in statements:
        yield name, body
        if name in ("if", "case"):
            for _, below in _branches_of(name, body):
                yield from _all_statements(below)


def _column_of(select: Any, position: int) -> Node:
    """One column of the first row, NULL without one."""
    copy = type(select)()
    copy.CopyFrom(select)
    target = copy.target_list[position]
    kept = type(target)()
    kept.CopyFrom(target)
    del copy.target_list[:]
    copy.target_list.append(kept)
    value = value_of_select(copy)
    return value if value is not None else pg.SubLink(sub_link_type=pg.EXPR_SUBLINK, subselect=wrapped(copy))


def _typed(value: Node, type_name: str) -> Node:
    """The value as a variable of that type holds it: `varchar(1)` keeps one character of it."""
    if not type_name or type_name in _PLAIN_TYPES:
        return value
    try:
        cast = parse_expression(f"NULL::{type_name}")
    except SqlSyntaxError:
        return value  # `members.tenant_id%type`: the type of a column, which holds such values
    typed = type(cast)()
    typed.CopyFrom(cast)
    typed.arg.CopyFrom(wrapped(value))
    return typed


def _null() -> Node:
    return parse_expression("NULL")
