"""The codec between snapshot and inventory loses nothing, whatever the names."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.inventory import inventory_object
from platformkit_pipeline.model.snapshot import (
    Column,
    DefaultPrivilege,
    Function,
    Policy,
    Relation,
    RelationKind,
    RelationStatistics,
    Server,
    Snapshot,
    Unobserved,
)
from platformkit_pipeline.model.snapshot_inventory import (
    inventory_of,
    relation_statistics_from_json,
    relation_statistics_to_json,
    server_from_json,
    server_to_json,
    snapshot_of,
    unobserved_from_json,
    unobserved_to_json,
)

SERVER = Server("15.18", 150018, "shop", "observer", False)
NOT_INVENTORY = {"server", "relation_statistics", "unobserved", "activity", "isolation"}
INVENTORY_FIELDS = [f.name for f in fields(Snapshot) if f.name not in NOT_INVENTORY]

# A small alphabet full of what identities quote, so that collisions would be found.
NAMES = st.text(alphabet='ab."()ü ', min_size=1, max_size=4)
KEYS: dict[str, tuple[str, ...]] = {
    "relations": ("schema", "name"),
    "columns": ("schema", "relation", "name"),
    "constraints": ("schema", "relation", "name"),
    "indexes": ("schema", "relation", "name"),
    "policies": ("schema", "relation", "name"),
    "triggers": ("schema", "relation", "name"),
    "functions": ("schema", "name", "arguments"),
    "types": ("schema", "name"),
    "role_memberships": ("role", "member"),
    "default_privileges": ("role", "schema", "object_type"),
    "view_dependencies": ("view_schema", "view", "schema", "relation"),
    "storage_buckets": ("id",),
    "cron_jobs": ("name", "username"),
}
"""What tells two records apart in the catalogue; the name alone where nothing is said."""
OBJECT_TYPES = ("tables", "sequences", "functions", "types", "schemas", "large_objects")


def record_type(field: str) -> type[Any]:
    kind: type[Any] = get_args(get_type_hints(Snapshot)[field])[0]
    return kind


def records(field: str) -> st.SearchStrategy[tuple[Any, ...]]:
    record = record_type(field)
    hints = get_type_hints(record)
    given_fields = {name: NAMES if hint is str else st.from_type(hint) for name, hint in hints.items()}
    if record is DefaultPrivilege:
        given_fields["schema"] = st.none() | NAMES
        given_fields["object_type"] = st.sampled_from(OBJECT_TYPES)
    keys = KEYS.get(field, ("name",))
    return st.lists(st.builds(record, **given_fields), max_size=4, unique_by=lambda r: tuple(getattr(r, key) for key in keys)).map(tuple)


def snapshot_with(made: dict[str, Any]) -> Snapshot:
    return Snapshot(SERVER, **made)


SNAPSHOTS = st.fixed_dictionaries({field: records(field) for field in INVENTORY_FIELDS}).map(snapshot_with)


@given(SNAPSHOTS)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_between_snapshot_and_inventory(snapshot: Snapshot) -> None:
    objects = inventory_of(snapshot)
    back = snapshot_of(SERVER, objects)
    for field in INVENTORY_FIELDS:
        assert sorted(map(repr, getattr(back, field))) == sorted(map(repr, getattr(snapshot, field)))
    assert snapshot_of(SERVER, inventory_of(back)) == back


@given(SNAPSHOTS)
@settings(max_examples=60, deadline=None)
def test_identities_are_unique_within_their_kind(snapshot: Snapshot) -> None:
    objects = inventory_of(snapshot)
    assert len({(o.kind, o.identity) for o in objects}) == len(objects)


def test_every_list_of_a_snapshot_that_describes_the_schema_is_inventory(supabase_database: Dsn) -> None:
    snapshot = observe(supabase_database)
    assert len(inventory_of(snapshot)) == sum(len(getattr(snapshot, field)) for field in INVENTORY_FIELDS)


def test_round_trip_of_a_real_database_is_exact_in_any_order(supabase_database: Dsn) -> None:
    snapshot = observe(supabase_database)
    stored = reversed(inventory_of(snapshot))
    back = snapshot_of(snapshot.server, stored, snapshot.relation_statistics, snapshot.unobserved)
    assert replace(back, activity=snapshot.activity) == snapshot


def test_kinds_are_nouns_of_the_catalogue() -> None:
    table = Relation("public", "orders", RelationKind.TABLE, "postgres")
    view = Relation("public", "open orders", RelationKind.MATERIALIZED_VIEW, "postgres")
    snapshot = Snapshot(
        SERVER,
        relations=(view, table),
        columns=(Column("public", "orders", "id", 1, "uuid"),),
        policies=(Policy("public", "orders", "own rows", "SELECT", True, ("PUBLIC",)),),
        functions=(Function("public", "f", "a integer", "function", "postgres", "sql"),),
    )
    assert [(o.kind, o.identity) for o in inventory_of(snapshot)] == [
        ("materialized_view", 'public."open orders"'),
        ("table", "public.orders"),
        ("column", "public.orders.id"),
        ("policy", 'public.orders."own rows"'),
        ("function", "public.f(a integer)"),
    ]


def test_payload_of_an_older_version_without_a_newer_field_decodes_to_its_default() -> None:
    payload = {"schema": "public", "relation": "orders", "name": "id", "position": 1, "type": "uuid"}
    assert snapshot_of(SERVER, [inventory_object("column", "public.orders.id", payload)]).columns == (
        Column("public", "orders", "id", 1, "uuid"),
    )


def test_unknown_kind_and_unknown_field_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind 'moon'"):
        snapshot_of(SERVER, [inventory_object("moon", "x", {})])
    with pytest.raises(ValueError, match=r"fields of Role.*: colour"):
        snapshot_of(SERVER, [inventory_object("role", "x", {"name": "x", "colour": "red"})])


def test_what_describes_the_scan_has_json_forms_of_its_own() -> None:
    statistics = (RelationStatistics("public", "orders", None, 8192), RelationStatistics("public", "users", 12, None))
    unobserved = (Unobserved("storage_buckets", "no SELECT privilege"),)
    assert server_from_json(server_to_json(SERVER)) == SERVER
    assert relation_statistics_from_json(relation_statistics_to_json(statistics)) == statistics
    assert unobserved_from_json(unobserved_to_json(unobserved)) == unobserved
