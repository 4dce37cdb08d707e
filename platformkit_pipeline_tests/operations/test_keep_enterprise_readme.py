"""The README night by night: a change is told from a night without one, an edit from the rendering, and a push from a promise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from platformkit_pipeline.control_plane import findings, inventory, targets
from platformkit_pipeline.control_plane.connection import DATABASE_URL, Connection
from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.web_api import Pauses
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.inventory import set_digest
from platformkit_pipeline.model.repository.inventory import inventory_of
from platformkit_pipeline.model.settings import EnterpriseReadme, GithubAccess, GovernanceSettings, Repository, Settings
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.enterprise_readme import render_enterprise_readme
from platformkit_pipeline.operations.judge_repository_target import judge_repository_target
from platformkit_pipeline.operations.keep_enterprise_readme import GithubRoad, ReadmeKept, keep_enterprise_readme
from platformkit_pipeline.operations.keep_observation import keep_observation
from platformkit_pipeline.rules.registry import Family
from platformkit_pipeline.sandbox.github.faults import Fault
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github
from platformkit_pipeline.sandbox.github.state import Protection
from platformkit_pipeline.sandbox.github.state import Repository as RepositoryOnGithub
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.control_plane.builders import SHOP, scan_record, stored_scan, table
from platformkit_pipeline_tests.rules.repository.documents import observe_documents

PROFILE = Target(TargetKind.REPOSITORY, "acme/.github", Environment.PRODUCTION)
PATH = "profile/README.md"
FIRST = datetime(2026, 3, 1, 6, 30, tzinfo=UTC)


def settings(*, push: bool = False, template: str | None = None) -> Settings:
    return Settings(
        repositories=(Repository(name=PROFILE.name, github=GithubAccess(token_env="README_TOKEN")),),
        governance=GovernanceSettings(enterprise_readme=EnterpriseReadme(repository=PROFILE.name, push=push, template=template)),
    )


@dataclass
class World:
    """A shop, and a repository for the profile that is observed when a test says so."""

    connection: Connection
    profile: RepositoryBuilder
    number: int = 0

    def night(self, given: Settings, number: int, **options: GithubRoad | Path) -> ReadmeKept:
        return keep_enterprise_readme(self.connection, given, FIRST + timedelta(days=number), **options)  # type: ignore[arg-type]  # options of both types are given by name

    def observe(self, content: str | None) -> None:
        """The profile's README becomes `content`, and a scan sees and judges it."""
        if content is not None:
            self.profile.write(PATH, content)
        self.profile.commit("A change")
        with open_repository(self.profile.folder) as repository:
            snapshot = observe_documents(repository, PROFILE.name)
        objects = inventory_of(snapshot)
        self.number += 1
        with self.connection.transaction():
            stored = targets.find(self.connection, PROFILE.kind, PROFILE.name)
            assert stored is not None
            record = scan_record(stored.target_id, self.number, catalog_fingerprint=set_digest(objects), commit=self.profile.head())
            keep_observation(self.connection, record, objects)
        families = (Family.ORGANISATION_README,)
        judge_repository_target(self.connection, PROFILE, today=date(2026, 3, 1), families=families, run_id=None)

    def grow(self, *tables: str) -> None:
        """The shop has these tables from now on."""
        self.number += 1
        with self.connection.transaction():
            stored = targets.find(self.connection, SHOP.kind, SHOP.name)
            assert stored is not None
            scan_id = stored_scan(self.connection, stored.target_id, self.number)
            inventory.write(self.connection, stored.target_id, scan_id, [table(name) for name in tables])

    def told(self) -> list[str]:
        rows = self.connection.execute("select type from ops.outbox order by position").fetchall()
        self.connection.rollback()
        return [kind for (kind,) in rows]

    def found(self) -> list[str]:
        """What RDM001 says of the profile now."""
        stored = targets.find(self.connection, PROFILE.kind, PROFILE.name)
        assert stored is not None
        said = [one.result.message for one in findings.open_findings(self.connection, stored.target_id) if one.result.rule == "RDM001"]
        self.connection.rollback()
        return said

    def stored(self) -> int:
        row = self.connection.execute("select count(*) from ops.enterprise_readmes").fetchone()
        self.connection.rollback()
        assert row is not None
        return int(row[0])


@pytest.fixture
def world(pipeline: Connection, tmp_path: Path) -> World:
    targets.sync(pipeline, [SHOP, PROFILE])
    targets.ensure_control_plane(pipeline)
    pipeline.commit()
    builder = RepositoryBuilder(tmp_path / "profile")
    builder.init()
    made = World(pipeline, builder)
    made.grow("orders")
    return made


def test_a_night_without_change_gives_the_same_bytes_and_stores_and_tells_nothing(world: World) -> None:
    first, second = world.night(settings(), 0), world.night(settings(), 1)
    assert first.text == second.text
    assert (bool(first.diff), second.diff, world.stored(), world.told()) == (True, "", 1, [])
    assert "acme/.github was not observed yet" in (first.unseen or "")
    assert "control-plane" not in first.text
    assert "| acme/.github | – | – | – | – | – | – | – |" in first.text  # its own figures would move with every push
    world.grow("orders", "items")
    third = world.night(settings(), 2)
    assert [line for line in third.diff.splitlines() if line.startswith(("-|", "+|"))] == [
        "-| shop-production | production | team:shop | – | – | – | 0 | 0 | 1 | 0 |",
        "+| shop-production | production | team:shop | – | – | – | 0 | 0 | 2 | 0 |",
    ]
    assert world.stored() == 2


