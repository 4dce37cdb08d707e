"""A workflow for a category of checks that no workflow has (clause 4.1), made of the job that new repositories are given.

Only what the repository can run: the language as its manifests say, tests that are there, actions whose commit is known.
A workflow that would not start is no remedy, so without the commits it is a text for a person.
"""

from __future__ import annotations

import re

from platformkit_pipeline.introspection.repository.files import UnreadableError
from platformkit_pipeline.introspection.repository.structured_files import part, read_json, read_toml, strings
from platformkit_pipeline.model.repository.checks import CheckCategory as C
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext
from platformkit_pipeline.remediation.repository.templates import ACTIONS, TOOLS, Blueprint, Digest, Part, repository_files
from platformkit_pipeline.remediation.repository.workflow_security import known_digests

_JOBS = {
    **{C.LINT: "lint", C.TYPES: "types", C.TESTS: "tests", C.SECRETS: "secrets", C.DEPENDENCIES: "dependencies", C.SBOM: "sbom"},
    **{C.MIGRATIONS: "schema", C.RLS_COVERAGE: "schema", C.FUNCTION_SECURITY: "schema", C.PARITY: "parity", C.SPEC: "spec"},
}
_PLATFORM = (C.SECRETS, C.DEPENDENCIES, C.SPEC)
"""Run by tools of the platform, whatever the language."""
_IN_PYTHON = {
    C.LINT: {"ruff": f"ruff=={TOOLS['ruff']}"},
    C.TYPES: {"mypy": "mypy>=1.18"},
    C.TESTS: {"pytest": "pytest>=9", "pytest-cov": "pytest-cov>=7"},
    C.PARITY: {"pytest": "pytest>=9"},
}
"""Tools of the job, and how they are asked for where the project does not."""
_IN_NODE = {C.LINT: ("eslint", "prettier"), C.TYPES: ("typescript",), C.TESTS: ("vitest", "@vitest/coverage-v8"), C.PARITY: ("vitest",)}
_INSTALL = 'python -m pip install --editable ".[dev]"'
_USED = re.compile(r"uses: (?P<action>[^@\s]+)@")
_TEST = re.compile(r"(?:.*/)?(?:test_[^/]+\.py|[^/]+_test\.py|[^/]+\.(?:test|spec)\.[mc]?[jt]sx?)\Z")
_CONTRACT = re.compile(r"tests/contracts/(?:.*/)?[^/]+\Z")
_RUN_FIRST = "Nobody has run this workflow yet: look at what it says about the pull request that brings it."
_REQUIRE = "Make the job a required check of the default branch once it is green."


class _Unsuitable(Exception):
    """Why the repository cannot run the job, and what helps."""

    def __init__(self, reason: str, step: str) -> None:
        super().__init__(reason)
        self.reason, self.step = reason, step


