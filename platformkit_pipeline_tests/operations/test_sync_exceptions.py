"""Documents of a real repository go on record, and what they excuse ends when they say so, change or vanish."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from platformkit_pipeline.control_plane import exceptions, targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.exceptions import ExceptionChanges
from platformkit_pipeline.model.exception import ExceptionEntry
from platformkit_pipeline.model.settings import Settings
from platformkit_pipeline.operations.observe_repository_target import observe_repository_target
from platformkit_pipeline.operations.sync_exceptions import ExceptionNight, sync_exceptions
from platformkit_pipeline.operations.sync_targets import targets_of
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder

pytestmark = pytest.mark.usefixtures("without_secret_search")

NIGHT = datetime(2026, 2, 1, 2, tzinfo=UTC)
PATH = "docs/exceptions/2026-01-20-legacy-export.md"
DOCUMENT = """# Legacy export without row level security

## Rationale
The export job of the warehouse cannot set a tenant before June.

## Risk assessment
A fault in the job would show one tenant's orders to another one.

## Mitigation plan
The job runs with a role of its own that may read one view.

## Expiry date
2026-06-30

## Approvals
- Security/Compliance Owner: Sam Ortiz, 2026-01-19
- Platform Architect: Kim Larsen, 2026-01-20

## Rules
RLS001, TEN001

