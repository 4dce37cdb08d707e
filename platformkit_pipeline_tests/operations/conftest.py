"""A control plane that knows one target, and the target itself."""

from __future__ import annotations

import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline_tests.rules.conftest import WELL_KEPT, run_sql

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION, ("team:shop",))


@pytest.fixture
def shop(pipeline: Connection) -> Target:
    """Registered, never observed."""
    with pipeline.transaction():
        targets.sync(pipeline, [SHOP])
    return SHOP


@pytest.fixture
def shop_database(supabase_database: Dsn) -> Dsn:
    """A schema that keeps every rule."""
    run_sql(supabase_database, WELL_KEPT)
    return supabase_database
