"""Errors that carry a message for the person who must act, and the exit code a command ends with.

Exit codes are a contract: 1 a gate or a finding says no, 2 wrong input or configuration and nothing changed,
3 not enough could be observed to answer. Messages never contain a secret: whoever raises one of these has
already removed it (see `model.dsn.redact`).
"""

from __future__ import annotations


class PlatformkitError(Exception):
    """Base of all errors that are reported as one sentence instead of a traceback."""

    exit_code = 2


class ConfigurationError(PlatformkitError):
    """Settings, options or environment variables are wrong. Nothing was changed."""


class SettingsError(ConfigurationError):
    """`platformkit.yaml` is malformed; the message names file, line and path of every fault."""


class UnknownTarget(ConfigurationError):
    """A target name that the settings do not contain."""


class ObservationError(PlatformkitError):
    """A target could not be observed, so nothing can be said about it."""

    exit_code = 3


class TargetUnreachable(ObservationError):
    """No connection, a refused login, or a server that went away."""


class TargetBusy(ObservationError):
    """A lock or statement timeout ended the observation before it was complete."""


class ControlPlaneError(PlatformkitError):
    """The control plane is not usable: unreachable, not migrated, or ahead of this code."""

    exit_code = 3


class SandboxError(PlatformkitError):
    """A local PostgreSQL server could not be found, made or started."""

    exit_code = 2
