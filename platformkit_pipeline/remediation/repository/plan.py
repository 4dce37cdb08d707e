"""One plan per repository and commit: every failing finding becomes a git patch or a manual item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from platformkit_pipeline.introspection.repository.files import UnreadableError
from platformkit_pipeline.introspection.repository.git_process import GitFailed
from platformkit_pipeline.model.patch import ManualItem
from platformkit_pipeline.model.repository.patch import FilePatch, RepositoryPlan, repository_plan_id
from platformkit_pipeline.model.result import Outcome, Result, finding_fingerprint
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, Remedy, RepositoryContext
from platformkit_pipeline.remediation.repository.proving import Judged, Trial, prove_patch, prove_together
from platformkit_pipeline.remediation.repository.remedies import REMEDIES
from platformkit_pipeline.remediation.repository.settings import propose_settings
from platformkit_pipeline.remediation.repository.workshop import Workshop
from platformkit_pipeline.rules.registry import find_rule

Progress = Callable[[str], None]
_NO_TEXT = "a file that would be edited is no UTF-8 text"
NO_REMEDY = "there is no remedy that could be made without a person"


def propose(judged: Judged, context: RepositoryContext, workshop: Workshop, target: Target, scan_id: str) -> RepositoryPlan:
    """Patches against the commit, unproven; their order is that of the findings."""
    patches: list[FilePatch] = []
    manual: list[ManualItem] = []
    tree = workshop.tree_of(judged.commit)
    existing = {entry.path: entry for entry in judged.snapshot.files}
    settings = propose_settings(judged, target)
    by_settings = {fingerprint for setting in settings for fingerprint in setting.finding_fingerprints}
    for result in judged.results:
        fingerprint = finding_fingerprint(target, result.rule, result.object)
        if result.outcome is not Outcome.FAIL or fingerprint in by_settings:
            continue
        answer = answered(result, context)
        if isinstance(answer, ByHand):
            manual.append(ManualItem(result.rule, result.object, fingerprint, answer.reason, answer.steps))
            continue
        try:
            diff = workshop.diff(tree, workshop.tree_with(tree, answer.writes, existing)).decode()
        except UnicodeDecodeError:
            manual.append(ManualItem(result.rule, result.object, fingerprint, _NO_TEXT, ()))
            continue
        paths = tuple(sorted(answer.writes))
        patches.append(FilePatch(result.rule, result.object, fingerprint, answer.title, diff, paths, answer.notes, answer.successors))
    made, left = tuple(patches), tuple(manual)
    plan_id = repository_plan_id(target.name, judged.commit, made, left, settings)
    return RepositoryPlan(plan_id, target.name, scan_id, judged.commit, made, left, settings=settings)


def answered(result: Result, context: RepositoryContext, remedies: Mapping[str, Remedy] = REMEDIES) -> Edit | ByHand:
    """What the remedy of its rule says about a finding; the rule's own words where there is none."""
    remedy = remedies.get(result.rule)
    if remedy is None:
        rule = find_rule(result.rule)
        return ByHand(NO_REMEDY, (rule.how_to_fix,) if rule else ())
    try:
        return remedy(context, result)
    except UnreadableError as error:
        return ByHand(f"a file that the patch needs {error}", ())


def prove(plan: RepositoryPlan, trial: Trial, progress: Progress = lambda _: None) -> RepositoryPlan:
    """The plan with every patch tried alone, and the proven ones together."""
    proven = []
    for number, patch in enumerate(plan.patches, start=1):
        progress(f"proving {number}/{len(plan.patches)} {patch.rule} {patch.object}")
        proven.append(prove_patch(patch, trial))
    tried = replace(plan, patches=tuple(proven))
    if not tried.offered:
        return tried
    progress(f"proving {len(tried.offered)} patches together")
    set_, overlapping = fitting(tried.offered, trial.workshop, trial.workshop.tree_of(plan.commit))
    together, after = prove_together(set_, trial)
    return replace(
        tried,
        together=together,
        overlapping=tuple(p.digest for p in overlapping),
        score_before=compliance_score(trial.base.results).raw_display,
        score_after=compliance_score(after.results).raw_display if after else None,
    )


def fitting(patches: Sequence[FilePatch], workshop: Workshop, tree: str) -> tuple[tuple[FilePatch, ...], tuple[FilePatch, ...]]:
    """The patches that apply one after the other, and those that touch the same lines as an earlier one.

    One of the same diff counts as applied with it.
    """
    taken: list[FilePatch] = []
    left: list[FilePatch] = []
    diffs: set[str] = set()
    for patch in patches:
        if patch.diff in diffs:
            continue
        try:
            tree = workshop.applied(tree, patch.diff.encode())
        except GitFailed:
            left.append(patch)
            continue
        diffs.add(patch.diff)
        taken.append(patch)
    return tuple(taken), tuple(left)
