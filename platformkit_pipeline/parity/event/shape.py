"""Shape of an outbox, its inbox and its dead letters, and who can get at them. Pure: the catalogue in, verdicts out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from platformkit_pipeline.model.catalog_kind import CatalogKind
from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.parity.event.document import OutboxContract
from platformkit_pipeline.parity.event.verdict import PASSED, Verdict, failed, unknown
from platformkit_pipeline.rules.database.catalog import COMMANDS, Catalog

_TEXT = frozenset({"text", "character varying"})
_TYPES = MappingProxyType(
    {
        "id": frozenset({"uuid"}),
        "aggregatetype": _TEXT,
        "aggregateid": _TEXT,
        "type": _TEXT,
        "payload": frozenset({"jsonb", "json"}),
    }
)
_MAY_BE_NULL = frozenset({"payload"})
"""An event without one is a tombstone."""
_PAST_POLICIES = frozenset({"TRUNCATE"})
_WRITES_AND_READS = frozenset({*COMMANDS, *_PAST_POLICIES})
_SEEN_BY = (CatalogKind.RELATIONS, CatalogKind.COLUMNS, CatalogKind.INDEXES)
_ACCESS_SEEN_BY = (*_SEEN_BY, CatalogKind.POLICIES, CatalogKind.ROLES, CatalogKind.ROLE_MEMBERSHIPS, CatalogKind.SCHEMAS)


def shape_of(contract: OutboxContract, catalog: Catalog) -> Mapping[str, Verdict]:
    """By name of the check, the declared ones."""
    made: Mapping[str, Callable[[OutboxContract, Catalog], Verdict]] = {
        "outbox columns": _columns,
        "outbox key": lambda c, k: _key(k, c.schema_name, c.table, c.key),
        "inbox key": lambda c, k: _key(k, c.schema_name, c.inbox or "", c.inbox_key),
        "dead letters table": _dead_letters,
        "client roles": _clients,
    }
    return {name: _seen(name, catalog) or judge(contract, catalog) for name, judge in made.items() if name in contract.checks}


def table_of(catalog: Catalog, schema: str, name: str) -> Relation | None:
    """The table, if it is one."""
    return next((t for t in catalog.tables if (t.schema, t.name) == (schema, name)), None)


def _seen(check: str, catalog: Catalog) -> Verdict | None:
    blind = catalog.unobserved_among(_ACCESS_SEEN_BY if check == "client roles" else _SEEN_BY)
    return unknown(f"could not be observed: {blind}") if blind else None


def _missing(schema: str, name: str) -> Verdict:
    return failed(f"there is no table {schema}.{name}")


def _columns(contract: OutboxContract, catalog: Catalog) -> Verdict:
    table = table_of(catalog, contract.schema_name, contract.table)
    if table is None:
        return _missing(contract.schema_name, contract.table)
    columns = catalog.columns_by_name(table)
    faults = []
    for name, types in _TYPES.items():
        column = columns.get(name)
        if column is None:
            faults.append(f"{name} is missing")
        elif column.type.split("(")[0] not in types:
            faults.append(f"{name} is {column.type}, expected {' or '.join(sorted(types))}")
        elif not column.not_null and name not in _MAY_BE_NULL:
            faults.append(f"{name} may be null")
    return failed(f"{contract.schema_name}.{contract.table}: {'; '.join(faults)}", faults=faults) if faults else PASSED


def _key(catalog: Catalog, schema: str, name: str, key: tuple[str, ...]) -> Verdict:
    table = table_of(catalog, schema, name)
    if table is None:
        return _missing(schema, name)
    columns = catalog.columns_by_name(table)
    if absent := [c for c in key if c not in columns]:
        return failed(f"{schema}.{name} has no column {', '.join(absent)}")
    if open_to_null := [c for c in key if not columns[c].not_null]:
        return failed(f"{schema}.{name}: {', '.join(open_to_null)} may be null, and two nulls are never the same event")
    for index in catalog.indexes_of(table):
        if index.unique and index.valid and index.predicate is None and set(index.key_columns) <= set(key):
            return PASSED
    return failed(f"{schema}.{name}: no primary key or unique index on ({', '.join(key)}), so the same event can stand there twice")


def _dead_letters(contract: OutboxContract, catalog: Catalog) -> Verdict:
    name = contract.dead_letters or ""
    table = table_of(catalog, contract.schema_name, name)
    if table is None:
        return _missing(contract.schema_name, name)
    if "id" not in catalog.columns_by_name(table):
        return failed(f"{contract.schema_name}.{name} has no column id, so a dead letter does not say which event it is")
    return PASSED


def _clients(contract: OutboxContract, catalog: Catalog) -> Verdict:
    """Events are between systems. A grant that policies let nobody use does no harm, but policies do not ask about TRUNCATE."""
    names = [n for n in (contract.table, contract.inbox, contract.dead_letters) if n is not None]
    found = [(n, table_of(catalog, contract.schema_name, n)) for n in names]
    if absent := [n for n, table in found if table is None]:
        return unknown(f"there is no table {', '.join(f'{contract.schema_name}.{n}' for n in absent)}")
    open_to = {f"{t.schema}.{t.name}": reach for _, t in found if t is not None and (reach := _reach(catalog, t))}
    if not open_to:
        return PASSED
    told = "; ".join(f"{role} may {', '.join(cmds)} {table}" for table, reach in open_to.items() for role, cmds in reach.items())
    return failed(f"{told}: revoke it, events are nothing for clients", open_to=open_to)


def _reach(catalog: Catalog, table: Relation) -> dict[str, list[str]]:
    doors = catalog.doors_of(catalog.policies_of(table)).open
    reach = {}
    for role in catalog.client_roles:
        commands: Iterable[str] = catalog.privileges_of(role, table) & _WRITES_AND_READS
        if table.row_security and not catalog.bypasses_policies_of(role, table):
            commands = [c for c in commands if c in _PAST_POLICIES or c in doors.get(role, frozenset())]
        if commands:
            reach[role] = sorted(commands)
    return reach
