"""`platformkit apply`: a proven plan becomes migrations for a pull request, or is applied to its target."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from platformkit_pipeline.cli.output import ListFormat, progress_line, write_text
from platformkit_pipeline.cli.repository_subject import GithubOption, GithubTokenOption, RepoOption
from platformkit_pipeline.cli.subject import SettingsOption, SubjectOptions
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import Environment

if TYPE_CHECKING:
    from platformkit_pipeline.control_plane.connection import Connection
    from platformkit_pipeline.model.patch import Plan
    from platformkit_pipeline.model.target import Target
    from platformkit_pipeline.operations.apply_plan import Application

app = typer.Typer(add_completion=False, rich_markup_mode=None)

EXIT_SURPRISED = 1
EXIT_UNKNOWN = 3
_MOST_BYTES = 64 * 1024 * 1024


@app.command()
def apply(
    plan: Path | None = typer.Argument(None, metavar="[PLAN]", help="A plan as `platformkit plan --format json` writes it."),
    *,
    repo: RepoOption = None,
    github: GithubOption = None,
    github_token_env: GithubTokenOption = None,
    github_settings: bool = typer.Option(
        False, "--github-settings", help="With --repo and --github: write the settings that a plan of the repository lists."
    ),
    undo: Path | None = typer.Option(None, "--undo", metavar="FILE", help="Where the way back is kept before anything is written."),
    restore: Path | None = typer.Option(None, "--restore", metavar="FILE", help="With --github: put back what an undo file holds."),
    emit: Path | None = typer.Option(
        None, "--emit", metavar="DIR", help="Write supabase/migrations/ and supabase/rollbacks/ into this repository, and apply nothing."
    ),
    target: str | None = typer.Option(None, "--target", metavar="NAME", help="The project of the settings that the plan was made for."),
    settings: SettingsOption = None,
    dsn_env: str | None = typer.Option(
        None,
        "--dsn-env",
        metavar="NAME",
        help="Environment variable with the login that may change the schema; default: as settings.",
    ),
    approved_by: str | None = typer.Option(None, "--approved-by", metavar="WHO", help="Who answers for the change."),
    second_approval: str | None = typer.Option(
        None, "--second-approval", metavar="WHO", help="Another person, for what is irreversible or not fully proven."
    ),
    reason: str = typer.Option("", "--reason", metavar="TEXT", help="Why, or the ticket; it goes to the audit log."),
    environment: Environment | None = typer.Option(None, "--environment", help="Has to be said for production."),
    lock_timeout: float = typer.Option(3, "--lock-timeout", min=0.1, metavar="SECONDS", help="How long a statement waits for a lock."),
    statement_timeout: float = typer.Option(60, "--statement-timeout", min=1, metavar="SECONDS", help="How long a statement may take."),
    output_format: ListFormat = typer.Option(ListFormat.TABLE, "--format", help="Form of the answer."),
) -> int:
    """Turn a proven plan into migrations, or apply it; or write a repository's settings on GitHub.

    The ordinary way is a pull request: --emit writes the migrations into a repository. With --target and --approved-by the plan is
    applied at once: the target is observed again, every patch is proven again on a shadow of it, applied under timeouts, and the target
    is scanned. On any surprise it is taken back. Every step goes to the audit log of the control plane.

    \b
    Examples:
      platformkit plan --target shop-staging --format json --output plan.json
      platformkit apply plan.json --emit ../shop
      platformkit apply plan.json --target shop-staging --approved-by ada --reason SEC-17
      platformkit apply --repo . --github acme/shop --github-settings --approved-by ada --undo undo.json
      platformkit apply --github acme/shop --restore undo.json

    \b
    Exit codes: 0 written or applied, also when nothing was to be done; 1 applied, surprised and taken back;
    2 refused or wrong input, nothing changed; 3 the target, the control plane or a lock was not to be had.
    """
    if plan is None or repo is not None or github is not None:
        from platformkit_pipeline.cli.apply_settings import SettingsRequest, apply_on_github

        others = {"PLAN": plan, "--emit": emit, "--target": target, "--settings": settings, "--dsn-env": dsn_env}
        others |= {"--second-approval": second_approval, "--environment": environment}
        request = SettingsRequest(repo, github, github_token_env, github_settings, undo, restore, approved_by, reason)
        return apply_on_github(request, others, output_format)
    made = _read(plan)
    if emit is not None:
        if target is not None or approved_by is not None:
            raise ConfigurationError("--emit writes files and applies nothing: leave out --target and --approved-by, or leave out --emit")
        return _emit(made, emit, output_format)
    if target is None or approved_by is None:
        raise ConfigurationError(
            "say where it goes: --emit DIR writes migrations for a pull request; --target NAME with --approved-by WHO applies it"
        )
    from platformkit_pipeline.operations.apply_plan import Access, Approval, Limits, Outcome, apply_plan
    from platformkit_pipeline.operations.resolve_dsn import dsn_from_environment
    from platformkit_pipeline.remediation.proving.execution import Timeouts

    subject = SubjectOptions(None, None, target, settings, None, None, None, None, None, None, None).resolve()
    owner = subject.dsn if dsn_env is None else dsn_from_environment(dsn_env)
    with progress_line() as progress, _control_plane() as connection, _measured(subject.target):
        applied = apply_plan(
            connection,
            made,
            target=subject.target,
            declarations=subject.declarations,
            access=Access(subject.dsn, owner, subject.options),
            approval=Approval(approved_by, second_approval, reason, environment),
            limits=Limits(Timeouts(lock_timeout, statement_timeout)),
            progress=progress,
        )
    document = _document(made, applied)
    write_text(_json(document) if output_format is ListFormat.JSON else _sentences(applied), None)
    if applied.outcome is Outcome.UNKNOWN or (applied.outcome is Outcome.APPLIED and applied.surprises):
        return EXIT_UNKNOWN
    return 0 if applied.outcome in (Outcome.APPLIED, Outcome.NOTHING_TO_DO) else EXIT_SURPRISED


@contextmanager
def _measured(target: Target) -> Iterator[None]:
    from platformkit_pipeline.operations.measured import measured

    with measured(_control_plane, "apply", target=target):
        yield


def _read(path: Path) -> Plan:
    from platformkit_pipeline.model.plan_document import plan_from_document

    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ConfigurationError(f"{path}: is larger than any plan")
        return plan_from_document(json.loads(data))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or type(error).__name__}") from None
    except (ValueError, RecursionError):
        raise ConfigurationError(f"{path}: is no JSON; make it with `platformkit plan --format json --output {path.name}`") from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _emit(plan: Plan, repository: Path, output_format: ListFormat) -> int:
    from platformkit_pipeline.operations.emit_plan import emit_plan

    emitted = emit_plan(plan, repository)
    paths = [str(path) for path in emitted.written]
    if output_format is ListFormat.JSON:
        write_text(_json({"outcome": "written", "written": paths, "present": emitted.present}), None)
        return 0
    lines = paths or ["nothing to write"]
    if emitted.present:
        lines.append(f"{emitted.present} patches have their migration there already")
    write_text("\n".join(lines) + "\n", None)
    return 0


def _document(plan: Plan, applied: Application) -> dict[str, Any]:
    return {
        "outcome": applied.outcome.value,
        "plan_id": plan.plan_id,
        "target": plan.target_name,
        "patches": [{"rule": p.rule, "object": p.object.canonical, "digest": p.digest} for p in applied.patches],
        "surprises": list(applied.surprises),
        "score": {"before": applied.score_before, "after": applied.score_after, "predicted": applied.predicted_score},
    }


def _sentences(applied: Application) -> str:
    count = len(applied.patches)
    match applied.outcome.value:
        case "nothing-to-do":
            lines = ["the plan offers nothing to apply"]
        case "applied":
            lines = [f"{p.rule} {p.object}" for p in applied.patches]
            lines.append(f"applied: {count} patches; score {applied.score_before:g} before, {applied.score_after:g} now, as predicted")
            if applied.score_after != applied.predicted_score:
                lines[-1] = lines[-1].replace("as predicted", f"{applied.predicted_score:g} predicted")
            lines += applied.surprises
        case "taken-back":
            lines = ["taken back: the schema is what it was before", *applied.surprises]
        case "unknown":
            lines = ["UNKNOWN: the target went away in the middle", *applied.surprises]
        case _:
            lines = ["LEFT CHANGED: the schema is not what it was before; look at it now", *applied.surprises]
    return "\n".join(lines) + "\n"


def _json(document: dict[str, Any]) -> str:
    return json.dumps({"schema_version": 1, **document}, ensure_ascii=False, indent=2) + "\n"


@contextmanager
def _control_plane() -> Iterator[Connection]:
    """The audit log has to be there before anything is changed (clause 11.1)."""
    from platformkit_pipeline.control_plane.connection import session
    from platformkit_pipeline.control_plane.migrations import require_current
    from platformkit_pipeline.locations import home_directory
    from platformkit_pipeline.operations.local_platform import control_plane_logins

    with control_plane_logins(home_directory()) as logins, session(logins.pipeline) as connection:
        require_current(connection)
        yield connection
