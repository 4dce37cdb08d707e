"""What `--repo` looks at: a repository by its folder, or one of the settings. Options and their meaning."""

# No `from __future__ import annotations` here: Typer reads the option types when a command is called.

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.model.target_name import LONGEST_NAME, name_fault

RepoOption = Annotated[
    Path | None, typer.Option("--repo", metavar="PATH", help="A git repository, checked out or bare: its latest commit is judged.")
]
BaseOption = Annotated[
    str | None,
    typer.Option("--base", metavar="REF", help="With --repo: report only what HEAD brings since it left REF, e.g. origin/main."),
]


@dataclass(frozen=True, slots=True)
class RepositorySubject:
    """A repository to scan, and the name that it has in the report."""

    path: Path
    base: str | None
    target: Target


def repository_subject(path: Path, base: str | None, name: str | None, others: Mapping[str, object]) -> RepositorySubject:
    """Raises ConfigurationError for options that are about a database, and for a name that is none."""
    given = [option for option, value in others.items() if value not in (None, [], False)]
    if given:
        raise ConfigurationError(f"--repo looks at a repository and cannot be combined with {', '.join(given)}")
    if name is not None and (fault := name_fault(name)):
        raise ConfigurationError(f"--name: {fault}")
    return RepositorySubject(path, base, Target(TargetKind.REPOSITORY, name or _name_of(path), Environment.PRODUCTION))


def _name_of(path: Path) -> str:
    """The folder's name; that of the folder above for one called `.git`."""
    resolved = path.resolve()
    name = resolved.parent.name if resolved.name == ".git" else resolved.name.removesuffix(".git")
    usable = "".join(c if c.isprintable() and c != "," else "_" for c in name).strip(" .")[:LONGEST_NAME]
    return usable or "repository"
