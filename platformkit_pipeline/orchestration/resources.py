"""What assets, checks and sensors are given: the settings and the control plane. Secrets are read at use, never held."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from platformkit_pipeline.control_plane.connection import DATABASE_URL, Connection, control_plane_dsn, session
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.read_settings import read_settings, settings_path
from platformkit_pipeline.operations.resolve_dsn import dsn_from_environment


class SettingsResource(dg.ConfigurableResource[Settings]):
    """`platformkit.yaml`, read anew at every use so that an edit needs no restart."""

    path: str | None = Field(default=None, description="Settings file; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml.")

    @property
    def file(self) -> Path:
        """Where they stand; paths in them are relative to its folder."""
        return settings_path(Path(self.path) if self.path else None)

    def read(self) -> Settings:
        """The settings as they are now. Raises SettingsError."""
        return read_settings(self.file)


class ControlPlaneResource(dg.ConfigurableResource[None]):
    """The schema `ops`, as the role of the pipeline. Knows the name of a variable; the DSN never enters run config or a `repr`."""

    dsn_env: str = Field(default=DATABASE_URL, description="Environment variable that holds the connection string.")

    @property
    def dsn(self) -> Dsn:
        """For whoever needs connections of its own. Raises ControlPlaneError where the variable is not set."""
        return control_plane_dsn() if self.dsn_env == DATABASE_URL else dsn_from_environment(self.dsn_env, whose="control plane")

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection for one step: commits at the end, rolls back on any error. Raises ControlPlaneError."""
        with session(self.dsn) as connection:
            yield connection
