"""Observe a connector of the settings: ask it everything, and put it to the acceptance suite."""

from __future__ import annotations

import os
from collections.abc import Mapping

from platformkit_pipeline.connectors.acceptance.workbench import BENCH_VARIABLE
from platformkit_pipeline.connectors.observe import observe_connector
from platformkit_pipeline.logs import warnings_expected
from platformkit_pipeline.model.connector import ConnectorSnapshot
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.settings import Connector

_DELIVERY = "connectors.delivery"


def observed(connector: Connector, bench: Dsn | None = None) -> ConnectorSnapshot:
    """What the connector answers and what the suite says of it. Nothing that it is to blame for is raised.

    `bench` is a server to make a database on, by default that of the environment, else one of its own. Where there is none, that is
    among the unobserved.
    """
    server = bench or bench_server()
    with warnings_expected(_DELIVERY):  # deliveries that fail are what the suite makes happen
        return observe_connector(connector.name, connector.class_path, connector.options, acceptance=True, bench_dsn=server)


def bench_server(environment: Mapping[str, str] = os.environ) -> Dsn | None:
    """The server that the environment names for benches; None where each has to start one of its own."""
    address = environment.get(BENCH_VARIABLE, "").strip()
    return Dsn(address, origin=f"environment variable {BENCH_VARIABLE}") if address else None
