"""The whole of it in an order in which nearly every statement finds what it needs; the few others are tried again."""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.sandbox.shadow import foreign_data
from platformkit_pipeline.sandbox.shadow.collations import collations
from platformkit_pipeline.sandbox.shadow.comments import comments
from platformkit_pipeline.sandbox.shadow.extensions import Available, extensions
from platformkit_pipeline.sandbox.shadow.functions import function_owners, function_privileges, functions
from platformkit_pipeline.sandbox.shadow.keys import foreign_keys, keys
from platformkit_pipeline.sandbox.shadow.parameters import LOADED_AT_LOGIN, assignment
from platformkit_pipeline.sandbox.shadow.policies_and_triggers import event_triggers, policies, rules, triggers
from platformkit_pipeline.sandbox.shadow.relation_access import column_privileges, relation_owners, relation_privileges, row_security
from platformkit_pipeline.sandbox.shadow.roles import memberships, owner_role, role_settings, roles
from platformkit_pipeline.sandbox.shadow.rows import rows
from platformkit_pipeline.sandbox.shadow.schemas import default_privileges, schema_privileges, schemas
from platformkit_pipeline.sandbox.shadow.sequences import sequence_owners, sequences
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted
from platformkit_pipeline.sandbox.shadow.tables import late_inheritance, tables
from platformkit_pipeline.sandbox.shadow.user_types import type_owners, types
from platformkit_pipeline.sandbox.shadow.views import filled_views, views


def script(snapshot: Snapshot, *, superuser: str, server_version: int, available: Available) -> Iterator[Statement]:
    """Statements that rebuild `snapshot` in an empty database of a fresh server, run by `superuser`.

    `available` are the extensions that the server can create. Texts are those that the server printed under
    `search_path = pg_catalog`, so they are to be run under it.
    """
    yield from roles(snapshot, superuser)
    yield from memberships(snapshot, server_version)
    yield from schemas(snapshot)
    yield from extensions(snapshot, available)
    yield from collations(snapshot)
    yield from types(snapshot)
    yield from functions(snapshot, late=False)
    yield from sequences(snapshot)
    yield from tables(snapshot, server_version, foreign=False)
    yield from foreign_data.without_validators(snapshot)
    yield from foreign_data.foreign_servers(snapshot)
    yield from tables(snapshot, server_version, foreign=True)
    yield from foreign_data.with_validators(snapshot)
    yield from functions(snapshot, late=True)
    yield from late_inheritance(snapshot)
    yield from keys(snapshot)
    yield from views(snapshot)
    yield from rules(snapshot)
    yield from foreign_keys(snapshot)
    yield from filled_views(snapshot)
    yield from relation_owners(snapshot, superuser)
    yield from sequence_owners(snapshot)
    yield from function_owners(snapshot, superuser)
    yield from type_owners(snapshot, superuser)
    yield from triggers(snapshot)
    yield from policies(snapshot)
    yield from row_security(snapshot)
    yield from schema_privileges(snapshot)
    yield from relation_privileges(snapshot)
    yield from column_privileges(snapshot)
    yield from function_privileges(snapshot)
    yield from comments(snapshot)
    yield from rows(snapshot)
    yield from foreign_data.publications(snapshot)
    yield from event_triggers(snapshot, superuser)
    yield from default_privileges(snapshot)
    yield from role_settings(snapshot, superuser)


def of_the_database(snapshot: Snapshot, name: str, superuser: str) -> Iterator[str]:
    """What CREATE DATABASE leaves behind in the template: owner and settings."""
    database = quoted(name)
    yield f"alter database {database} owner to {quoted(owner_role(snapshot, superuser))}"
    for settings in snapshot.database_settings:
        for parameter, value in settings.settings:
            if parameter not in LOADED_AT_LOGIN:
                yield f"alter database {database} set {assignment(parameter, value)}"
