"""Manifests of package managers: what a module depends on when it runs. Nothing is resolved and no program is run."""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.structured_files import part, read_json, read_toml, strings
from platformkit_pipeline.model.repository.components import is_product_path
from platformkit_pipeline.model.repository.manifests import Ecosystem, Manifest

MAX_MANIFESTS = 2000
MAX_REQUIREMENTS = 5000
"""Lines of one manifest."""
EDGE_FUNCTIONS = "supabase/functions"
_REQUIREMENTS = re.compile(r"(?:requirements(?:[-_.](?P<kind>\w+))?|requirements/(?P<name>[\w.-]+))\.(?:txt|in)\Z")
_OF_DEVELOPMENT = re.compile(r"dev|test|lint|docs?|ci|build|types|typing", re.IGNORECASE)
_SPECIFIER = re.compile(rb"""(?:\bfrom|\bimport)\s*+(?:\(\s*+)?["']([^"'\n]{1,300})["']""")
_SCHEME = re.compile(r"(?:npm:|jsr:|https://(?:esm\.sh|cdn\.skypack\.dev|cdn\.jsdelivr\.net/npm|unpkg\.com|deno\.land/x)/)")
_PACKAGE = re.compile(r"/?(?P<name>(?:@[\w.-]+/)?[\w.-]+)")
_GO_REQUIRE = re.compile(r"^[ \t]*(?:require[ \t]+)?(?P<name>[\w.~-]+(?:/[\w.~-]+)+)[ \t]+v\d", re.MULTILINE)
_LONGEST_REQUIREMENT = 2000
_DENO_NAMES = ("deno.json", "deno.jsonc", "import_map.json")


def observe_manifests(files: Files) -> tuple[Manifest, ...]:
    """By path; those of tests, examples and foreign code are left out. At most `MAX_MANIFESTS`."""
    found = []
    for path in files.paths:
        read = _reader_of(path)
        if read is not None and is_product_path(path):
            found.append(_read(files, path, *read))
            if len(found) == MAX_MANIFESTS:
                break
    return tuple(sorted((*found, *_edge_functions(files))))


_Reader = Callable[[Files, str], "Manifest"]


def _reader_of(path: str) -> tuple[_Reader, Ecosystem] | None:
    name = path.rpartition("/")[2]
    if name in _READERS:
        return _READERS[name]
    requirements = _REQUIREMENTS.search(path)
    if requirements and (requirements.start() == 0 or path[requirements.start() - 1] == "/"):
        about = requirements["kind"] or requirements["name"] or ""
        return None if _OF_DEVELOPMENT.match(about) else (_of_requirements, Ecosystem.PYTHON)
    return None


def _read(files: Files, path: str, reader: _Reader, ecosystem: Ecosystem) -> Manifest:
    try:
        return reader(files, path)
    except UnreadableError as error:
        return Manifest(path, ecosystem, fault=str(error))


def _of_pyproject(files: Files, path: str) -> Manifest:
    document = read_toml(files, path)
    declared = [*strings(part(document, "project", "dependencies"))]
    extras = part(document, "project", "optional-dependencies")
    for name, group in extras.items() if isinstance(extras, dict) else ():
        declared += () if _OF_DEVELOPMENT.match(name) else strings(group)
    poetry = strings(part(document, "tool", "poetry", "dependencies"))
    names = (_requirement_names(declared) | {canonicalize_name(name) for name in poetry}) - {"python"}
    return Manifest(path, Ecosystem.PYTHON, tuple(sorted(names)), tuple(sorted(_python_packages(files, path, document))))


def _python_packages(files: Files, path: str, document: dict[str, Any]) -> Iterator[str]:
    """Folders with an `__init__.py` that the manifest names, that carry its name, or that lie beside it."""
    folder = path.rpartition("/")[0]
    at = f"{folder}/" if folder else ""
    named = [*strings(part(document, "tool", "hatch", "build", "targets", "wheel", "packages"))]
    named += [*strings(part(document, "tool", "setuptools", "packages"))]
    listed = part(document, "tool", "poetry", "packages")
    named += (
        [str(entry["include"]) for entry in listed if isinstance(entry, dict) and "include" in entry] if isinstance(listed, list) else []
    )
    project = part(document, "project", "name") or part(document, "tool", "poetry", "name")
    if isinstance(project, str):
        module = canonicalize_name(project).replace("-", "_")
        named += [module, f"src/{module}"]
    for candidate in dict.fromkeys(named):
        place = f"{at}{candidate.strip('/').replace('.', '/')}"
        if f"{place}/__init__.py" in files:
            yield place


