"""Which statements may stand in a transaction that must still be there, and be rolled back, when they are done."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.sqltext.parser import Node, SqlSyntaxError, children, kind, parse_statements, string_parts, unwrap
from platformkit_pipeline.sqltext.statement_kinds import statement_kinds
from platformkit_pipeline.sqltext.statements import statement_facts

_ALLOWED = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CallStmt"})
_ESCAPES = {
    "set_config": "it could change the role or the transaction",
    "nextval": "no rollback takes it back",
    "setval": "no rollback takes it back",
    "pg_terminate_backend": "it ends the work of others",
    "pg_cancel_backend": "it ends the work of others",
    "lo_import": "it reads files of the server",
    "lo_export": "it writes files of the server",
    "pg_read_file": "it reads files of the server",
    "pg_read_binary_file": "it reads files of the server",
    "pg_reload_conf": "it acts outside of the transaction",
    "pg_rotate_logfile": "it acts outside of the transaction",
    "pg_switch_wal": "it acts outside of the transaction",
    "pg_promote": "it acts outside of the transaction",
    "pg_logical_emit_message": "it acts outside of the transaction",
    "pg_drop_replication_slot": "it acts outside of the transaction",
    "pg_create_logical_replication_slot": "it acts outside of the transaction",
    "pg_create_physical_replication_slot": "it acts outside of the transaction",
    "query_to_xml": "it runs SQL that is not read here",
    "query_to_xml_and_xmlschema": "it runs SQL that is not read here",
    "cursor_to_xml": "it runs SQL that is not read here",
    "database_to_xml": "it reads the whole database",
}


@dataclass(frozen=True, slots=True)
class StepFacts:
    """`refusal` says why the statement must not be run, None when it may. `parameters` is the highest number behind a $."""

    refusal: str | None
    reads_only: bool = True
    parameters: int = 0


def step_facts(text: str) -> StepFacts:
    """Facts of what should be one SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES or CALL. Whatever else there is, is refused."""
    try:
        statements = parse_statements(text)
    except SqlSyntaxError as error:
        return StepFacts(f"it is no SQL: {error}")
    if len(statements) != 1:
        return StepFacts(f"expected one statement, found {len(statements)}")
    statement = statements[0]
    if kind(statement) not in _ALLOWED:
        return StepFacts(f"{statement_kinds(text)[0]} may not stand in a journey: SELECT, INSERT, UPDATE, DELETE, MERGE and CALL may")
    refusal = _refusal_in(statement)
    facts = statement_facts(text)
    if refusal is not None or facts is None:
        return StepFacts(refusal or "it is nested too deeply to be read")
    return StepFacts(None, facts.reads_only and kind(statement) == "SelectStmt", facts.parameters)


def _refusal_in(node: Node) -> str | None:
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if kind(current) == "FuncCall":
            name = string_parts(current.funcname)[-1]
            why = _ESCAPES.get(name) or ("it opens another connection" if name.startswith("dblink") else None)
            why = why or ("a lock of the session outlives the rollback" if _locks_session(name) else None)
            if why is not None:
                return f"{name} may not be called in a journey: {why}"
        if kind(current) == "SelectStmt" and kind(unwrap(current.into_clause)) == "IntoClause" and current.HasField("into_clause"):
            return "SELECT INTO makes a table; it may not stand in a journey"
        waiting.extend(children(current))
    return None


def _locks_session(name: str) -> bool:
    return name.startswith(("pg_advisory_lock", "pg_try_advisory_lock", "pg_advisory_unlock"))
