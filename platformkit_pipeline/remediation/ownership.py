"""What the login that applies patches may change: `postgres`, which on the platform is no superuser and owns what the project made."""

from __future__ import annotations

from collections.abc import Iterable

from platformkit_pipeline.remediation.proposal import ByHand
from platformkit_pipeline.rules.database.catalog import Catalog

ADMINISTRATOR = "postgres"


def may_alter(catalog: Catalog, owner: str) -> bool:
    """`postgres` may change what `owner` owns: it is the owner, has its rights by membership, or is a superuser."""
    return catalog.is_superuser(ADMINISTRATOR) or owner in catalog.acts_as(ADMINISTRATOR)


def left_to_the_owner(what: str, owners: str | Iterable[str], statements: Iterable[str]) -> ByHand:
    """`what` belongs to somebody that `postgres` may not act as; `statements` are what the owner would run."""
    names = owners if isinstance(owners, str) else " and ".join(sorted(set(owners)))
    return ByHand(
        reason=f"{what} belongs to {names}, and {ADMINISTRATOR} may not act as that role",
        steps=(f"Run as {names}, or as a superuser (on the platform: through its support):", *(f"{s};" for s in statements)),
    )
