"""Somebody answers for what guards the rest (clauses 1.3, 4.1): CIC024, CIC025, CIC027."""

from __future__ import annotations

from platformkit_pipeline.model.repository.codeowners import CODEOWNERS_PLACES, Codeowners
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_identity, repository_rule

_SYNTAX = (
    "https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners"
)


@repository_rule(
    "CIC024",
    "codeowners-missing",
    clause="4.1",
    severity=Severity.MEDIUM,
    family=Family.REQUIRED_CHECKS,
    title="There is no CODEOWNERS",
    why="Without it nobody in particular is asked when the guards themselves are changed.",
    how_to_fix="Add `.github/CODEOWNERS` with owners for `/.github/`, `/supabase/migrations/`, `/spec/` and `/.platformkit.yaml`.",
    references=(_SYNTAX,),
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.CODEOWNERS,),
    violating="=== remove .github/CODEOWNERS",
    clean="=== remove .github/CODEOWNERS\n=== file CODEOWNERS\n* @acme/shop",
)
def codeowners_missing(subject: RepositorySubject) -> Verdicts:
    owners = _observed(subject)
    if not owners.path:
        yield failed(repository_identity("CODEOWNERS"), f"there is no CODEOWNERS: none of {', '.join(CODEOWNERS_PLACES)} is there")
    elif not owners.unreadable and not owners.entries:
        yield failed(file_identity(owners.path), f"{owners.path} names no owner of anything")
    else:
        yield PASSED


@repository_rule(
    "CIC025",
    "critical-path-uncovered",
    clause="4.1",
    severity=Severity.MEDIUM,
    family=Family.REQUIRED_CHECKS,
    title="Critical files have no owner",
    why="Workflows, migrations, specs and declarations decide what the rest may do. A change of them needs somebody who answers for it.",
    how_to_fix="Give the pattern an owner in CODEOWNERS. The last line that matches a file counts, even one without owners.",
    references=(_SYNTAX,),
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.CODEOWNERS,),
    violating="=== file .github/CODEOWNERS\n* @acme/shop\n/.github/workflows/",
    clean="=== file .github/CODEOWNERS\n/.github/workflows/\n* @acme/shop\n/src/",
)
def critical_path_uncovered(subject: RepositorySubject) -> Verdicts:
    owners = _observed(subject)
    if not owners.path:
        return  # another rule says so
    if owners.unreadable:
        yield unknown(file_identity(owners.path), f"{owners.path} {owners.unreadable}")
        return
    for covered in owners.coverage:
        if covered.unowned:
            message = f"{covered.unowned} of {covered.files} files of {covered.pattern} have no owner: {', '.join(covered.examples[:3])}"
            yield failed(repository_identity(f"owners of {covered.pattern}"), message, files=list(covered.examples))
        elif covered.files:
            yield PASSED


@repository_rule(
    "CIC027",
    "codeowners-line-ignored",
    clause="4.1",
    severity=Severity.MEDIUM,
    family=Family.REQUIRED_CHECKS,
    title="GitHub leaves out a line of CODEOWNERS",
    why="A line with a mistake is left out without a word, and whoever reads it believes that it counts. So is a whole second file.",
    how_to_fix="Correct the line; an owner is written @user, @organisation/team or as an e-mail address. Keep one file only.",
    references=(_SYNTAX,),
    requires=(RepositoryFacet.CODEOWNERS,),
    violating="=== file .github/CODEOWNERS\n* @acme/shop\n/docs/ acme/writers",
    clean="=== file .github/CODEOWNERS\n* @acme/shop  # everything\n/docs/ @acme/writers writer@example.com",
)
def codeowners_line_ignored(subject: RepositorySubject) -> Verdicts:
    owners = _observed(subject)
    seen: dict[str, int] = {}
    for fault in owners.faults:
        seen[fault.message] = seen.get(fault.message, 0) + 1
        about = {"fault": fault.message} | ({"number": str(seen[fault.message])} if seen[fault.message] > 1 else {})
        yield failed(file_identity(owners.path, **about), f"{owners.path}: {fault.message}", line=fault.line)
    for path in owners.others:
        yield failed(file_identity(path), f"{path} is not read, because {owners.path} is there")
    if owners.path and not owners.faults:
        yield PASSED


def _observed(subject: RepositorySubject) -> Codeowners:
    return subject.snapshot.codeowners or Codeowners("")
