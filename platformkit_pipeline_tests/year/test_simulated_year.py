"""Findings, waivers, reminders, lapses, reviews and alerts of a year are those of the ledger, and every decision can be decided again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from platformkit_pipeline.control_plane import audit, waivers
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.governance.coverage import Violation, covers_on
from platformkit_pipeline.governance.waivers import covers_of
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.model.target import Environment
from platformkit_pipeline.operations.verify_decisions import verify_decisions
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.year.script import CHANGELOG, CONSTITUTION, constitution, script
from platformkit_pipeline_tests.year.world import REPOSITORY, Act, World, at, live

LEDGER = (Path(__file__).parent / "ledger.txt").read_text(encoding="utf-8")
FIRST_NIGHT, LAST_NIGHT = date(2026, 1, 1), date(2026, 12, 31)
ONE_O_CLOCK = time(13)
ENVIRONMENTS = {"p": Environment.PRODUCTION, "s": Environment.STAGING, "d": Environment.DEVELOPMENT}
FLEET = (*(f"p{n:02}" for n in range(1, 19)), *(f"s{n:02}" for n in range(1, 8)), *(f"d{n:02}" for n in range(1, 6)))
OF_REPOSITORY = ("p01", "p02", "p03")
TAMPERED = (date(2026, 5, 5), date(2026, 5, 6))


def written(section: str, until: date, names: Iterable[str]) -> list[str]:
    """Lines of the ledger up to that day that speak of one of `names`."""
    lines = LEDGER.split(f"## {section}", 1)[1].split("\n## ", 1)[0].splitlines()[1:]
    asked = {*names, "control-plane", REPOSITORY.name}
    return [line for line in lines if line and line[:10] <= until.isoformat() and _name(line) in (*asked, None)]


def _name(line: str) -> str | None:
    """Whom a message is about; None for the lines about days, which name several."""
    what = line[11:].split(" ")
    return None if what[0] in ("fails:", "gates:") else what[2].rstrip(":")


def _twice(world: World) -> None:
    world.night()
    world.night(later=timedelta(hours=1))


def _killed_and_run_again(world: World) -> None:
    world.night(only=frozenset(FLEET[:15]))
    world.night(later=timedelta(hours=1))


DISTURBED: dict[date, Act] = {
    date(2026, 1, 6): _twice,
    date(2026, 2, 7): _killed_and_run_again,
    date(2026, 7, 1): _twice,
    date(2026, 11, 3): _killed_and_run_again,
}
"""Nights in which something has to be told: run once more, or ended after half of the targets and run again."""


class Diary:
    """What the ledger says about days, as it was."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._asked = {(line[:10], line[11:17]): line for line in lines}
        self.lines: list[str] = []

    def __call__(self, world: World) -> None:
        day = world.day.isoformat()
        if (day, "gates:") in self._asked:
            names = [part.split(" ")[0] for part in self._asked[day, "gates:"][18:].split(", ")]
            said = ", ".join(f"{name} {world.gate(name, at(world.day, ONE_O_CLOCK))}" for name in names)
            self.lines.append(f"{day} gates: {said}")

    def after_the_night(self, world: World) -> None:
        day = world.day.isoformat()
        if (day, "fails:") in self._asked:
            found = {n: sorted(set(rules)) for n, rules in world.failing().items() if n != REPOSITORY.name}
            said = ", ".join(f"{name} {' '.join(rules)}" for name, rules in sorted(found.items()))
            self.lines.append(f"{day} fails: {said or 'nothing'}")


