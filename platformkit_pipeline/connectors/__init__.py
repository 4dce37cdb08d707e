"""The SDK that authors of connectors import: the interface, delivery of events, and the acceptance suite.

Belongs here: what a connector is made of, and the connectors that ship with the product. Does not belong here: judging what was
observed of a connector (`rules.connector`) and keeping it (`operations`).
"""

from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.connectors.interface import Bench, Connector, StandIn, Turn
from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, HealthStatus, QueueDepth
from platformkit_pipeline.model.event import Event

__all__ = [
    "Bench",
    "Capability",
    "Connector",
    "ConnectorObject",
    "ContractTestResult",
    "DeliveryFailed",
    "DeliveryRefused",
    "Event",
    "Health",
    "HealthStatus",
    "QueueDepth",
    "StandIn",
    "Turn",
]
