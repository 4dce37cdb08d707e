"""Read `platformkit.yaml` and the files it includes; name file, line and path of everything that is wrong with them.

All faults of all files are reported at once. Values are never repeated in a message: one of them may be a secret that
stands in the wrong place. What the settings mean is in `model.settings`, how text becomes values in `model.yaml_document`.
"""

from __future__ import annotations

import glob
import os
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from platformkit_pipeline.cycle_collector import collector_paused
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.document_faults import faults_of, sentence_of_fault
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ConfigurationError, SettingsError, UnknownTarget
from platformkit_pipeline.model.settings import Connector, Project, Repository, Settings, TargetLists
from platformkit_pipeline.model.target import OWNER_NAME, GithubAccess
from platformkit_pipeline.model.yaml_document import Document, Fault, MalformedDocument, parse_json, parse_yaml, strings_of
from platformkit_pipeline.operations.resolve_dsn import dsn_from_environment

SETTINGS_VARIABLE = "PLATFORMKIT_SETTINGS"
DEFAULT_SETTINGS = Path("platformkit.yaml")
_TARGET_LISTS = ("projects", "repositories", "connectors")
_MOST_FAULTS_SHOWN = 50
_MOST_NAMES_SHOWN = 10

_log = get_logger("operations.read_settings")
_Model = TypeVar("_Model", bound=BaseModel)
_Target = TypeVar("_Target", Project, Repository, Connector)


