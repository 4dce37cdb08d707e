"""`platformkit apply --github-settings`: what a plan lists for GitHub is written there, or put back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.cli.output import ListFormat, progress_line, write_text
from platformkit_pipeline.cli.repository_subject import github_access, repository_subject
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import GithubAccess
from platformkit_pipeline.operations.apply_settings import (
    AppliedSettings,
    SettingsApproval,
    SettingsOutcome,
    apply_settings,
    restore_settings,
)

_EXIT = {
    **{SettingsOutcome.NOTHING_TO_DO: 0, SettingsOutcome.WRITTEN: 0},
    **{SettingsOutcome.TAKEN_BACK: 1, SettingsOutcome.LEFT_CHANGED: 3},
}
_USAGE = "give a PLAN, or --repo PATH --github OWNER/NAME --github-settings --approved-by WHO, or --github OWNER/NAME --restore FILE"


@dataclass(frozen=True, slots=True)
class SettingsRequest:
    """The options that are about GitHub."""

    repo: Path | None
    github: str | None
    github_token_env: str | None
    github_settings: bool
    undo: Path | None
    restore: Path | None
    approved_by: str | None
    reason: str


def apply_on_github(request: SettingsRequest, others: Mapping[str, object], output_format: ListFormat) -> int:
    """Write or put back; the exit code. Raises ConfigurationError for options that do not go together."""
    access = github_access(request.github, request.github_token_env)
    if access is None:
        raise ConfigurationError(_USAGE)
    given = [option for option, value in others.items() if value not in (None, False)]
    if given:
        raise ConfigurationError(f"settings on GitHub are written without {', '.join(given)}")
    if request.restore is not None:
        return _restore(request, access, output_format)
    if request.repo is None or not request.github_settings:
        raise ConfigurationError(_USAGE)
    if request.approved_by is None:
        raise ConfigurationError("say who answers for the change: --approved-by WHO; `platformkit plan --repo` shows what would be written")
    if request.undo is None:
        raise ConfigurationError("say where the way back is kept: --undo FILE, a new one")
    subject = repository_subject(request.repo, None, request.github, {})
    with progress_line() as progress:
        applied = apply_settings(
            subject.path,
            target=subject.target,
            access=access,
            approval=SettingsApproval(request.approved_by, request.reason),
            undo_file=request.undo,
            progress=progress,
        )
    write_text(_json(applied) if output_format is ListFormat.JSON else _sentences(applied), None)
    return _EXIT[applied.outcome]


def _restore(request: SettingsRequest, access: GithubAccess, output_format: ListFormat) -> int:
    if request.restore is None or request.github_settings or request.undo is not None or request.repo is not None:
        raise ConfigurationError("--restore FILE goes with --github OWNER/NAME alone")
    count = restore_settings(request.restore, access)
    document = {"schema_version": 1, "outcome": "restored", "settings": count}
    write_text(f"{json.dumps(document)}\n" if output_format is ListFormat.JSON else f"restored: {count} settings\n", None)
    return 0


def _json(applied: AppliedSettings) -> str:
    document = {
        "schema_version": 1,
        "outcome": applied.outcome.value,
        "settings": [{"title": proposal.title, "rules": list(proposal.rules)} for proposal in applied.proposals],
        "surprises": list(applied.surprises),
        "undo": str(applied.undo_file) if applied.undo_file else None,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _sentences(applied: AppliedSettings) -> str:
    match applied.outcome:
        case SettingsOutcome.NOTHING_TO_DO:
            lines = ["GitHub's settings lack nothing that could be written"]
        case SettingsOutcome.WRITTEN:
            lines = [
                *(p.title for p in applied.proposals),
                f"written: {len(applied.proposals)} settings; the way back is in {applied.undo_file}",
            ]
        case SettingsOutcome.TAKEN_BACK:
            lines = ["taken back: the settings are what they were before", *applied.surprises]
        case SettingsOutcome.LEFT_CHANGED:
            lines = [f"LEFT CHANGED: look at the settings now; how they were is in {applied.undo_file}", *applied.surprises]
    return "\n".join(lines) + "\n"
