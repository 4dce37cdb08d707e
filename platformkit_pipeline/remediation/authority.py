"""Whom a patch is run as, and what that role may change: patches are carried out by the login that the owners of a project have."""

from __future__ import annotations

from platformkit_pipeline.model.snapshot import Relation
from platformkit_pipeline.remediation.proposal import ByHand
from platformkit_pipeline.rules.database.catalog import Catalog

APPLYING_ROLE = "postgres"
"""No superuser on the platform: it may alter what it owns, and what roles own whose privileges it inherits."""
_DATABASE_OWNER = "pg_database_owner"
"""Whoever owns the database, which the snapshot does not tell: on the platform that login."""


def may_change(catalog: Catalog, owner: str) -> bool:
    """Objects of `owner` can be altered by the applying role. Where there is no such role, nobody can tell, and a proof will."""
    return not catalog.has_role(APPLYING_ROLE) or catalog.is_superuser(APPLYING_ROLE) or owner in catalog.acts_as(APPLYING_ROLE)


def why_not_ours(catalog: Catalog, owner: str) -> str | None:
    """Why objects of `owner` cannot be altered by the applying role; None when they can."""
    return None if may_change(catalog, owner) else f"it belongs to {owner}, as whom {APPLYING_ROLE} may not act"


def out_of_reach(owner: str, what: str, *statements: str) -> ByHand:
    """The item for an object that the applying role cannot alter; `statements` are what its owner should run."""
    return ByHand(
        reason=f"{what} belongs to {owner}, as which {APPLYING_ROLE} may not act",
        steps=(f"As {owner}, or as a superuser, run:", *(f"{statement};" for statement in statements)),
    )


def no_room_in(catalog: Catalog, schema: str) -> str | None:
    """Why the applying role cannot create anything in the schema, which an index needs as well; None when it can."""
    found = next((s for s in catalog.snapshot.schemas if s.name == schema), None)
    if found is None or found.owner == _DATABASE_OWNER or may_change(catalog, found.owner):
        return None
    if catalog.holds(APPLYING_ROLE, "CREATE", found.privileges):
        return None
    return f"{APPLYING_ROLE} may not create anything in schema {schema}, which belongs to {found.owner}"


def may_refer_to(catalog: Catalog, table: Relation) -> bool:
    """The applying role may create foreign keys to the table."""
    return may_change(catalog, table.owner) or catalog.holds(APPLYING_ROLE, "REFERENCES", table.privileges)
