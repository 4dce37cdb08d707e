"""A migrated control plane per test, copied from a template that is migrated once per worker."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from platformkit_pipeline.control_plane import migrations, targets
from platformkit_pipeline.control_plane.connection import Connection, connect, connect_admin
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_user
from platformkit_pipeline_tests.control_plane.builders import SHOP

_serial = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane_template(admin_dsn: Dsn) -> str:
    """Name of a migrated database."""
    name = "control_plane_template"
    migrations.migrate(create_database(admin_dsn, name))
    return name


@pytest.fixture
def control_plane(admin_dsn: Dsn, control_plane_template: str) -> Iterator[Dsn]:
    """A migrated, empty control plane, as superuser."""
    name = f"control_plane_{next(_serial)}"
    yield create_database(admin_dsn, name, template=control_plane_template)
    drop_database(admin_dsn, name)


@pytest.fixture
def pipeline_dsn(control_plane: Dsn) -> Dsn:
    """The same database for the login of the pipeline."""
    return with_user(control_plane, "platformkit_pipeline")


@pytest.fixture
def pipeline(pipeline_dsn: Dsn) -> Iterator[Connection]:
    """A connection as the pipeline has it."""
    connection = connect(pipeline_dsn)
    yield connection
    connection.close()


@pytest.fixture
def superuser(control_plane: Dsn) -> Iterator[Connection]:
    """A connection that nothing is refused to; autocommit."""
    connection = connect_admin(control_plane)
    connection.autocommit = True
    yield connection
    connection.close()


@pytest.fixture
def shop(pipeline: Connection) -> StoredTarget:
    """One stored target."""
    targets.sync(pipeline, [SHOP])
    pipeline.commit()
    stored = targets.find(pipeline, SHOP.kind, SHOP.name)
    pipeline.commit()
    assert stored is not None
    return stored
