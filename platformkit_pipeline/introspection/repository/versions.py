"""Where a repository says which version it is, and its changelogs. Builds are not run: what they would compute is told as such."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import yaml

from platformkit_pipeline.introspection.repository.changelog_text import MAX_RELEASES, changes_of, release_of, sections_of
from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml
from platformkit_pipeline.introspection.repository.structured_files import line_of, part, read_json, read_toml, strings
from platformkit_pipeline.model.repository.components import is_product_path
from platformkit_pipeline.model.repository.manifests import Ecosystem, Manifest
from platformkit_pipeline.model.repository.versions import CHANGELOG_NAMES, Changelog, VersionSource

MAX_SOURCES = 2000
_SMALL = 64 * 1024
_LONGEST = 200
_ASSIGNED = re.compile(
    r"""^[ \t]*(?:__version__|VERSION|version)[ \t]*(?::[ \t]*\w+[ \t]*)?=[ \t]*["'](?P<version>[^"'\n]{1,200})["']""", re.MULTILINE
)
_DUNDER = re.compile(r"""^__version__[ \t]*(?::[ \t]*\w+[ \t]*)?=[ \t]*["'](?P<version>[^"'\n]{1,200})["']""", re.MULTILINE)
_MODULES = ("__init__.py", "_version.py", "version.py", "__about__.py")
_SCM = ("hatch-vcs", "setuptools-scm", "setuptools_scm", "poetry-dynamic-versioning", "versioningit", "versioneer", "dunamai")
_UNVERSIONED = ("0.0.0", "0.0.0-development", "0.0.0-semantically-released")


def observe_versions(files: Files, manifests: Iterable[Manifest]) -> tuple[VersionSource, ...]:
    """By path; those of tests, examples and foreign code are left out."""
    found: dict[str, VersionSource] = {}
    for path in files.paths:
        name = path.rpartition("/")[2]
        if name in _READERS and is_product_path(path) and len(found) < MAX_SOURCES:
            for source in _read(files, path, name):
                found.setdefault(source.path, source)
    for manifest in manifests:
        if manifest.ecosystem is Ecosystem.PYTHON:
            for source in _of_packages(files, manifest):
                found.setdefault(source.path, source)
    return tuple(sorted(found.values()))


def observe_changelogs(files: Files) -> tuple[Changelog, ...]:
    """One for each folder that has one."""
    ranks = {name.lower(): rank for rank, name in enumerate(CHANGELOG_NAMES)}
    chosen: dict[str, tuple[int, str]] = {}
    for path in files.paths:
        folder, _, name = path.rpartition("/")
        rank = ranks.get(name.lower())
        if rank is not None and is_product_path(path):
            chosen[folder] = min(chosen.get(folder, (rank, path)), (rank, path))
    return tuple(sorted((_changelog(files, path) for _, path in chosen.values()), key=lambda changelog: changelog.path))


def _changelog(files: Files, path: str) -> Changelog:
    try:
        sections = sections_of(files.text(path))
    except UnreadableError as error:
        return Changelog(path, fault=str(error))
    if len(sections) >= MAX_RELEASES:
        return Changelog(path, fault=f"has {MAX_RELEASES} sections or more, which are not read")
    unreleased = [changes_of(section) for section in sections if section.version is None]
    return Changelog(
        path,
        releases=tuple(release_of(section) for section in sections if section.version is not None),
        unreleased=unreleased[0] if unreleased else None,
    )


def _read(files: Files, path: str, name: str) -> list[VersionSource]:
    module = path.rpartition("/")[0]
    try:
        return [replace(source, module=module) for source in _READERS[name](files, path)]
    except UnreadableError as error:
        return [VersionSource(path, module=module, fault=str(error))]


def _of_pyproject(files: Files, path: str) -> Iterator[VersionSource]:
    document, text = read_toml(files, path), files.text(path)
    version = part(document, "project", "version") or part(document, "tool", "poetry", "version")
    scm = _takes_tags(document)
    if isinstance(version, str) and not (scm and version in _UNVERSIONED):
        yield VersionSource(path, version[:_LONGEST], line_of(text, r"^[ \t]*version[ \t]*="), python=True)
    elif "version" in strings(part(document, "project", "dynamic")) or scm:
        line = line_of(text, r"^[ \t]*dynamic[ \t]*=", r"^[ \t]*version[ \t]*=")
        yield VersionSource(path, line=line, python=True, from_tags=True) if scm else _followed(files, path, document, line)


def _takes_tags(document: dict[str, Any]) -> bool:
    needed = strings(part(document, "build-system", "requires"))
    tool = part(document, "tool")
    return (
        part(tool, "hatch", "version", "source") == "vcs"
        or part(tool, "pdm", "version", "source") == "scm"
        or isinstance(part(tool, "setuptools_scm"), dict)
        or any(requirement.strip().startswith(_SCM) for requirement in needed)
    )


def _followed(files: Files, path: str, document: dict[str, Any], line: int) -> VersionSource:
    """The file that a dynamic version comes from, read as text."""
    folder = path.rpartition("/")[0]
    at = f"{folder}/" if folder else ""
    for candidate in _places(document):
        place = f"{at}{candidate}"
        if place in files:
            return _assigned(files, place)
    return VersionSource(path, line=line, python=True, fault="takes its version from something that is computed when it is built")


def _places(document: dict[str, Any]) -> Iterator[str]:
    tool = part(document, "tool")
    for place in (part(tool, "hatch", "version", "path"), part(tool, "pdm", "version", "path")):
        if isinstance(place, str):
            yield place
    dynamic = part(tool, "setuptools", "dynamic", "version")
    attribute = part(dynamic, "attr")
    if isinstance(attribute, str) and "." in attribute:
        module = attribute.rpartition(".")[0].replace(".", "/")
        yield from (f"{root}{module}{end}" for root in ("", "src/") for end in ("/__init__.py", ".py"))
    yield from strings([part(dynamic, "file")]) or strings(part(dynamic, "file"))
    name = part(document, "project", "name")
    if str(part(document, "build-system", "build-backend")).startswith("flit") and isinstance(name, str):
        module = name.replace("-", "_")
        yield from (f"{root}{module}{end}" for root in ("", "src/") for end in ("/__init__.py", ".py"))


def _assigned(files: Files, path: str) -> VersionSource:
    try:
        text = files.text(path, _SMALL * 16)
    except UnreadableError as error:
        return VersionSource(path, python=True, fault=str(error))
    found = _ASSIGNED.search(text)
    if found:
        return VersionSource(path, found["version"], text.count("\n", 0, found.start("version")) + 1, python=True)
    lone = text.strip()
    if lone and len(lone.split()) == 1 and not path.endswith(".py"):
        return VersionSource(path, lone[:_LONGEST], 1, python=True)
    return VersionSource(path, python=True, fault="assigns no version as a plain text")


def _of_packages(files: Files, manifest: Manifest) -> Iterator[VersionSource]:
    """`__version__` of the packages of a Python project, where it is a plain text."""
    for package in manifest.packages:
        for name in _MODULES:
            path = f"{package}/{name}"
            if path not in files:
                continue
            try:
                text = files.text(path)
            except UnreadableError:
                continue  # says nothing about the version
            found = _DUNDER.search(text)
            if found:
                line = text.count("\n", 0, found.start("version")) + 1
                yield VersionSource(path, found["version"], line, module=manifest.folder, python=True)


def _of_package_json(files: Files, path: str) -> Iterator[VersionSource]:
    document = read_json(files, path)
    version = document.get("version")
    private = document.get("private") is True
    folder = path.removesuffix("package.json")
    is_workspace = private and ("workspaces" in document or f"{folder}pnpm-workspace.yaml" in files)
    unversioned = is_workspace or (version in _UNVERSIONED and (private or "-" in str(version)))
    if isinstance(version, str) and not unversioned:
        yield VersionSource(path, version[:_LONGEST], line_of(files.text(path), r'"version"[ \t]*:'))


def _of_cargo(files: Files, path: str) -> Iterator[VersionSource]:
    document = read_toml(files, path)
    for version in (part(document, "package", "version"), part(document, "workspace", "package", "version")):
        if isinstance(version, str):
            yield VersionSource(path, version[:_LONGEST], line_of(files.text(path), r"^[ \t]*version[ \t]*="))
            return


def _of_version_file(files: Files, path: str) -> Iterator[VersionSource]:
    lines = files.text(path, _SMALL).strip().split("\n")
    if len(lines) == 1 and 0 < len(lines[0].strip()) <= _LONGEST and len(lines[0].split()) == 1:
        yield VersionSource(path, lines[0].strip(), 1, python=f"{path.rpartition('VERSION')[0]}pyproject.toml" in files)


def _of_chart(files: Files, path: str) -> Iterator[VersionSource]:
    text = files.text(path, _SMALL)
    try:
        version = part(load_yaml(text), "version")
    except (YamlRefused, yaml.YAMLError):
        raise UnreadableError("is no YAML that can be read") from None
    if version is not None:
        yield VersionSource(path, str(version)[:_LONGEST], line_of(text, r"^version[ \t]*:"))


_READERS = {
    "pyproject.toml": _of_pyproject,
    "package.json": _of_package_json,
    "Cargo.toml": _of_cargo,
    "VERSION": _of_version_file,
    "Chart.yaml": _of_chart,
}
