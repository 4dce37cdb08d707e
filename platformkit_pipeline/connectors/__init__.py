"""The SDK that authors of connectors import: the interface, delivery of events, and the acceptance suite.

Belongs here: what a connector is made of, and the connectors that ship with the product. Does not belong here: judging what was
observed of a connector (`rules.connector`) and keeping it (`operations`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.connectors.interface import Bench, Connector, StandIn, Turn
from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, HealthStatus, QueueDepth
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.result import Outcome

if TYPE_CHECKING:
    from platformkit_pipeline.connectors.delivery.http import HttpSender
    from platformkit_pipeline.connectors.delivery.retry import RetryPolicy
    from platformkit_pipeline.connectors.event_connector import EventConnector
    from platformkit_pipeline.connectors.http_probe import health_by_get

_LOADED_WHEN_USED = {
    "EventConnector": "event_connector",
    "HttpSender": "delivery.http",
    "RetryPolicy": "delivery.retry",
    "health_by_get": "http_probe",
}
"""They bring an HTTP client along, which whoever only looks at interfaces need not load."""

__all__ = [
    "Bench",
    "Capability",
    "Connector",
    "ConnectorObject",
    "ContractTestResult",
    "DeliveryFailed",
    "DeliveryRefused",
    "Event",
    "EventConnector",
    "Health",
    "HealthStatus",
    "HttpSender",
    "Outcome",
    "QueueDepth",
    "RetryPolicy",
    "StandIn",
    "Turn",
    "health_by_get",
]


def __getattr__(name: str) -> Any:
    if name not in _LOADED_WHEN_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LOADED_WHEN_USED[name]}"), name)
