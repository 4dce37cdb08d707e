"""Tasks that a repository defines for itself: targets of make and just, scripts of packages, environments of tox, sessions of nox.

The files are read, never run. A `Task` is the text of a script, with the folder and the shell that it runs in.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml
from platformkit_pipeline.introspection.repository.shell_commands import PLAIN, Shell

_LIMIT = 512 * 1024
_MAX_EXPANSIONS = 5
_LONGEST_LINE = 20_000
_TARGET = re.compile(r"(?P<names>[A-Za-z0-9_./%-][A-Za-z0-9_./% -]*?)\s*(?:\s(?P<parameters>[^:]*?))?:(?![=:])(?P<rest>.*)")
_VARIABLE = re.compile(r"(?:export\s+|override\s+)?(?P<name>[A-Za-z_][\w.-]*)\s*(?P<how>:::=|::=|:=|\?=|\+=|=)\s*(?P<value>.*)")
_REFERENCE = re.compile(r"\$[({]([A-Za-z_][\w.-]*)[)}]")
NOT_FAILING = "is run with `-`, so that its failure is ignored"


class TaskFault(Exception):
    """Why a task cannot be followed, as a sentence."""


@dataclass(frozen=True, slots=True)
class Task:
    """One script. `tolerated` tells why its failure does not matter."""

    script: str
    folder: str
    shell: Shell = PLAIN
    tolerated: str = ""


def joined(folder: str, path: str) -> str:
    """The path below a folder of the tree, without dots; empty for the root. A path out of the tree stays out: it leads to no file."""
    parts: list[str] = [] if path.startswith("/") else [part for part in folder.split("/") if part]
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def text_of(files: Files, path: str) -> str:
    """Raises TaskFault."""
    try:
        return files.text(path, _LIMIT)
    except UnreadableError as error:
        raise TaskFault(f"{path} {error}") from None


def make_tasks(files: Files, folder: str, target: str, name: str = "") -> Iterator[Task]:
    """The recipes of a target and of what it depends on. Raises TaskFault when there is none of that name."""
    names = (name,) if name else ("GNUmakefile", "makefile", "Makefile")
    path = next((p for p in (joined(folder, n) for n in names) if p in files), None)
    if path is None:
        raise TaskFault(f"there is no Makefile in {folder or 'the root'}")
    rules, variables, first = _makefile(text_of(files, path))
    wanted = target or variables.get(".DEFAULT_GOAL", first)
    if wanted not in rules:
        raise TaskFault(f"{path} has no target {wanted}")
    yield from _recipes(rules, variables, wanted, folder, set())


def just_tasks(files: Files, folder: str, target: str) -> Iterator[Task]:
    """The lines of a recipe and of those that it depends on. Raises TaskFault."""
    path = next((p for p in (joined(folder, n) for n in ("justfile", "Justfile", ".justfile")) if p in files), None)
    if path is None:
        raise TaskFault(f"there is no justfile in {folder or 'the root'}")
    rules, variables, first = _makefile(text_of(files, path).replace("\n    ", "\n\t").replace("\n  ", "\n\t"))
    if (target or first) not in rules:
        raise TaskFault(f"{path} has no recipe {target}")
    yield from _recipes(rules, variables, target or first, folder, set())


_Rules = dict[str, tuple[list[str], list[str]]]


def _makefile(text: str) -> tuple[_Rules, dict[str, str], str]:
    """Target → (dependencies, recipe lines); variables; the first target."""
    rules: _Rules = {}
    variables: dict[str, str] = {}
    first, current = "", list[str]()
    for line in text.replace("\\\n", " ").split("\n"):
        if len(line) > _LONGEST_LINE:
            continue
        if line.startswith("\t"):
            for name in current:
                rules[name][1].append(line.strip())
        elif line.strip() and not line.startswith("#"):
            if match := _VARIABLE.match(line):
                _assign(variables, match)
            elif match := _TARGET.match(line):
                current = [_expanded(name, variables) for name in match["names"].split()]
                rest = match["rest"].split("##")[0].split("#")[0]
                dependencies, _, inline = rest.partition(";")
                for name in current:
                    found = rules.setdefault(name, ([], []))
                    found[0].extend(_expanded(dependencies, variables).split())
                    found[1].extend([inline.strip()] if inline.strip() else [])
                first = first or next((n for n in current if not n.startswith(".")), "")
            else:
                current = []
    return rules, variables, first


def _assign(variables: dict[str, str], match: re.Match[str]) -> None:
    name, how, value = match["name"], match["how"], match["value"].split(" #")[0].strip()
    if how == "+=":
        variables[name] = f"{variables.get(name, '')} {value}".strip()
    elif how != "?=" or name not in variables:
        variables[name] = value


def _expanded(text: str, variables: dict[str, str]) -> str:
    for _ in range(_MAX_EXPANSIONS):
        once = _REFERENCE.sub(lambda match: variables.get(match[1], match[0]), text)
        if once == text or len(once) > _LONGEST_LINE:
            break
        text = once
    return text


def _recipes(rules: _Rules, variables: dict[str, str], target: str, folder: str, seen: set[str]) -> Iterator[Task]:
    pending = [target]
    while pending:
        name = pending.pop()
        if name in seen or name not in rules:
            continue
        seen.add(name)
        dependencies, lines = rules[name]
        pending.extend(dependencies)
        for line in lines:
            command = _expanded(line.lstrip("@+-"), variables).replace("$$", "$")
            ignored = NOT_FAILING if "-" in line[: len(line) - len(line.lstrip("@+-"))] else ""
            yield Task(command, folder, PLAIN, ignored)


def package_scripts(files: Files, folder: str) -> dict[str, str]:
    """The scripts of `package.json`. Raises TaskFault."""
    path = joined(folder, "package.json")
    try:
        document = json.loads(text_of(files, path))
    except (ValueError, RecursionError):
        raise TaskFault(f"{path} is no JSON") from None
    scripts = document.get("scripts") if isinstance(document, dict) else None
    return {str(k): v for k, v in scripts.items() if isinstance(v, str)} if isinstance(scripts, dict) else {}


def package_tasks(files: Files, folder: str, script: str) -> Iterator[Task]:
    """A script with those before and after it. Raises TaskFault when there is none of that name."""
    scripts = package_scripts(files, folder)
    if script not in scripts:
        raise TaskFault(f"{joined(folder, 'package.json')} has no script {script}")
    for name in (f"pre{script}", script, f"post{script}"):
        if name in scripts:
            yield Task(scripts[name], folder)


def tox_tasks(files: Files, folder: str, environments: tuple[str, ...]) -> Iterator[Task]:
    """The commands of the environments, of all that are listed when none is named. Raises TaskFault."""
    path = next((p for p in (joined(folder, n) for n in ("tox.ini", "setup.cfg", "pyproject.toml")) if p in files), None)
    if path is None:
        raise TaskFault(f"there is no tox.ini in {folder or 'the root'}")
    text = text_of(files, path)
    if path.endswith(".toml"):
        text = str(_table(toml_of(files, path), "tool", "tox").get("legacy_tox_ini", ""))
    sections = ini(text)
    listed = re.split(r"[\s,]+", sections.get("tox", {}).get("env_list", "") or sections.get("tox", {}).get("envlist", ""))
    for environment in environments or tuple(name for name in listed if name) or ("testenv",):
        section = sections.get(f"testenv:{environment}", {})
        commands = section.get("commands") or sections.get("testenv", {}).get("commands")
        if commands is None:
            raise TaskFault(f"{path} has no commands for {environment}")
        for line in commands.replace("\\\n", " ").split("\n"):
            if line.strip():
                yield Task(line.strip().lstrip("-"), folder, PLAIN, NOT_FAILING if line.strip().startswith("-") else "")


def nox_tasks(files: Files, folder: str, sessions: tuple[str, ...]) -> Iterator[Task]:
    """The commands that sessions of `noxfile.py` run, as far as they are written out. Raises TaskFault."""
    path = joined(folder, "noxfile.py")
    try:
        tree = ast.parse(text_of(files, path))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for name, function in functions.items():
            if function.decorator_list and (not sessions or name.replace("_", "-") in {s.replace("_", "-") for s in sessions}):
                for node in ast.walk(function):
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("run", "run_always"):
                        words = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                        yield Task(" ".join(words), folder)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise TaskFault(f"{path} cannot be read as Python") from None


def python_tasks(files: Files, folder: str, runner: str, name: str) -> Iterator[Task]:
    """A task of `pyproject.toml` for poe, pdm or hatch. Raises TaskFault when there is none of that name."""
    tool = _table(toml_of(files, joined(folder, "pyproject.toml")), "tool")
    tables: list[Any] = [_table(tool, "poe", "tasks")] if runner == "poe" else [_table(tool, "pdm", "scripts")]
    if runner == "hatch":
        environment, _, script = name.rpartition(":")
        name = script
        tables = [_table(tool, "hatch", "envs", environment or "default", "scripts")]
    for table in tables:
        value = table.get(name)
        value = (value.get("cmd") or value.get("shell")) if isinstance(value, dict) else value
        for command in value if isinstance(value, list) else [value] if isinstance(value, str) else []:
            yield Task(str(command), folder)
        if value is not None:
            return
    raise TaskFault(f"pyproject.toml has no task {name} for {runner}")


def hooks(files: Files, folder: str) -> Iterator[tuple[str, str, bool]]:
    """(id, entry of a local hook or "", whether it stays silent) of `.pre-commit-config.yaml`. Raises TaskFault."""
    path = joined(folder, ".pre-commit-config.yaml")
    try:
        document = load_yaml(text_of(files, path))
    except (YamlRefused, yaml.YAMLError):
        raise TaskFault(f"{path} is no YAML that can be read") from None
    repositories = document.get("repos") if isinstance(document, dict) else None
    for repository in repositories if isinstance(repositories, list) else []:
        listed = repository.get("hooks") if isinstance(repository, dict) else None
        for hook in listed if isinstance(listed, list) else []:
            if isinstance(hook, dict) and isinstance(hook.get("id"), str):
                stages = hook.get("stages")
                manual = stages == ["manual"]
                entry = hook.get("entry")
                yield hook["id"], entry if isinstance(entry, str) else "", manual


def toml_of(files: Files, path: str) -> dict[str, Any]:
    """Raises TaskFault."""
    try:
        return tomllib.loads(text_of(files, path))
    except (ValueError, RecursionError):
        raise TaskFault(f"{path} is no TOML") from None


def ini(text: str) -> dict[str, dict[str, str]]:
    """Sections of an INI file; empty for one that is none."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {section: {k: v or "" for k, v in parser.items(section)} for section in parser.sections()}


def _table(document: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}
