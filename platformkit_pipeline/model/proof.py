"""The proof of a patch: its obligations, ten for a database, and what a trial said about each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Demanded(IntEnum):
    """What a kind of patch has to show; see `Obligation`, and `FileObligation` for patches of repositories."""

    @property
    def demand(self) -> str:
        """What is demanded, in one sentence."""
        raise NotImplementedError


class Obligation(Demanded):
    """What has to hold before a patch counts as proven; the numbers are part of the contract."""

    FINDING_PRESENT = 1
    STATEMENT_KINDS = 2
    APPLIES = 3
    FINDING_GONE = 4
    NOTHING_NEW = 5
    SCOPE = 6
    REPEATABLE = 7
    UNDO = 8
    ACCESS = 9
    BASE_UNCHANGED = 10

    @property
    def demand(self) -> str:
        """What is demanded, in one sentence."""
        return _DEMANDS[self]


_DEMANDS = {
    Obligation.FINDING_PRESENT: "the finding is there before",
    Obligation.STATEMENT_KINDS: "only statements of the kinds that the rule declares",
    Obligation.APPLIES: "applies under lock_timeout and statement_timeout",
    Obligation.FINDING_GONE: "the finding is gone",
    Obligation.NOTHING_NEW: "no new finding but declared successors, none more severe",
    Obligation.SCOPE: "the catalogue changes inside the declared scope only",
    Obligation.REPEATABLE: "applied again, it neither fails nor changes anything",
    Obligation.UNDO: "undone, the catalogue is exactly what it was",
    Obligation.ACCESS: "roles can do what they could, but for declared cells",
    Obligation.BASE_UNCHANGED: "the target is what the plan was made for",
}


class Verdict(StrEnum):
    HELD = "held"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It could not be tried, or what was tried differs from the target. Never a pass."""


class ProofStatus(StrEnum):
    UNPROVEN = "unproven"
    PROVEN = "proven"
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one obligation. `detail` says why it failed or could not be told; it never quotes rows."""

    obligation: Demanded
    verdict: Verdict
    detail: str = ""


def status_of(findings: Iterable[Finding]) -> ProofStatus:
    """One failed obligation refutes, except that of the undo, which makes a patch irreversible; all others must hold."""
    verdicts = {f.obligation: f.verdict for f in findings}
    decisive = {obligation: verdict for obligation, verdict in verdicts.items() if obligation is not Obligation.UNDO}
    if Verdict.FAILED in decisive.values():
        return ProofStatus.REFUTED
    complete = verdicts.keys() == set(Obligation) and Verdict.UNKNOWN not in verdicts.values()
    return ProofStatus.PROVEN if complete else ProofStatus.UNPROVEN


@dataclass(frozen=True, slots=True)
class Proof:
    """One trial of one patch on a shadow of its target."""

    findings: tuple[Finding, ...]
    """In the order of the obligations; one per obligation that was come to."""
    base_fingerprint: str
    """Catalogue fingerprint of the shadow before."""
    patched_fingerprint: str
    """And after; empty when the patch did not apply."""
    ruleset_digest: str
    server_version: str

    @property
    def status(self) -> ProofStatus:
        return status_of(self.findings)

    @property
    def reversible(self) -> bool:
        """Undoing it was tried and restored everything."""
        return any(f.obligation is Obligation.UNDO and f.verdict is Verdict.HELD for f in self.findings)

    @property
    def objections(self) -> tuple[Finding, ...]:
        """What did not hold."""
        return tuple(f for f in self.findings if f.verdict is not Verdict.HELD)


@dataclass(frozen=True, slots=True)
class PlanProof:
    """One trial of all offered patches of a plan together, in their order."""

    proof: Proof
    patches: tuple[str, ...]
    """Digests of the patches that were tried together."""
    score_before: float
    """Raw score of the target."""
    score_after: float | None
    """Raw score that a scan will show afterwards; None where rules judge the shadow otherwise than the target."""
    unfaithful: tuple[tuple[str, str], ...] = ()
    """What the shadow could not show as it is in the target: canonical identity and why, sorted."""
