"""Workflows that GitHub does not run, and those that hand out more than they have to (clauses 1.3, 4.1): CIC026, CIC030 to CIC032."""

from __future__ import annotations

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Check, Family, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_rule

_MANUAL = ".github/workflows/manual.yml"
_SAFE = f"""=== file {_MANUAL}
name: Manual
on: workflow_dispatch
permissions: {{}}
jobs:
  greet:
    name: Greet
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - run: echo hello
"""


@repository_rule(
    "CIC026",
    "workflow-invalid",
    clause="4.1",
    severity=Severity.HIGH,
    family=Family.REQUIRED_CHECKS,
    title="A workflow is invalid",
    why="GitHub does not run a workflow that it cannot read, and says so where hardly anybody looks. Its checks then check nothing.",
    how_to_fix="Correct the place that the message names; `check-jsonschema --builtin-schema vendor.github-workflows FILE` checks it.",
    references=("https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax",),
    requires=(RepositoryFacet.WORKFLOWS,),
    violating=_SAFE.replace("steps:", "step:"),
    clean=_SAFE,
)
def workflow_invalid(subject: RepositorySubject) -> Verdicts:
    for workflow in subject.snapshot.workflows:
        if workflow.unreadable:
            yield unknown(file_identity(workflow.path), f"{workflow.path} {workflow.unreadable}")
        elif not workflow.faults:
            yield PASSED
        seen: dict[str, int] = {}
        for fault in workflow.faults:
            seen[fault.where] = seen.get(fault.where, 0) + 1
            about = {"place": fault.where} if fault.where else {}
            about |= {"number": str(seen[fault.where])} if seen[fault.where] > 1 else {}
            where = f"{workflow.path}: {fault.where}" if fault.where else workflow.path
            evidence = {"line": fault.line} if fault.line else {}
            yield failed(file_identity(workflow.path, **about), f"{where} {fault.message}", **evidence)


def _weaknesses(code: str, name: str, severity: Severity, *, title: str, why: str, how_to_fix: str, violating: str, clean: str) -> None:
    """Register the rule for what zizmor finds at one severity."""

    def check(subject: RepositorySubject) -> Verdicts:
        found = [weakness for weakness in subject.snapshot.workflow_weaknesses if weakness.severity is severity]
        for weakness in found:
            about = {"audit": weakness.audit, "place": weakness.where}
            about |= {"number": str(weakness.number)} if weakness.number > 1 else {}
            note = f": {weakness.note}" if weakness.note else ""
            place = f" at {weakness.where}" if weakness.where else ""
            message = f"{weakness.path}{place}: {weakness.message} ({weakness.audit}){note}"
            evidence = {"line": weakness.line, "audit": weakness.audit, "confidence": weakness.confidence, "url": weakness.url}
            yield failed(file_identity(weakness.path, **about), message, **evidence)
        weak = {weakness.path for weakness in found}
        for workflow in subject.snapshot.workflows:
            if workflow.unaudited or workflow.unreadable:
                yield unknown(file_identity(workflow.path), f"{workflow.path}: {workflow.unaudited or workflow.unreadable}")
            elif workflow.path not in weak and not workflow.faults:
                yield PASSED

    register: Check = check
    repository_rule(
        code,
        name,
        clause="4.1",
        severity=severity,
        family=Family.REQUIRED_CHECKS,
        title=title,
        why=why,
        how_to_fix=how_to_fix,
        references=("zizmor", "https://docs.zizmor.sh/audits/"),
        patch=PatchKind.FILE,
        requires=(RepositoryFacet.WORKFLOWS, RepositoryFacet.WORKFLOW_SECURITY),
        violating=violating,
        clean=clean,
    )(register)


_weaknesses(
    "CIC030",
    "workflow-security-high",
    Severity.HIGH,
    title="A workflow can be taken over",
    why="Workflows run with the repository's rights. Who can make one run own commands, or change an action that it uses, has them too.",
    how_to_fix="Pin actions to a full commit id, hand text of others to scripts through `env`, and follow what the finding's page says.",
    violating=_SAFE.replace("- run: echo hello", '- run: echo "${{ github.event.issue.title }}"'),
    clean=_SAFE.replace("- run: echo hello", '- run: echo "$TITLE"\n        env:\n          TITLE: ${{ github.event.issue.title }}'),
)
_weaknesses(
    "CIC031",
    "workflow-security-medium",
    Severity.MEDIUM,
    title="A workflow has more rights than it needs",
    why="Rights and credentials that a job does not need are there for whoever gets into it.",
    how_to_fix="Say `permissions: {}` at the top and grant each job what it needs; check out with `persist-credentials: false`.",
    violating=_SAFE.replace("permissions: {}\n", ""),
    clean=_SAFE,
)
_weaknesses(
    "CIC032",
    "workflow-security-low",
    Severity.LOW,
    title="A workflow has a small weakness",
    why="Small weaknesses of workflows help with the larger ones.",
    how_to_fix="Follow what the finding's page says.",
    violating=_SAFE.replace("- run: echo hello", "- run: echo ${{ runner.temp }}${{ vars.GREETING }}"),
    clean=_SAFE.replace("- run: echo hello", '- run: echo "$GREETING"\n        env:\n          GREETING: ${{ vars.GREETING }}'),
)
