"""Connection strings from environment variables; apart from the settings, so that a scan without settings stays light."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def dsn_from_environment(variable: str, *, whose: str | None = None, environment: Mapping[str, str] = os.environ) -> Dsn:
    """The connection string in `variable`; `whose` is the target's name, for the message.

    Raises ConfigurationError when the variable is missing or empty. Something that cannot be a variable's name is not
    repeated: it may be the connection string itself, given in the wrong place.
    """
    if not _NAME.match(variable):
        raise ConfigurationError("expected the name of an environment variable that holds the connection string, not the string itself")
    value = environment.get(variable, "").strip()
    if not value:
        state = "is empty" if variable in environment else "is not set"
        prefix = f"{whose}: " if whose else ""
        raise ConfigurationError(f"{prefix}environment variable {variable} {state}; it must hold a PostgreSQL connection string")
    return Dsn(value, origin=f"environment variable {variable}")
