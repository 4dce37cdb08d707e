"""A migration file as its statements: where each stands, and which cannot be sent as the others are."""

from __future__ import annotations

import re
from dataclasses import dataclass

import postgast
from google.protobuf.message import DecodeError

from platformkit_pipeline.sqltext.parser import Node, SqlSyntaxError, kind, unwrap

_META_COMMAND = re.compile(r"\s*\\[a-zA-Z!?.;]")
_COPY_ROWS = re.compile(r"\bcopy\b[^;]*\bfrom\s+stdin\b[^;]*;", re.IGNORECASE)
_NEVER_IN_TRANSACTION = frozenset(
    {"AlterSystemStmt", "CreatedbStmt", "CreateTableSpaceStmt", "DropdbStmt", "DropTableSpaceStmt", "VacuumStmt", "CreateSubscriptionStmt"}
)
_WHOLE_DATABASE = (3, 4, 5)
"""REINDEX of a schema, of the system catalogues, of a database (ReindexObjectType)."""


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    """One statement without its semicolon."""

    sql: str
    line: int
    """On which it begins, from 1."""
    in_transaction: bool
    """False where PostgreSQL refuses it in a transaction block."""
    streams_rows: bool
    """COPY from or to the client: rows would have to follow, or be taken."""


def script_statements(text: str) -> tuple[ScriptStatement, ...]:
    """Statements in their order. Raises SqlSyntaxError."""
    try:
        tree = postgast.parse(text)
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(str(error)) from None
    except (DecodeError, RecursionError):
        raise SqlSyntaxError("it is nested too deeply to be read") from None
    data = text.encode()
    found = []
    for raw in tree.stmts:
        start = raw.stmt_location
        end = start + raw.stmt_len if raw.stmt_len else len(data)
        node = unwrap(raw.stmt)
        found.append(
            ScriptStatement(
                data[start:end].decode().strip(),
                data.count(b"\n", 0, start) + 1,
                _may_stand_in_transaction(node),
                kind(node) == "CopyStmt" and not node.filename,
            )
        )
    return tuple(found)


def psql_only(text: str, line: int) -> str | None:
    """What in `text` only psql understands, where a syntax error stands on `line`; None for an ordinary error."""
    lines = text.split("\n")
    here = lines[line - 1] if 0 < line <= len(lines) else ""
    before = "\n".join(lines[:line])
    if _META_COMMAND.match(here):
        return f"the psql meta-command {here.split()[0]}"
    if _COPY_ROWS.search(before):
        return "rows behind COPY ... FROM stdin"
    return None


def _may_stand_in_transaction(node: Node) -> bool:
    match kind(node):
        case "VacuumStmt":
            return not node.is_vacuumcmd  # ANALYZE is the same kind of node
        case "IndexStmt" | "DropStmt":
            return not node.concurrent
        case "ReindexStmt":
            concurrently = any(unwrap(option).defname == "concurrently" for option in node.params)
            return not concurrently and node.kind not in _WHOLE_DATABASE
        case "AlterTableStmt":
            return not any(_detaches_concurrently(unwrap(command)) for command in node.cmds)
    return kind(node) not in _NEVER_IN_TRANSACTION


def _detaches_concurrently(command: Node) -> bool:
    definition = unwrap(getattr(command, "def"))  # a keyword of Python
    return kind(definition) == "PartitionCmd" and bool(definition.concurrent)
