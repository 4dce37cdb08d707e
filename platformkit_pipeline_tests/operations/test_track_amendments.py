"""Amendments from a real repository: announced once they lack nothing, followed target by target, reminded of in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from platformkit_pipeline.control_plane import findings, scans, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.inventory import set_digest
from platformkit_pipeline.model.repository.inventory import inventory_of
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.settings import DatabaseAccess, GovernanceSettings, Project, Repository, Settings
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.keep_observation import keep_observation
from platformkit_pipeline.operations.track_amendments import AmendmentsTracked, track_amendments
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.control_plane.builders import result, scan_record
from platformkit_pipeline_tests.rules.repository.documents import observe_documents

PLATFORM = Target(TargetKind.REPOSITORY, "acme/platform", Environment.PRODUCTION)
SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop", Environment.PRODUCTION, ("team:shop",))
TRIAL = Target(TargetKind.SUPABASE_PROJECT, "trial", Environment.STAGING)
SETTINGS = Settings(
    projects=tuple(
        Project(name=t.name, environment=t.environment, database=DatabaseAccess(dsn_env="DSN"), repository=PLATFORM.name)
        for t in (SHOP, TRIAL)
    ),
    repositories=(Repository(name=PLATFORM.name),),
    governance=GovernanceSettings(constitution=PLATFORM.name),
)
CONSTITUTION = "spec/platform/constitution.md"
PATH = "spec/platform/constitution-amendments/2026-01-06-tenants.md"
ACCEPTED = date(2026, 1, 10)
DUE = date(2026, 4, 10)
DOCUMENT = """# Tenants are kept apart

- Constitution version: 1.0.0 → 1.1.0
- Approved by: Platform Architect Kim Larsen, 2026-01-08; Security Owner Sam Ortiz, 2026-01-10
- Rules: RLS001

