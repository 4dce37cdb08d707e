"""Findings about settings on GitHub → settings to be written. A check is demanded only by a name that a job really reports."""

from __future__ import annotations

from collections.abc import Iterable

from platformkit_pipeline.model.repository.checks import CheckCategory
from platformkit_pipeline.model.repository.github import GithubSettings, Switch
from platformkit_pipeline.model.repository.github_protection import SourceState
from platformkit_pipeline.model.repository.github_setting import RequiredCheck, SettingKind, SettingProposal
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Outcome, Result, finding_fingerprint
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.remediation.repository.proving import Judged
from platformkit_pipeline.rules.repository_gates import ACTIONS_APP, gates_of

_NOT_REQUIRED = "CIC021"
_UNPROTECTED = "CIC020"
_FEATURES = {
    "SEC006": ("secret_scanning", "secret scanning"),
    "SEC007": ("push_protection", "push protection"),
    "CIC039": ("dependabot_alerts", "Dependabot alerts"),
}
_ABOUT = "required check "
_NOBODY_SAW = "Some of these names have not reported yet, as far as can be seen: changes wait until they do."


def propose_settings(judged: Judged, target: Target) -> tuple[SettingProposal, ...]:
    """Required checks in one setting, security features in another; nothing where GitHub was not asked."""
    snapshot = judged.snapshot
    if snapshot.github is None or snapshot.github.archived:
        return ()
    failed = [r for r in judged.results if r.outcome is Outcome.FAIL]
    proposals = (_required_checks(failed, snapshot, snapshot.github, target), _security(failed, snapshot.github, target))
    return tuple(proposal for proposal in proposals if proposal is not None)


def _required_checks(
    failed: Iterable[Result], snapshot: RepositorySnapshot, github: GithubSettings, target: Target
) -> SettingProposal | None:
    mended: list[Result] = []
    unprotected: list[Result] = []
    checks: dict[RequiredCheck, None] = {}
    for result in failed:
        if result.rule == _UNPROTECTED:
            unprotected.append(result)
        elif result.rule == _NOT_REQUIRED and (names := _contexts(snapshot, github, result)):
            mended.append(result)
            checks |= dict.fromkeys(names)
    if not checks:
        return None
    mended += unprotected
    classic = github.protection.rulesets is SourceState.NOT_ON_PLAN
    named = ", ".join(sorted(check.context for check in checks))
    unseen = github.reports is None or any(not github.reports.reported(c.context, c.integration) for c in checks)
    return SettingProposal(
        rules=tuple(sorted({r.rule for r in mended})),
        finding_fingerprints=_fingerprints(mended, target),
        kind=SettingKind.CLASSIC_PROTECTION if classic else SettingKind.RULESET,
        title=f"Require {named} on {github.default_branch}",
        postcondition=f"the rules in force on {github.default_branch} demand each of these by its exact name: {named}; "
        "all that was demanded before still is",
        branch=github.default_branch,
        checks=tuple(sorted(checks, key=lambda check: check.context)),
        notes=(_NOBODY_SAW,) if unseen else (),
    )


def _contexts(snapshot: RepositorySnapshot, github: GithubSettings, finding: Result) -> tuple[RequiredCheck, ...]:
    """Names under which one run of the category reports; none of a run that did not report where it should have."""
    category = CheckCategory(finding.object.name.removeprefix(_ABOUT))
    for gate in gates_of(snapshot).of(category):
        integration = ACTIONS_APP if gate.workflow else None
        silent = github.reports is not None and any(github.reports.reported(name, integration) is False for name in gate.contexts)
        if gate.counts and gate.contexts and gate.contexts_known and not silent:
            return tuple(RequiredCheck(name, integration) for name in gate.contexts)
    return ()


def _security(failed: Iterable[Result], github: GithubSettings, target: Target) -> SettingProposal | None:
    """Features that are off and can be switched on."""
    mended = [r for r in failed if r.rule in _FEATURES and getattr(github.security, _FEATURES[r.rule][0]).state is Switch.DISABLED]
    if not mended:
        return None
    words = ", ".join(_FEATURES[r.rule][1] for r in mended)
    return SettingProposal(
        rules=tuple(sorted({r.rule for r in mended})),
        finding_fingerprints=_fingerprints(mended, target),
        kind=SettingKind.SECURITY,
        title=f"Switch on {words}",
        postcondition=f"GitHub shows as enabled: {words}",
        features=tuple(sorted(_FEATURES[r.rule][0] for r in mended)),
    )


def _fingerprints(results: Iterable[Result], target: Target) -> tuple[str, ...]:
    return tuple(finding_fingerprint(target, r.rule, r.object) for r in results)
