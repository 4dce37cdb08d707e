"""The default branch is protected (clause 4.1), as GitHub tells: CIC020, CIC035 to CIC038."""

from __future__ import annotations

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.github import GithubSettings
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_github import PROTECTION_PAGE, RULESETS_PAGE, settings_of, why_hidden
from platformkit_pipeline.rules.repository_subject import RepositorySubject, repository_identity, repository_rule

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
    references=(RULESETS_PAGE, PROTECTION_PAGE),
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
    settings = settings_of(subject)
    protected = settings.protection.protected
    if protected is None:
        yield unknown(repository_identity("default branch"), f"whether {settings.default_branch} is protected: {why_hidden(settings)}")
    elif protected:
        yield PASSED
    else:
        inactive = settings.protection.inactive_rulesets or ()
        more = f"; rulesets that are not in force: {', '.join(r.name for r in inactive[:_SHOWN])}" if inactive else ""
        yield failed(
            repository_identity("default branch"), f"neither classic protection nor a ruleset binds {settings.default_branch}{more}"
        )


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
    references=(RULESETS_PAGE,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {reviews: {approvals: 0}}}",
    clean="=== github\nprotections: {main: {reviews: {approvals: 2}}}",
)
def review_not_required(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
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
    references=(RULESETS_PAGE,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {reviews: {dismiss_stale: false}}}",
    clean="=== github\nprotections: {main: {reviews: {dismiss_stale: false, last_push: true}}}",
)
def stale_review_counts(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
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
    references=(RULESETS_PAGE,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {force_pushes: true}}",
    clean="=== github\nprotections: {main: {linear_history: true}}",
)
def history_can_be_rewritten(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
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
    references=(RULESETS_PAGE,),
    patch=PatchKind.SETTING,
    requires=(RepositoryFacet.BRANCH_PROTECTION,),
    violating="=== github\nprotections: {main: {reviews: {code_owners: false}}}",
    clean="=== github\nprotections: {main: {reviews: {code_owners: true, approvals: 3}}}",
)
def code_owner_review_not_required(subject: RepositorySubject) -> Verdicts:
    settings = settings_of(subject)
    yield _demanded(settings, "review by code owners", settings.protection.code_owner_review, "needs no approval of code owners")


def _demanded(settings: GithubSettings, what: str, kept: bool, complaint: str) -> Verdict | None:
    """What is kept is certain; what is not, only where both sources could be read."""
    if kept:
        return PASSED
    identity = repository_identity(f"{what} on the default branch")
    if not settings.protection.complete:
        return unknown(identity, f"{what} on {settings.default_branch}: {why_hidden(settings)}")
    return failed(identity, f"{settings.default_branch} {complaint}")