def test_drift_is_a_finding_and_told_once_until_the_repository_holds_what_was_rendered(world: World) -> None:
    rendered = world.night(settings(), 0).text
    world.observe("# By hand\n")
    drifts = [world.night(settings(), night).drift for night in (1, 2)]
    assert (drifts, world.told(), world.found()) == (
        [f"{PATH} was not generated"] * 2,
        ["readme.drift"],
        [f"{PATH} was not generated: it holds no mark, or more than one"],
    )
    world.observe(rendered)
    assert (world.night(settings(), 3).drift, world.found(), world.told()) == (None, [], ["readme.drift", "readme.drift.settled"])
    world.grow("orders", "items")
    drift = world.night(settings(), 4).drift
    world.observe(None)  # the same file, and by now it is behind
    assert (drift, world.found()) == (f"{PATH} is not what the inventory gives by now", [f"{PATH} is not what was rendered last"])
    assert world.told()[2:] == ["readme.drift"]


def test_what_nobody_renders_any_more_is_no_finding(world: World) -> None:
    world.night(settings(), 0)
    world.grow("orders", "items")
    world.observe(world.night(settings(), 1).text)
    world.grow("orders")
    world.night(settings(), 2)
    world.observe(None)
    assert world.found() == [f"{PATH} is not what was rendered last"]
    assert world.night(Settings(), 3) == world.night(Settings(), 4) == ReadmeKept()
    world.observe(None)
    assert (world.found(), world.stored()) == ([], 4)


@pytest.mark.parametrize("elsewhere", [None, "README.md"])
def test_drift_of_a_file_that_is_not_rendered_any_more_is_over(world: World, elsewhere: str | None) -> None:
    world.observe("# By hand\n")
    world.night(settings(), 0)
    assert world.told() == ["readme.drift"]
    wanted = EnterpriseReadme(repository=PROFILE.name, path=elsewhere) if elsewhere else None
    changed = settings().model_copy(update={"governance": GovernanceSettings(enterprise_readme=wanted)})
    for night in (1, 2):
        world.night(changed, night)
    assert world.told() == ["readme.drift", "readme.drift.settled"]


def test_drift_in_a_repository_that_is_gone_ends_untold(world: World) -> None:
    world.observe("# By hand\n")
    world.night(settings(), 0)
    with world.connection.transaction():
        targets.sync(world.connection, [SHOP])
    world.night(Settings(), 1)
    row = world.connection.execute("select count(*) from ops.alerts where kind = 'readme.drift' and settled_at is null").fetchone()
    assert (row, world.told()) == ((0,), ["readme.drift"])


@pytest.fixture
def road() -> Iterator[tuple[GithubRoad, RepositoryOnGithub, list[Fault]]]:
    """GitHub with the profile, and faults to order."""
    with serve_github() as github:
        github.repositories = {PROFILE.name: RepositoryOnGithub("acme", ".github")}
        road = GithubRoad({"README_TOKEN": TOKEN, ADDRESS_VARIABLE: github.address}, Pauses(lambda _: None))
        yield road, github.repository, github.faults


def test_a_push_makes_one_commit_per_change_and_ends_the_drift(
    world: World, road: tuple[GithubRoad, RepositoryOnGithub, list[Fault]]
) -> None:
    way, on_github, faults = road
    world.observe("# By hand\n")
    world.night(settings(), 0)
    faults.append(Fault(502, method="PUT", takes_effect=True))
    nights = [world.night(settings(push=True), night, road=way) for night in (1, 2)]
    assert [(kept.pushed, kept.drift, kept.push_refused) for kept in nights] == [(True, None, None), (False, None, None)]
    assert on_github.files == {PATH: nights[0].text.encode()}
    assert [commit.message.splitlines()[0] for commit in on_github.commits] == ["Render the organisation's README", "Begin"]
    assert world.told() == ["readme.drift", "readme.drift.settled"]
    on_github.protections["main"] = Protection()
    world.grow("orders", "items")
    refused = world.night(settings(push=True), 3, road=way)
    assert (refused.pushed, "the branch main is protected" in (refused.push_refused or "")) == (False, True)
    assert (on_github.files, world.told()[2:]) == ({PATH: nights[0].text.encode()}, ["readme.drift"])


def test_a_push_without_a_token_is_refused_and_the_night_goes_on(world: World) -> None:
    kept = world.night(settings(push=True), 0, road=GithubRoad({}))
    assert "environment variable README_TOKEN is not set" in (kept.push_refused or "")
    assert (bool(kept.text), world.told()) == (True, ["readme.drift"])


def test_a_template_of_ones_own_is_looked_for_beside_the_settings(
    world: World, tmp_path: Path, pipeline_dsn: Dsn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=r"own\.j2: cannot be read"):
        world.night(settings(template="own.j2"), 0, folder=tmp_path)
    (tmp_path / "own.j2").write_text("# {{ projects | length }} projects\n", encoding="utf-8")
    kept = world.night(settings(template="own.j2"), 0, folder=tmp_path)
    assert kept.text.startswith("# 1 projects\n")
    world.grow("orders", "items")  # the values are others, and the text is not
    assert world.night(settings(template="own.j2"), 1, folder=tmp_path).text == kept.text
    monkeypatch.setenv(DATABASE_URL, pipeline_dsn.reveal())
    assert render_enterprise_readme(tmp_path / "own.j2") == kept.text
