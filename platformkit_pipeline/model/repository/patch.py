"""Git patches that mend findings about a repository, what proves them, and the plan of one commit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.patch import ManualItem
from platformkit_pipeline.model.proof import Demanded, Finding, ProofStatus, Verdict
from platformkit_pipeline.model.repository.github_setting import SettingProposal


class FileObligation(Demanded):
    """What has to hold before a git patch counts as proven. The numbers are those of patches of databases; 9 has no meaning here."""

    FINDING_PRESENT = 1
    DECLARED_KINDS = 2
    APPLIES = 3
    FINDING_GONE = 4
    NOTHING_NEW = 5
    SCOPE = 6
    REPEATABLE = 7
    UNDO = 8
    BASE_UNCHANGED = 10

    @property
    def demand(self) -> str:
        return _DEMANDS[self]


_DEMANDS = {
    FileObligation.FINDING_PRESENT: "the finding is there before",
    FileObligation.DECLARED_KINDS: "it adds, edits or removes regular files only, none with a secret in it",
    FileObligation.APPLIES: "`git apply` takes it as it is",
    FileObligation.FINDING_GONE: "the finding is gone",
    FileObligation.NOTHING_NEW: "no new finding but declared successors, none more severe",
    FileObligation.SCOPE: "only the declared files change",
    FileObligation.REPEATABLE: "made again on the patched tree, it is empty",
    FileObligation.UNDO: "taken back with `git apply -R`, the tree is exactly what it was",
    FileObligation.BASE_UNCHANGED: "HEAD is still the commit that it was made for",
}


@dataclass(frozen=True, slots=True)
class FileProof:
    """One trial of one patch, or of all together, on trees of our own."""

    findings: tuple[Finding, ...]
    base_tree: str
    patched_tree: str
    """Empty when the patch did not apply."""
    ruleset_digest: str

    @property
    def status(self) -> ProofStatus:
        verdicts = {f.verdict for f in self.findings}
        if Verdict.FAILED in verdicts:
            return ProofStatus.REFUTED
        complete = {f.obligation for f in self.findings} == set(FileObligation) and Verdict.UNKNOWN not in verdicts
        return ProofStatus.PROVEN if complete else ProofStatus.UNPROVEN

    @property
    def objections(self) -> tuple[Finding, ...]:
        """What did not hold."""
        return tuple(f for f in self.findings if f.verdict is not Verdict.HELD)


@dataclass(frozen=True, slots=True)
class FilePatch:
    """A git patch that mends one finding. `paths` are the files that it declares to touch."""

    rule: str
    object: ObjectIdentity
    finding_fingerprint: str
    title: str
    diff: str
    """Unified diff as git writes it, against the commit of the plan."""
    paths: tuple[str, ...]
    notes: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()
    """Codes of rules that may report something new afterwards, never more severely than the finding that goes."""
    proof: FileProof | None = None

    @property
    def status(self) -> ProofStatus:
        return ProofStatus.UNPROVEN if self.proof is None else self.proof.status

    @property
    def offered(self) -> bool:
        """What was tried and did not hold, or could not be told, is not handed out."""
        return self.proof is None or self.status is ProofStatus.PROVEN

    @property
    def digest(self) -> str:
        return hashlib.sha256("\x1e".join((self.rule, self.object.canonical, self.diff)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RepositoryPlan:
    """All that is proposed for one repository at one commit. `together` proves the offered patches that fit, in their order."""

    plan_id: str
    target_name: str
    scan_id: str
    commit: str
    patches: tuple[FilePatch, ...]
    manual_items: tuple[ManualItem, ...]
    together: FileProof | None = None
    overlapping: tuple[str, ...] = ()
    """Digests of offered patches that touch the same lines as one before them: plan again when the others are in."""
    settings: tuple[SettingProposal, ...] = ()
    """What would be written on GitHub, where it was asked."""
    score_before: float = 0.0
    score_after: float | None = None

    @property
    def offered(self) -> tuple[FilePatch, ...]:
        return tuple(p for p in self.patches if p.offered)

    @property
    def offered_set(self) -> tuple[FilePatch, ...]:
        """Offered patches that fit one after the other, each diff once."""
        fitting = (p for p in self.offered if p.digest not in self.overlapping)
        return tuple({p.diff: p for p in reversed(tuple(fitting))}.values())[::-1]

    @property
    def withheld(self) -> tuple[FilePatch, ...]:
        return tuple(p for p in self.patches if not p.offered)


def repository_plan_id(
    target: str,
    commit: str,
    patches: tuple[FilePatch, ...],
    manual: tuple[ManualItem, ...],
    settings: tuple[SettingProposal, ...] = (),
) -> str:
    """Same target, same commit, same proposals: same plan. 32 hex digits."""
    parts = [target, commit, *(p.digest for p in patches), *(f"{m.rule} {m.object.canonical} {m.reason}" for m in manual)]
    parts += [f"{s.kind} {s.title} {s.postcondition}" for s in settings]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
