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
    "lo_import": "it reads files of the server",
    "lo_export": "it writes files of the server",
    "database_to_xml": "it reads the whole database",
    **dict.fromkeys(("pg_terminate_backend", "pg_cancel_backend"), "it ends the work of others"),
    **dict.fromkeys(
        ("pg_reload_conf", "pg_rotate_logfile", "pg_switch_wal", "pg_promote", "pg_import_system_collations", "pg_stat_statements_reset"),
        "it acts outside of the transaction",
    ),
    **dict.fromkeys(
        ("query_to_xml", "query_to_xml_and_xmlschema", "cursor_to_xml", "ts_stat", "ts_rewrite", "connectby", "xpath_table"),
        "it runs SQL that is not read here",
    ),
    **dict.fromkeys(
        ("http", *(f"http_{method}" for method in ("get", "post", "put", "patch", "delete", "head", "set_curlopt"))),
        "the server would send requests",
    ),
}
_ESCAPES_BY_PREFIX = {
    ("pg_advisory_lock", "pg_try_advisory_lock", "pg_advisory_unlock"): "a lock of the session outlives the rollback",
    ("dblink",): "it opens another connection",
    ("crosstab",): "it runs SQL that is not read here",
    ("pg_read_", "pg_ls_", "pg_stat_file", "pg_file_"): "it reads or writes files of the server",
    (
        "pg_stat_reset",
        "pg_logical_",
        "pg_replication_",
        "pg_create_",
        "pg_drop_",
        "pg_copy_",
        "pg_sync_",
        "pg_backup_",
        "pg_start_backup",
        "pg_stop_backup",
        "pg_wal_replay_",
        "pg_log_",
    ): "it acts outside of the transaction",
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


def escape_in(text: str) -> str | None:
    """What a statement calls that acts beyond its transaction, or runs SQL that is not read here; None where it calls nothing such."""
    return next((refusal for statement in parse_statements(text) if (refusal := _refusal_in(statement)) is not None), None)


def _refusal_in(node: Node) -> str | None:
    waiting = [node]
    while waiting:
        current = waiting.pop()
        for name in _names_called(current):
            why = _why_not(name)
            if why is not None:
                return f"{name} may not be called here: {why}"
        if kind(current) == "SelectStmt" and kind(unwrap(current.into_clause)) == "IntoClause" and current.HasField("into_clause"):
            return "SELECT INTO makes a table; it may not stand here"
        waiting.extend(children(current))
    return None


def _names_called(node: Node) -> tuple[str, ...]:
    """`(x).f` calls f(x), and t.f does where t has no such column."""
    match kind(node):
        case "FuncCall":
            return string_parts(node.funcname)[-1:]
        case "A_Indirection":
            return string_parts(node.indirection)
        case "ColumnRef":
            return string_parts(node.fields)[1:]
    return ()


def _why_not(name: str) -> str | None:
    return _ESCAPES.get(name) or next((why for prefixes, why in _ESCAPES_BY_PREFIX.items() if name.startswith(prefixes)), None)
