"""Where files that ship with the product live, in a checkout and in an installed wheel."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def sql_directory() -> Path:
    """The `sql/` folder: beside the package in a checkout, inside it in a wheel."""
    bundled = _PACKAGE / "_sql"
    return bundled if bundled.is_dir() else _PACKAGE.parent / "sql"


def read_sql(relative: str) -> str:
    """Text of one SQL file, e.g. `catalog/policies.sql`."""
    return (sql_directory() / relative).read_text(encoding="utf-8")


def templates_directory() -> Path:
    """The `templates/` folder: files of repositories that are governed, to be filled in."""
    bundled = _PACKAGE / "_templates"
    return bundled if bundled.is_dir() else _PACKAGE.parent / "templates"


def shipped_file(name: str) -> Path:
    """A file of the checkout's root that a wheel carries inside the package, e.g. `dagster.yaml`."""
    bundled = _PACKAGE / "_files" / name
    return bundled if bundled.is_file() else _PACKAGE.parent / name


def home_directory() -> Path:
    """`PLATFORMKIT_HOME`, default `.platformkit` in the working directory: data of the embedded server, logs, plans."""
    return Path(os.environ.get("PLATFORMKIT_HOME") or ".platformkit").resolve()
