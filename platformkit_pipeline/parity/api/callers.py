"""As whom a request is sent: headers with the project's publishable key and a user's token, and to whom they may be shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from platformkit_pipeline.introspection.github.exchange import same_host
from platformkit_pipeline.introspection.web_api import token_of
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.parity.api.document import Bearer
from platformkit_pipeline.parity.api.exchange import Service
from platformkit_pipeline.parity.surroundings import DataApiAccess

_MAY_TRAVEL = "CONTRACT_"


class Refused(Exception):
    """Credentials are not there or may not be sent; the message says which variable, never what is in it."""


@dataclass(frozen=True, slots=True)
class Callers:
    """Credentials of one contract. A contract file names variables; only the settings say where the project is."""

    service: Service
    data_api: DataApiAccess | None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def own(self) -> bool:
        """Whether the service is the project's own Data API."""
        return self.data_api is not None and same_host(self.data_api.url, self.service.base_url)

    def headers(self, caller: str | Bearer, *, key_env: str | None = None) -> dict[str, str]:
        """Raises Refused."""
        found: dict[str, str] = {}
        key = self._secret(key_env) if key_env else self.data_api.key if self.own and self.data_api else None
        if key:
            found["apikey"] = key
        if isinstance(caller, Bearer):
            found["Authorization"] = f"Bearer {self._secret(caller.bearer_env)}"
        if found and self.service.in_the_clear:
            raise Refused("the key would travel in the clear: the base URL must be https")
        return found

    def _secret(self, variable: str) -> str:
        if not self.own and not variable.startswith(_MAY_TRAVEL):
            raise Refused(f"{variable} is not sent to {self.service.host}: that is not the project's Data API; name it {_MAY_TRAVEL}…")
        try:
            return token_of(variable, self.environment, ObservationError, "this contract")
        except ObservationError as error:
            raise Refused(str(error)) from None
