"""What may be observed of a repository, and so may be missing."""

from __future__ import annotations

from enum import StrEnum


class RepositoryFacet(StrEnum):
    """One kind of observation; a rule names those without which it cannot answer."""

    FILES = "files"
    HISTORY = "history"
    """Commits from the first one on; missing in a shallow clone."""
    TAGS = "tags"
    WORKFLOWS = "workflows"
    WORKFLOW_SECURITY = "workflow_security"
    CODEOWNERS = "codeowners"
    SECRETS = "secrets"
    SECRET_HISTORY = "secret_history"  # noqa: S105 - a name, no secret
    SECRET_HOOKS = "secret_hooks"  # noqa: S105 - a name, no secret
    SUPPRESSIONS = "suppressions"
    SPEC_BUNDLES = "spec_bundles"
    DIAGRAMS = "diagrams"
    AGENT_DOCUMENTS = "agent_documents"
    ORGANISATION_README = "organisation_readme"
    LOG_STATEMENTS = "log_statements"
    MANIFESTS = "manifests"
    VERSIONS = "versions"
    CHANGELOG = "changelog"
    EXCEPTIONS = "exceptions"
    RECORDED_EXCEPTIONS = "recorded_exceptions"
    """What `ops.exceptions` holds; not to be had without a control plane."""
    AMENDMENTS = "amendments"
    CHANGE = "change"
    """What a branch brings, compared with the base that somebody named."""
    BRANCH_PROTECTION = "branch_protection"
    SECURITY_SETTINGS = "security_settings"
    REPORTED_CHECKS = "reported_checks"


GITHUB_FACETS = (RepositoryFacet.BRANCH_PROTECTION, RepositoryFacet.SECURITY_SETTINGS, RepositoryFacet.REPORTED_CHECKS)
"""What no clone tells, only GitHub's API."""
