"""One observation of one connector: everything that it answers, and what it did not (clause 9.1)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from platformkit_pipeline.model.connector import Capability, ConnectorSnapshot
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.snapshot import Unobserved


def observe_connector(
    name: str, class_path: str, options: Mapping[str, Any], *, acceptance: bool, bench_dsn: Dsn | None = None, seconds: float = 30.0
) -> ConnectorSnapshot:
    """Construct the connector and ask it everything."""
    module, _, attribute = class_path.partition(":")
    try:
        connector = getattr(importlib.import_module(module), attribute)(**options)
    except (ImportError, AttributeError, TypeError) as error:
        return ConnectorSnapshot(name, class_path, missing=(str(error),))
    capabilities = tuple(sorted(connector.capabilities()))
    return ConnectorSnapshot(
        name=name,
        class_path=class_path,
        capabilities=capabilities,
        objects=tuple(sorted(connector.inventory())),
        health=connector.health(),
        contract_tests=tuple(sorted(connector.contract_tests())),
        queue=connector.queue_depth() if Capability.PUBLISH in capabilities else None,
        unobserved=(Unobserved("acceptance", "the acceptance suite was not asked for"),),
    )