## Migration of existing projects
Every project switches row level security on.
"""


def on(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 6, 30, tzinfo=UTC)


@dataclass
class World:
    """A repository with a constitution, and two projects."""

    connection: Connection
    repository: RepositoryBuilder
    scans: int = 0

    def commit(self, **files: str) -> None:
        for path, text in files.items():
            self.repository.write({"constitution": CONSTITUTION, "document": PATH, "changelog": "CHANGELOG.md"}[path], text)
        self.repository.commit("A change")

    def track(self, day: date) -> AmendmentsTracked:
        """A night: the repository is observed, then its amendments are tracked."""
        with open_repository(self.repository.folder) as repository:
            snapshot = observe_documents(repository, "platform")
        objects = inventory_of(snapshot)
        digest = set_digest(objects)
        with self.connection.transaction():
            record = scan_record(self._id(PLATFORM), self._number(), started_at=on(day) - timedelta(hours=4), catalog_fingerprint=digest)
            keep_observation(self.connection, record, objects)
        return track_amendments(self.connection, SETTINGS, on(day))

    def scan(self, target: Target, day: date, *found: Result, rules: tuple[str, ...] = ("RLS001",)) -> None:
        """A complete scan that judged `rules`."""
        with self.connection.transaction():
            record = scan_record(self._id(target), self._number(), started_at=on(day) - timedelta(hours=4))
            scans.begin(self.connection, record)
            findings.write(self.connection, target, record.target_id, record.scan_id, found, rules=frozenset(rules))
            judged = found or (result(outcome=Outcome.PASS),)
            scans.complete(
                self.connection, record.scan_id, ruleset_digest="r", score=compliance_score(judged), counts=scans.count_results(judged)
            )

    def told(self) -> list[tuple[str, str, str]]:
        """Type, target and subject of every event, oldest first."""
        rows = self.connection.execute(
            "select type, coalesce(payload #>> '{target,name}', ''), payload ->> 'subject' from ops.outbox order by position"
        ).fetchall()
        self.connection.rollback()
        return [(kind, target, subject.removeprefix(PATH)) for kind, target, subject in rows]

    def _number(self) -> int:
        self.scans += 1
        return self.scans

    def _id(self, target: Target) -> int:
        stored = targets.find(self.connection, target.kind, target.name)
        assert stored is not None
        return stored.target_id


def constitution(version: str, text: str) -> str:
    return f"# Constitution\n\n**Version:** {version}\n\n## Rules\n\n{text}\n"


@pytest.fixture
def world(pipeline: Connection, tmp_path: Path) -> World:
    """The constitution is at 1.0.0, and nothing amends it."""
    targets.sync(pipeline, [PLATFORM, SHOP, TRIAL])
    targets.ensure_control_plane(pipeline)
    pipeline.commit()
    builder = RepositoryBuilder(tmp_path / "platform")
    builder.init()
    made = World(pipeline, builder)
    made.commit(constitution=constitution("1.0.0", "One."), changelog="# Changelog\n")
    return made


AMENDED = {
    "constitution": constitution("1.1.0", "One. Two."),
    "document": DOCUMENT,
    "changelog": "# Changelog\n\n## 0.2.0\n\n- The constitution is at 1.1.0: tenants are kept apart\n",
}


def test_what_an_amendment_lacks_is_said_and_nobody_is_told_until_it_lacks_nothing(world: World) -> None:
    world.commit(
        document=DOCUMENT.replace("Sam Ortiz", "kim larsen")
        .replace("Every project switches row level security on.", "TBD")
        .replace("RLS001", "RLS001, XYZ999")
    )
    tracked = world.track(date(2026, 1, 9))
    [amendment] = tracked.amendments
    assert amendment.faults == (
        "the Security/Compliance Owner approves it on 2026-01-10, which is yet to come",
        "both approvals are of the same person",
        "there is no plan for the migration of existing projects",
        "the constitution is at version 1.0.0, and was not observed at 1.1.0",
        "no line of the changelog names the constitution and version 1.1.0",
        "it names rules that do not exist: XYZ999",
    )
    assert (tracked.announced, tracked.targets, world.told()) == ((), (), [])
    world.commit(**AMENDED)
    tracked = world.track(date(2026, 1, 11))
    assert (tracked.announced, tracked.amendments[0].faults, tracked.amendments[0].deadline) == ((PATH,), (), DUE)
    assert [(b.target.name, b.due, b.done_at) for b in tracked.targets] == [("shop", DUE, None), ("trial", DUE, None)]
    assert world.track(date(2026, 1, 12)).announced == ()
    assert world.told() == [("amendment.accepted", "", "")]


def test_a_day_at_the_end_of_the_calendar_is_yet_to_come_and_stops_nothing(world: World) -> None:
    world.commit(**{**AMENDED, "document": DOCUMENT.replace("2026-01-10", "9999-12-31")})
    tracked = world.track(date(2026, 1, 11))
    assert [a.faults for a in tracked.amendments] == [("the Security/Compliance Owner approves it on 9999-12-31, which is yet to come",)]
    assert (tracked.amendments[0].deadline, tracked.announced) == (date.max, ())


def test_nobody_is_late_for_a_deadline_of_before_the_acceptance(world: World) -> None:
    world.commit(**{**AMENDED, "document": DOCUMENT.replace("- Rules: RLS001\n", "- Deadline: 2026-01-09\n")})
    tracked = world.track(date(2026, 1, 11))
    assert [a.faults for a in tracked.amendments] == [("its deadline, 2026-01-09, is before the day on which it was approved, 2026-01-10",)]
    assert (tracked.targets, world.told()) == ((), [])
    world.commit(document=DOCUMENT.replace("- Rules: RLS001\n", "- Deadline: 2026-01-10\n"))
    assert world.track(date(2026, 1, 12)).announced == (PATH,)


def test_each_target_is_reminded_thirty_and_seven_days_before_and_afterwards_until_its_scans_find_nothing(world: World) -> None:
    world.commit(**AMENDED)
    world.scan(SHOP, date(2026, 1, 10))  # on the day of the acceptance: too early to tell
    for offset in (0, 59, 60):
        world.track(ACCEPTED + timedelta(days=offset))
    world.scan(SHOP, ACCEPTED + timedelta(days=61))
    for offset in (61, 82, 83, 90):
        world.track(ACCEPTED + timedelta(days=offset))
    assert world.told() == [
        ("amendment.accepted", "", ""),
        ("amendment.due", "shop", "/30-days"),
        ("amendment.due", "trial", "/30-days"),
        ("amendment.due.settled", "shop", "/30-days"),
        ("amendment.due", "trial", "/7-days"),
    ]
    late = world.track(DUE + timedelta(days=1))
    assert [b.target.name for b in late.overdue(on(DUE + timedelta(days=1)))] == ["trial"]
    world.scan(TRIAL, DUE + timedelta(days=2), result())
    world.track(DUE + timedelta(days=2))  # it has a finding
    world.scan(TRIAL, DUE + timedelta(days=3), rules=("FUN001",))
    world.track(DUE + timedelta(days=3))  # nobody asked the rule
    world.scan(TRIAL, DUE + timedelta(days=4), result(outcome=Outcome.UNKNOWN))
    world.track(DUE + timedelta(days=4))  # nobody could tell
    assert world.told()[5:] == [("amendment.due", "trial", "/overdue")]
    world.scan(TRIAL, DUE + timedelta(days=5))
    done = world.track(DUE + timedelta(days=5))
    assert {b.target.name: b.how for b in done.targets} == {"shop": "findings", "trial": "findings"}
    assert world.told()[6:] == [("amendment.due.settled", "trial", f"/{stage}") for stage in ("30-days", "7-days", "overdue")]


def test_what_a_waiver_covers_does_not_hold_a_target_up(world: World) -> None:
    world.commit(**AMENDED)
    world.track(date(2026, 1, 11))
    world.scan(TRIAL, date(2026, 1, 12), result())
    with world.connection.transaction():
        world.connection.execute(
            "insert into ops.waivers (waiver_id, target_id, environment, rule, object_pattern, reason, granted_by, starts_on, expires_on) "
            "select gen_random_uuid(), target_id, environment, 'RLS001', 'public.*', 'a trial', 'kim', '2026-01-14', '2026-01-20' "
            "from ops.targets where name = 'trial'"
        )
    nights = [world.track(date(2026, 1, day)) for day in (13, 14)]
    assert [{b.target.name for b in night.targets if b.done_at} for night in nights] == [set(), {"trial"}]


def test_without_rules_the_document_says_when_it_is_done_and_every_target_is_bound(world: World) -> None:
    told_by_hand = DOCUMENT.replace("- Rules: RLS001\n", "- Deadline: 2026-02-01\n")
    world.commit(**{**AMENDED, "document": told_by_hand})
    tracked = world.track(date(2026, 1, 11))
    assert {(b.target.name, b.due) for b in tracked.targets} == {(t.name, date(2026, 2, 1)) for t in (PLATFORM, SHOP, TRIAL)}
    world.commit(document=told_by_hand + "\nMigration status: done\n")
    tracked = world.track(date(2026, 1, 20))
    assert {b.how for b in tracked.targets} == {"document"}
    assert tracked.changed_since == ()
    assert sum(kind == "amendment.due.settled" for kind, _, _ in world.told()) == 3


def test_what_was_announced_stays_and_a_target_that_is_gone_is_asked_nothing(world: World) -> None:
    world.commit(**AMENDED)
    world.track(date(2026, 1, 11))
    world.commit(document=DOCUMENT.replace("2026-01-10", "2026-03-01").replace("1.1.0", "1.2.0"))
    with world.connection.transaction():
        targets.sync(world.connection, [PLATFORM, SHOP])
    tracked = world.track(DUE + timedelta(days=1))
    assert [(a.version, a.deadline) for a in tracked.amendments] == [("1.1.0", DUE)]
    assert tracked.changed_since == (PATH,)
    assert [kind for kind, target, _ in world.told() if target] == ["amendment.due"]
    with world.connection.transaction():
        targets.sync(world.connection, [PLATFORM])
    tracked = world.track(DUE + timedelta(days=2))
    assert (tracked.targets, len(world.told())) == ((), 2)
    changed = world.connection.execute("update ops.amendments set deadline = deadline - 1")  # not even by hand: the policy hides it
    assert changed.rowcount == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        world.connection.execute("delete from ops.amendment_targets")


def test_reminders_of_a_constitution_that_binds_nobody_any_more_are_over(world: World) -> None:
    world.commit(**AMENDED)
    world.track(date(2026, 1, 11))
    world.track(DUE)
    assert [kind for kind, target, _ in world.told() if target] == ["amendment.due", "amendment.due"]
    unseen = Settings(repositories=(Repository(name="acme/other"),), governance=GovernanceSettings(constitution="acme/other"))
    track_amendments(world.connection, unseen, on(DUE))  # what the other one asks is not known yet
    assert len(world.told()) == 3
    for _ in range(2):
        track_amendments(world.connection, Settings(), on(DUE))
    assert [(kind, target) for kind, target, _ in world.told()[3:]] == [
        ("amendment.due.settled", "shop"),
        ("amendment.due.settled", "trial"),
    ]


def test_without_a_constitution_there_is_nothing_to_track_and_why_is_said(pipeline: Connection) -> None:
    assert track_amendments(pipeline, Settings(), on(DUE)).why_not == "the settings name no governance.constitution"
    assert track_amendments(pipeline, SETTINGS, on(DUE)).why_not == "acme/platform was not observed yet"
