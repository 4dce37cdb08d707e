"""What checks a change before it is merged: GitHub's workflows, their security, and what the owners declare beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from platformkit_pipeline.introspection.repository.command_trail import CommandTrail
from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.shell_commands import Shell
from platformkit_pipeline.introspection.repository.workflows import SchemaMissing, observe_workflows
from platformkit_pipeline.introspection.repository.zizmor import ask_zizmor
from platformkit_pipeline.model.repository.checks import CheckCategory, CheckRun, DeclaredCommand, OtherAutomation
from platformkit_pipeline.model.repository.declarations import DeclaredCheck, RepositoryDeclarations
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.workflows import Workflow, WorkflowWeakness
from platformkit_pipeline.model.snapshot import Unobserved

_OTHERS = (
    *(".gitlab-ci.yml", ".circleci/config.yml", ".travis.yml", "azure-pipelines.yml", "Jenkinsfile", "bitbucket-pipelines.yml"),
    *(".drone.yml", ".woodpecker.yml", ".buildkite/pipeline.yml", ".cirrus.yml", "appveyor.yml", ".ci/run"),
)
_MAX_ACTIONS = 200
_DECLARED = "declared in .platformkit.yaml"


@dataclass(frozen=True, slots=True)
class Automation:
    """All tuples are sorted."""

    workflows: tuple[Workflow, ...] = ()
    weaknesses: tuple[WorkflowWeakness, ...] = ()
    commands: tuple[DeclaredCommand, ...] = ()
    others: tuple[OtherAutomation, ...] = ()
    unobserved: tuple[Unobserved, ...] = ()


def observe_automation(files: Files, declarations: RepositoryDeclarations, default_branch: str) -> Automation:
    """Everything from one tree; a tool that is missing leaves its facet unobserved."""
    trail = CommandTrail(files)
    commands = tuple(sorted(_command(check, trail) for check in declarations.checks))
    others = tuple(OtherAutomation(path) for path in sorted(_OTHERS) if path in files)
    try:
        workflows = observe_workflows(files, trail, default_branch)
    except SchemaMissing as error:
        missing = (RepositoryFacet.WORKFLOWS, RepositoryFacet.WORKFLOW_SECURITY)
        return Automation(commands=commands, others=others, unobserved=tuple(Unobserved(facet, str(error)) for facet in missing))
    report = ask_zizmor(_texts(files, workflows))
    audited = tuple(replace(w, unaudited=report.unaudited.get(w.path, "")) for w in workflows)
    unobserved = (Unobserved(RepositoryFacet.WORKFLOW_SECURITY, report.unavailable),) if report.unavailable else ()
    return Automation(audited, report.weaknesses, commands, others, unobserved)


def _texts(files: Files, workflows: tuple[Workflow, ...]) -> dict[str, str]:
    """The workflows that GitHub would run, and the actions of the tree."""
    texts = {workflow.path: files.text(workflow.path) for workflow in workflows if not workflow.faults and not workflow.unreadable}
    actions = [path for path in files.paths if path.rsplit("/", 1)[-1] in ("action.yml", "action.yaml")]
    for path in actions[:_MAX_ACTIONS]:
        try:
            text = files.text(path)
        except UnreadableError:
            continue
        if "runs:" in text:
            texts[path] = text
    return texts


def _command(declared: DeclaredCheck, trail: CommandTrail) -> DeclaredCommand:
    traced = trail.script(declared.command, "", Shell(exit_on_error=True))
    covered = tuple(
        CheckRun(category, _DECLARED, 0, coverage=declared.coverage if category is CheckCategory.TESTS else None)
        for category in declared.covers
    )
    return DeclaredCommand(declared.command, declared.reason, declared.context, (*traced.checks, *covered), traced.unclear)
