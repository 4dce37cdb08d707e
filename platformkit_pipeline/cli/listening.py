"""Commands that serve: whom they let in."""

from __future__ import annotations

import ipaddress

from platformkit_pipeline.model.errors import ConfigurationError


def refuse_remote(host: str, *, allow_remote: bool, served: str) -> None:
    """Raises ConfigurationError for an address that others can reach, unless that is wanted. `served` is what has no login."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback and not allow_remote:
        raise ConfigurationError(
            f"--host {host} lets others in, and {served} has no login: put a proxy with one in front and add --allow-remote"
        )
