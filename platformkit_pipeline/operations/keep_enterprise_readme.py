"""The organisation's README every night: rendered, compared with what its repository holds, pushed where that is wanted (clause 3.4)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from pathlib import Path

from platformkit_pipeline.control_plane import enterprise_readmes, scans
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.enterprise_readmes import StoredReadme
from platformkit_pipeline.control_plane.scans import ScanStatus
from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.contents import put_file
from platformkit_pipeline.introspection.github.exchange import Patience
from platformkit_pipeline.introspection.github.observe import USUAL_PATIENCE
from platformkit_pipeline.introspection.web_api import REAL_TIME, Pauses
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.errors import ConfigurationError, PlatformkitError
from platformkit_pipeline.model.repository.generated_readme import RenderedReadme, StampState, check_stamp
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.settings import EnterpriseReadme, Settings, target_of
from platformkit_pipeline.model.target import Target
from platformkit_pipeline.operations.announce import announce, open_lives
from platformkit_pipeline.operations.enterprise_readme import inventoried_targets, read_template
from platformkit_pipeline.operations.read_settings import find_repository, github_access_of
from platformkit_pipeline.operations.stored_repository import latest_repository_observation
from platformkit_pipeline.operations.stored_snapshot import target_id_of
from platformkit_pipeline.reporting.enterprise_readme import enterprise_readme

_COMMIT_MESSAGE = "Render the organisation's README\n\nFrom the inventories of the platform. Edit the template, not this file.\n"
_MOST_DIFF_LINES = 400


@dataclass(frozen=True, slots=True)
class ReadmeKept:
    """One night. `diff` compares with the rendering before; `drift` says how the repository differs, None where it does not.

    `unseen` says why that cannot be told, `pushed` whether a commit was made, `push_refused` why not where it should have been.
    `text` is empty where the settings name no repository for it.
    """

    text: str = ""
    text_digest: str = ""
    diff: str = ""
    drift: str | None = None
    unseen: str | None = None
    pushed: bool = False
    push_refused: str | None = None


@dataclass(frozen=True, slots=True)
class GithubRoad:
    """How GitHub is reached; tests put their own in."""

    environment: Mapping[str, str]
    pauses: Pauses = REAL_TIME
    patience: Patience = USUAL_PATIENCE


def keep_enterprise_readme(
    connection: Connection, settings: Settings, now: datetime, *, folder: Path = Path(), road: GithubRoad | None = None
) -> ReadmeKept:
    """Render `governance.enterprise_readme`; a template of one's own is relative to `folder`, that of the settings.

    A night without change stores, pushes and tells nothing. Killed in between, the next call goes on. GitHub is asked outside of any
    transaction; what it refuses is in the result, and in the alert. Raises ControlPlaneError, ConfigurationError.
    """
    wanted = settings.governance.enterprise_readme
    if wanted is None:
        _withdraw(connection, now)
        return ReadmeKept()
    template = read_template(folder / wanted.template if wanted.template else None)
    target = target_of(find_repository(settings, wanted.repository))
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
    text = enterprise_readme(inventoried_targets(connection, target_id), template)
    readme = StoredReadme(target_id, wanted.path, text, check_stamp(text).text_digest or "")
    with control_plane_errors(), connection.transaction():
        before = enterprise_readmes.keep(connection, readme, now)
        readme = enterprise_readmes.latest(connection) or readme
        drift, unseen = _compared(connection, target, RenderedReadme(readme.path, readme.text_digest))
    pushed, refused = _pushed(settings, wanted, readme, road or GithubRoad(os.environ)) if wanted.push else (None, None)
    if pushed is not None:
        drift = unseen = None  # the default branch holds it, whatever the clone had when it was observed
    with control_plane_errors(), connection.transaction():
        alert = _alert(target, readme, drift or refused)
        over = [alert] if drift is None and unseen is None and refused is None else []
        announce(connection, [alert] if drift or refused else [], [*over, *_of_another_file(connection, alert, now)], now)
    return ReadmeKept(readme.content, readme.text_digest, _diff(before, readme), drift, unseen, bool(pushed), refused)


def _withdraw(connection: Connection, now: datetime) -> None:
    with control_plane_errors(), connection.transaction():
        enterprise_readmes.withdraw(connection, now)
        announce(connection, [], _of_another_file(connection, None, now), now)


def _of_another_file(connection: Connection, kept: Alert | None, now: datetime) -> list[Alert]:
    """What is told of a file that nothing is rendered for any more is over."""
    still = (kept.target.kind, kept.target.name, kept.subject) if kept and kept.target else None
    over: list[Alert] = []
    for life, target in open_lives(connection, [AlertKind.README_DRIFT], now):
        if target is not None and (target.kind, target.name, life.subject) != still:
            said = f"{life.subject} in {target.name} is not rendered any more"
            over.append(Alert(life.kind, life.subject, Severity.MEDIUM, said, target=target, payload={"path": life.subject, "why": said}))
    return over


def _compared(connection: Connection, target: Target, rendered: RenderedReadme) -> tuple[str | None, str | None]:
    """How the repository's file differs from the rendering, and why that cannot be told; by the latest observation."""
    if scans.latest(connection, target_id_of(connection, target), ScanStatus.OBSERVED) is None:
        return None, f"{target.name} was not observed yet"
    found = latest_repository_observation(connection, target).snapshot.organisation_readme
    if found is None or found.path != rendered.path:
        return None, f"{rendered.path} of {target.name} is not observed: does it declare `organisation_profile: true`?"
    if found.fault:
        return None, f"{found.path} {found.fault}"
    if not found.present:
        return f"{found.path} is missing", None
    if found.stamp is StampState.INTACT and found.text_digest == rendered.text_digest:
        return None, None
    how = {StampState.ABSENT: "was not generated", StampState.EDITED: "was edited by hand"}
    return f"{found.path} {how.get(found.stamp, 'is not what the inventory gives by now')}", None


def _pushed(settings: Settings, wanted: EnterpriseReadme, readme: StoredReadme, road: GithubRoad) -> tuple[bool | None, str | None]:
    """Whether a commit was made, None where the file could not be written; and why it could not."""
    try:
        access = github_access_of(find_repository(settings, wanted.repository))
        if access is None:
            raise ConfigurationError(f"to push, the entry of {wanted.repository} needs `github: {{token_env: ...}}`")
        with GithubApi(access, road.environment, road.pauses, road.patience) as api:
            return put_file(api, readme.path, readme.content, _COMMIT_MESSAGE).written, None
    except PlatformkitError as error:
        return None, str(error)


def _alert(target: Target, readme: StoredReadme, why: str | None) -> Alert:
    return Alert(
        AlertKind.README_DRIFT,
        readme.path,
        Severity.MEDIUM,
        f"The organisation's README in {target.name} is not what was rendered: {why}" if why else f"{target.name} holds what was rendered",
        target=target,
        payload={"path": readme.path, "why": why or "", "text_digest": readme.text_digest},
    )


def _diff(before: StoredReadme | None, now: StoredReadme) -> str:
    """Unified, with what is cut counted; empty where nothing changed."""
    old = before.content.splitlines() if before else []
    lines = list(unified_diff(old, now.content.splitlines(), "before", "now", n=1, lineterm=""))
    left = len(lines) - _MOST_DIFF_LINES
    return "\n".join([*lines[:_MOST_DIFF_LINES], *([f"{left} more lines"] if left > 0 else [])])
