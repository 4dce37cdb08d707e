"""What options name and environment variables hold: connection strings, addresses, tokens. Read when they are needed, never before."""

from __future__ import annotations

import os
from collections.abc import Mapping

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError


def dsn_of_variable(variable: str, environment: Mapping[str, str] = os.environ) -> Dsn:
    """The connection string in that variable. Raises ConfigurationError."""
    return Dsn(value_of_variable(variable, "a PostgreSQL connection string", environment), f"environment variable {variable}")


def value_of_variable(variable: str, what: str, environment: Mapping[str, str] = os.environ) -> str:
    """The value of that variable without blanks around it. Raises ConfigurationError when there is none; `what` says what it holds."""
    value = environment.get(variable, "").strip()
    if not value:
        state = "is empty" if variable in environment else "is not set"
        raise ConfigurationError(f"environment variable {variable} {state}; it must hold {what}")
    return value
