"""The README of an organisation, where a repository holds it (clause 3.4)."""

from __future__ import annotations

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.model.repository.declarations import RepositoryDeclarations
from platformkit_pipeline.model.repository.generated_readme import OrganisationReadme, check_stamp

PROFILE = "profile/README.md"
"""Where GitHub takes the README of an organisation from, in a repository called `.github`."""
_PROFILE_REPOSITORY = ".github"


def observe_organisation_readme(files: Files, declarations: RepositoryDeclarations, name: str) -> OrganisationReadme | None:
    """Of a repository that declares an organisation's profile, or is called `.github` and holds one. `name` may have an owner."""
    is_profile = name.rpartition("/")[2] == _PROFILE_REPOSITORY and PROFILE in files
    if not (declarations.organisation_profile or is_profile):
        return None
    path = PROFILE if PROFILE in files or "README.md" not in files else "README.md"
    if path not in files:
        return OrganisationReadme(path, present=False)
    try:
        stamp = check_stamp(files.text(path))
    except UnreadableError as error:
        return OrganisationReadme(path, present=True, fault=str(error))
    return OrganisationReadme(path, True, stamp.state, stamp.inventory_digest, stamp.text_digest)