def add_check(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """A workflow with the job of that category."""
    category = C(finding.object.name.removeprefix("check "))
    job = _JOBS[category]
    path = f".github/workflows/check-{job}.yml"
    if finding.evidence:
        steps = (f"{finding.message}.", "Let it run on every pull request to the default branch, and let its failure fail the job.")
        return ByHand("something of the kind runs already, and keeps no change out", steps)
    try:
        text = _workflow(context, category, {})
    except _Unsuitable as unsuitable:
        return ByHand(unsuitable.reason, (unsuitable.step, f"Then plan again, or write a job of your own: {finding.message}."))
    known = known_digests(context)
    used = sorted({match["action"] for match in _USED.finditer(text)})
    missing = [action for action in used if len(known.get(action, ())) != 1]
    if missing:
        wanted = ", ".join(f"`{action}: COMMIT {ACTIONS[action]}`" for action in missing)
        steps = (f"Write {wanted} into a file and plan again with `--action-digests FILE`.", f"Or add this by hand as {path}:\n\n{text}")
        return ByHand("the commits of the actions that the workflow uses are not known, and none is made up", steps)
    writes = {path: context.kept(path, _workflow(context, category, {action: known[action][0] for action in used}))}
    if job == "schema":
        gates = repository_files(Blueprint("gates", parts=frozenset({Part.PYTHON, Part.DATABASE}))).texts
        writes |= {gate: context.kept(gate, text) for gate, text in gates.items() if gate.startswith("supabase/gates/")}
    return Edit(f"Add {path}", writes, (_RUN_FIRST, _REQUIRE))


def _workflow(context: RepositoryContext, category: C, digests: dict[str, Digest]) -> str:
    """The text of a workflow with one job. Raises _Unsuitable."""
    parts = _parts(context, category)
    blueprint = Blueprint("project", parts=parts | ({Part.DATABASE} if _JOBS[category] == "schema" else set()), digests=digests)
    text = repository_files(blueprint).texts[".github/workflows/required-checks.yml"]
    before, _, jobs = text.partition("\njobs:\n")
    job = _JOBS[category]
    block = next(b for b in re.split(r"\n(?=  [a-z]+:\n)", f"\n{jobs}") if b.startswith(f"  {job}:\n"))
    start = before.index("\non:\n")
    head = f"# One of the checks that every change has to pass (constitution 4.1).\nname: check-{job}\n"
    made = f"{head}{before[start:]}\njobs:\n{block.rstrip()}\n"
    return _adapted(context, category, made) if Part.PYTHON in parts else made


def _parts(context: RepositoryContext, category: C) -> frozenset[Part]:
    if category in _PLATFORM:
        return frozenset({Part.PYTHON})
    paths = context.files.paths
    if _JOBS[category] == "schema":
        if not any(path.startswith("supabase/migrations/") for path in paths):
            raise _Unsuitable("there is no supabase/migrations", "Declare the rule not applicable where the repository has no database.")
        return frozenset({Part.PYTHON})
    if category is C.PARITY and not any(_CONTRACT.match(path) for path in paths):
        raise _Unsuitable("there are no contract tests in tests/contracts", "Write tests of what others rely on into tests/contracts.")
    if category is C.TESTS and not any(_TEST.match(path) for path in paths):
        raise _Unsuitable("there are no tests", "Write tests first.")
    found = {part for part, suits in ((Part.PYTHON, _is_python(context)), (Part.NODE, _is_node(context, category))) if suits}
    if not found:
        raise _Unsuitable(
            "there is no project at the root whose tools could run",
            "Give pyproject.toml a [project] table, or package.json eslint, prettier, typescript and vitest, with a lock file of npm.",
        )
    return frozenset(found)


def _is_python(context: RepositoryContext) -> bool:
    return part(_document(context, "pyproject.toml"), "project", "name") is not None


def _is_node(context: RepositoryContext, category: C) -> bool:
    """With a lock file, and with the tools that the job runs."""
    document = _document(context, "package.json")
    named = {*strings(document.get("dependencies")), *strings(document.get("devDependencies"))}
    return "package-lock.json" in context.files and named.issuperset(_IN_NODE.get(category, ()))


def _adapted(context: RepositoryContext, category: C, text: str) -> str:
    """For a Python project that is laid out otherwise than a new one."""
    document = _document(context, "pyproject.toml")
    extra = " ".join(strings(part(document, "project", "optional-dependencies", "dev")))
    tools = [spec for name, spec in _IN_PYTHON.get(category, {}).items() if not re.search(rf"\b{name}\b(?!-)", extra)]
    if tools:
        asked = " ".join(f'"{spec}"' for spec in tools)
        text = text.replace(_INSTALL, f"{_INSTALL} {asked}" if extra else f"python -m pip install --editable . {asked}")
    if not any(path.startswith("src/") for path in context.files.paths):
        text = text.replace("mypy src", "mypy .").replace("--cov=src", "--cov=.")
    return text


def _document(context: RepositoryContext, path: str) -> dict[str, object]:
    try:
        if path in context.files:
            return read_json(context.files, path) if path.endswith(".json") else read_toml(context.files, path)
    except UnreadableError:
        pass
    return {}
