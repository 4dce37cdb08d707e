"""What is judged of each category of checks: present, not in doubt, and not left out for files that it is about."""

from __future__ import annotations

import re

from platformkit_pipeline.model.repository.checks import CheckCategory as C
from platformkit_pipeline.model.repository.filter_patterns import Undecidable
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.rules.registry import PASSED, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_gates import Gate, Gates, gates_of, path_passes
from platformkit_pipeline.rules.repository_subject import RepositorySubject, repository_identity

LEAST_COVERAGE = 80.0
"""Per cent (clause 4.1)."""
WORDS = {
    C.LINT: "lint",
    C.TYPES: "a type check",
    C.TESTS: "tests",
    C.SECRETS: "a secret scan",
    C.DEPENDENCIES: "a review of dependencies",
    C.SBOM: "a bill of materials (SBOM)",
    C.MIGRATIONS: "a check of migrations",
    C.RLS_COVERAGE: "a check of row level security",
    C.FUNCTION_SECURITY: "a check of function security",
    C.PARITY: "contract tests",
    C.SPEC: "a check of the spec bundle",
}
_CODE = re.compile(r".+\.(?:py|pyi|ts|tsx|js|jsx|mjs|cjs|mts|cts|vue|svelte|go|rs|rb|java|kt|cs|php|swift|scala|dart|c|cc|cpp|h)\Z")
_MANIFEST = re.compile(
    r"(?:.*/)?(?:package(?:-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|pyproject\.toml|uv\.lock|poetry\.lock|requirements[^/]*\.txt"
    r"|go\.(?:mod|sum)|Cargo\.(?:toml|lock)|Gemfile(?:\.lock)?|pom\.xml|build\.gradle(?:\.kts)?|composer\.(?:json|lock))\Z"
)
_MIGRATION = re.compile(r"(?:.*/)?migrations/.*\.sql\Z")
_SPEC = re.compile(r"spec/.*")
_ABOUT = {C.DEPENDENCIES: _MANIFEST, C.SBOM: _MANIFEST, C.MIGRATIONS: _MIGRATION, C.RLS_COVERAGE: _MIGRATION} | {
    **{C.FUNCTION_SECURITY: _MIGRATION, C.SPEC: _SPEC, C.SECRETS: re.compile(r".*")}
}
_SHOWN = 3


def absent(subject: RepositorySubject, category: C) -> Verdicts:
    """The verdict on one category: passed when at least one run counts and its filters leave nothing out."""
    gates = gates_of(subject.snapshot)
    runs = gates.of(category)
    counting = tuple(gate for gate in runs if gate.counts)
    identity = repository_identity(f"check {category.value}")
    if not counting:
        yield _missing(gates, runs, category, subject.snapshot)
        return
    try:
        left_out = _left_out(counting, category, subject.snapshot)
    except Undecidable:
        message = f"{counting[0].named} is limited to some paths, and these patterns cannot be decided"
        yield unknown(identity, message, **counting[0].evidence)
        return
    if left_out:
        examples = ", ".join(left_out[:_SHOWN])
        message = f"{counting[0].named} runs for some paths only, and {len(left_out)} files that it is about are not among them: {examples}"
        yield failed(identity, message, files=left_out[:20], **counting[0].evidence)
        return
    yield PASSED


def too_little_coverage(subject: RepositorySubject) -> Verdicts:
    """Of the tests that count: one has to fail below the least coverage. Without such tests another rule speaks."""
    counting = tuple(gate for gate in gates_of(subject.snapshot).of(C.TESTS) if gate.counts)
    if not counting:
        return
    best = max(counting, key=lambda gate: gate.check.coverage if gate.check.coverage is not None else -1)
    bound = best.check.coverage
    identity = repository_identity("coverage of tests")
    if bound is None:
        yield failed(identity, f"no lower bound for the coverage of tests: {best.named} passes however little they reach", **best.evidence)
    elif bound < LEAST_COVERAGE:
        message = f"{best.named} passes from {bound:g} % coverage on, and {LEAST_COVERAGE:g} % is the least"
        yield failed(identity, message, coverage=bound, **best.evidence)
    else:
        yield PASSED


def _missing(gates: Gates, runs: tuple[Gate, ...], category: C, snapshot: RepositorySnapshot) -> Verdict:
    identity, words = repository_identity(f"check {category.value}"), WORDS[category]
    doubtful = [gate for gate in runs if not gate.why_not]
    if doubtful:
        return unknown(identity, f"{doubtful[0].named} may keep changes out or not: {doubtful[0].doubt}", **doubtful[0].evidence)
    if gates.hidden:
        return unknown(identity, f"no workflow shows {words}, but not all can be seen: {'; '.join(gates.hidden[:_SHOWN])}")
    if runs:
        reasons = "; ".join(f"{gate.named}: {gate.why_not}" for gate in runs[:_SHOWN])
        return failed(identity, f"{words} keeps no change out: {reasons}", **runs[0].evidence)
    elsewhere = ""
    if snapshot.other_automation and not snapshot.declared_commands:
        elsewhere = f"; what {snapshot.other_automation[0].path} runs may be declared under `checks` in .platformkit.yaml"
    return failed(identity, f"no workflow runs {words} on pull requests to the default branch{elsewhere}")


def _left_out(counting: tuple[Gate, ...], category: C, snapshot: RepositorySnapshot) -> list[str]:
    """Files that the category is about and for which none of the runs starts."""
    if any(not gate.filters for gate in counting):
        return []
    about = _ABOUT.get(category, _CODE)
    triggers = {trigger for gate in counting for trigger in gate.filters}
    concerned = [file.path for file in snapshot.files if about.match(file.path)]
    return [path for path in concerned if not any(path_passes(trigger, path) for trigger in triggers)]
