"""Audit logs: what must be written to them, and that nobody rewrites them. Clause 5.3."""

from __future__ import annotations

from functools import partial

from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import PUBLIC, CatalogKind, Relation
from platformkit_pipeline.rules.database.audit_columns import ACTOR_COLUMNS, AUDIT_LOG, AUDIT_TRIGGER, CRITICAL, not_judged
from platformkit_pipeline.rules.database.audit_logs import AuditLogs
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.rules.database.log_views import LogViews, WaysThrough
from platformkit_pipeline.rules.database.trigger_functions import TriggerFunctions, fires, is_conditional, stops
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, rule, unknown

_CHANGES = ("UPDATE", "DELETE", "TRUNCATE")
_THROUGH_VIEWS = ("UPDATE", "DELETE")
_SERVER_ROLE = "service_role"
_WRITE_ALL = "pg_write_all_data"


@rule(
    "AUD004",
    "audit-trigger-missing",
    clause="5.3",
    severity=Severity.HIGH,
    family=Family.AUDIT_TRAIL,
    title="Critical table whose deletions are not logged",
    why="Rows that matter can vanish, and nothing in the database tells that they were there or who took them away.",
    how_to_fix=(
        "Add a trigger for DELETE that inserts into an audit log (for each row, or for each statement with a transition table), and one "
        "for TRUNCATE (for each statement), or revoke TRUNCATE from everybody but the owner. An audit log whose name does not tell that "
        "it is one is declared under audit_tables."
    ),
    requires=(CatalogKind.RELATIONS, CatalogKind.TRIGGERS, CatalogKind.FUNCTIONS, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS),
    violating=ACTOR_COLUMNS + CRITICAL,
    clean=ACTOR_COLUMNS + CRITICAL + AUDIT_LOG + AUDIT_TRIGGER,
)
def audit_trigger_missing(catalog: Catalog) -> Verdicts:
    functions = TriggerFunctions(catalog)
    logs = AuditLogs(catalog, functions)
    for name in catalog.critical_tables:
        if name not in catalog.table_names:
            yield not_judged(catalog, name)
            continue
        table = catalog.relations[name]
        identity = identity_of(table)
        needed = ["DELETE", *(["TRUNCATE"] if _holders(catalog, table, "TRUNCATE") else [])]
        doubts: list[str] = []
        unlogged = [operation for operation in needed if not _is_logged(catalog, functions, logs, table, operation, doubts)]
        if not unlogged:
            yield PASSED
        elif doubts:
            yield unknown(identity, f"whether {' and '.join(unlogged)} on {identity} is logged cannot be told: {'; '.join(doubts)}")
        else:
            triggers = {t.name: {"events": list(t.events), "enabled": t.enabled} for t in catalog.triggers_of(table)}
            yield failed(
                identity,
                f"{identity} is critical, and no enabled trigger writes {' and '.join(unlogged)} to an audit log",
                operations=unlogged,
                triggers=triggers,
                may_truncate=_holders(catalog, table, "TRUNCATE"),
            )


def _is_logged(catalog: Catalog, functions: TriggerFunctions, logs: AuditLogs, table: Relation, operation: str, doubts: list[str]) -> bool:
    own_doubts = []
    for trigger in catalog.triggers_of(table):
        if not fires(trigger, operation):
            continue
        if stops(functions, trigger, operation):
            return True  # what never happens needs no log
        written = functions.written(trigger, operation)
        if any(logs.takes_a_log(target) for target in written.relations - {(table.schema, table.name)}):
            if not is_conditional(trigger):
                return True
            own_doubts.append(f"trigger {trigger.name} writes a log under a condition")
        elif written.unread:
            own_doubts.append(written.unread)
    doubts += own_doubts
    return False


