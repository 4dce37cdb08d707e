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
