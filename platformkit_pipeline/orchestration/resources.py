"""What assets, checks and sensors are given: the settings and the control plane. Secrets are read at use, never held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from platformkit_pipeline.control_plane.connection import Connection, control_plane_dsn, session
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.read_settings import read_settings, settings_path


class SettingsResource(dg.ConfigurableResource[Settings]):
    """`platformkit.yaml`, read anew at every use so that an edit needs no restart."""

    path: str | None = Field(default=None, description="Settings file; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml.")

    def read(self) -> Settings:
        """The settings as they are now. Raises SettingsError."""
        return read_settings(settings_path(Path(self.path) if self.path else None))


class ControlPlaneResource(dg.ConfigurableResource[None]):
    """The schema `ops`, as the role of the pipeline. Has no fields: the DSN never enters run config or a `repr`."""

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection for one step: commits at the end, rolls back on any error. Raises ControlPlaneError."""
        with session(control_plane_dsn()) as connection:
            yield connection
