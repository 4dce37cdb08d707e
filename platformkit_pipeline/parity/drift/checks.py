"""What a drift contract checks, and which difference speaks to which check. Pure.

One check per kind of object, and the protections of tables and functions apart from the rest of them: names and severities
stay the same however many objects differ, so that the score of a change can be held against that of its base.
"""

from __future__ import annotations

from types import MappingProxyType

from platformkit_pipeline.model.catalog_kind import CatalogKind
from platformkit_pipeline.model.drift import Aspect, Difference, DifferenceKind
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import RelationKind

GRANTS = "grants"
ROW_SECURITY = "row security"
FUNCTION_SECURITY = "function security"
_TABLES = "tables and views"

SEVERITIES = MappingProxyType(
    {
        "schemas": Severity.MEDIUM,
        "roles": Severity.HIGH,
        "role memberships": Severity.HIGH,
        _TABLES: Severity.MEDIUM,
        ROW_SECURITY: Severity.HIGH,
        GRANTS: Severity.HIGH,
        "columns": Severity.MEDIUM,
        "constraints": Severity.MEDIUM,
        "indexes": Severity.MEDIUM,
        "policies": Severity.HIGH,
        "functions": Severity.MEDIUM,
        FUNCTION_SECURITY: Severity.HIGH,
        "triggers": Severity.MEDIUM,
        "extensions": Severity.MEDIUM,
        "types": Severity.MEDIUM,
        "default privileges": Severity.HIGH,
        "event triggers": Severity.MEDIUM,
        "publications": Severity.MEDIUM,
        "foreign servers": Severity.MEDIUM,
        "storage buckets": Severity.MEDIUM,
    }
)
"""Every check, with the severity it has unless the contract says another."""

_OF_KIND = MappingProxyType(
    {kind.value: _TABLES for kind in RelationKind}
    | {
        "schema": "schemas",
        "role": "roles",
        "role_membership": "role memberships",
        "column": "columns",
        "constraint": "constraints",
        "index": "indexes",
        "policy": "policies",
        "function": "functions",
        "trigger": "triggers",
        "extension": "extensions",
        "type": "types",
        "default_privilege": "default privileges",
        "event_trigger": "event triggers",
        "publication": "publications",
        "foreign_server": "foreign servers",
        "storage_bucket": "storage buckets",
    }
)
_SEEN_IN = MappingProxyType(
    {kind.value: (kind.value.replace("_", " "),) for kind in CatalogKind}
    | {
        CatalogKind.SCHEMAS.value: ("schemas", GRANTS),
        CatalogKind.RELATIONS.value: (_TABLES, ROW_SECURITY, GRANTS),
        CatalogKind.COLUMNS.value: ("columns", GRANTS),
        CatalogKind.FUNCTIONS.value: ("functions", FUNCTION_SECURITY, GRANTS),
    }
)
"""Checks that cannot be told without a kind of the catalogue."""
_PROTECTS_ROWS = frozenset({"row_security", "force_row_security", "security_invoker", "security_barrier"})
_PROTECTS_FUNCTIONS = frozenset({"security_definer", "search_path", "owner", "leakproof"})
_FUNCTION = "function"


def checks_of(difference: Difference) -> frozenset[str]:
    """The checks that the difference speaks to; of one that is UNKNOWN those that cannot be told."""
    kind = difference.object.kind
    if difference.kind is DifferenceKind.UNKNOWN:
        return frozenset(_SEEN_IN[difference.object.name])
    if difference.kind is DifferenceKind.DIFFERENT:
        return frozenset(_check_of(kind, aspect) for aspect in difference.aspects)
    return frozenset({_OF_KIND[kind], *(_OF_KIND[folded.split(" ", 1)[0]] for folded in difference.folded)})


def aspects_for(check: str, difference: Difference) -> tuple[Aspect, ...]:
    """Of the aspects, those that speak to the check; all of an object that is there on one side only."""
    if difference.kind is not DifferenceKind.DIFFERENT:
        return difference.aspects
    return tuple(a for a in difference.aspects if _check_of(difference.object.kind, a) == check)


def _check_of(kind: str, aspect: Aspect) -> str:
    own = _OF_KIND[kind]
    if aspect.name.startswith("grants to ") and own != "default privileges":
        return GRANTS
    if own == _TABLES and aspect.name in _PROTECTS_ROWS:
        return ROW_SECURITY
    if kind == _FUNCTION and aspect.name in _PROTECTS_FUNCTIONS:
        return FUNCTION_SECURITY
    return own
