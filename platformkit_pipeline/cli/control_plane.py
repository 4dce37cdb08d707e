"""The control plane as commands open it: that of the environment, of the demo, or the local one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.control_plane.connection import Connection
    from platformkit_pipeline.operations.local_platform import ControlPlaneLogins

DEMO = typer.Option(False, "--demo", help="The control plane of `platformkit demo` and `platformkit up --demo`.")


@contextmanager
def control_plane_of(*, demo: bool) -> Iterator[ControlPlaneLogins]:
    """The logins of the control plane that the environment names, of the demo's, or of the local one."""
    from platformkit_pipeline.locations import home_directory
    from platformkit_pipeline.operations.local_platform import control_plane_logins
    from platformkit_pipeline.operations.prepare_demo import demo_home

    home = home_directory()
    with control_plane_logins(demo_home(home), {}) if demo else control_plane_logins(home) as logins:
        yield logins


@contextmanager
def control_plane_session(*, demo: bool) -> Iterator[Connection]:
    """A session of the pipeline on that control plane, one transaction; its schema has to be current (ControlPlaneError)."""
    from platformkit_pipeline.control_plane.connection import session
    from platformkit_pipeline.control_plane.migrations import require_current

    with control_plane_of(demo=demo) as logins, session(logins.pipeline) as connection:
        require_current(connection)
        yield connection


def settings_of(option: Path | None, *, demo: bool) -> Path:
    """The settings that belong to that control plane. Raises ConfigurationError when --demo comes with others, or there is no demo yet."""
    from platformkit_pipeline.locations import home_directory
    from platformkit_pipeline.operations.prepare_demo import SETTINGS_FILE, demo_home
    from platformkit_pipeline.operations.read_settings import settings_path

    if not demo:
        return settings_path(option)
    if option is not None:
        raise ConfigurationError("--demo brings settings of its own and cannot be combined with --settings")
    path = demo_home(home_directory()) / SETTINGS_FILE
    if not path.exists():
        raise ConfigurationError("there is no demo yet; `platformkit demo` makes it")
    return path
