"""What `--repo` looks at: a repository by its folder, or one of the settings. Options and their meaning."""

# No `from __future__ import annotations` here: Typer reads the option types when a command is called.

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from platformkit_pipeline.cli.subject import Listed, refuse_together
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import OWNER_NAME, Environment, GithubAccess, Target, TargetKind
from platformkit_pipeline.model.target_name import LONGEST_NAME, name_fault

DEFAULT_TOKEN_ENV = "GITHUB_TOKEN"  # noqa: S105 - the name of a variable
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")

RepoOption = Annotated[
    Path | None, typer.Option("--repo", metavar="PATH", help="A git repository, checked out or bare: its latest commit is judged.")
]
BaseOption = Annotated[
    str | None,
    typer.Option("--base", metavar="REF", help="With --repo: report only what HEAD brings since it left REF, e.g. origin/main."),
]

GithubOption = Annotated[
    str | None,
    typer.Option("--github", metavar="OWNER/NAME", help="With --repo: ask GitHub about protection, required checks, alerts, Actions."),
]
GithubTokenOption = Annotated[
    str | None,
    typer.Option(
        "--github-token-env",
        metavar="NAME",
        help=f"Environment variable that holds the access token for --github; default {DEFAULT_TOKEN_ENV}.",
    ),
]


@dataclass(frozen=True, slots=True)
class RepositorySubject:
    """A repository to scan, and the name that it has in the report."""

    path: Path
    base: str | None
    target: Target
    github: GithubAccess | None = None


def repository_subject(
    path: Path, base: str | None, name: str | None, others: Mapping[str, object], github: GithubAccess | None = None
) -> RepositorySubject:
    """Raises ConfigurationError for options that are about a database, and for a name that is none."""
    refuse_together("--repo looks at a repository and", others)
    if name is not None and (fault := name_fault(name)):
        raise ConfigurationError(f"--name: {fault}")
    if name is None:
        from platformkit_pipeline.operations.repository_name import declared_name

        name = declared_name(path) or _name_of(path)
    return RepositorySubject(path, base, Target(TargetKind.REPOSITORY, name, Environment.PRODUCTION), github)


def github_access(owner_name: str | None, token_env: str | None) -> GithubAccess | None:
    """How GitHub is asked; None where it is not. Raises ConfigurationError for a name that is none of a repository."""
    if owner_name is None:
        if token_env is not None:
            raise ConfigurationError("--github-token-env needs --github, the repository that GitHub is asked about")
        return None
    if not OWNER_NAME.match(owner_name):
        raise ConfigurationError("--github expects the repository's name on GitHub as OWNER/NAME, such as acme/shop")
    if token_env is not None and not _VARIABLE.match(token_env):
        raise ConfigurationError("--github-token-env expects the name of an environment variable, not the token itself")
    return GithubAccess(owner_name, token_env or DEFAULT_TOKEN_ENV)


def repository_of_settings(name: str, listed: Listed) -> RepositorySubject | None:
    """The entry under `repositories` of that name; None where there is none, or a project has the name.

    Raises SettingsError, and ConfigurationError for an entry without a path and for one whose name GitHub cannot know.
    """
    from platformkit_pipeline.model.settings import target_of
    from platformkit_pipeline.operations.read_settings import github_access_of, repository_path

    entry = next((repository for repository in listed.settings.repositories if repository.name == name), None)
    if entry is None or any(project.name == name for project in listed.settings.projects):
        return None
    return RepositorySubject(repository_path(listed.file, entry), None, target_of(entry), github_access_of(entry))


def subject_of_entry(entry: RepositorySubject, base: str | None, others: Mapping[str, object]) -> RepositorySubject:
    """The entry with the base to compare with. Raises ConfigurationError for options that the settings decide."""
    refuse_together(f"--target {entry.target.name} is a repository of the settings and", others)
    return replace(entry, base=base)


def _name_of(path: Path) -> str:
    """The folder's name; that of the folder above for one called `.git`."""
    resolved = path.resolve()
    name = resolved.parent.name if resolved.name == ".git" else resolved.name.removesuffix(".git")
    usable = "".join(c if c.isprintable() and c != "," else "_" for c in name).strip(" .")[:LONGEST_NAME]
    return usable or "repository"
