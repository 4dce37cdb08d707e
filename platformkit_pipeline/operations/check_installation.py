"""Look over an installation and say about each part whether it will do, and what to do when it will not.

Every check answers for itself and none stops the others. Nothing is changed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platformkit_pipeline.control_plane.connection import DATABASE_URL, connect, control_plane_dsn
from platformkit_pipeline.control_plane.migrations import require_current
from platformkit_pipeline.locations import home_directory
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import PlatformkitError, SandboxError
from platformkit_pipeline.operations.list_targets import list_targets
from platformkit_pipeline.operations.read_settings import SETTINGS_VARIABLE, read_settings, settings_path
from platformkit_pipeline.sandbox.binaries import find_binaries

DAGSTER_DATABASE_URL = "PLATFORMKIT_DAGSTER_DATABASE_URL"
_DAGSTER_SCHEME = "postgresql+psycopg2://"
_OLDEST_PYTHON, _FIRST_UNTRIED_PYTHON = (3, 11), (3, 14)
_MOST_VARIABLES_SHOWN = 5


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the doctor. `advice` is empty when there is nothing to do; `exit_code` counts for FAIL only."""

    part: str
    state: State
    message: str
    advice: str = ""
    exit_code: int = 2


def check_installation(settings: Path | None = None, environment: Mapping[str, str] = os.environ) -> tuple[Diagnosis, ...]:
    """All checks, in the order in which their problems should be mended. `settings` is the file named by the user."""
    return (
        check_python(sys.version_info[:2]),
        check_binaries(environment),
        check_home(home_directory()),
        *check_settings(settings_path(settings, environment), environment, named=bool(settings or environment.get(SETTINGS_VARIABLE))),
        check_control_plane(environment),
        check_dagster_storage(environment),
    )


def exit_code(diagnoses: tuple[Diagnosis, ...]) -> int:
    """2 when something is configured wrongly, else 3 when something cannot be reached, else 0."""
    codes = {diagnosis.exit_code for diagnosis in diagnoses if diagnosis.state is State.FAIL}
    return min(codes, default=0)


def check_python(version: tuple[int, ...]) -> Diagnosis:
    text = ".".join(map(str, version))
    if version < _OLDEST_PYTHON:
        return Diagnosis("python", State.FAIL, f"Python {text} is too old", "install Python 3.11, 3.12 or 3.13")
    if version >= _FIRST_UNTRIED_PYTHON:
        return Diagnosis("python", State.WARN, f"Python {text} has not been tried", "use Python 3.11, 3.12 or 3.13 where it matters")
    return Diagnosis("python", State.OK, f"Python {text}")


def check_binaries(environment: Mapping[str, str]) -> Diagnosis:
    """Server binaries matter for the local control plane, the demo and shadow databases only."""
    try:
        found = find_binaries()
    except SandboxError as error:
        state = State.WARN if environment.get(DATABASE_URL) else State.FAIL
        return Diagnosis("postgresql", state, str(error), "without it there is neither a demo nor a local control plane")
    return Diagnosis("postgresql", State.OK, f"PostgreSQL {found.version} in {found.bindir} ({found.source})")


def check_home(home: Path) -> Diagnosis:
    """Whether the home directory is there, or could be made, and can be written to."""
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    advice = "set PLATFORMKIT_HOME to a folder that this user may write to"
    if not place.is_dir():
        return Diagnosis("home", State.FAIL, f"{place} is not a folder", advice)
    if place != home:  # nothing is made just to look
        writable = os.access(place, os.W_OK | os.X_OK)
    else:
        try:
            with tempfile.TemporaryFile(dir=home):
                writable = True
        except OSError:
            writable = False
    if not writable:
        return Diagnosis("home", State.FAIL, f"{place} cannot be written to", advice)
    return Diagnosis("home", State.OK, str(home) if place == home else f"{home} (will be made when it is needed)")


def check_settings(path: Path, environment: Mapping[str, str], *, named: bool) -> tuple[Diagnosis, ...]:
    """The settings and the variables they name. A missing file is a fault only when somebody named it."""
    if not named and not path.exists():
        return (Diagnosis("settings", State.WARN, f"no {path}", "list your targets there, or name another file with --settings"),)
    try:
        settings = read_settings(path)
    except PlatformkitError as error:
        return (Diagnosis("settings", State.FAIL, str(error), "correct the lines named above"),)
    targets = list_targets(settings, environment)
    valid = Diagnosis("settings", State.OK, f"{path} lists {len(targets)} target{'' if len(targets) == 1 else 's'}")
    unset = [variable for listed in targets for variable in listed.variables if not variable.is_set]
    required = {variable.name for variable in unset if variable.required}
    missing = {variable.name for variable in unset}
    notifications = settings.notifications
    for webhook in (notifications.mattermost, notifications.n8n):
        if webhook and not environment.get(webhook.webhook_env, "").strip():
            missing.add(webhook.webhook_env)
    if notifications.github_issues and not environment.get(notifications.github_issues.token_env, "").strip():
        missing.add(notifications.github_issues.token_env)
    if not missing:
        return (valid, Diagnosis("variables", State.OK, "every variable that the settings name is set"))
    names = sorted(missing)
    shown = ", ".join(names[:_MOST_VARIABLES_SHOWN])
    more = f" and {len(names) - _MOST_VARIABLES_SHOWN} more" if len(names) > _MOST_VARIABLES_SHOWN else ""
    state = State.FAIL if required else State.WARN
    return (
        valid,
        Diagnosis("variables", state, f"not set: {shown}{more}", "set them; `platformkit targets` tells which target needs which"),
    )


def check_control_plane(environment: Mapping[str, str]) -> Diagnosis:
    """Reachable with the pipeline's login, and migrated to the level of this code."""
    if not environment.get(DATABASE_URL):
        return Diagnosis(
            "control plane", State.WARN, f"{DATABASE_URL} is not set", "`platformkit up` starts a local one; a scan needs none"
        )
    try:
        connection = connect(control_plane_dsn())
    except PlatformkitError as error:
        return Diagnosis("control plane", State.FAIL, str(error), f"check {DATABASE_URL}", exit_code=3)
    try:
        require_current(connection)
    except PlatformkitError as error:
        return Diagnosis("control plane", State.FAIL, str(error), "run `platformkit db migrate`", exit_code=3)
    finally:
        connection.close()
    return Diagnosis("control plane", State.OK, "reachable and migrated")


def check_dagster_storage(environment: Mapping[str, str]) -> Diagnosis:
    """The form of the URL: without a driver in it, SQLAlchemy chooses one that Dagster does not speak."""
    url = environment.get(DAGSTER_DATABASE_URL, "")
    if not url:
        return Diagnosis("dagster", State.WARN, f"{DAGSTER_DATABASE_URL} is not set", "`platformkit up` sets it by itself")
    if not url.startswith(_DAGSTER_SCHEME):
        return Diagnosis(
            "dagster",
            State.FAIL,
            f"{DAGSTER_DATABASE_URL} does not begin with {_DAGSTER_SCHEME}",
            f"write {_DAGSTER_SCHEME}user@host/database",
        )
    return Diagnosis("dagster", State.OK, f"{DAGSTER_DATABASE_URL} names {redact(url)}")
