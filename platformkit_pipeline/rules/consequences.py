"""Which category of clause 12 each family of rules belongs to, and so what its findings have for a consequence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from platformkit_pipeline.model.consequence import Category
from platformkit_pipeline.rules.registry import Family, all_rules

CATEGORY_OF: Mapping[Family, Category] = MappingProxyType(
    {
        Family.ROW_LEVEL_SECURITY: Category.SECURITY,
        Family.API_EXPOSURE: Category.SECURITY,
        Family.FUNCTIONS: Category.SECURITY,
        Family.EXTENSIONS: Category.SECURITY,
        Family.SECRETS: Category.SECURITY,
        Family.REPOSITORY_SECRETS: Category.SECURITY,
        Family.TENANCY: Category.DATA_INTEGRITY,
        Family.FOREIGN_KEYS: Category.DATA_INTEGRITY,
        Family.AUDIT_TRAIL: Category.DATA_INTEGRITY,
        Family.KEYS_AND_TYPES: Category.DATA_INTEGRITY,
        Family.MIGRATIONS: Category.DATA_INTEGRITY,
        Family.INDEXES: Category.PERFORMANCE,
        Family.QUERY_PERFORMANCE: Category.PERFORMANCE,
        Family.SPEC_BUNDLES: Category.GOVERNANCE,
        Family.DIAGRAMS: Category.GOVERNANCE,
        Family.DOC_SYNC: Category.GOVERNANCE,
        Family.EXCEPTIONS: Category.GOVERNANCE,
        Family.AMENDMENTS: Category.GOVERNANCE,
        Family.ORGANISATION_README: Category.GOVERNANCE,
        Family.WAIVERS: Category.GOVERNANCE,
        Family.OPERATIONS: Category.GOVERNANCE,
        Family.REQUIRED_CHECKS: Category.QUALITY,
        Family.VERSIONING: Category.QUALITY,
        Family.SUPPRESSIONS: Category.QUALITY,
        Family.STRUCTURED_LOGGING: Category.OBSERVABILITY,
        Family.CONNECTORS: Category.CONNECTORS,
    }
)
"""By clause: 2 is Security; 5 and 8.2 are Data Integrity; 6 is Performance, 7 Observability, 9 Connectors; 4 and 8.1 are Quality; what
is written down and agreed (3, 10, 11, 13) is Governance."""


@cache
def _categories() -> Mapping[str, Category]:
    return {rule.code: CATEGORY_OF[rule.family] for rule in all_rules()}


def category_of(code: str) -> Category | None:
    """Of the rule with that code; None for one that is not in the book any more."""
    return _categories().get(code)
