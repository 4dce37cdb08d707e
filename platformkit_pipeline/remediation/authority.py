"""Whom a patch is run as, and what that role may change: customers of the platform are no superusers."""

from __future__ import annotations

from platformkit_pipeline.remediation.proposal import ByHand
from platformkit_pipeline.rules.database.catalog import Catalog

APPLYING_ROLE = "postgres"
"""The project's administrator. Patches need no more than it has."""


def may_change(catalog: Catalog, owner: str) -> bool:
    """Objects of `owner` can be altered by the applying role. Where there is no such role, nobody can tell, and a proof will."""
    return not catalog.has_role(APPLYING_ROLE) or catalog.is_superuser(APPLYING_ROLE) or owner in catalog.acts_as(APPLYING_ROLE)


def out_of_reach(owner: str, what: str, *statements: str) -> ByHand:
    """The item for an object that the applying role cannot alter; `statements` are what its owner should run."""
    return ByHand(
        reason=f"{what} belongs to {owner}, as which {APPLYING_ROLE} may not act",
        steps=(f"As {owner}, or as a superuser, run:", *(f"{statement};" for statement in statements)),
    )
