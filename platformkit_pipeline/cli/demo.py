"""`platformkit demo`: the whole road once, on a sample platform, on real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import render, write_text
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from platformkit_pipeline.operations.summarise_demo import ParitySummary, ProjectSummary, RepositorySummary

app = typer.Typer(add_completion=False, rich_markup_mode=None)

EXIT_NOT_AS_PLANTED = 1
_SHOWN = 5
"""Objects of one rule that are named: some faults are on every table. `platformkit scan` lists them all."""


@app.command()
def demo(
    plans: Path | None = typer.Option(
        None, "--plans", metavar="DIR", help="New folder for the migration files; default demo/plans/<time> below the home."
    ),
) -> int:
    """Run the main job once on a sample platform.

    Starts PostgreSQL below PLATFORMKIT_HOME (default ./.platformkit), makes three Supabase-shaped projects and a git repository
    with faults planted on purpose, and runs the nightly jobs of the Dagster code location on them: observe, store, judge, score,
    plan, prove, hold contracts against them. Then says what was found, and whether it is what was planted. Running it again finds
    nothing new and stores no finding twice.

    \b
    Exit codes: 0 the findings are the planted faults; 1 they are not; 2 no PostgreSQL to be had; 3 a run failed.
    """
    from platformkit_pipeline.control_plane.connection import DATABASE_URL, session
    from platformkit_pipeline.locations import home_directory
    from platformkit_pipeline.model.dsn import Dsn
    from platformkit_pipeline.operations.local_platform import ensure_local_platform
    from platformkit_pipeline.operations.prepare_demo import demo_home, prepare_demo
    from platformkit_pipeline.operations.summarise_demo import summarise_demo, summarise_demo_parity, summarise_demo_repository

    home, begun = demo_home(home_directory()), time.monotonic()
    if plans is not None:
        _make_empty(plans)
    with _step("PostgreSQL, control plane and Dagster's storage"):
        platform = ensure_local_platform(home)
    try:
        if platform.server is None:
            raise ConfigurationError(f"the demo makes its own databases: unset {DATABASE_URL} and run it again")
        with _step("sample platform of three projects and a repository"):
            sample = prepare_demo(home, platform.server)
        with _step("nightly run: observe, store, judge, score, plan, prove, contracts"):
            _run_nightly({**os.environ, **platform.environment, **sample.environment, "PLATFORMKIT_SETTINGS": str(sample.settings_path)})
        with session(Dsn(platform.environment[DATABASE_URL])) as connection:
            summaries, repository = summarise_demo(connection), summarise_demo_repository(connection)
            contracts = summarise_demo_parity(connection)
    finally:
        platform.release()
    folder = _write_plans(summaries, plans or home / "plans" / time.strftime("%Y%m%d-%H%M%S", time.gmtime()))
    for part in _report(summaries):
        write_text(render(part), None)
    write_text("".join(f"\n{text}\n" for text in (_about(repository), *map(_held, contracts))), None)
    _farewell(summaries, folder, time.monotonic() - begun)
    planted = [repository.as_planted, *(c.as_planted for c in contracts), *(s.as_planted for s in summaries)]
    return 0 if all(planted) else EXIT_NOT_AS_PLANTED


def _make_empty(plans: Path) -> None:
    """Refused before the work, not after it."""
    try:
        plans.mkdir(parents=True, exist_ok=True)
        empty = not any(plans.iterdir())
    except OSError as error:
        raise ConfigurationError(f"--plans {plans}: cannot be made: {error.strerror}; give a new folder") from None
    if not empty:
        raise ConfigurationError(f"--plans {plans}: is not empty; give a new folder")


@contextmanager
def _step(title: str) -> Iterator[None]:
    """One line on stderr per step: a demo is watched, also through a pipe."""
    print(f"{title} ...", end="", file=sys.stderr, flush=True)
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        print(" failed", file=sys.stderr)
        raise
    print(f" {time.monotonic() - begun:.1f} s", file=sys.stderr)


def _run_nightly(environment: dict[str, str]) -> None:
    """In a process of its own: Dagster is not loaded into the command line."""
    command = [sys.executable, "-m", "platformkit_pipeline.orchestration.run_now"]
    ended = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ended.returncode:
        from platformkit_pipeline.model.dsn import redact

        last = [line for line in redact(ended.stderr).splitlines() if line.strip()][-15:]
        raise ControlPlaneError("\n".join(["the nightly run failed; the end of its log:", *last]))


def _write_plans(summaries: tuple[ProjectSummary, ...], folder: Path) -> Path:
    from platformkit_pipeline.operations.propose_plan import write_plan

    for summary in summaries:
        if summary.plan and (summary.plan.patches or summary.plan.manual_items):
            write_plan(summary.plan, folder / summary.name)
    return folder


def _report(summaries: tuple[ProjectSummary, ...]) -> Iterator[RenderableType]:
    from rich.table import Table

    overview = Table(title="Sample platform", title_justify="left")
    for heading in (
        "target",
        "environment",
        "score",
        "objects",
        "rows written",
        "open findings",
        "new",
        "not measured",
        "proven patches",
        "by hand",
    ):
        name = heading in ("target", "environment")
        overview.add_column(heading, justify="left" if name else "right", no_wrap=name)
    for s in summaries:
        proven, manual = (f"{_proven(s)} of {len(s.plan.patches)}", len(s.plan.manual_items)) if s.plan else ("0 of 0", 0)
        numbers = (s.score, s.objects, s.rows_written, len(s.open_findings), s.new_findings, len(s.awaiting_counters), proven, manual)
        overview.add_row(s.name, s.environment, *map(str, numbers))
    yield overview
    for s in summaries:
        yield _planted(s)
    if waiting := sorted({f.result.rule for s in summaries for f in s.awaiting_counters}):
        from rich.text import Text

        yield Text(
            f"\nCould not be measured yet: {', '.join(waiting)}. They judge what the server counts: it has to count for a while, and "
            "the observer has to be allowed to read it. Until then they say UNKNOWN, which is no fault and no all-clear."
        )


def _proven(summary: ProjectSummary) -> int:
    return sum(p.proof is not None for p in summary.plan.offered) if summary.plan else 0


def _planted(summary: ProjectSummary) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    total = len(summary.found) + len(summary.missed)
    if not total and summary.as_planted:
        return Text(f"\n{summary.name}: no fault was planted, none was found")
    table = Table(title=f"\n{summary.name}: {len(summary.found)} of {total} planted faults found", title_justify="left")
    table.add_column("rule")
    table.add_column("found", justify="right")
    table.add_column("where")
    for rule, faults in groupby(summary.found, key=lambda f: f.rule):
        objects = [fault.object for fault in faults]
        more = len(objects) - _SHOWN
        shown = objects if more <= 1 else [*objects[:_SHOWN], f"and {more} more"]
        table.add_row(rule, str(len(objects)), "\n".join(shown))
    for fault in summary.missed:
        table.add_row(fault.rule, "MISSED", f"{fault.object}: {fault.note}")
    for finding in summary.not_planted:
        table.add_row(finding.result.rule, "NOT PLANTED", f"{finding.result.object.canonical}: {finding.result.message}")
    return table


def _about(repository: RepositorySummary) -> str:
    planted = (*repository.found, *repository.missed)
    lines = [
        f"{repository.name} (repository): {len(repository.found)} of {len(planted)} planted faults found ({', '.join(planted)}); score "
        f"{repository.score}, {repository.rows_written} inventory rows written, {repository.new_findings} new findings",
        *(f"  {code} MISSED" for code in repository.missed),
        *(f"  {f.result.rule} NOT PLANTED {f.result.object.canonical}: {f.result.message}" for f in repository.not_planted),
        *([f"  not judged, because a clone does not tell: {', '.join(repository.unknown)}"] if repository.unknown else []),
    ]
    return "\n".join(lines)


def _held(contracts: ParitySummary) -> str:
    """One line for the score, one for each of the first checks that fail."""
    more = len(contracts.failing) - _SHOWN
    checks = contracts.passed + contracts.unknown + len(contracts.failing)
    lines = [
        f"{contracts.name} (contracts): parity {contracts.score}; {contracts.passed} of {checks} checks passed"
        + (f", {contracts.unknown} could not be told" if contracts.unknown else ""),
        *(f"  {check} fails" for check in contracts.failing[: _SHOWN if more > 1 else None]),
        *([f"  and {more} more"] if more > 1 else []),
        *([] if contracts.as_planted else ["  NOT as it was planted"]),
    ]
    return "\n".join(lines)


def _farewell(summaries: tuple[ProjectSummary, ...], folder: Path, seconds: float) -> None:
    found, total = sum(len(s.found) for s in summaries), sum(len(s.found) + len(s.missed) for s in summaries)
    rows, new = sum(s.rows_written for s in summaries), sum(s.new_findings for s in summaries)
    verdict = "exactly what was planted" if all(s.as_planted for s in summaries) else "NOT what was planted"
    lines = (
        f"\n{found} of {total} planted faults found, {verdict}; {rows} inventory rows written, {new} new findings; {seconds:.0f} s.",
        f"{sum(map(_proven, summaries))} patches proven on shadows, alone and together; as migration files with their undo: {folder}",
        f"Next: `{_program()} up --demo` serves it all in Dagit, then `{_program()} gate --target clinic-messy` asks its gate "
        "(`--gate merge`: that of its contracts).",
    )
    write_text("\n".join(lines) + "\n", None)


def _program() -> str:
    """How the program was called, so that the line can be repeated as it stands."""
    called = Path(sys.argv[0])
    if called.name != "platformkit":
        return f"{sys.executable} -m platformkit_pipeline.cli.main"
    return "platformkit" if shutil.which("platformkit") else os.path.relpath(called)