@pytest.fixture
def begin(
    pipeline: Connection, superuser: Connection, make_well_kept_database: Callable[[], Dsn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[tuple[str, ...]], World]:
    """A world with these projects on the morning of the first day."""

    def world(names: tuple[str, ...]) -> World:
        for variable in names:
            monkeypatch.setenv(f"DSN_{variable.upper()}", "postgresql://nobody@nowhere/nothing")
        settings = Settings.model_validate(
            {
                "projects": [
                    {
                        "name": name,
                        "environment": ENVIRONMENTS[name[0]].value,
                        "database": {"dsn_env": f"DSN_{name.upper()}"},
                        **({"repository": REPOSITORY.name} if name in OF_REPOSITORY else {}),
                    }
                    for name in names
                ],
                "repositories": [{"name": REPOSITORY.name, "path": "platform"}],
                "governance": {"constitution": REPOSITORY.name},
            }
        )
        repository = RepositoryBuilder(tmp_path / "platform")
        repository.init()
        repository.write(CONSTITUTION, constitution("1.0.0", "One."))
        repository.write(CHANGELOG, "# Changelog\n")
        repository.commit("The beginning")
        databases = {name: make_well_kept_database() for name in names}
        return World(pipeline, superuser, databases, repository, tmp_path, settings, FIRST_NIGHT)

    return world


def run(world: World, names: tuple[str, ...], until: date) -> None:
    """Live to that day, and compare with the ledger."""
    asked = [line for line in written("Days", until, names) if _all_known(line, names)]
    diary = Diary(asked)
    acts = {day: [_of(names, act, world) for act in of_day] for day, of_day in script().items()}

    def watch(lived: World) -> None:
        diary(lived)
        if lived.day.day == 28:
            check_invariants(lived)

    live(world, acts, until, watch=watch, after_the_night=diary.after_the_night, disturbed=DISTURBED)
    said, meant = (Counter([*world.messages(), *diary.lines]), Counter([*written("Messages", until, names), *asked]))
    assert (sorted((said - meant).elements()), sorted((meant - said).elements())) == ([], [])  # too much, and missing
    check_invariants(world)


def _all_known(line: str, names: tuple[str, ...]) -> bool:
    parts = [part.split(" ")[0] for part in line[18:].split(", ")]
    return all(part in (*names, "control-plane", "nothing") for part in parts)


def _of(names: tuple[str, ...], act: Act, world: World) -> Act:
    """Acts on projects that are not there are left out."""
    subject = next((cell.cell_contents for cell in act.__closure__ or () if cell.cell_contents in FLEET), None)
    return act if subject in (None, *names) else (lambda _: None)


def check_invariants(world: World) -> None:
    """Nothing was told twice, the log is whole, no decision comes out otherwise, and nothing was waived for longer than it may be."""
    connection = world.connection
    told = connection.execute("select type, aggregateid, payload::text from ops.outbox").fetchall()
    connection.rollback()
    assert [key for key, times in Counter(told).items() if times > 1] == []
    lives = connection.execute(
        "select kind, target_id, subject, count(*) from ops.alerts where settled_at is null group by 1, 2, 3"
    ).fetchall()
    connection.rollback()
    assert all(times == 1 for *_, times in lives)
    if not TAMPERED[0] <= world.day < TAMPERED[1]:
        assert audit.verify(connection).problems == ()
    connection.rollback()
    again = verify_decisions(connection)
    assert again.same > 0
    assert again.listed == ()
    of_all = covers_of(waivers.all_waivers(connection), Environment.STAGING)
    connection.rollback()
    for rule in ("RLS001", "RLS002"):
        for table in ("public.orders", "public.tenants"):
            violation = Violation(rule, "0" * 32, table)
            days = [n for n in range(365) if covers_on(of_all, [violation], date.fromordinal(FIRST_NIGHT.toordinal() + n))]
            assert len(days) <= 30


def test_six_weeks_of_the_year_are_those_of_the_ledger(begin: Callable[[tuple[str, ...]], World]) -> None:
    names = ("p04", "s01", "d01")
    run(begin(names), names, date(2026, 2, 15))


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
def test_the_year_is_that_of_the_ledger(begin: Callable[[tuple[str, ...]], World]) -> None:
    run(begin(FLEET), FLEET, LAST_NIGHT)
