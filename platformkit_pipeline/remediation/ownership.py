"""Who may change an object: patches are carried out by the login that the owners of a project have."""

from __future__ import annotations

from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.rules.database.catalog import Catalog

OWNERS_LOGIN = "postgres"
"""No superuser on the platform: it may alter what it owns, and what roles own whose privileges it inherits."""


def out_of_reach(catalog: Catalog, owner: str) -> str | None:
    """Why objects of `owner` cannot be altered by the owners' login; None when they can, or when there is no such login."""
    known = any(role.name == OWNERS_LOGIN for role in catalog.snapshot.roles)
    if not known or catalog.is_superuser(OWNERS_LOGIN) or owner in catalog.acts_as(OWNERS_LOGIN):
        return None
    return f"it belongs to {owner}, as whom {OWNERS_LOGIN} may not act"


def may_refer_to(catalog: Catalog, table: Relation) -> bool:
    """The owners' login may create foreign keys to the table."""
    return out_of_reach(catalog, table.owner) is None or catalog.holds(OWNERS_LOGIN, "REFERENCES", table.privileges)
