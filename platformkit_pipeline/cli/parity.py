"""`platformkit parity`: hold the contracts of a target against it, score what they say, and compare with a base."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import check_output, progress_line, render, warn, write_text
from platformkit_pipeline.cli.scan import EXIT_FINDINGS, EXIT_NOT_OBSERVED, FailOn, codes_of
from platformkit_pipeline.cli.subject import (
    DsnEnvOption,
    DsnOption,
    EnvironmentOption,
    ExposedSchemaOption,
    MembershipTableOption,
    NameOption,
    SettingsOption,
    SingleTenantOption,
    SubjectOptions,
    TargetOption,
    TenantClaimOption,
    TenantColumnOption,
    listed_settings,
    refuse_together,
)
from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.model.merge_decision import MergeDecision
    from platformkit_pipeline.model.parity import ParityReport
    from platformkit_pipeline.model.parity_gate import Base
    from platformkit_pipeline.operations.parity_subject import ParitySubject
    from platformkit_pipeline.operations.score_parity import Revision

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_WHERE_THEY_LIE = (
    f"they are files {{{','.join(d.value for d in Dimension)}}}/NAME.yaml in the folder of --contracts, of `contracts` in the settings, "
    "in contracts of the project's repository, or in contracts/<project> beside the settings"
)
LARGEST_BASE_BYTES = 50_000_000


class ParityFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"
    MARKDOWN = "markdown"


@app.command()
def parity(
    *,
    target: TargetOption = None,
    settings: SettingsOption = None,
    dsn: DsnOption = None,
    dsn_env: DsnEnvOption = None,
    contracts: Path | None = typer.Option(
        None, "--contracts", metavar="DIR", help="Folder of the contracts, for a database without settings."
    ),
    name: NameOption = None,
    environment: EnvironmentOption = None,
    exposed_schema: ExposedSchemaOption = None,
    tenant_column: TenantColumnOption = None,
    tenant_claim: TenantClaimOption = None,
    membership_table: MembershipTableOption = None,
    single_tenant: SingleTenantOption = None,
    data_api_url: str | None = typer.Option(None, "--data-api-url", metavar="URL", help="Where the Data API answers, for API contracts."),
    data_api_key_env: str | None = typer.Option(
        None, "--data-api-key-env", metavar="NAME", help="Environment variable that holds the publishable key of the Data API."
    ),
    probe_writes: bool = typer.Option(
        False, "--probe-writes", help="Contracts may change rows in transactions that are rolled back; never in production."
    ),
    select: list[str] | None = typer.Option(None, "--select", metavar="KINDS", help="Only these dimensions, e.g. api,data. Repeatable."),
    base_run: str | None = typer.Option(
        None, "--base-run", metavar="RUN", help="Compare with a run in the control plane: its id, a full commit, or latest."
    ),
    base: Path | None = typer.Option(None, "--base", metavar="FILE", help="Compare with an earlier report of --format json."),
    commit: str | None = typer.Option(None, "--commit", metavar="SHA", help="Commit that is measured, in full."),
    branch: str | None = typer.Option(None, "--branch", metavar="NAME", help="Branch that it is on."),
    default_branch: str = typer.Option("main", "--default-branch", metavar="NAME", help="Whose runs make up the history."),
    store: bool = typer.Option(False, "--store", help="Keep run and decision in the control plane; needs --target."),
    fail_on: FailOn | None = typer.Option(
        None, "--fail-on", help="Least severity that makes the exit code 1 (or 3, if unknown); default high, with a base none."
    ),
    output_format: ParityFormat = typer.Option(ParityFormat.TABLE, "--format", help="Form of the report."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write the report to a file instead of stdout."),
) -> int:
    """Hold contracts against a live target, score what they say, and say whether a change may be merged.

    Contracts are the files contracts/{api,data,event,behavior,drift}/*.yaml. With a base, the merge gate decides: the base is
    scored by the checks that are there now. Nothing is stored without --store.

    \b
    Examples:
      platformkit parity --dsn-env DATABASE_URL --contracts contracts
      platformkit parity --target shop-staging --select data,behavior
      platformkit parity --dsn-env DATABASE_URL --contracts contracts --base base.json --format markdown
      platformkit parity --target shop-staging --base-run latest --commit "$GITHUB_SHA" --branch "$GITHUB_REF_NAME" --store

    \b
    Exit codes: 0 fine; 1 the gate says no, or checks at or above --fail-on fail; 2 wrong input, nothing was run: a malformed
    contract is named with its line; 3 nothing to decide on: no contract, or what was asked could not be observed.
    """
    from platformkit_pipeline.operations.score_parity import Revision
    from platformkit_pipeline.parity.well_formed import refuse_malformed

    check_output(output)
    if base is not None and base_run is not None:
        raise ConfigurationError("--base and --base-run both name a base: give one of them")
    dimensions = _dimensions(select)
    revision = Revision(commit, branch, default_branch)
    if store:
        _refuse_to_store(target, dimensions)
    if base_run is not None and target is None:
        raise ConfigurationError("--base-run is looked up among the runs of a target: it needs --target; a file is given with --base")
    options = SubjectOptions(
        *(dsn, dsn_env, target, settings, name, environment, exposed_schema, tenant_column, tenant_claim, membership_table, single_tenant)
    )
    of_database = {
        "--contracts": contracts,
        "--data-api-url": data_api_url,
        "--data-api-key-env": data_api_key_env,
        "--probe-writes": probe_writes,
    }
    if target is not None:
        refuse_together("--target takes everything from the settings and", of_database)
        subject = _subject_of_settings(options, settings, target)
    else:
        subject = _subject_of_options(options, contracts, data_api_url, data_api_key_env, probe_writes=probe_writes)
    refuse_malformed(subject.contracts, dimensions)
    if not subject.contracts.declared:
        warn(f"{subject.target.name} has no contracts: {_WHERE_THEY_LIE}")
    # A base that is not there is said before minutes of measuring.
    given = _base_of_file(base) if base is not None else _checked_base(subject, base_run, store=store)
    report = _measured(subject, dimensions, revision)
    if given is not None:
        given = replace(given, results=tuple(r for r in given.results if r.dimension in dimensions))
    # The best of the default branch is that of whole runs: a part has no place beside it.
    with_history = base_run is not None and dimensions == tuple(Dimension)
    report, decision = _conclude(subject, report, given, with_history=with_history, store=store)
    write_text(_rendered(report, decision, output_format, to_file=output is not None), output)
    return _exit_code(report, decision, fail_on)


def _dimensions(select: list[str] | None) -> tuple[Dimension, ...]:
    if not select:
        return tuple(Dimension)
    known = {dimension.value: dimension for dimension in Dimension}
    chosen = codes_of(select, "--select")
    if unknown := [kind for kind in chosen if kind not in known]:
        raise ConfigurationError(f"--select {unknown[0]!r}: expected some of {', '.join(known)}, separated by commas")
    return tuple(d for d in Dimension if d.value in chosen)


def _refuse_to_store(target: str | None, dimensions: tuple[Dimension, ...]) -> None:
    if target is None:
        raise ConfigurationError("--store keeps the run of a target of the settings: it needs --target")
    if dimensions != tuple(Dimension):
        raise ConfigurationError("--store keeps whole runs only: a selection would stand in the history as if the rest were not declared")


def _subject_of_settings(options: SubjectOptions, settings: Path | None, target: str) -> ParitySubject:
    from platformkit_pipeline.operations.parity_subject import subject_of_project
    from platformkit_pipeline.operations.read_settings import find_project

    refuse_together("--target takes everything from the settings and", options.named("--target", "--settings", "--explain-analyze"))
    listed = listed_settings(settings)
    return subject_of_project(listed.file, listed.settings, find_project(listed.settings, target))


def _subject_of_options(
    options: SubjectOptions, folder: Path | None, data_api_url: str | None, key_env: str | None, *, probe_writes: bool
) -> ParitySubject:
    from platformkit_pipeline.operations.parity_subject import key_from_environment, subject_of_database
    from platformkit_pipeline.parity.surroundings import DataApiAccess

    subject = options.resolve()
    if folder is None:
        raise ConfigurationError("say with --contracts where the contracts lie, or with --target which project of the settings is meant")
    if data_api_url is None and key_env is not None:
        raise ConfigurationError("--data-api-key-env needs --data-api-url, the API that the key is for")
    api = None
    if data_api_url is not None:
        api = DataApiAccess(_http_url(data_api_url), key_from_environment(key_env) if key_env is not None else None)
    return subject_of_database(subject.dsn, subject.target, subject.declarations, folder, probe_writes=probe_writes, data_api=api)


def _http_url(url: str) -> str:
    from pydantic import ValidationError

    from platformkit_pipeline.model.settings import DataApi

    try:
        return DataApi(url=url).url
    except ValidationError:
        raise ConfigurationError(
            "--data-api-url: expected an http(s) URL without a login, such as https://abcdefghij.supabase.co"
        ) from None


def _base_of_file(path: Path) -> Base:
    from platformkit_pipeline.reporting.parity_document import base_from_document

    try:
        if path.stat().st_size > LARGEST_BASE_BYTES:
            raise ConfigurationError(f"--base {path} is larger than {LARGEST_BASE_BYTES // 1_000_000} MB")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--base {path}: cannot be read: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"--base {path} is not UTF-8 text") from None
    return base_from_document(text, f"--base {path}")


def _checked_base(subject: ParitySubject, reference: str | None, *, store: bool) -> Base | None:
    """The stored run that is compared with; None without a reference, and then whether the control plane could keep one."""
    if reference is None and not store:
        return None
    from platformkit_pipeline.control_plane.connection import control_plane_dsn, session
    from platformkit_pipeline.operations.decide_merge_gate import stored_base
    from platformkit_pipeline.operations.stored_snapshot import target_id_of

    with session(control_plane_dsn()) as connection:
        target_id_of(connection, subject.target)
        return stored_base(connection, subject.target, reference) if reference is not None else None


def _measured(subject: ParitySubject, dimensions: tuple[Dimension, ...], revision: Revision) -> ParityReport:
    from platformkit_pipeline.cycle_collector import collector_spared
    from platformkit_pipeline.operations.score_parity import measure_parity

    with progress_line() as show, collector_spared():
        return measure_parity(subject.showing(show), dimensions=dimensions, revision=revision)


def _conclude(
    subject: ParitySubject, report: ParityReport, base: Base | None, *, with_history: bool, store: bool
) -> tuple[ParityReport, MergeDecision | None]:
    """What the gate says, where there is a base; run and decision are stored where that is wanted.

    Where the control plane is asked, the run counts what is waived today.
    """
    from platformkit_pipeline.control_plane.connection import control_plane_dsn, session
    from platformkit_pipeline.operations.decide_merge_gate import decide_merge_gate, decided, weigh_merge_gate
    from platformkit_pipeline.operations.score_parity import keep_parity, with_waivers

    now, max_drop = datetime.now(UTC), subject.max_drop_percent
    if not store and not with_history:
        return report, decided(report, base, None, now, max_drop_percent=max_drop) if base is not None else None
    with session(control_plane_dsn()) as connection:
        report = with_waivers(connection, report, now)
        if not store:
            return report, weigh_merge_gate(connection, subject.target, report, base, now, max_drop_percent=max_drop)
        keep_parity(connection, report)
        if base is None:
            return report, None
        return report, decide_merge_gate(connection, subject.target, report, None, now, max_drop_percent=max_drop, base=base)


def _rendered(report: ParityReport, decision: MergeDecision | None, output_format: ParityFormat, *, to_file: bool) -> str:
    match output_format:
        case ParityFormat.TABLE:
            from platformkit_pipeline.cli.parity_table import ParityTable

            return render(ParityTable(report, decision), plain=to_file)
        case ParityFormat.JSON:
            from platformkit_pipeline.reporting.parity_document import parity_json

            return parity_json(report, decision)
        case ParityFormat.JUNIT:
            from platformkit_pipeline.reporting.parity_junit import parity_junit

            return parity_junit(report, decision)
        case ParityFormat.MARKDOWN:
            from platformkit_pipeline.reporting.parity_markdown import parity_markdown

            return parity_markdown(report, decision)


def _exit_code(report: ParityReport, decision: MergeDecision | None, fail_on: FailOn | None) -> int:
    """The gate has the first word; --fail-on the second, by default only where there is no gate."""
    codes = {EXIT_FINDINGS} if decision and decision.verdict == "no" else set()
    if (decision and decision.verdict == "unknown") or report.parity.score is None:
        codes.add(EXIT_NOT_OBSERVED)
    least = fail_on or (FailOn.NONE if decision else FailOn.HIGH)
    if least is not FailOn.NONE:
        from platformkit_pipeline.model.result import Outcome, Severity

        threshold = Severity(least.value)
        unwaived = [r for r in report.results if r.severity.at_least(threshold) and r.key not in report.waived]
        if any(r.outcome is Outcome.FAIL for r in unwaived):
            codes.add(EXIT_FINDINGS)
        if any(r.outcome is Outcome.UNKNOWN for r in unwaived):
            codes.add(EXIT_NOT_OBSERVED)
    return min(codes, default=0)
