"""Committed files of environment variables, by how many variables they give a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.secret_forms import is_invented
from platformkit_pipeline.model.repository.secrets import EnvironmentFile

_TEMPLATE = frozenset({"example", "sample", "template", "tmpl", "tpl", "dist", "default", "defaults", "schema", "vault"})
"""Parts of a name that say it is to be filled in, or (`vault`) that it is encrypted."""
_VARIABLE = re.compile(r"^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.]*)[ \t]*=[ \t]*(?P<value>[^\n]*)$", re.MULTILINE)
_ENCRYPTED = "encrypted:"
_PUBLIC_KEY = "DOTENV_PUBLIC_KEY"


def observe_environment_files(files: Files) -> tuple[EnvironmentFile, ...]:
    """Those that are no templates by their name."""
    return tuple(_observed(files, entry.path) for entry in files.entries if entry.is_regular and _is_environment(entry.path))


def _is_environment(path: str) -> bool:
    name = PurePosixPath(path).name.lower()
    return (name.startswith(".env.") or name.endswith(".env")) and not _TEMPLATE.intersection(name.split("."))


def _observed(files: Files, path: str) -> EnvironmentFile:
    try:
        return EnvironmentFile(path, filled=sum(1 for _ in _filled(files.text(path))))
    except UnreadableError as error:
        return EnvironmentFile(path, fault=str(error))


def _filled(text: str) -> Iterator[str]:
    """Names with a value: no placeholder, and not encrypted."""
    for match in _VARIABLE.finditer(text):
        value = match["value"].split(" #")[0].strip().strip("\"'")
        placeholder = not value or value.startswith(("#", _ENCRYPTED)) or is_invented(value)
        if not placeholder and not match["name"].startswith(_PUBLIC_KEY):
            yield match["name"]
