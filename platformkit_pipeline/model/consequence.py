"""What follows from a violation: the categories of clause 12 and their consequences."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Category(StrEnum):
    """The rows of clause 12, in its order."""

    SECURITY = "Security"
    GOVERNANCE = "Governance"
    QUALITY = "Quality"
    DATA_INTEGRITY = "Data Integrity"
    PERFORMANCE = "Performance"
    OBSERVABILITY = "Observability"
    CONNECTORS = "Connectors"


class Consequence(StrEnum):
    """What happens, in words for a person."""

    PULL_REQUEST_BLOCKED = "pull request blocked"
    DEPLOYMENT_BLOCKED = "deployment blocked"
    PULL_REQUEST_REJECTED = "pull request rejected"
    MERGE_BLOCKED = "merge blocked"
    MIGRATION_REJECTED = "migration rejected"
    PLAN_CREATED = "remediation plan created"
    CI_LINT_FAILURE = "CI lint failure"
    REGISTRATION_BLOCKED = "registration blocked"


CONSEQUENCES: Mapping[Category, tuple[Consequence, ...]] = MappingProxyType(
    {
        Category.SECURITY: (Consequence.PULL_REQUEST_BLOCKED, Consequence.DEPLOYMENT_BLOCKED),
        Category.GOVERNANCE: (Consequence.PULL_REQUEST_REJECTED,),
        Category.QUALITY: (Consequence.MERGE_BLOCKED,),
        Category.DATA_INTEGRITY: (Consequence.MIGRATION_REJECTED,),
        Category.PERFORMANCE: (Consequence.PLAN_CREATED,),
        Category.OBSERVABILITY: (Consequence.CI_LINT_FAILURE,),
        Category.CONNECTORS: (Consequence.REGISTRATION_BLOCKED,),
    }
)
"""The table of clause 12."""

STOPS_A_MERGE = frozenset((Consequence.PULL_REQUEST_BLOCKED, Consequence.PULL_REQUEST_REJECTED, Consequence.MERGE_BLOCKED))


def consequences_text(category: Category) -> str:
    """`Security: pull request blocked, deployment blocked`."""
    return f"{category.value}: {', '.join(CONSEQUENCES[category])}"


def stops_a_merge(category: Category) -> bool:
    """Whether a severe finding of the category keeps a change from being merged (clause 12)."""
    return not STOPS_A_MERGE.isdisjoint(CONSEQUENCES[category])
