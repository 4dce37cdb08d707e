"""The package of a new connector: one that works as it stands, with its tests and its entry point (clause 9.1)."""

from __future__ import annotations

import keyword
import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from platformkit_pipeline import __version__
from platformkit_pipeline.locations import templates_directory
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.operations.write_folder import write_folder

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_LONGEST_NAME = 60


def new_connector(name: str, folder: Path | None = None) -> tuple[Path, ...]:
    """Write the package to `folder`, by default ./NAME-connector; returns the files, none when they are there already.

    Raises ConfigurationError, and nothing is written, for a name that makes no package and for a folder that holds anything else.
    """
    if not _NAME.match(name) or len(name) > _LONGEST_NAME or keyword.iskeyword(name):
        raise ConfigurationError(f"a connector's name is of small letters, digits and single dashes, as in acme-billing, and not {name!r}")
    directory = folder or Path(f"{name}-connector")
    texts = connector_files(name)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        if _holds(directory, texts):
            return ()
        raise ConfigurationError(f"{directory} is not empty: name another folder with --folder")
    try:
        return write_folder(directory, texts)
    except OSError as error:
        raise ConfigurationError(f"{directory} cannot be written: {error.strerror or type(error).__name__}") from None


def connector_files(name: str) -> dict[str, str]:
    """Texts by path. The same name gives the same texts."""
    word = name.replace("-", "_")
    package = f"{word}_connector"
    values = {
        "name": name,
        "package": package,
        "connector": "".join(part.capitalize() for part in name.split("-")) + "Connector",
        "variable": word.upper(),
        "version": ".".join(__version__.split(".")[:2]),
    }
    files = {
        "pyproject.toml": "pyproject.toml.j2",
        "README.md": "README.md.j2",
        f"src/{package}/__init__.py": "package.py.j2",
        f"src/{package}/connector.py": "connector.py.j2",
        "tests/test_contract.py": "test_contract.py.j2",
    }
    return {path: _environment().get_template(template).render(**values) for path, template in files.items()}


def _holds(directory: Path, texts: dict[str, str]) -> bool:
    return directory.is_dir() and all(_text(directory / path) == text for path, text in texts.items())


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(templates_directory() / "connector"),
        variable_start_string="<%=",
        variable_end_string="%>",
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Python, TOML and Markdown; there is no HTML here
        keep_trailing_newline=True,
    )
