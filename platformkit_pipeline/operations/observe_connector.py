"""Observe a connector of the settings: ask it everything, and put it to the acceptance suite."""

from __future__ import annotations

import os
from collections.abc import Mapping

from platformkit_pipeline.connectors.observe import observe_connector
from platformkit_pipeline.model.connector import ConnectorSnapshot
from platformkit_pipeline.model.connector_inventory import without_remarks
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.settings import Connector

BENCH_VARIABLE = "PLATFORMKIT_BENCH_DATABASE_URL"
"""Names a server on which the acceptance suite may make databases of its own; without it a server is started for each run."""


def observed(connector: Connector, *, environment: Mapping[str, str] = os.environ) -> ConnectorSnapshot:
    """What the connector answers and what the suite says of it. Nothing that it is to blame for is raised.

    Where there is no bench, that is among the unobserved.
    """
    address = environment.get(BENCH_VARIABLE, "").strip()
    bench = Dsn(address, origin=f"environment variable {BENCH_VARIABLE}") if address else None
    return without_remarks(observe_connector(connector.name, connector.class_path, connector.options, acceptance=True, bench_dsn=bench))
