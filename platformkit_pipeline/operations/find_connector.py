"""Which connector a name stands for: an entry of the settings, a class path, or a connector that a distribution offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platformkit_pipeline.connectors.discovery import Offered, offered_connectors
from platformkit_pipeline.connectors.registration import interface_of, register
from platformkit_pipeline.model.connector import Capability
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.settings import Settings


@dataclass(frozen=True, slots=True)
class ConnectorSubject:
    """A connector by its class, and the options that it is constructed with."""

    name: str
    class_path: str
    options: Mapping[str, Any]
    source: str
    """Where the name comes from: settings, entry point of a distribution, or class path."""


@dataclass(frozen=True, slots=True)
class ListedConnector:
    """A connector, and what registration says of it. `registered` None: it was not constructed, for want of options."""

    subject: ConnectorSubject
    registered: bool | None
    capabilities: tuple[Capability, ...] = ()
    missing: tuple[str, ...] = ()


def find_connector(name: str, settings: Settings | None, options: Mapping[str, Any]) -> ConnectorSubject:
    """`options` are added to those of the settings, and win. Raises ConfigurationError for a name that stands for nothing."""
    if ":" in name:
        return ConnectorSubject(name, name, options, "class path")
    for entry in settings.connectors if settings else ():
        if entry.name == name:
            return ConnectorSubject(name, entry.class_path, {**entry.options, **options}, "settings")
    offered = {offer.name: offer for offer in offered_connectors()}
    if name not in offered:
        known = sorted({*offered, *(entry.name for entry in (settings.connectors if settings else ()))})
        raise ConfigurationError(
            f"there is no connector {name!r}; there are {', '.join(known) or 'none'}, or give package.module:ClassName"
        )
    if fault := offered[name].fault:
        raise ConfigurationError(f"the connector {name}: {fault}")
    return ConnectorSubject(name, offered[name].class_path, options, _source(offered[name]))


def list_connectors(settings: Settings | None) -> tuple[ListedConnector, ...]:
    """Those of the settings, registered with their options, then those on offer, whose interface is looked at. Contacts nobody."""
    return (
        *(
            _registered(ConnectorSubject(entry.name, entry.class_path, entry.options, "settings"))
            for entry in sorted(settings.connectors if settings else (), key=lambda entry: entry.name)
        ),
        *(_on_offer(offer) for offer in offered_connectors()),
    )


def _registered(subject: ConnectorSubject) -> ListedConnector:
    registration = register(subject.class_path, subject.options)
    return ListedConnector(subject, not registration.missing, registration.capabilities, registration.missing)


def _on_offer(offer: Offered) -> ListedConnector:
    subject = ConnectorSubject(offer.name, offer.class_path, {}, _source(offer))
    if offer.fault:
        return ListedConnector(subject, False, missing=(offer.fault,))
    missing = interface_of(offer.class_path)
    return ListedConnector(subject, False if missing else None, missing=missing)


def _source(offer: Offered) -> str:
    return f"entry point of {offer.distribution or 'an unknown distribution'}"
