"""Prove git patches: apply, observe again, gone, nothing new, a second time empty, taken back exact. Every patch alone, then all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from platformkit_pipeline.introspection.repository.git_process import GitFailed
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.proof import Finding, Verdict
from platformkit_pipeline.model.repository.patch import FileObligation, FilePatch, FileProof
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.remediation.repository.proposal import Edit
from platformkit_pipeline.remediation.repository.workshop import Workshop

_Key = tuple[str, ObjectIdentity]


@dataclass(frozen=True, slots=True)
class Judged:
    """A commit as it was observed, and what the rules say about it."""

    commit: str
    snapshot: RepositorySnapshot
    results: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a proof needs: where to try, how to judge a commit, and how the remedy answers a commit for a finding."""

    workshop: Workshop
    base: Judged
    judge: Callable[[str], Judged]
    again: Callable[[FilePatch, Judged], Edit | None]
    """The remedy asked anew on the patched commit; None when it has no edit any more."""
    head: Callable[[], str | None]
    """The commit that HEAD of the repository amounts to now."""
    ruleset_digest: str


def prove_patch(patch: FilePatch, trial: Trial) -> FilePatch:
    """The patch with its proof. Raises ObservationError when the repository cannot be read any more."""
    proof, _ = prove_together([patch], trial)
    return replace(patch, proof=proof)


def prove_together(patches: Sequence[FilePatch], trial: Trial) -> tuple[FileProof, Judged | None]:
    """One proof of all patches in their order, and the commit with all of them as it is judged."""
    steps = _Steps(trial)
    findings = tuple(steps.of(patches))
    return FileProof(findings, steps.base_tree, steps.patched_tree, trial.ruleset_digest), steps.patched


class _Steps:
    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.base_tree = trial.workshop.tree_of(trial.base.commit)
        self.patched_tree = ""
        self.patched: Judged | None = None

    def of(self, patches: Sequence[FilePatch]) -> Iterator[Finding]:
        yield from self._before(patches)
        tree = self.base_tree
        for patch in patches:
            try:
                tree = self._trial.workshop.applied(tree, patch.diff.encode())
            except GitFailed as failed:
                which = f"{patch.rule} {patch.object}, after those before it: " if len(patches) > 1 else ""
                yield Finding(FileObligation.APPLIES, Verdict.FAILED, f"{which}{failed}")
                return
        self.patched_tree = tree
        yield Finding(FileObligation.APPLIES, Verdict.HELD)
        yield from self._after(patches)
        yield self._repeatable(patches)
        yield self._undone(patches)
        yield self._base_unchanged()

    def _before(self, patches: Sequence[FilePatch]) -> Iterator[Finding]:
        found = _findings(self._trial.base.results)
        absent = [f"{p.rule} {p.object}" for p in patches if (p.rule, p.object) not in found]
        yield _held_unless(FileObligation.FINDING_PRESENT, absent, "not found on the base: ")
        touched = {path for patch in patches for path in patch.paths}
        refused = [f.path for f in self._trial.base.snapshot.files if f.path in touched and not f.is_regular]
        refused += sorted(touched & _secret_places(self._trial.base.results))
        yield _held_unless(FileObligation.DECLARED_KINDS, refused, "a link, a submodule, or a file with a secret in it: ")

    def _after(self, patches: Sequence[FilePatch]) -> Iterator[Finding]:
        trial = self._trial
        commit = trial.workshop.commit(self.patched_tree, trial.base.commit, "Trial")
        self.patched = trial.judge(commit)
        before, after = _findings(trial.base.results), _findings(self.patched.results)
        still = [f"{p.rule} {p.object}" for p in patches if (p.rule, p.object) in after]
        yield _held_unless(FileObligation.FINDING_GONE, still, "still found: ")
        successors = {code for patch in patches for code in patch.successors}
        mended = min((before[p.rule, p.object].severity.rank for p in patches if (p.rule, p.object) in before), default=0)
        new = [f"{r.rule} {r.object}: {r.message}" for key, r in after.items() if _is_worse(key, r, before, successors, mended)]
        yield _held_unless(FileObligation.NOTHING_NEW, new, "new: ")
        declared = {path for patch in patches for path in patch.paths}
        changed = set(trial.workshop.repository.changed(trial.base.commit, commit))
        yield _held_unless(FileObligation.SCOPE, sorted(changed - declared), "changed as well: ")

    def _repeatable(self, patches: Sequence[FilePatch]) -> Finding:
        if self.patched is None:
            return Finding(FileObligation.REPEATABLE, Verdict.UNKNOWN, "the patched tree could not be judged")
        existing = {f.path: f for f in self.patched.snapshot.files}
        changing = []
        for patch in patches:
            edit = self._trial.again(patch, self.patched)
            if edit is None:
                continue
            writes = {path: content for path, content in edit.writes.items() if content is not None or path in existing}
            if self._trial.workshop.tree_with(self.patched_tree, writes, existing) != self.patched_tree:
                changing.append(f"{patch.rule} {patch.object}")
        return _held_unless(FileObligation.REPEATABLE, changing, "would change the tree once more: ")

    def _undone(self, patches: Sequence[FilePatch]) -> Finding:
        tree = self.patched_tree
        try:
            for patch in reversed(patches):
                tree = self._trial.workshop.applied(tree, patch.diff.encode(), reverse=True)
        except GitFailed as failed:
            return Finding(FileObligation.UNDO, Verdict.FAILED, str(failed))
        return _held_unless(FileObligation.UNDO, [] if tree == self.base_tree else ["the tree is another one"], "")

    def _base_unchanged(self) -> Finding:
        now = self._trial.head()
        moved = [] if now == self._trial.base.commit else [f"HEAD is {(now or 'nothing')[:12]} by now"]
        return _held_unless(FileObligation.BASE_UNCHANGED, moved, "")


def _held_unless(obligation: FileObligation, objections: Sequence[str], before: str) -> Finding:
    if not objections:
        return Finding(obligation, Verdict.HELD)
    told = "; ".join(objections[:3]) + (f"; and {len(objections) - 3} more" if len(objections) > 3 else "")
    return Finding(obligation, Verdict.FAILED, before + told)


def _findings(results: Sequence[Result]) -> dict[_Key, Result]:
    return {(r.rule, r.object): r for r in results if r.is_finding}


def _is_worse(key: _Key, result: Result, before: dict[_Key, Result], successors: Collection[str], mended: int) -> bool:
    """Neither there before nor a declared successor that is no more severe; what was unknown and now fails is new as well."""
    earlier = before.get(key)
    if earlier is not None and (earlier.outcome is Outcome.FAIL or result.outcome is Outcome.UNKNOWN):
        return False
    return result.rule not in successors or result.severity.rank < mended


def _secret_places(results: Sequence[Result]) -> set[str]:
    """Files in which a secret was found: a patch of one would print it in its context."""
    return {r.object.name for r in results if r.is_finding and r.rule.startswith("SEC") and r.severity is Severity.CRITICAL}
