"""A plan for a repository as its HEAD is now, and its patches as files for `git am`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platformkit_pipeline.introspection.repository.borrowed import head_commit
from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.git import GitRepository, open_repository
from platformkit_pipeline.introspection.repository.github_settings import with_github
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.repository.patch import FilePatch, RepositoryPlan
from platformkit_pipeline.model.target import GithubAccess, Target
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.scan_repository import observed, told_by_github
from platformkit_pipeline.operations.write_folder import write_folder
from platformkit_pipeline.remediation.repository.plan import answered, propose, prove
from platformkit_pipeline.remediation.repository.proposal import Edit, RepositoryContext
from platformkit_pipeline.remediation.repository.proving import Judged, Trial
from platformkit_pipeline.remediation.repository.templates import Digest
from platformkit_pipeline.remediation.repository.workshop import Workshop
from platformkit_pipeline.reporting.repository_plan import patch_file_name, patch_text, plan_manual
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import Source, rules_about_repositories, ruleset_digest

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PlanInput:
    """What a repository does not tell: an owner for files that have none, the commits of actions, and how GitHub is asked."""

    owner: str | None = None
    digests: Mapping[str, Digest] = field(default_factory=dict)
    github: GithubAccess | None = None


def propose_repository_plan(
    path: Path,
    *,
    target: Target,
    told: PlanInput | None = None,
    proven: bool = True,
    clock: Clock = SYSTEM_CLOCK,
    cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> RepositoryPlan:
    """Observe HEAD, judge it, and make a git patch for every finding that can be mended so; prove them unless told not to.

    The repository is not written to. Raises ConfigurationError for a folder that is none, ObservationError.
    """
    rules = tuple(r for r in rules_about_repositories() if r.source is not Source.CHANGE)
    today = clock.now().date()
    told = told or PlanInput()
    with open_repository(path) as repository:
        settings = None if told.github is None else told_by_github(told.github, cache, progress)

        def judge(commit: str) -> Judged:
            snapshot = observed(repository, RepositoryOptions(name=target.name, commit=commit), cache).snapshot
            snapshot = snapshot if settings is None else with_github(snapshot, settings)
            return Judged(commit, snapshot, evaluate_repository(snapshot, rules, today))

        def context(judged: Judged) -> RepositoryContext:
            return RepositoryContext(_files(repository, judged), judged.snapshot, today, target.name, told.owner, told.digests)

        head = repository.borrowed.commit
        if head is None:
            raise ConfigurationError(f"{path}: has no commit yet, so there is nothing to mend")
        progress(f"reading {target.name}")
        base = judge(head)
        workshop = Workshop(repository)
        plan = propose(base, context(base), workshop, target, clock.new_scan_id())
        if not proven:
            return plan

        def again(patch: FilePatch, patched: Judged) -> Edit | None:
            result = next(r for r in base.results if (r.rule, r.object) == (patch.rule, patch.object) and r.is_finding)
            answer = answered(result, context(patched))
            return answer if isinstance(answer, Edit) else None

        trial = Trial(workshop, base, judge, again, lambda: head_commit(path), ruleset_digest(rules))
        return prove(plan, trial, progress)


def write_repository_plan(plan: RepositoryPlan, directory: Path) -> tuple[Path, ...]:
    """Write a patch file for every offered patch, and MANUAL.md, into a new or empty folder; all or none.

    Raises ConfigurationError when the folder is not empty.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigurationError(f"{directory} is not an empty folder: give a new one for the plan's files")
    texts = {patch_file_name(n, patch): patch_text(plan, patch) for n, patch in enumerate(plan.offered_set, start=1)}
    if plan.manual_items or plan.withheld or plan.overlapping or plan.settings:
        texts["MANUAL.md"] = plan_manual(plan)
    if not texts:
        return ()
    return write_folder(directory, texts)


def _files(repository: GitRepository, judged: Judged) -> Files:
    return Files(judged.snapshot.files, repository.blobs)
