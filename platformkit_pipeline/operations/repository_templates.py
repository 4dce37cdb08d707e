"""The files of a new repository, from the templates in `templates/`.

Workflows are full of `${{ }}`, so templates are filled in by `<%= %>`, and lines that begin with `#%` decide what is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from platformkit_pipeline import __version__
from platformkit_pipeline.locations import read_sql, templates_directory

PLACEHOLDER = "0" * 40
"""Stands for a digest that nobody has given yet; no commit has it, so a workflow that still holds it does not start."""
ACTIONS: Mapping[str, str] = {
    "actions/checkout": "v5",
    "actions/dependency-review-action": "v4",
    "actions/setup-node": "v6",
    "actions/setup-python": "v6",
    "actions/upload-artifact": "v5",
    "github/codeql-action/upload-sarif": "v4",
    "supabase/setup-cli": "v1",
}
"""Actions that workflows use, and the release that is meant."""
TOOLS: Mapping[str, str] = {"ruff": "0.17.5", "kingfisher": "2.14.0", "cyclonedx": "7.5.0", "supabase_cli": "2.117.0"}
_PRODUCT = "platformkit-pipeline"
_GATES = ("check_rls_coverage", "check_function_security", "check_extensions_schema")
_WORKFLOWS = ("spec-kit-enforce", "diagrams-ci", "doc-sync-check", "platformkit-gate", "required-checks")
_NOT_OF_A_MODULE = re.compile(r"[^a-z0-9]+")


class Part(StrEnum):
    """What a repository holds, and so which files it is given."""

    PYTHON = "python"
    NODE = "node"
    DATABASE = "database"
    CONNECTOR = "connector"
    ORGANISATION_PROFILE = "organisation-profile"


@dataclass(frozen=True, slots=True)
class Digest:
    """The commit of an action, and the release that it is, where somebody said so."""

    commit: str
    release: str | None = None


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What is asked for. `owner` is a team or account as CODEOWNERS has it; without one there is no such file."""

    name: str
    owner: str | None = None
    parts: frozenset[Part] = frozenset({Part.PYTHON})
    digests: Mapping[str, Digest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderedFiles:
    """Texts by path. `unpinned` are the actions that still hold the placeholder, with the paths that use them."""

    texts: Mapping[str, str]
    unpinned: Mapping[str, tuple[str, ...]]


def repository_files(blueprint: Blueprint) -> RenderedFiles:
    """Every file of the repository. The same blueprint gives the same texts."""
    texts: dict[str, str] = {}
    unpinned: dict[str, list[str]] = {}
    for path, template in _templates(blueprint).items():
        used: list[str] = []
        texts[path] = _rendered(template, blueprint, used)
        for action in sorted(set(used) - blueprint.digests.keys()):
            unpinned.setdefault(action, []).append(path)
    if Part.DATABASE in blueprint.parts:
        texts |= {f"supabase/gates/{gate}.sql": read_sql(f"gates/{gate}.sql") for gate in _GATES}
    return RenderedFiles(texts, {action: tuple(paths) for action, paths in sorted(unpinned.items())})


def module_name(name: str) -> str:
    """The name of the repository's Python package."""
    word = _NOT_OF_A_MODULE.sub("_", name.lower()).strip("_") or "project"
    return word if not word[0].isdigit() else f"project_{word}"


def _templates(blueprint: Blueprint) -> dict[str, str]:
    """Path → template."""
    name, parts = blueprint.name, blueprint.parts
    workflows = [*_WORKFLOWS, *(["generate-enterprise-readme"] if Part.ORGANISATION_PROFILE in parts else [])]
    files = {f".github/workflows/{workflow}.yml": f"workflows/{workflow}.yml" for workflow in workflows}
    files |= {f"{document}.md": "repository/AGENT.md.j2" for document in ("CLAUDE", "GEMINI", "CODEX")}
    files |= {f"spec/{name}/{part}.md": f"repository/spec/{part}.md.j2" for part in ("constitution", "prd", "plan", "tasks")}
    files |= {path: f"repository/{path}.j2" for path in ("CHANGELOG.md", "docs/exceptions/README.md")}
    if Part.ORGANISATION_PROFILE not in parts:  # there the README is generated every night
        files["README.md"] = "repository/README.md.j2"
    files |= {f".{name}": f"repository/{name}.j2" for name in ("platformkit.yaml", "pre-commit-config.yaml", "gitignore")}
    if blueprint.owner is not None:
        files[".github/CODEOWNERS"] = "repository/CODEOWNERS.j2"
    if Part.PYTHON in parts:
        module = f"src/{module_name(name)}"
        files |= {f"{module}/__init__.py": "repository/src/package.py.j2", f"{module}/log.py": "repository/src/log.py.j2"}
        files |= {path: f"repository/{path}.j2" for path in ("pyproject.toml", "tests/test_log.py", "tests/contracts/test_behaviour.py")}
        if Part.CONNECTOR in parts:
            files[f"{module}/connectors/__init__.py"] = "repository/src/connectors.py.j2"
            files["tests/contracts/test_connectors.py"] = "repository/tests/contracts/test_connectors.py.j2"
    if Part.NODE in parts:
        scripts = ("src/log.ts", "tests/log.test.ts", "tests/contracts/behaviour.test.ts")
        files |= {path: f"repository/{path}.j2" for path in ("package.json", "tsconfig.json", "eslint.config.js", *scripts)}
    return dict(sorted(files.items()))


def _rendered(template: str, blueprint: Blueprint, used: list[str]) -> str:
    parts = blueprint.parts
    values = {
        "name": blueprint.name,
        "module": module_name(blueprint.name),
        "owner": blueprint.owner,
        **{part.value.partition("-")[2] or part.value: part in parts for part in Part},
        "loggers": " and ".join(name for part, name in ((Part.PYTHON, "structlog"), (Part.NODE, "pino")) if part in parts),
        "requirement": f"{_PRODUCT}=={__version__}",
        "requirement_with_server": f"{_PRODUCT}[sandbox]=={__version__}",
        **TOOLS,
        "to_pin": _PIN_NOTE,
    }
    text = _environment().get_template(template).render(action=_pinned(blueprint.digests, used), **values)
    missing = sorted(set(used) - blueprint.digests.keys())
    note = "".join(f"#   {action} {ACTIONS[action]}\n" for action in missing)
    return text.replace(f"{_PIN_NOTE}\n", f"{_TO_PIN}{note}" if missing else "")


_PIN_NOTE = "# pin-note"
_TO_PIN = (
    "# Does not start yet: each action below needs the commit of its release in place of the zeros. Write `action: commit release` lines\n"
    "# into a file and run `platformkit new repository` again with --action-digests FILE, or put them in by hand.\n"
)


def _pinned(digests: Mapping[str, Digest], used: list[str]) -> Callable[[str], str]:
    def action(name: str) -> str:
        used.append(name)
        given = digests.get(name)
        if given is None:
            return f"{name}@{PLACEHOLDER} # {ACTIONS[name]}, to be pinned"
        return f"{name}@{given.commit} # {given.release or ACTIONS[name]}"

    return action


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(templates_directory()),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - YAML, TOML, Markdown and code; there is no HTML here
        keep_trailing_newline=True,
        variable_start_string="<%=",
        variable_end_string="%>",
        block_start_string="<%!",
        block_end_string="!%>",
        comment_start_string="<%#",
        comment_end_string="#%>",
        line_statement_prefix="#%",
    )
