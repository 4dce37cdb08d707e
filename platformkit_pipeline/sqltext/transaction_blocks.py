"""Which statements cannot be sent as others are: those that PostgreSQL refuses in a transaction block, and those that stream rows."""

from __future__ import annotations

from platformkit_pipeline.sqltext.parser import Node, kind, unwrap

_NEVER_INSIDE = frozenset(
    {"AlterSystemStmt", "CreatedbStmt", "CreateTableSpaceStmt", "DropdbStmt", "DropTableSpaceStmt", "CreateSubscriptionStmt"}
)
_WHOLE_DATABASE = (3, 4, 5)
"""REINDEX of a schema, of the system catalogues, of a database (ReindexObjectType)."""


def may_stand_in_transaction(statement: Node) -> bool:
    """False for `CREATE INDEX CONCURRENTLY`, VACUUM, `DROP DATABASE` and their like."""
    match kind(statement):
        case "VacuumStmt":
            return not statement.is_vacuumcmd  # ANALYZE is the same kind of node
        case "IndexStmt" | "DropStmt":
            return not statement.concurrent
        case "ReindexStmt":
            concurrently = any(unwrap(option).defname == "concurrently" for option in statement.params)
            return not concurrently and statement.kind not in _WHOLE_DATABASE
        case "AlterTableStmt":
            return not any(_detaches_concurrently(unwrap(command)) for command in statement.cmds)
    return kind(statement) not in _NEVER_INSIDE


def streams_rows(statement: Node) -> bool:
    """True for COPY from or to the client: rows would have to follow, or be taken."""
    return kind(statement) == "CopyStmt" and not statement.filename


def _detaches_concurrently(command: Node) -> bool:
    definition = unwrap(getattr(command, "def"))  # a keyword of Python
    return kind(definition) == "PartitionCmd" and bool(definition.concurrent)