@dataclass(frozen=True, slots=True)
class _File:
    """One readable settings file. `label` is how messages call it."""

    label: str
    document: Document

    def entries(self, kind: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Position and mapping of the targets of one kind, however wrong the rest of the file is."""
        listed = self.document.value.get(kind) if isinstance(self.document.value, dict) else None
        for position, entry in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(entry, dict):
                yield position, entry


class _Faults:
    """Faults of all files, in the order of the files and then of the lines; one per value."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, tuple[str | int, ...]], Fault] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, label: str, *faults: Fault) -> None:
        for fault in faults:
            self._found.setdefault((label, fault.path), fault)

    def add_at(self, file: _File, path: tuple[str | int, ...], message: str) -> None:
        self.add(file.label, Fault(file.document.line_of(path), path, message))

    def __str__(self) -> str:
        files = list(dict.fromkeys(label for label, _ in self._found))
        found = sorted(self._found.items(), key=lambda item: (files.index(item[0][0]), item[1].line or 0))
        lines = [sentence_of_fault(label, fault) for (label, _), fault in found[:_MOST_FAULTS_SHOWN]]
        if len(found) > _MOST_FAULTS_SHOWN:
            lines.append(f"and {len(found) - _MOST_FAULTS_SHOWN} more")
        return "\n".join(lines)


def settings_path(option: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """The settings file to read: the option, else `PLATFORMKIT_SETTINGS`, else ./platformkit.yaml."""
    return option or Path(environment.get(SETTINGS_VARIABLE) or DEFAULT_SETTINGS)


@collector_paused()
def read_settings(path: Path) -> Settings:
    """The settings in `path`, with the targets of every included file appended in the order of the files.

    Raises SettingsError, one line `file:line: path: what is expected` per fault.
    """
    faults = _Faults()
    parts: list[TargetLists] = []
    main = _load(path, str(path), faults)
    settings = _validated(Settings, main, faults) if main else None
    if settings:
        parts.append(settings)
    files = [main] if main else []
    for included, label in _included(main, path, faults) if main else ():
        if file := _load(included, label, faults):
            files.append(file)
            if part := _validated(TargetLists, file, faults):
                parts.append(part)
    for file in files:
        _refuse_secrets(file, faults)
    _refuse_repeated_names(files, faults)
    if settings and main and not faults:
        _refuse_unknown_repositories(files, faults)
        _refuse_unknown_timezone(settings, main, faults)
    if faults or settings is None:
        raise SettingsError(str(faults))
    _log.debug("settings read", file=str(path), files=len(files))
    if len(parts) == 1:
        return settings
    return settings.model_copy(update={kind: tuple(entry for part in parts for entry in getattr(part, kind)) for kind in _TARGET_LISTS})


def find_project(settings: Settings, name: str) -> Project:
    """The project called `name`; raises UnknownTarget with the names there are."""
    return _found(settings.projects, name, "project")


def find_repository(settings: Settings, name: str) -> Repository:
    """The repository called `name`; raises UnknownTarget with the names there are."""
    return _found(settings.repositories, name, "repository")


def find_connector(settings: Settings, name: str) -> Connector:
    """The connector called `name`; raises UnknownTarget with the names there are."""
    return _found(settings.connectors, name, "connector")


def repository_path(settings_file: Path, repository: Repository) -> Path:
    """Where the settings say that a repository lies. Raises ConfigurationError when they do not."""
    if repository.path is None:
        raise ConfigurationError(f"the settings give no path for the repository {repository.name}; a scan reads its git folder")
    return settings_file.parent / repository.path


def github_access_of(repository: Repository) -> GithubAccess | None:
    """How GitHub is asked about a repository, None where it is not. Raises ConfigurationError for a name that GitHub cannot know."""
    if repository.github is None:
        return None
    if not OWNER_NAME.match(repository.name):
        raise ConfigurationError(f"the settings ask GitHub about the repository {repository.name}; its name has to be owner/name then")
    return GithubAccess(repository.name, repository.github.token_env)


def _found(entries: Sequence[_Target], name: str, kind: str) -> _Target:
    for entry in entries:
        if entry.name == name:
            return entry
    names = sorted(entry.name for entry in entries)
    more = len(names) - _MOST_NAMES_SHOWN
    known = ", ".join(names[:_MOST_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    raise UnknownTarget(f"no {kind} is called {redact(name)!r}; the settings list {known or f'no {kind}'}")


def resolve_dsn(project: Project, environment: Mapping[str, str] = os.environ) -> Dsn:
    """Connection string of a project, from the variable that its settings name.

    Raises ConfigurationError when the variable is missing or empty.
    """
    return dsn_from_environment(project.database.dsn_env, whose=project.name, environment=environment)


def resolve_contracts_dsn(project: Project, environment: Mapping[str, str] = os.environ) -> Dsn:
    """The same for its contract tests: their own login where the settings name one."""
    if project.contracts_dsn_env is None:
        return resolve_dsn(project, environment)
    return dsn_from_environment(project.contracts_dsn_env, whose=f"{project.name}, contracts_dsn_env", environment=environment)


def _load(path: Path, label: str, faults: _Faults) -> _File | None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        document = parse_json(text) if path.suffix.lower() == ".json" else parse_yaml(text)
    except FileNotFoundError:
        faults.add(label, Fault(None, (), f"no such file; name the settings with --settings or {SETTINGS_VARIABLE}"))
    except OSError as error:
        faults.add(label, Fault(None, (), f"cannot be read: {error.strerror or type(error).__name__}"))
    except UnicodeDecodeError:
        faults.add(label, Fault(None, (), "is not UTF-8 text"))
    except MalformedDocument as error:
        faults.add(label, *error.faults)
    else:
        if document.value is None:
            document.value = {}
        return _File(label, document)
    return None


def _included(main: _File, path: Path, faults: _Faults) -> Iterator[tuple[Path, str]]:
    """Files that the patterns of `include` name, each once, sorted within a pattern."""
    patterns = main.document.value.get("include") if isinstance(main.document.value, dict) else None
    seen = {os.path.abspath(path)}  # noqa: PTH100 - Path.resolve asks the file system about every folder of every file
    for position, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
        if not isinstance(pattern, str):
            continue
        matches = sorted(glob.glob(pattern, root_dir=path.parent, recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
        if not matches:
            faults.add_at(main, ("include", position), "no file matches this pattern")
        for match in matches:
            file = path.parent / match
            absolute = os.path.abspath(file)  # noqa: PTH100 - names are compared, links are not followed
            if absolute not in seen and not file.is_dir():
                seen.add(absolute)
                yield file, str(file)


def _validated(model: type[_Model], file: _File, faults: _Faults) -> _Model | None:
    try:
        return model.model_validate(file.document.value)
    except ValidationError as error:
        for detail, fault in zip(error.errors(include_url=False), faults_of(model, file.document, error), strict=True):
            if fault.path or detail["type"] != "value_error":  # repeated names are told apart by file, further down
                faults.add(file.label, fault)
        return None


def _refuse_secrets(file: _File, faults: _Faults) -> None:
    """A password anywhere in a file, be it in a free option of a connector or in a name."""
    if redact(file.document.text) == file.document.text:
        return
    for path, text in strings_of(file.document.value):
        if redact(text) != text:
            faults.add_at(file, path, "holds a secret; put it into an environment variable and name that one here")


def _refuse_repeated_names(files: Iterable[_File], faults: _Faults) -> None:
    first: dict[tuple[str, str], tuple[_File, int]] = {}
    for file in files:
        for kind in _TARGET_LISTS:
            for position, entry in file.entries(kind):
                name = entry.get("name")
                if not isinstance(name, str):
                    continue
                earlier, where = first.setdefault((kind, name), (file, position))
                if (earlier, where) != (file, position):
                    line = earlier.document.line_of((kind, where, "name"))
                    faults.add_at(file, (kind, position, "name"), f"this name is taken by {earlier.label}:{line}")


def _refuse_unknown_repositories(files: Sequence[_File], faults: _Faults) -> None:
    known = {entry.get("name") for file in files for _, entry in file.entries("repositories")}
    for file in files:
        for position, entry in file.entries("projects"):
            if entry.get("repository") is not None and entry["repository"] not in known:
                faults.add_at(file, ("projects", position, "repository"), "no entry under repositories has this name")
        for path in (("governance", "constitution"), ("governance", "enterprise_readme", "repository")):
            named = _value_at(file.document.value, path)
            if isinstance(named, str) and named not in known:
                faults.add_at(file, path, "no entry under repositories has this name")


def _value_at(value: Any, path: Sequence[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _refuse_unknown_timezone(settings: Settings, main: _File, faults: _Faults) -> None:
    zone = settings.schedule.timezone
    if zone == "UTC":  # known even where the system has no time zone data
        return
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        faults.add_at(main, ("schedule", "timezone"), "is not a time zone of the IANA database, such as Europe/Rome")
