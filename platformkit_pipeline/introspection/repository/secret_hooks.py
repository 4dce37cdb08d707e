"""Hooks before a commit that look for secrets, by what the repository configures; whether somebody installed them nobody can see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml
from platformkit_pipeline.model.repository.secrets import SecretHook

_SCANNER = re.compile(
    r"\b(?P<tool>gitleaks|kingfisher|trufflehog|detect-secrets|ggshield|gitguardian|secretlint|talisman|git-secrets|noseyparker|betterleaks|"
    r"ripsecrets|whispers)\b"
)
PRE_COMMIT = (".pre-commit-config.yaml", ".pre-commit-config.yml")
_LEFTHOOK = tuple(f"{dot}lefthook{kind}" for dot in ("", ".") for kind in (".yml", ".yaml"))
_SCRIPTS = (".husky/pre-commit", ".githooks/pre-commit", ".hooks/pre-commit", "hooks/pre-commit", ".git-hooks/pre-commit")
_PACKAGE = "package.json"


def observe_secret_hooks(files: Files) -> tuple[tuple[SecretHook, ...], tuple[str, ...]]:
    """The hooks, and why a file that may configure some could not be read."""
    hooks: set[SecretHook] = set()
    faults: list[str] = []
    for path in (*PRE_COMMIT, *_LEFTHOOK, *_SCRIPTS, _PACKAGE):
        if path not in files:
            continue
        try:
            for command in _commands(path, files.text(path)):
                hooks.update(SecretHook(path, match["tool"]) for match in _SCANNER.finditer(command))
        except UnreadableError as error:
            faults.append(f"{path} {error}")
        except (YamlRefused, yaml.YAMLError, ValueError, RecursionError):
            faults.append(f"{path} cannot be understood")
    return tuple(sorted(hooks)), tuple(faults)


def other_hook_files(files: Files) -> tuple[str, ...]:
    """Files that configure hooks by other means than pre-commit."""
    return tuple(path for path in (*_LEFTHOOK, *_SCRIPTS) if path in files)


def _commands(path: str, text: str) -> Iterator[str]:
    """What runs before a commit, as text in which a scanner's name may stand."""
    if path in PRE_COMMIT:
        yield from _of_pre_commit(load_yaml(text))
    elif path in _LEFTHOOK:
        document = load_yaml(text)
        yield from _texts(document.get("pre-commit") if isinstance(document, dict) else None)
    elif path == _PACKAGE:
        yield from _of_package(json.loads(text))
    else:
        yield from (line.split("#")[0] for line in text.splitlines())


def _of_pre_commit(document: Any) -> Iterator[str]:
    repositories = document.get("repos") if isinstance(document, dict) else None
    for repository in repositories if isinstance(repositories, list) else ():
        hooks = repository.get("hooks") if isinstance(repository, dict) else None
        for hook in hooks if isinstance(hooks, list) else ():
            stages = hook.get("stages") if isinstance(hook, dict) else []
            if isinstance(hook, dict) and (not stages or {"commit", "pre-commit"} & set(_texts(stages))):
                yield " ".join(str(hook.get(key, "")) for key in ("id", "entry", "alias"))


def _of_package(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        return
    for path in (("simple-git-hooks", "pre-commit"), ("husky", "hooks", "pre-commit"), ("gitHooks", "pre-commit"), ("pre-commit",)):
        value: Any = document
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        yield from _texts(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
