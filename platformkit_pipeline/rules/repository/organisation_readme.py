"""The README of an organisation is what was rendered from the inventory, and nobody's edit (clause 3.4)."""

from __future__ import annotations

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.generated_readme import StampState, stamped
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_rule

_TEXT = "# Shops\n\nTwo projects, none of them with a critical finding.\n"
_PROFILE = "=== file .platformkit.yaml\norganisation_profile: true\n=== file profile/README.md\n"
_DECLARE = "the README of a profile is profile/README.md, or README.md, of a repository that declares `organisation_profile: true`"
_RENDERED = stamped(_TEXT, "0f2d8a61c7b3e594")


@repository_rule(
    "RDM001",
    "organisation-readme-drift",
    clause="3.4",
    severity=Severity.MEDIUM,
    family=Family.ORGANISATION_README,
    title="The organisation's README is not what was generated",
    why="An overview that somebody edits says what they wish. The next rendering overwrites it, and until then nobody knows what was "
    "observed. Judged is a repository that declares `organisation_profile: true`, or is called `.github` and holds `profile/README.md`. "
    "Where a control plane renders it every night (`governance.enterprise_readme`), it also has to be what was rendered last.",
    how_to_fix="Change the template, not its output, and render the README anew (`platformkit docs enterprise-readme`), or have it pushed "
    "every night (`push: true`). It ends with a mark that holds the digest of its text.",
    requires=(RepositoryFacet.ORGANISATION_README,),
    violating=_PROFILE + _RENDERED.replace("Two projects", "Three projects"),
    clean=_PROFILE + _RENDERED,
    revision=2,
)
def organisation_readme_drift(subject: RepositorySubject) -> Verdicts:
    readme, rendered = subject.snapshot.organisation_readme, subject.rendered_readme
    if rendered is not None and (readme is None or readme.path != rendered.path):
        yield unknown(file_identity(rendered.path), f"{rendered.path} is rendered every night, and not observed: {_DECLARE}")
        return
    if readme is None:
        return
    identity = file_identity(readme.path)
    about = {"inventory_digest": readme.inventory_digest, "inventory_compared": rendered is not None}
    if readme.fault:
        yield unknown(identity, f"{readme.path} {readme.fault}")
    elif not readme.present:
        yield failed(identity, f"{readme.path} is missing, and the repository declares an organisation's profile")
    elif readme.stamp is StampState.ABSENT:
        yield failed(identity, f"{readme.path} was not generated: it holds no mark, or more than one")
    elif readme.stamp is StampState.EDITED:
        yield failed(identity, f"{readme.path} was edited since it was generated", **about)
    elif rendered is not None and readme.text_digest != rendered.text_digest:
        yield failed(identity, f"{readme.path} is not what was rendered last", **about)
    else:
        yield PASSED