def _of_requirements(files: Files, path: str) -> Manifest:
    text = files.text(path).replace("\\\n", " ")
    lines = [line.partition(" #")[0].partition(" --")[0] for line in text.splitlines() if line[:1] not in ("#", "-", "")]
    return Manifest(path, Ecosystem.PYTHON, tuple(sorted(_requirement_names(lines))))


def _of_setup_cfg(files: Files, path: str) -> Manifest:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(files.text(path))
    except configparser.Error as error:
        raise UnreadableError(f"is no INI file that can be read: {' '.join(str(error).split())[:150]}") from None
    lines = parser.get("options", "install_requires", fallback="").splitlines()
    return Manifest(path, Ecosystem.PYTHON, tuple(sorted(_requirement_names(lines))))


def _of_package_json(files: Files, path: str) -> Manifest:
    document = read_json(files, path)
    names = {name for key in ("dependencies", "peerDependencies", "optionalDependencies") for name in strings(document.get(key))}
    return Manifest(path, Ecosystem.NODE, tuple(sorted(names)))


def _of_deno(files: Files, path: str) -> Manifest:
    imports = read_json(files, path, comments=True).get("imports")
    targets = imports.values() if isinstance(imports, dict) else ()
    return Manifest(
        path, Ecosystem.DENO, tuple(sorted({name for target in targets if isinstance(target, str) for name in _imported(target)}))
    )


def _of_cargo(files: Files, path: str) -> Manifest:
    return Manifest(path, Ecosystem.RUST, tuple(sorted(strings(read_toml(files, path).get("dependencies")))))


def _of_go(files: Files, path: str) -> Manifest:
    return Manifest(path, Ecosystem.GO, tuple(sorted({found["name"] for found in _GO_REQUIRE.finditer(files.text(path))})))


def _edge_functions(files: Files) -> Iterator[Manifest]:
    """What the functions of a Supabase project import, which need no manifest."""
    names: set[str] = set()
    seen = False
    for entry in files.below(EDGE_FUNCTIONS):
        if not entry.is_regular or not entry.path.endswith((".ts", ".tsx", ".js", ".mjs")):
            continue
        seen = True
        try:
            specifiers: Iterable[bytes] = _SPECIFIER.findall(files.data(entry.path))
        except UnreadableError:
            continue
        names |= {name for specifier in specifiers for name in _imported(specifier.decode("utf-8", "replace"))}
    if seen:
        yield Manifest(EDGE_FUNCTIONS, Ecosystem.DENO, tuple(sorted(names)))


def _imported(specifier: str) -> Iterator[str]:
    scheme = _SCHEME.match(specifier)
    if scheme is None:
        return
    found = _PACKAGE.match(specifier, scheme.end())
    if found:
        yield found["name"]


def _requirement_names(lines: Sequence[str]) -> set[str]:
    """Raises UnreadableError when there are more than anybody has."""
    if len(lines) > MAX_REQUIREMENTS:
        raise UnreadableError(f"has {len(lines)} lines of requirements, and more than {MAX_REQUIREMENTS} are not read")
    return set(filter(None, map(_requirement_name, lines)))


def _requirement_name(text: str) -> str:
    """Empty for what is no requirement, such as a path or an option."""
    if not text.strip() or len(text) > _LONGEST_REQUIREMENT:
        return ""
    try:
        return canonicalize_name(Requirement(text.strip()).name)
    except InvalidRequirement:
        return ""


_READERS: dict[str, tuple[_Reader, Ecosystem]] = {
    "pyproject.toml": (_of_pyproject, Ecosystem.PYTHON),
    "setup.cfg": (_of_setup_cfg, Ecosystem.PYTHON),
    "package.json": (_of_package_json, Ecosystem.NODE),
    **dict.fromkeys(_DENO_NAMES, (_of_deno, Ecosystem.DENO)),
    "Cargo.toml": (_of_cargo, Ecosystem.RUST),
    "go.mod": (_of_go, Ecosystem.GO),
}
