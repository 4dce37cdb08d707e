"""`platformkit gate`: may this target be deployed, may this change be merged? Asks a running instance."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import check_output, write_text
from platformkit_pipeline.cli.subject import refuse_together
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.parity import full_commit

if TYPE_CHECKING:
    from platformkit_pipeline.operations.gate_client import Progress

app = typer.Typer(add_completion=False, rich_markup_mode=None)

EXIT_CODES = {"yes": 0, "no": 1}
EXIT_CANNOT_TELL = 3
DEFAULT_URL = "http://127.0.0.1:3000"
_DEFAULT_TIMEOUT = 600.0


class GateFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class GateKind(StrEnum):
    PROJECT = "project"
    REPOSITORY = "repository"
    CONNECTOR = "connector"


class GateName(StrEnum):
    DEPLOY = "deploy"
    MERGE = "merge"


@app.command()
def gate(
    target: str = typer.Option(..., "--target", metavar="NAME", help="The target to run and decide on."),
    which: GateName = typer.Option(GateName.DEPLOY, "--gate", help="Whether it may be deployed, or a change to it merged."),
    base_run: str | None = typer.Option(
        None, "--base-run", metavar="RUN", help="For the merge gate: the stored parity run of the merge base, by id, full commit or latest."
    ),
    commit: str | None = typer.Option(None, "--commit", metavar="SHA", help="For the merge gate: commit that the target runs, in full."),
    branch: str | None = typer.Option(None, "--branch", metavar="NAME", help="For the merge gate: branch of that commit."),
    kind: GateKind | None = typer.Option(None, "--kind", help="Needed only where targets of several kinds share the name."),
    url: str = typer.Option(DEFAULT_URL, "--url", envvar="PLATFORMKIT_GATE_URL", help="Web interface of the running instance."),
    timeout: float = typer.Option(
        _DEFAULT_TIMEOUT, "--timeout", min=1, metavar="SECONDS", help="How long to wait; then the run is told to stop."
    ),
    tag: list[str] | None = typer.Option(None, "--tag", metavar="KEY=VALUE", help="Tag of the run, e.g. commit=abc123. Repeatable."),
    token_env: str | None = typer.Option(
        None, "--token-env", metavar="NAME", help="Environment variable with a bearer token for the proxy in front of the instance."
    ),
    output_format: GateFormat = typer.Option(GateFormat.TEXT, "--format", help="Form of the answer."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write the answer to a file instead of stdout."),
) -> int:
    """Run a target on a running instance and say whether it may be deployed, or a change to it merged.

    The target is a project, a repository or a connector. Of a repository the latest commit is decided on, which the answer
    names; of a connector whether it may be registered.
    Launches the target's run through GraphQL, waits for it and reads the decision of that very run. The merge gate holds
    the contracts of a project against it and compares the score with that of the base; of a repository it judges the
    commit that is scanned: no on critical and high findings of what stops a pull request (clause 12).

    \b
    Examples:
      platformkit gate --target shop-production
      platformkit gate --target shop-production --url https://dagster.example --token-env GATE_TOKEN
      platformkit gate --target shop-production --format markdown >> "$GITHUB_STEP_SUMMARY"
      platformkit gate --gate merge --target shop-staging --base-run latest --commit "$GITHUB_SHA" --branch "$GITHUB_REF_NAME"
      platformkit gate --gate merge --kind repository --target acme/shop

    \b
    Exit codes: 0 yes; 1 no; 2 wrong target, URL or option, nothing was launched;
    3 no answer: server down, run failed, out of time, or nothing to decide on.
    """
    from platformkit_pipeline.cli.gate_report import rendered
    from platformkit_pipeline.operations.gate_client import ask_gate
    from platformkit_pipeline.operations.gate_roads import BASE_RUN_TAG, BRANCH_TAG, COMMIT_TAG, MERGES, REPOSITORY_MERGES, ROADS

    check_output(output)
    meant = next((road.kind for road in ROADS if kind is not None and road.noun == kind.value), None)
    of_merge = {BASE_RUN_TAG: base_run, COMMIT_TAG: commit, BRANCH_TAG: branch}
    if which is GateName.DEPLOY:
        refuse_together("the deploy gate", {"--base-run": base_run, "--commit": commit, "--branch": branch})
    elif kind is GateKind.CONNECTOR:
        raise ConfigurationError("the merge gate decides on projects, whose contracts are held against a live one, and on repositories")
    elif kind is GateKind.REPOSITORY:
        refuse_together("the merge gate of a repository", {"--base-run": base_run, "--commit": commit, "--branch": branch})
    else:
        full_commit(commit)
    tags = {**dict(map(_tag, tag or ())), **{key: value for key, value in of_merge.items() if value is not None}}
    roads = ROADS if which is GateName.DEPLOY else (REPOSITORY_MERGES,) if kind is GateKind.REPOSITORY else (MERGES,)
    with _progress(target) as progress:
        answer = ask_gate(
            url, target, timeout_seconds=timeout, kind=meant, token=_token(token_env), tags=tags, progress=progress, roads=roads
        )
    write_text(rendered(answer, output_format.value), output)
    return EXIT_CODES.get(answer.decision.verdict, EXIT_CANNOT_TELL)


def _token(variable: str | None) -> str | None:
    if variable is None:
        return None
    token = os.environ.get(variable, "").strip()
    if not token:
        # The name is not repeated: somebody may have given the token itself.
        raise ConfigurationError("the environment variable of --token-env is not set or empty")
    return token


def _tag(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key or key.startswith("dagster/"):
        raise ConfigurationError(f"--tag {text!r}: expected KEY=VALUE, and no key that begins with dagster/")
    return key, value


@contextmanager
def _progress(target: str) -> Iterator[Progress]:
    """One line on stderr that is written over, and only when somebody looks at it."""
    shown = sys.stderr.isatty()

    def report(state: str, seconds: float) -> None:
        if shown:
            print(f"\r\033[K{target}: {state}, {seconds:.0f} s", end="", file=sys.stderr, flush=True)

    try:
        yield report
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