@rule(
    "AUD006",
    "audit-log-mutable",
    clause="5.3",
    severity=Severity.CRITICAL,
    family=Family.AUDIT_TRAIL,
    title="Audit log that others than its owner can change",
    why="A log that the logged can rewrite proves nothing: whoever did the damage removes its traces too.",
    how_to_fix=(
        "`revoke update, delete, truncate on ... from ...` for every role but the owner, service_role included (it gets everything "
        "by default). A trigger before update, delete and truncate that always raises an exception holds the owner as well. A plain view "
        "over the log passes UPDATE and DELETE on with its owner's rights: revoke them on the view, or give it `security_invoker = on`."
    ),
    references=("cwe:778",),
    patch=PatchKind.SQL,
    requires=(
        CatalogKind.RELATIONS,
        CatalogKind.COLUMNS,
        CatalogKind.POLICIES,
        CatalogKind.TRIGGERS,
        CatalogKind.FUNCTIONS,
        CatalogKind.ROLES,
        CatalogKind.ROLE_MEMBERSHIPS,
        CatalogKind.VIEW_DEPENDENCIES,
    ),
    revision=2,
    violating=AUDIT_LOG + "grant usage on schema audit to service_role;\ngrant select, insert, delete on audit.log to service_role;",
    clean=AUDIT_LOG + "grant usage on schema audit to service_role;\ngrant select, insert on audit.log to service_role;",
)
def audit_log_mutable(catalog: Catalog) -> Verdicts:
    functions = TriggerFunctions(catalog)
    logs, views = AuditLogs(catalog, functions), LogViews(catalog, functions)
    for name in sorted(logs.declared - catalog.table_names):
        identity = relation_identity("table", *name)
        yield unknown(identity, f"{identity} is declared to be an audit log, and there is no such table; is the name right?")
    for table in catalog.tables:
        why = logs.why(table)
        if why is None:
            continue
        stopped = {c for c in _CHANGES if any(stops(functions, trigger, c) for trigger in catalog.triggers_of(table))}
        holders: dict[str, list[str]] = {}
        for change in _CHANGES:
            if change not in stopped:
                for role in _holders(catalog, table, change):
                    holders.setdefault(role, []).append(change)
        ways = views.ways_to(
            table,
            tuple(c for c in _THROUGH_VIEWS if c not in stopped),
            partial(_holders, catalog),
            partial(_held_off, catalog, table),
        )
        yield _log_verdict(table, why, holders, ways)


def _log_verdict(table: Relation, why: str, holders: dict[str, list[str]], ways: WaysThrough) -> Verdict | None:
    identity = identity_of(table)
    told = [f"{role} ({', '.join(changes)})" for role, changes in sorted(holders.items())]
    told += [
        f"{role} ({', '.join(changes)} through view {view})"
        for role, through in sorted(ways.roles.items())
        for view, changes in through.items()
    ]
    evidence = {"roles": dict(sorted(holders.items())), "through_views": ways.roles, "owner": table.owner, "is_audit_log_because": why}
    if told:
        return failed(identity, f"{identity} is an audit log that others than its owner can change: {'; '.join(told)}", **evidence)
    if ways.doubts:
        doubts = "; ".join(ways.doubts)
        return unknown(identity, f"whether others than its owner can change audit log {identity} cannot be told: {doubts}", **evidence)
    return PASSED


def _holders(catalog: Catalog, table: Relation, privilege: str) -> list[str]:
    """Roles besides the owner and superusers that may do this to rows of the table; PUBLIC stands for all."""
    granted = {p.grantee for p in table.privileges if p.privilege == privilege}
    if privilege == "UPDATE":
        granted |= {p.grantee for column in catalog.columns_of(table) for p in column.privileges if p.privilege == privilege}
    as_owner = {role for role in (*catalog.client_roles, _SERVER_ROLE) if table.owner in catalog.acts_as(role)}
    everywhere = set(catalog.members_of(_WRITE_ALL)) if privilege != "TRUNCATE" else set()
    roles = (granted | as_owner | everywhere) - {table.owner}
    return sorted(r for r in roles if not catalog.is_superuser(r) and not _held_off(catalog, table, r, privilege))


def _held_off(catalog: Catalog, table: Relation, role: str, privilege: str) -> bool:
    """Row level security shows the role no row for the command, because no policy lets it. TRUNCATE asks no policy."""
    if privilege == "TRUNCATE" or not table.row_security or role == PUBLIC or catalog.bypasses_policies_of(role, table):
        return False
    names = catalog.acts_as(role)
    return not any(p.permissive and p.command in ("ALL", privilege) and not names.isdisjoint(p.roles) for p in catalog.policies_of(table))
