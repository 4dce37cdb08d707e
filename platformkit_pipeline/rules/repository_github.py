"""What rules about a repository on GitHub share: the settings that were observed, and why some are hidden."""

from __future__ import annotations

from platformkit_pipeline.model.repository.github import GithubFacet, GithubSettings
from platformkit_pipeline.rules.repository_subject import RepositorySubject

PROTECTION_PAGE = "https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches"
RULESETS_PAGE = "https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets"
_DEMANDS = (GithubFacet.CLASSIC_PROTECTION, GithubFacet.RULESETS)


def settings_of(subject: RepositorySubject) -> GithubSettings:
    """The settings. Raises LookupError where they were not observed: rules that require their facets are not asked then."""
    settings = subject.snapshot.github
    if settings is None:
        raise LookupError("the settings are judged only where they were observed")
    return settings


def why_hidden(settings: GithubSettings) -> str:
    """Why it is not certain that nothing else protects the default branch."""
    return settings.why_unobserved(_DEMANDS) or "not all that protects it is visible to this token"
