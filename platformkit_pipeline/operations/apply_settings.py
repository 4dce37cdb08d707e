"""Write proposed settings to GitHub, all or none: undo kept first, each read anew, the repository judged afterwards.

Not verified live: tested against the stand-in in `sandbox/github`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.observe import USUAL_PATIENCE
from platformkit_pipeline.introspection.github.writing import GithubWriter, SettingNotWritten
from platformkit_pipeline.introspection.web_api import REAL_TIME, Pauses
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.record_json import from_json, to_json
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.github_protection import SourceKind
from platformkit_pipeline.model.repository.github_setting import SettingKind, SettingProposal, SettingUndo
from platformkit_pipeline.model.result import Outcome, finding_fingerprint
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.target import GithubAccess, Target
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.propose_repository_plan import PlanInput, propose_repository_plan
from platformkit_pipeline.operations.scan_repository import RepositorySource, scan_repository
from platformkit_pipeline.rules.registry import Source, rules_about_repositories

SCHEMA_VERSION = 1
Progress = Callable[[str], None]
_log = get_logger("operations.apply_settings")
_Finding = tuple[str, str]


class SettingsOutcome(StrEnum):
    NOTHING_TO_DO = "nothing-to-do"
    WRITTEN = "written"
    TAKEN_BACK = "taken-back"
    LEFT_CHANGED = "left-changed"
    """What was written is not what was meant, and could not be put back; the undo file says how it was."""


@dataclass(frozen=True, slots=True)
class AppliedSettings:
    """What became of the settings. `surprises` say why they were taken back."""

    outcome: SettingsOutcome
    proposals: tuple[SettingProposal, ...] = ()
    surprises: tuple[str, ...] = ()
    undo_file: Path | None = None


@dataclass(frozen=True, slots=True)
class SettingsApproval:
    """Who answers for the change, and why; both go to the undo file and the log."""

    by: str
    reason: str = ""


def apply_settings(
    path: Path,
    *,
    target: Target,
    access: GithubAccess,
    approval: SettingsApproval,
    undo_file: Path,
    clock: Clock = SYSTEM_CLOCK,
    cache: Path | None = None,
    pauses: Pauses = REAL_TIME,
    progress: Progress = lambda _: None,
) -> AppliedSettings:
    """Propose settings for the repository as it is now, write them, and judge it anew.

    Raises ConfigurationError for an undo file that is there already, ObservationError when GitHub gives no answer; nothing was
    changed then.
    """
    if not approval.by.strip():
        raise ConfigurationError("somebody has to answer for a change of settings: --approved-by WHO")
    if undo_file.exists():
        raise ConfigurationError(f"{undo_file} is there already: it may hold the only way back from an earlier change; give another file")
    plan = propose_repository_plan(
        path, target=target, told=PlanInput(github=access), proven=False, clock=clock, cache=cache, progress=progress
    )
    before = _scanned(path, target, access, clock, cache)
    _require_seen(before)
    if not plan.settings:
        return AppliedSettings(SettingsOutcome.NOTHING_TO_DO)
    kept = _UndoFile(undo_file, access.owner_name, approval, clock.now().isoformat())
    with GithubApi(access, os.environ, pauses, USUAL_PATIENCE) as api:
        writer = GithubWriter(api)
        try:
            for proposal in plan.settings:
                progress(proposal.title)
                _write(writer, proposal, kept)
            surprises = _surprises(plan.settings, before, _scanned(path, target, access, clock, cache))
        except (SettingNotWritten, ObservationError) as error:
            surprises = (str(error),)
        if not surprises:
            _log.info("settings written", repository=access.owner_name, approved_by=approval.by, settings=len(plan.settings))
            return AppliedSettings(SettingsOutcome.WRITTEN, plan.settings, (), undo_file)
        left = _put_back(writer, kept.undos)
    outcome = SettingsOutcome.LEFT_CHANGED if left else SettingsOutcome.TAKEN_BACK
    _log.warning("settings taken back", repository=access.owner_name, approved_by=approval.by, outcome=outcome.value)
    return AppliedSettings(outcome, plan.settings, (*surprises, *left), undo_file if undo_file.exists() else None)


def restore_settings(undo_file: Path, access: GithubAccess, *, pauses: Pauses = REAL_TIME) -> int:
    """Put back what an undo file holds, the last change first; how many settings. What somebody changed since is left alone.

    Raises ConfigurationError for a file that is none, SettingNotWritten.
    """
    undos = _read(undo_file)
    with GithubApi(access, os.environ, pauses, USUAL_PATIENCE) as api:
        writer = GithubWriter(api)
        for undo in reversed(undos):
            writer.restore(undo)
    return len(undos)


class _UndoFile:
    """Every undo that was kept so far, written anew with each of them, so that a crash loses none."""

    def __init__(self, path: Path, repository: str, approval: SettingsApproval, at: str) -> None:
        self._path = path
        self._about = {"repository": repository, "approved_by": approval.by, "reason": approval.reason, "at": at}
        self._kept: dict[tuple[SettingKind, str], SettingUndo] = {}

    @property
    def undos(self) -> tuple[SettingUndo, ...]:
        return tuple(self._kept.values())

    def keep(self, undo: SettingUndo) -> None:
        self._kept[undo.kind, undo.reference] = undo
        document = {"schema_version": SCHEMA_VERSION, **self._about, "undo": [to_json(one) for one in self._kept.values()]}
        draft = self._path.with_name(f".{self._path.name}.draft")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8") as file:
                file.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise ConfigurationError(f"{self._path}: cannot be written: {error.strerror or type(error).__name__}") from None


def _read(path: Path) -> list[SettingUndo]:
    try:
        document = json.loads(path.read_bytes())
        return [from_json(SettingUndo, entry) for entry in document["undo"]]
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or type(error).__name__}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigurationError(f"{path}: is no undo file as `platformkit apply --github-settings` writes it") from None


def _write(writer: GithubWriter, proposal: SettingProposal, kept: _UndoFile) -> None:
    if proposal.features:
        writer.set_security(dict.fromkeys(proposal.features, True), kept.keep)
        return
    by = SourceKind.CLASSIC if proposal.kind is SettingKind.CLASSIC_PROTECTION else SourceKind.RULESET
    writer.set_required_checks(proposal.branch, proposal.checks, kept.keep, by=by)


def _put_back(writer: GithubWriter, undos: Sequence[SettingUndo]) -> tuple[str, ...]:
    """Why something is not back; nothing when all is."""
    left = []
    for undo in reversed(undos):
        try:
            # What was confirmed as written may have been changed by somebody since; what was not has to go in any case.
            writer.restore(undo, forced=not undo.written)
        except (SettingNotWritten, ObservationError) as error:
            left.append(f"{undo.kind.value} {undo.reference}: {error}")
    return tuple(left)


def _scanned(path: Path, target: Target, access: GithubAccess, clock: Clock, cache: Path | None) -> ScanReport:
    rules = [rule for rule in rules_about_repositories() if rule.source is Source.GITHUB]
    return scan_repository(RepositorySource(path, github=access), target=target, rules=rules, clock=clock, cache=cache)


def _require_seen(report: ScanReport) -> None:
    """Raises ObservationError where GitHub told nothing: what is not seen is not changed."""
    hidden = [entry.why for entry in report.unobserved if entry.what == RepositoryFacet.BRANCH_PROTECTION]
    if hidden:
        raise ObservationError(f"GitHub was asked and gave no answer: {hidden[0]}; nothing was changed")


def _surprises(proposals: Sequence[SettingProposal], before: ScanReport, after: ScanReport) -> tuple[str, ...]:
    """Findings that are still there, and those that are new."""
    _require_seen(after)
    earlier, now = _failed(before), _failed(after)
    mended = {rule for proposal in proposals for rule in proposal.rules}
    fingerprints = {f for proposal in proposals for f in proposal.finding_fingerprints}
    still = [f"still found: {now[key]}" for key in now if key in earlier and key[0] in mended and key[1] in fingerprints]
    return (*still, *(f"new: {message}" for key, message in now.items() if key not in earlier))


def _failed(report: ScanReport) -> dict[_Finding, str]:
    """By rule and fingerprint."""
    return {
        (r.rule, finding_fingerprint(report.target, r.rule, r.object)): f"{r.rule} {r.object}: {r.message}"
        for r in report.results
        if r.outcome is Outcome.FAIL
    }
