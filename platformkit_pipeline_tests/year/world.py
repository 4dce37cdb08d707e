"""A fleet that lives through nights: what schedules and sensors would call, in their order, with a clock that is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ObservationError, TargetUnreachable
from platformkit_pipeline.model.settings import Project, Settings, declarations_of, target_of
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.alert_every_target import alert_every_target
from platformkit_pipeline.operations.alert_findings import alert_findings
from platformkit_pipeline.operations.alert_scans import tell_of_scan
from platformkit_pipeline.operations.annual_review import open_review
from platformkit_pipeline.operations.clock import Clock
from platformkit_pipeline.operations.decide_gate import decide_deploy_gate
from platformkit_pipeline.operations.govern_control_plane import govern_control_plane
from platformkit_pipeline.operations.judge_repository_target import judge_repository_target
from platformkit_pipeline.operations.judge_target import judge_target
from platformkit_pipeline.operations.observe_repository_target import observe_repository_target
from platformkit_pipeline.operations.observe_target import observe_target
from platformkit_pipeline.operations.record_settings import record_settings
from platformkit_pipeline.operations.remind_waivers import remind_waivers
from platformkit_pipeline.operations.roll_up_metrics import roll_up_metrics
from platformkit_pipeline.operations.sync_exceptions import sync_exceptions
from platformkit_pipeline.operations.sync_targets import sync_targets
from platformkit_pipeline.operations.track_amendments import track_amendments
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.rules.conftest import run_sql

REPOSITORY = Target(TargetKind.REPOSITORY, "acme/platform", Environment.PRODUCTION)
SCANS, GOVERNANCE, REVIEW, NOON = time(2), time(6, 30), time(9), time(12)
"""When `nightly`, `daily_governance` and `annual_review` start by default, and when people act."""


def at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, UTC)


@dataclass
class World:
    """`databases` by the name of the project; what nobody touched is not read again."""

    connection: Connection
    superuser: Connection
    databases: Mapping[str, Dsn]
    repository: RepositoryBuilder
    home: Path
    settings: Settings
    day: date
    away: set[str] = field(default_factory=set)
    """Names of projects that cannot be reached."""
    seen: dict[str, Snapshot] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    """What acts want to remember, such as ids of waivers."""

    @property
    def noon(self) -> datetime:
        return at(self.day, NOON)

    def project(self, name: str) -> Project:
        return next(project for project in self.settings.projects if project.name == name)

    def sql(self, name: str, *statements: str) -> None:
        """As the owner of the project's tables."""
        for text in statements:
            run_sql(self.databases[name], text)
        self.seen.pop(name, None)

    def declare(self, name: str, environment: Environment) -> None:
        """The settings say something else about a project from now on."""
        projects = tuple(replace_project(p, environment) if p.name == name else p for p in self.settings.projects)
        self.settings = self.settings.model_copy(update={"projects": projects})
        sync_targets(self.connection, self.settings)

    # -- one night ---------------------------------------------------------------------------------------------------------
    def night(self, *, only: frozenset[str] | None = None, later: timedelta = timedelta(0)) -> None:
        """The nightly scans of `day`, then what is done once a day; by hand, `later`. `only` ends the scans early, as a kill would."""
        now = at(self.day, SCANS) + later
        sync_targets(self.connection, self.settings)
        record_settings(self.connection, self.settings, now)
        for project in self.settings.projects:
            if only is None or project.name in only:
                self._scan(project, now)
        if only is None:
            self._scan_repository(now)
            self.govern(later)

    def govern(self, later: timedelta = timedelta(0)) -> None:
        """In the order of `orchestration.govern`."""
        now = at(self.day, GOVERNANCE) + later
        sync_exceptions(self.connection, self.settings, now)
        remind_waivers(self.connection, now)
        alert_every_target(self.connection, now)
        govern_control_plane(self.connection, self.settings, now, anchors=self.home / "anchors.jsonl")
        track_amendments(self.connection, self.settings, now)
        roll_up_metrics(self.connection, now)
        if (self.day.month, self.day.day) == (1, 15):
            open_review(self.connection, self.settings, at(self.day, REVIEW))

    def _scan(self, project: Project, now: datetime) -> None:
        target = target_of(project)
        clock = Clock(now=lambda: now)
        try:
            observed = observe_target(
                self.connection, target, self.databases[project.name], run_id=None, clock=clock, observe=lambda: self._look(project.name)
            )
        except ObservationError as error:
            tell_of_scan(self.connection, target.kind, target.name, str(error), None, now)
            return
        judge_target(self.connection, target, declarations_of(project), run_id=None, today=now.date())
        alert_findings(self.connection, target, observed.scan_id, now)
        decide_deploy_gate(self.connection, target, now=now)
        tell_of_scan(self.connection, target.kind, target.name, None, None, now)

    def _scan_repository(self, now: datetime) -> None:
        clock = Clock(now=lambda: now)
        observed = observe_repository_target(
            self.connection, REPOSITORY, self.repository.folder, run_id=None, cache=self.home / "cache", clock=clock
        )
        judge_repository_target(self.connection, REPOSITORY, run_id=None, today=now.date())
        alert_findings(self.connection, REPOSITORY, observed.scan_id, now)
        decide_deploy_gate(self.connection, REPOSITORY, now=now)
        tell_of_scan(self.connection, REPOSITORY.kind, REPOSITORY.name, None, None, now)

    def _look(self, name: str) -> Snapshot:
        if name in self.away:
            raise TargetUnreachable(f"{name}: connection refused")
        if name not in self.seen:
            self.seen[name] = observe(self.databases[name])
        return self.seen[name]

    # -- what came of it ------------------------------------------------------------------------------------------------------
    def messages(self) -> Iterator[str]:
        """Every message of the outbox, one line each: when, what, about whom, and in which words."""
        rows = self.connection.execute("select type, aggregateid, payload from ops.outbox order by position").fetchall()
        self.connection.rollback()
        for kind, key, payload in rows:
            moment = payload.get("settled_at") or payload.get("raised_at") or payload["findings"][0]["raised_at"]
            if kind == "finding.critical.settled":
                moment = self._moment_of_group(payload)
            name = key.partition("/")[2] if "/" in key else key
            yield f"{moment[:16].replace('T', ' ')} {kind} {name}: {_words(kind, payload)}"

    def _moment_of_group(self, payload: Mapping[str, Any]) -> str:
        fingerprints = [found["fingerprint"] for found in payload["findings"]]
        row = self.connection.execute(
            "select min(settled_at) from ops.alerts where kind = 'finding.critical' and subject = any (%s) and raised_at = any (%s)",
            (fingerprints, [datetime.fromisoformat(found["raised_at"]) for found in payload["findings"]]),
        ).fetchone()
        self.connection.rollback()
        assert row is not None
        return str(row[0].astimezone(UTC).isoformat())

    def failing(self) -> dict[str, list[str]]:
        """Open FAILs by target, those that counters give left out."""
        rows = self.connection.execute(
            "select target_name, array_agg(rule order by rule) from ops.open_findings where outcome = 'FAIL' group by target_name"
        ).fetchall()
        self.connection.rollback()
        return dict(rows)

    def gate(self, name: str, now: datetime) -> str:
        """As CI would ask, without a scan."""
        target = next(row.target for row in targets.list_active(self.connection) if row.target.name == name)
        return decide_deploy_gate(self.connection, target, now=now).verdict


