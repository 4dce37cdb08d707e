"""What patches may change of who gets in, in the terms of a proof; and what the owners of a project may change at all."""

from __future__ import annotations

from platformkit_pipeline.model.patch import AccessChange
from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.rules.database.catalog import CLIENT_ROLES, Catalog, identity_of

ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_OWNER = "postgres"


def fewer_rows(table: Relation, operations: tuple[str, ...] = ROWS, roles: tuple[str, ...] = CLIENT_ROLES) -> AccessChange:
    """Client roles reach fewer rows of the table, and of views that read it with their rights."""
    return AccessChange(identity_of(table).canonical, roles, operations)


def owners_may_change(catalog: Catalog, owner: str) -> bool:
    """Whether the login that the project's owners have acts as `owner`: on the platform it is `postgres`, which is no superuser.

    Where there is no such role, whoever applies migrations is taken to own everything.
    """
    if all(role.name != _OWNER for role in catalog.snapshot.roles):
        return True
    return catalog.is_superuser(_OWNER) or owner in catalog.acts_as(_OWNER)
