"""A repository that keeps the rules from its first commit: gates, hooks, owners, documents (clauses 1.3, 2.4, 3, 4.1, 7.1, 8.1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.operations.migration_folder import write_new_files
from platformkit_pipeline.operations.repository_templates import ACTIONS, Blueprint, Digest, Part, repository_files

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9-]{0,99}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?\Z")
_DIGEST = re.compile(r"(?P<commit>[0-9a-f]{40})(?:\s+(?P<release>v?[0-9][0-9A-Za-z.+-]{0,49}))?\Z")
_DRAFT = re.compile(r"\.platformkit\.[a-z0-9_]{8}\Z")
"""As `write_new_files` calls them, and unlike `.platformkit.yaml`."""
_LANGUAGES = frozenset({Part.PYTHON, Part.NODE})


@dataclass(frozen=True, slots=True)
class NewRepository:
    """What was done. `pinned` are files that were there, as they had been generated, and got digests in place of placeholders."""

    written: tuple[Path, ...]
    pinned: tuple[Path, ...]
    unpinned: Mapping[str, tuple[str, ...]]
    """Actions without a digest, and the files that use them."""
    has_owner: bool
    needs_database: bool
    """There are jobs about a database, and no configuration of the Supabase CLI."""
    needs_lock: bool
    """There is a package.json, and no package-lock.json, without which `npm ci` does nothing."""


def new_repository(
    name: str, folder: Path, *, owner: str | None = None, parts: Collection[str] = (), digests: Mapping[str, Digest] | None = None
) -> NewRepository:
    """Write the files into `folder`, which may hold others. All of them or none; what is there already stays as it is.

    Raises ConfigurationError, and nothing is written, for input that cannot be used and for files with other content.
    """
    blueprint = Blueprint(_checked_name(name), _checked_owner(owner), _checked_parts(parts), digests or {})
    rendered = repository_files(blueprint)
    unpinned_texts = repository_files(replace(blueprint, digests={})).texts
    missing: dict[Path, str] = {}
    to_pin: dict[Path, str] = {}
    clashes = []
    for path, text in rendered.texts.items():
        place = folder / path
        found = _found(place, folder)
        if found is None:
            missing[place] = text
        elif found == unpinned_texts[path] != text:
            to_pin[place] = text
        elif found != text:
            clashes.append(path)
    if clashes:
        raise ConfigurationError(
            f"{', '.join(clashes)}: {'have' if len(clashes) > 1 else 'has'} other content in {folder}, so nothing was written; "
            "move the file away, or merge by hand what a repository generated into another folder has"
        )
    for parent in {(folder / path).parent for path in rendered.texts}:
        _sweep(parent)
    _write(folder, missing, to_pin)
    needs_database = Part.DATABASE in blueprint.parts and not (folder / "supabase" / "config.toml").exists()
    needs_lock = Part.NODE in blueprint.parts and not (folder / "package-lock.json").exists()
    return NewRepository(tuple(missing), tuple(to_pin), rendered.unpinned, owner is not None, needs_database, needs_lock)


def read_action_digests(path: Path) -> dict[str, Digest]:
    """A YAML mapping of actions to `<40 hexadecimal digits>`, or to that and the release. Raises ConfigurationError."""
    try:
        document = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"--action-digests {path}: cannot be read: {error.strerror or type(error).__name__}") from None
    except (UnicodeDecodeError, YamlRefused, yaml.YAMLError) as error:
        raise ConfigurationError(f"--action-digests {path}: is no YAML that can be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"--action-digests {path}: expected lines such as `actions/checkout: <commit> v5.0.0`")
    digests = {}
    for action, value in document.items():
        found = _DIGEST.match(str(value).strip())
        if found is None or set(found["commit"]) == {"0"}:
            raise ConfigurationError(
                f"--action-digests {path}: {action}: expected the 40 hexadecimal digits of a commit, and its release if known"
            )
        if action not in ACTIONS:
            raise ConfigurationError(f"--action-digests {path}: no workflow uses {action}; they use {', '.join(ACTIONS)}")
        digests[str(action)] = Digest(found["commit"], found["release"])
    return digests


def _checked_name(name: str) -> str:
    if not _NAME.match(name):
        raise ConfigurationError(f"--name {name[:100]!r}: expected letters, digits, '.', '_' and '-', as GitHub has them")
    return name


def _checked_owner(owner: str | None) -> str | None:
    if owner is not None and not _OWNER.match(owner):
        raise ConfigurationError(f"--owner {owner[:100]!r}: expected @organisation/team or @account")
    return owner


def _checked_parts(parts: Collection[str]) -> frozenset[Part]:
    """Python, unless a language is named."""
    try:
        chosen = frozenset(Part(part.strip()) for part in parts if part.strip())
    except ValueError as error:
        raise ConfigurationError(f"--with: {error}; there are {', '.join(Part)}") from None
    return chosen if chosen & _LANGUAGES else chosen | {Part.PYTHON}


def _found(place: Path, folder: Path) -> str | None:
    """Text of a file that is there. Raises ConfigurationError for what is none, or leads out of the folder."""
    for above in (place, *place.parents):
        if above == folder:
            break
        if above.is_symlink() or (above != place and above.exists() and not above.is_dir()):
            raise ConfigurationError(f"{above} is in the way: it is no {'file' if above == place else 'folder'}; nothing was written")
    if not place.exists():
        return None
    try:
        return place.read_bytes().decode()
    except UnicodeDecodeError:
        return ""  # differs from everything that is generated
    except OSError as error:
        raise ConfigurationError(f"{place} cannot be read: {error.strerror or type(error).__name__}; nothing was written") from None


def _write(folder: Path, missing: Mapping[Path, str], to_pin: Mapping[Path, str]) -> None:
    """Make the missing files, then give the others their digests; each of them is replaced whole."""
    made: list[Path] = []
    try:
        for parent in dict.fromkeys(place.parent for place in missing):
            made += [f for f in (parent, *parent.parents) if not f.exists()]
            parent.mkdir(parents=True, exist_ok=True)
        write_new_files(dict(missing))
        for place, text in to_pin.items():
            draft = place.with_name(".platformkit.00000000")
            draft.write_text(text, encoding="utf-8")
            draft.replace(place)
    except OSError as error:
        for empty in sorted(made, key=lambda f: len(f.parts), reverse=True):
            with suppress(OSError):
                empty.rmdir()
        raise ConfigurationError(f"{error.filename or folder} cannot be written: {error.strerror or type(error).__name__}") from None


def _sweep(folder: Path) -> None:
    """Remove what a generator that was killed left unfinished."""
    for draft in folder.iterdir() if folder.is_dir() else ():
        if _DRAFT.match(draft.name) and not draft.is_dir():
            draft.unlink(missing_ok=True)
