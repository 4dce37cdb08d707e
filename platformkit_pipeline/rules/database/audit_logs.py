"""Which tables are audit logs, and which only ever grow: one answer for all rules about audit columns and audit logs (clause 5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

from platformkit_pipeline.model.snapshot import Relation, Trigger
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.rules.database.trigger_functions import TriggerFunctions, fires, stops

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_AUDIT = frozenset({"audit", "audits", "auditing", "auditlog", "auditlogs"})
_LOG = frozenset(
    {
        "log",
        "logs",
        "logged",
        "trail",
        "trails",
        "event",
        "events",
        "entry",
        "entries",
        "record",
        "records",
        "history",
        "journal",
        "changes",
    }
)
_LOG_LIKE = _AUDIT | frozenset({"log", "logs", "trail", "history", "journal", "changes"})
"""Words in the name of a table that an audit trigger may write to; a trigger that writes to `outbox` audits nothing."""


class AuditLogs:
    """Answers for one snapshot. What the triggers of other tables write to is read when a table's name does not tell."""

    def __init__(self, catalog: Catalog, functions: TriggerFunctions) -> None:
        self._catalog = catalog
        self._functions = functions
        self.declared: frozenset[Name] = frozenset(catalog.declared(name) for name in catalog.declarations.audit_tables)

    def why(self, table: Relation) -> str | None:
        """Why the table is an audit log; None when it is none. A partition is what its parent is."""
        name = (table.schema, table.name)
        if name in self.declared:
            return "declared under audit_tables"
        if _is_called_audit_log(*name):
            return "its name"
        if name in self._fed:
            return f"written by trigger {self._fed[name]}"
        parent = self._catalog.relations.get(table.parents[0]) if table.is_partition and table.parents else None
        return self.why(parent) if parent else None

    def takes_a_log(self, name: Name) -> bool:
        """What an audit trigger writes to `name` is kept as a log there."""
        return bool(_LOG_LIKE.intersection(_words(name[1]))) or not _AUDIT.isdisjoint(_words(name[0])) or name in self.declared

    def only_grows(self, table: Relation) -> bool:
        """Rows are written once: the table is an audit log, or a trigger lets no update happen."""
        triggers = self._catalog.triggers_of(table)
        return self.why(table) is not None or any(stops(self._functions, trigger, "UPDATE") for trigger in triggers)

    @cached_property
    def _fed(self) -> dict[Name, str]:
        """Relation → a trigger on another table that logs deletions there."""
        fed: dict[Name, str] = {}
        for trigger in self._deletion_triggers():
            for target in self._functions.written(trigger, "DELETE").relations - {(trigger.schema, trigger.relation)}:
                if target not in fed and _LOG_LIKE.intersection(_words(target[1])):
                    fed[target] = f"{trigger.name} of {trigger.schema}.{trigger.relation}"
        return fed

    def _deletion_triggers(self) -> Iterator[Trigger]:
        names = self._catalog.table_names
        triggers = self._catalog.snapshot.triggers
        return (t for t in triggers if "DELETE" in t.events and fires(t, "DELETE") and (t.schema, t.relation) in names)


def _is_called_audit_log(schema: str, table: str) -> bool:
    """audit, orders_audit, audit_log_2026, UserAuditEvents; in a schema `audit` whatever is called a log. Not `audit_requests`."""
    if "audit" not in table.lower() and "audit" not in schema.lower():
        return False
    words = _words(table)
    if not _AUDIT.isdisjoint(_words(schema)) and not _LOG.isdisjoint(words):
        return True
    followed = zip(words, (*words[1:], ""), strict=True)
    return any(
        word in _AUDIT and (after in _LOG or not after or after.isdigit() or word.startswith("auditlog")) for word, after in followed
    )


@lru_cache(maxsize=4096)
def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name))
