"""What connectors say, without what they must not say: values of the variables that their options name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from platformkit_pipeline.model.dsn import redact

_SHORTEST_SECRET = 4
_LONGEST_SENTENCE = 500


def secrets_of(options: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Values of all variables named by options that end in `_env`, and the passwords within; longest first."""
    variables = [str(variable) for name, variable in options.items() if name.endswith("_env")]
    found = {secret for variable in variables for secret in _within(environment.get(variable, "")) if len(secret) >= _SHORTEST_SECRET}
    return tuple(sorted(found, key=len, reverse=True))


def told(error: BaseException, secrets: tuple[str, ...] = ()) -> str:
    """Kind and message of an error as one line that may be shown and stored."""
    try:
        text = str(error)
    except (Exception, SystemExit):  # foreign code may fail at that as well
        text = ""
    return sentence(f"{type(error).__name__}: {text}" if text else type(error).__name__, secrets)


def sentence(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Text of a connector as one line of bounded length, without secrets and control characters."""
    line = "".join(c if c.isprintable() else " " for c in redact(text, secrets))
    return " ".join(line.split())[:_LONGEST_SENTENCE]


def without_secrets(value: Any, secrets: tuple[str, ...]) -> Any:
    """A JSON value with every text in it redacted, and with what PostgreSQL cannot store in a text replaced."""
    if isinstance(value, str):
        return redact(_storable(value), secrets)
    if isinstance(value, Mapping):
        return {redact(_storable(str(key)), secrets): without_secrets(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(item, secrets) for item in value]
    return value


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\x00", "?")


def _within(value: str) -> Iterator[str]:
    yield value
    try:
        parts = conninfo_to_dict(value)
    except psycopg.Error:
        return
    yield from (str(parts[key]) for key in ("password", "sslpassword") if parts.get(key))
