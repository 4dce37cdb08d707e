"""One stored target; the control plane itself comes from the root conftest."""

from __future__ import annotations

import pytest

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline_tests.control_plane.builders import SHOP


@pytest.fixture
def shop(pipeline: Connection) -> StoredTarget:
    """One stored target."""
    targets.sync(pipeline, [SHOP])
    pipeline.commit()
    stored = targets.find(pipeline, SHOP.kind, SHOP.name)
    pipeline.commit()
    assert stored is not None
    return stored
