"""A control plane that knows one target, and the target itself."""

from __future__ import annotations

import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Environment, Target, TargetKind

SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION, ("team:shop",))


@pytest.fixture
def shop(pipeline: Connection) -> Target:
    """Registered, never observed."""
    with pipeline.transaction():
        targets.sync(pipeline, [SHOP])
    return SHOP


@pytest.fixture
def shop_database(well_kept: Dsn) -> Dsn:
    """A schema that keeps every rule."""
    return well_kept
