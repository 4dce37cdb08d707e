"""The checks of clause 4.1 have to pass, can pass, and bind everybody, as GitHub tells: CIC021 to CIC023."""

from __future__ import annotations

from platformkit_pipeline.model.repository.checks import CheckCategory
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.github import GithubFacet
from platformkit_pipeline.model.repository.github_protection import BypassActor
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_gates import gates_of
from platformkit_pipeline.rules.repository_github import PROTECTION_PAGE, RULESETS_PAGE, settings_of, why_hidden
from platformkit_pipeline.rules.repository_required_contexts import keeps_out
from platformkit_pipeline.rules.repository_subject import RepositorySubject, repository_identity, repository_rule

_SHOWN = 5


@repository_rule(
    "CIC021",
    "category-check-not-required",
    clause="4.1",
    severity=Severity.HIGH,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="A check runs, and need not pass",
    why="A check that is not required is a remark. A change is merged while it is red, or before it has ended.",
    how_to_fix="Require the name under which the job reports, from GitHub Actions, in the protection of the default branch. A job that "
    "sums up others has to run always and look at their results.",
    references=(RULESETS_PAGE,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION, RepositoryFacet.WORKFLOWS),
    violating="""=== github
protections:
  main:
    checks: [[Lint, 15368], [Tests, 15368], [Secrets, 15368], [Dependencies, 15368], [SBOM, 15368], [Migrations, 15368],
      [Database, 15368], [Contracts, 15368], [Spec, 15368]]
""",
    clean="""=== github
protections:
  main:
    checks: [[Lint, null], [Types, null], [Tests, null], [Secrets, null], [Dependencies, null], [SBOM, null], [Migrations, null],
      [Database, null], [Contracts, null], [Spec, null]]
""",
)
def category_check_not_required(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    gates = gates_of(subject.snapshot)
    for category in CheckCategory:
        counting = [gate for gate in gates.of(category) if gate.counts]
        if not counting:
            continue  # another rule says that there is none
        if any(keeps_out(subject.snapshot, gate) for gate in counting):
            yield PASSED
            continue
        identity = repository_identity(f"required check {category.value}")
        names = ", ".join(dict.fromkeys(name for gate in counting for name in gate.contexts)) or "a name that is known at run time only"
        message = f"{counting[0].named} reports as {names}, and {settings.default_branch} requires none of that"
        if not settings.protection.complete:
            yield unknown(identity, f"{message}, as far as can be seen: {why_hidden(settings)}", **counting[0].evidence)
        elif not all(gate.contexts_known for gate in counting):
            yield unknown(identity, f"{message}, as far as its names are known", **counting[0].evidence)
        else:
            yield failed(identity, message, **counting[0].evidence)


@repository_rule(
    "CIC022",
    "required-check-never-reports",
    clause="4.1",
    severity=Severity.HIGH,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="A required check never reports",
    why="Nobody can pass it, so it is bypassed each time, and with it all the others; or nothing is merged any more.",
    how_to_fix="Require the name that the job reports (for a matrix one per combination, for a reusable workflow caller / called), or "
    "take the requirement away.",
    references=(PROTECTION_PAGE,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION, RepositoryFacet.REPORTED_CHECKS),
    violating="""=== github
protections:
  main:
    checks: [[Lint, 15368], [Types, 15368], [Tests, 15368], [Secrets, 15368], [Dependencies, 15368], [SBOM, 15368],
      [Migrations, 15368], [Database, 15368], [Contracts, 15368], [Spec, 15368], [lint, 15368]]
""",
    clean="=== github\ncommits: [{message: Nothing reported on this one}]",
)
def required_check_never_reports(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    for required in settings.protection.required_contexts:
        app = f" from the App {required.integration}" if required.integration is not None else ""
        identity = repository_identity(f"required check {required.context}{app}")
        reported = settings.reports.reported(required.context, required.integration) if settings.reports else None
        if reported:
            yield PASSED
        elif reported is None or settings.reports is None:
            why = (
                settings.why_unobserved([GithubFacet.REPORTED_CONTEXTS])
                or "too few merged pull requests, or only a commit status has that name"
            )
            yield unknown(identity, f"whether the required check {required.context}{app} reports: {why}")
        else:
            looked = (
                f"{len(settings.reports.commits)} commits, {settings.reports.merged_pull_requests} of them heads of merged pull requests"
            )
            yield failed(
                identity, f"the required check {required.context}{app} reported on none of {looked}", commits=list(settings.reports.commits)
            )


@repository_rule(
    "CIC023",
    "bypass-allowed",
    clause="4.1",
    severity=Severity.MEDIUM,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="Somebody may bypass the checks",
    why="A demand that some need not meet is not met when they are in a hurry, which is when it matters.",
    how_to_fix="Bind administrators as well (enforce_admins) and empty the bypass lists of rulesets. Emergencies go through an exception.",
    references=(RULESETS_PAGE,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {enforce_admins: false}}",
    clean="=== github\nprotections: {main: {strict: false}}",
)
def bypass_allowed(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    protection = settings.protection
    demands = [("required checks", {s for c in protection.required_contexts for s in c.sources}, False)]
    demands.append(("reviews", set(protection.review_sources), True))
    for what, sources, reviews in demands:
        if not sources:
            continue
        actors = protection.bypass_of(sources, reviews=reviews)
        identity = repository_identity(f"bypass of {what}")
        if actors is None:
            why = settings.why_unobserved([GithubFacet.BYPASS]) or "who may bypass it is not visible to this token"
            yield unknown(identity, f"whether anybody may bypass the {what}: {why}")
        elif actors:
            yield failed(identity, f"{_named(actors)} may bypass the {what} of {settings.default_branch}", actors=[a.name for a in actors])
        else:
            yield PASSED


def _named(actors: tuple[BypassActor, ...]) -> str:
    names = ", ".join(actor.name or f"{actor.kind} {actor.identifier}" for actor in actors[:_SHOWN])
    return names if len(actors) <= _SHOWN else f"{names} and {len(actors) - _SHOWN} more"