## Objects
`public.legacy_exports_of_the_warehouse_2019`, `public.legacy_*`
"""
SETTINGS = Settings.model_validate(
    {
        "repositories": [{"name": "shop"}, {"name": "other"}],
        "projects": [
            {"name": name, "environment": environment, "database": {"dsn_env": "SHOP_DSN"}, "repository": repository}
            for name, environment, repository in (
                ("shop-production", "production", "shop"),
                ("shop-staging", "staging", "shop"),
                ("payments", "production", "other"),
            )
        ],
    }
)
Night = Callable[[datetime], ExceptionNight]


@pytest.fixture
def repository(tmp_path: Path) -> RepositoryBuilder:
    built = RepositoryBuilder(tmp_path / "shop")
    built.init()
    built.write(PATH, DOCUMENT)
    built.commit("An exception")
    return built


@pytest.fixture
def night(pipeline: Connection, repository: RepositoryBuilder, tmp_path: Path) -> Night:
    """Observes the repository as it is, and syncs."""
    with pipeline.transaction():
        targets.sync(pipeline, targets_of(SETTINGS))
    [shop] = [target for target in targets_of(SETTINGS) if target.name == "shop"]

    def observe_and_sync(now: datetime) -> ExceptionNight:
        observe_repository_target(pipeline, shop, repository.folder, run_id="run-1", cache=tmp_path / "cache")
        return sync_exceptions(pipeline, SETTINGS, now)

    return observe_and_sync


def only_entry(connection: Connection) -> ExceptionEntry:
    [row] = exceptions.everything(connection)
    connection.rollback()
    return row.entry


def names(connection: Connection, ids: tuple[int, ...]) -> set[str]:
    found = {row.target.name for row in targets.list_active(connection) if row.target_id in ids}
    connection.rollback()
    return found


def test_a_document_is_recorded_once_and_covers_the_repository_and_its_projects_only(pipeline: Connection, night: Night) -> None:
    first, again = night(NIGHT), night(NIGHT + timedelta(days=1))
    assert first.changes == {"shop": ExceptionChanges(recorded=(PATH,))}
    assert again.changes == {}
    entry = only_entry(pipeline)
    assert entry.faults == ()
    assert entry.objects == ("public.legacy_*", "public.legacy_exports_of_the_warehouse_2019")
    assert entry.rationale.startswith("The export job")
    assert names(pipeline, entry.covers_target_ids) == {"shop", "shop-production", "shop-staging"}
    assert list(first.unread) == ["other"]  # never observed


def faults_after(
    pipeline: Connection, night: Night, repository: RepositoryBuilder, now: datetime, *changes: tuple[str, str]
) -> tuple[str, ...]:
    """What is at fault once the document was changed so."""
    text = (repository.folder / PATH).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    repository.write(PATH, text)
    repository.commit("Another text")
    night(now)
    return only_entry(pipeline).faults


@pytest.mark.parametrize("part", ["Objects", "Targets"])
def test_a_part_that_names_nothing_covers_nothing(pipeline: Connection, night: Night, repository: RepositoryBuilder, part: str) -> None:
    before = "## Objects\n`public.legacy_exports_of_the_warehouse_2019`, `public.legacy_*`"
    [fault] = faults_after(pipeline, night, repository, NIGHT, (before, f"## {part}\nTBD"))
    assert fault.startswith(f"its part {part} names none")


def messages(connection: Connection) -> list[str]:
    rows = connection.execute("select type from ops.outbox order by created_at, id").fetchall()
    connection.rollback()
    return sorted(row[0] for row in rows)


def test_a_text_that_changed_needs_both_approvals_again(pipeline: Connection, night: Night, repository: RepositoryBuilder) -> None:
    night(NIGHT)
    assert faults_after(pipeline, night, repository, NIGHT, ("before June.", "before  \n June.")) == ()  # white space does not count
    for change in (("2026-06-30", "2027-06-30"), ("Sam Ortiz, 2026-01-19", "Sam Ortiz, 2026-01-30")):
        [fault] = faults_after(pipeline, night, repository, NIGHT, change)
        assert fault.startswith("it was changed after its approval")
    assert night(NIGHT + timedelta(days=1)).changes == {}
    assert faults_after(pipeline, night, repository, NIGHT, ("Kim Larsen, 2026-01-20", "Kim Larsen, 2026-01-30")) == ()
    assert messages(pipeline) == ["exception.lapsed", "exception.lapsed.settled"]


def test_what_a_document_lacks_is_said_and_the_rest_is_kept(pipeline: Connection, night: Night, repository: RepositoryBuilder) -> None:
    faults = faults_after(
        pipeline,
        night,
        repository,
        NIGHT,
        ("2026-06-30", "end of June 2026"),
        ("Kim Larsen, 2026-01-20", "sam  ortiz, 2026-03-01"),
        ("RLS001, TEN001", "none"),
        ("The job runs with a role of its own that may read one view.", "TBD"),
        ("## Objects", "## Targets\npayments\n\n## Objects"),
    )
    assert sorted(faults) == [
        "it has no expiry date of the form yyyy-mm-dd, and so counts as expired",
        "it has no mitigation plan",
        "it names no rule",
        "it names no target that is this repository or a project of it: payments",
        "one person gave both approvals: two are needed",
        "the Platform Architect approved on a day that has not come yet, 2026-03-01",
    ]
    assert only_entry(pipeline).risk.startswith("A fault in the job")


def test_ends_are_told_once_and_a_document_that_vanished_is_marked(
    pipeline: Connection, night: Night, repository: RepositoryBuilder
) -> None:
    last_day = datetime(2026, 6, 30, 23, tzinfo=UTC)
    told = [night(last_day + timedelta(days=days)).told for days in (-8, -7, -6, 0, 1, 2)]
    assert told == [0, 1, 0, 0, 1, 0]
    assert messages(pipeline) == ["exception.expires", "exception.lapsed"]
    repository.remove(PATH)
    repository.commit("It is mended")
    gone = night(last_day + timedelta(days=3))
    assert (gone.changes["shop"].removed, gone.told, gone.settled) == ((PATH,), 0, 1)
    assert night(last_day + timedelta(days=4)).changes == {}


def test_killed_half_way_it_leaves_nothing_and_the_next_night_does_it_all(
    pipeline: Connection, night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr("platformkit_pipeline.operations.sync_exceptions.announce", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            night(datetime(2026, 6, 28, tzinfo=UTC))
    assert exceptions.everything(pipeline) == ()
    pipeline.rollback()
    assert night(datetime(2026, 6, 28, tzinfo=UTC)).told == 1
    assert only_entry(pipeline).faults == ()


def test_a_scan_that_is_not_whole_changes_no_row(pipeline: Connection, night: Night, superuser: Connection) -> None:
    night(NIGHT)
    superuser.execute("update ops.inventory_objects set payload = '{}' where kind = 'exception_document'")
    after = sync_exceptions(pipeline, SETTINGS, NIGHT + timedelta(days=1))
    assert "shop" in after.unread
    assert only_entry(pipeline).faults == ()


def test_texts_are_short_and_whole_words_and_an_object_is_never_widened(
    pipeline: Connection, night: Night, repository: RepositoryBuilder
) -> None:
    changes = ("before June.", f"{'x' * 41} and " + "ninety-nine " * 90), ("`public.legacy_*`", f"`{'k' * 64}`")
    faults_after(pipeline, night, repository, NIGHT, *changes)
    entry = only_entry(pipeline)
    assert "xxx" not in entry.rationale
    assert entry.rationale.endswith("ninety-nine …")
    assert 500 < len(entry.rationale) <= 602
    assert entry.objects == ("[…]", "public.legacy_exports_of_the_warehouse_2019")