def replace_project(project: Project, environment: Environment) -> Project:
    return project.model_copy(update={"environment": environment})


def _words(kind: str, payload: Mapping[str, Any]) -> str:
    if kind.startswith("finding."):
        named = sorted(f"{found['rule']} {_shown(found)}" for found in payload["findings"])
        over = sorted({found["over"].split(" ")[0] for found in payload["findings"] if "over" in found})
        return ", ".join(named) + (f" ({', '.join(over)})" if over else "")
    if kind.startswith("waiver."):
        return str(payload.get("rule") or "over")
    return str(payload["subject"])


def _shown(found: Mapping[str, Any]) -> str:
    """Waivers are called by ids that nobody can know beforehand."""
    named = re.search(r"\b[psd]\d\d\b", found["message"])
    return f"a waiver of {named[0]}" if found["rule"].startswith("WVR") and named else str(found["object"])


Act = Callable[[World], None]


def live(
    world: World,
    script: Mapping[date, list[Act]],
    until: date,
    *,
    watch: Callable[[World], None],
    after_the_night: Callable[[World], None],
    disturbed: Mapping[date, Act],
) -> None:
    """Night, then the acts of the day, day after day; `watch` sees every day after its acts. Some nights are `disturbed`."""
    while world.day <= until:
        disturbed.get(world.day, World.night)(world)
        after_the_night(world)
        for act in script.get(world.day, ()):
            act(world)
        watch(world)
        world.day += timedelta(days=1)
