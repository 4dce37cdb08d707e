"""The default branch demands what the constitution demands (clause 4.1), as GitHub tells: CIC020 to CIC023, CIC035 to CIC038."""

from __future__ import annotations

from platformkit_pipeline.model.repository.checks import CheckCategory
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.github import GithubFacet, GithubSettings
from platformkit_pipeline.model.repository.github_protection import BypassActor
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_gates import gates_of
from platformkit_pipeline.rules.repository_required_contexts import keeps_out
from platformkit_pipeline.rules.repository_subject import RepositorySubject, repository_identity, repository_rule

_PROTECTION = "https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-protected-branches"
_RULESETS = "https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets"
_DEMANDS = (GithubFacet.CLASSIC_PROTECTION, GithubFacet.RULESETS)
_SHOWN = 5


@repository_rule(
    "CIC020",
    "default-branch-unprotected",
    clause="4.1",
    severity=Severity.HIGH,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="Nothing protects the default branch",
    why="Whoever may write to the repository can then push to the default branch, past every check and every review.",
    how_to_fix="Make a ruleset, or classic protection, for the default branch: pull request with approval, required checks, no bypass.",
    references=(_RULESETS, _PROTECTION),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {develop: {strict: true}, main: null}",
    clean="""=== github
protections: {main: null}
rulesets:
  - identifier: 7
    name: default branch
    rules:
      - {type: deletion}
      - {type: non_fast_forward}
      - type: pull_request
        parameters:
          required_approving_review_count: 1
          dismiss_stale_reviews_on_push: true
          require_code_owner_review: true
          require_last_push_approval: false
          required_review_thread_resolution: false
      - type: required_status_checks
        parameters:
          strict_required_status_checks_policy: true
          required_status_checks: [{context: Lint}, {context: Types}, {context: Tests}, {context: Secrets}, {context: Dependencies},
            {context: SBOM}, {context: Migrations}, {context: Database}, {context: Contracts}, {context: Spec}]
""",
    also_fires=("CIC021", "CIC035", "CIC036", "CIC037", "CIC038"),
)
def default_branch_unprotected(subject: RepositorySubject) -> Verdicts:
    settings = _settings(subject)
    protected = settings.protection.protected
    if protected is None:
        yield unknown(repository_identity("default branch"), f"whether {settings.default_branch} is protected: {_why(settings)}")
    elif protected:
        yield PASSED
    else:
        inactive = settings.protection.inactive_rulesets or ()
        more = f"; rulesets that are not in force: {', '.join(r.name for r in inactive[:_SHOWN])}" if inactive else ""
        yield failed(
            repository_identity("default branch"), f"neither classic protection nor a ruleset binds {settings.default_branch}{more}"
        )


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
    references=(_RULESETS,),
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
    settings = _settings(subject)
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
            yield unknown(identity, f"{message}, as far as can be seen: {_why(settings)}", **counting[0].evidence)
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
    references=(_PROTECTION,),
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
    settings = _settings(subject)
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
    references=(_RULESETS,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {enforce_admins: false}}",
    clean="=== github\nprotections: {main: {strict: false}}",
)
def bypass_allowed(subject: RepositorySubject) -> Verdicts:
    settings = _settings(subject)
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


@repository_rule(
    "CIC035",
    "review-not-required",
    clause="4.1",
    severity=Severity.MEDIUM,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="A change needs no approval",
    why="Without an approval nobody but its author has seen a change.",
    how_to_fix="Require a pull request with at least one approval for the default branch.",
    references=(_RULESETS,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {reviews: {approvals: 0}}}",
    clean="=== github\nprotections: {main: {reviews: {approvals: 2}}}",
)
def review_not_required(subject: RepositorySubject) -> Verdicts:
    settings = _settings(subject)
    approvals = settings.protection.required_approvals
    what = "demands pull requests, and no approval" if settings.protection.pull_request_required else "demands no pull request"
    yield _demanded(settings, "approval", approvals > 0, what)


@repository_rule(
    "CIC036",
    "stale-review-counts",
    clause="4.1",
    severity=Severity.LOW,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="An approval counts for what was pushed after it",
    why="What was approved is then not what is merged.",
    how_to_fix="Dismiss approvals when new commits are pushed, or require an approval of the last push.",
    references=(_RULESETS,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {reviews: {dismiss_stale: false}}}",
    clean="=== github\nprotections: {main: {reviews: {dismiss_stale: false, last_push: true}}}",
)
def stale_review_counts(subject: RepositorySubject) -> Verdicts:
    settings = _settings(subject)
    kept = settings.protection.dismiss_stale_reviews or settings.protection.last_push_approval
    yield _demanded(settings, "stale reviews", kept, "keeps approvals when commits are added")


@repository_rule(
    "CIC037",
    "history-can-be-rewritten",
    clause="4.1",
    severity=Severity.HIGH,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="The default branch can be rewritten or deleted",
    why="A force push takes away commits that were checked and reviewed, and the trail of who changed what (clause 1.3) with them.",
    how_to_fix="Block force pushes and deletions of the default branch.",
    references=(_RULESETS,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {force_pushes: true}}",
    clean="=== github\nprotections: {main: {linear_history: true}}",
)
def history_can_be_rewritten(subject: RepositorySubject) -> Verdicts:
    settings = _settings(subject)
    yield _demanded(settings, "force pushes", settings.protection.force_pushes_blocked, "takes force pushes")
    yield _demanded(settings, "deletion", settings.protection.deletions_blocked, "can be deleted")


@repository_rule(
    "CIC038",
    "code-owner-review-not-required",
    clause="4.1",
    severity=Severity.MEDIUM,
    family=Family.REQUIRED_CHECKS,
    source=Source.GITHUB,
    title="Code owners need not approve",
    why="CODEOWNERS only asks its people for a review. Unless their approval is required, anybody's is enough.",
    how_to_fix="Require a review from code owners for the default branch.",
    references=(_RULESETS,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {reviews: {code_owners: false}}}",
    clean="=== github\nprotections: {main: {reviews: {code_owners: true, approvals: 3}}}",
)
def code_owner_review_not_required(subject: RepositorySubject) -> Verdicts:
    settings = _settings(subject)
    yield _demanded(settings, "review by code owners", settings.protection.code_owner_review, "needs no approval of code owners")


def _demanded(settings: GithubSettings, what: str, kept: bool, complaint: str) -> Verdict | None:
    """What is kept is certain; what is not, only where both sources could be read."""
    if kept:
        return PASSED
    identity = repository_identity(f"{what} on the default branch")
    if not settings.protection.complete:
        return unknown(identity, f"{what} on {settings.default_branch}: {_why(settings)}")
    return failed(identity, f"{settings.default_branch} {complaint}")


def _settings(subject: RepositorySubject) -> GithubSettings:
    settings = subject.snapshot.github
    if settings is None:
        raise LookupError("the settings are judged only where they were observed")
    return settings


def _why(settings: GithubSettings) -> str:
    return settings.why_unobserved(_DEMANDS) or "not all that protects it is visible to this token"


def _named(actors: tuple[BypassActor, ...]) -> str:
    names = ", ".join(actor.name or f"{actor.kind} {actor.identifier}" for actor in actors[:_SHOWN])
    return names if len(actors) <= _SHOWN else f"{names} and {len(actors) - _SHOWN} more"
