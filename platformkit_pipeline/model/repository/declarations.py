"""What the owners of a repository declare about it in a reviewed file; rules use it only where observation cannot answer."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.model.repository.checks import CheckCategory

DECLARATIONS_FILE = ".platformkit.yaml"


@dataclass(frozen=True, slots=True, order=True)
class NotApplicable:
    """A rule that has nothing to judge here, and why. Only rules that allow it may be named."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class DeclaredCheck:
    """A command that runs on every pull request, by other means than a workflow of GitHub. It is followed as far as it can be."""

    command: str
    reason: str
    context: str = ""
    """Name under which it reports to pull requests."""
    covers: tuple[CheckCategory, ...] = ()
    """What it checks beside that which following it shows."""
    coverage: float | None = None
    """Least coverage of its tests, in per cent."""


@dataclass(frozen=True, slots=True, order=True)
class RevokedSecret:
    """A secret that opens nothing any more, by the digest that a finding names, and how that came. It may stay in the history."""

    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class RepositoryDeclarations:
    """The file `.platformkit.yaml` at the root. Paths are patterns as CODEOWNERS has them."""

    name: str | None = None
    """What the repository is called in reports, wherever its clone lies; digests of secrets are salted with it."""
    not_applicable: tuple[NotApplicable, ...] = ()
    spec_projects: tuple[str, ...] = ()
    """Projects that need a spec bundle, where folders below `spec/` do not tell."""
    critical_paths: tuple[str, ...] = ()
    """What needs an owner, beside the workflows, migrations and this file."""
    client_paths: tuple[str, ...] = ()
    """Code that reaches a browser or a device."""
    component_paths: tuple[str, ...] = ()
    """Code of platform components, which logs in a structured way."""
    checks: tuple[DeclaredCheck, ...] = ()
    revoked_secrets: tuple[RevokedSecret, ...] = ()
    organisation_profile: bool = False
    """The repository holds the README of an organisation."""
    fault: str | None = None
    """Why the file could not be understood, as the rest of a sentence about it; nothing of it counts then."""


NOTHING_DECLARED = RepositoryDeclarations()
