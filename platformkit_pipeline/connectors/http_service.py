"""A service that describes itself with OpenAPI: what it offers, whether it is up, and events posted to it (clauses 9.1 and 9.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from platformkit_pipeline.connectors import answers
from platformkit_pipeline.connectors.delivery.http import HttpSender
from platformkit_pipeline.connectors.environment import value_of_variable
from platformkit_pipeline.connectors.event_connector import EventConnector
from platformkit_pipeline.connectors.http_probe import check_url, document_by_get, health_by_get
from platformkit_pipeline.connectors.interface import Bench
from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, HealthStatus
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.model.result import Outcome

_METHODS = ("delete", "get", "head", "options", "patch", "post", "put", "trace")
_SEEN_ATTRIBUTES = ("deprecated", "operationId")


class HttpServiceConnector(EventConnector):
    """Options: `url` of the service; `openapi_path`, `health_path` and `events_path` below it; `token_env`, variable with a bearer token.

    With `dsn_env`, the variable with a database that has the delivery tables in `schema`, events are published by POST to
    `events_path` with `Idempotency-Key`; without it the connector looks and publishes nothing.
    """

    def __init__(
        self,
        url: str,
        openapi_path: str = "/openapi.json",
        health_path: str = "/health",
        events_path: str = "/events",
        token_env: str | None = None,
        dsn_env: str | None = None,
        schema: str = "ops",
        timeout_seconds: float = 5.0,
    ) -> None:
        super().__init__(dsn_env=dsn_env or "", schema=schema)
        if not 0 < timeout_seconds <= 25:
            raise ConfigurationError("timeout_seconds must be above 0 and at most 25")
        if bad := [path for path in (openapi_path, health_path, events_path) if not path.startswith("/")]:
            raise ConfigurationError(f"paths begin with a slash, and {', '.join(bad)} does not")
        self._url = check_url(url, "the option url")
        self._openapi_path, self._health_path, self._events_path = openapi_path, health_path, events_path
        self._token_env, self._publishes = token_env, dsn_env is not None
        self._token: str | None = None
        self._timeout_seconds = timeout_seconds

    def use_bench(self, bench: Bench) -> None:
        self._url, self._token = bench.url, bench.token

    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities() if self._publishes else frozenset({Capability.SCHEMA})

    # ---------------------------------------------------------------- clause 9.1

    def inventory(self) -> Iterable[ConnectorObject]:
        """The operations of the document. Raises TargetUnreachable, ObservationError."""
        paths = self.schema().get("paths")
        found = []
        for path, item in sorted((paths if isinstance(paths, Mapping) else {}).items()):
            for method in _METHODS:
                operation = item.get(method) if isinstance(item, Mapping) else None
                if isinstance(operation, Mapping):
                    attributes = {name: operation[name] for name in _SEEN_ATTRIBUTES if name in operation}
                    found.append(ConnectorObject("operation", f"{method.upper()} {path}", attributes))
        return found

    def health(self) -> Health:
        """By GET of `health_path`."""
        try:
            return health_by_get(self._url + self._health_path, self._headers, seconds=self._timeout_seconds)
        except ConfigurationError as error:
            return Health(HealthStatus.DOWN, 0.0, str(error))

    def contract_tests(self) -> Sequence[ContractTestResult]:
        """The document can be read, is OpenAPI, describes operations, and among them those that this connector uses."""
        try:
            document = self.schema()
        except (ObservationError, ConfigurationError) as error:
            return [ContractTestResult("the document can be read", Outcome.UNKNOWN, str(error))]
        faults = "; ".join(answers.schema_faults(document))
        results = [
            ContractTestResult("the document can be read", Outcome.PASS),
            ContractTestResult("the document is OpenAPI", Outcome.FAIL if faults else Outcome.PASS, faults),
        ]
        if not faults:
            described = {item.name for item in self.inventory()}
            used = [f"GET {self._health_path}"] + ([f"POST {self._events_path}"] if self._publishes else [])
            results += [_described(operation, described) for operation in used]
        return results

    def schema(self) -> Mapping[str, Any]:
        """The service's own document. Raises TargetUnreachable, ObservationError."""
        return document_by_get(self._url + self._openapi_path, self._headers, seconds=self._timeout_seconds)

    # ---------------------------------------------------------------- clause 9.2

    def ready_to_send(self) -> None:
        _ = self._sender

    def send(self, event: Event) -> None:
        self._sender(event)

    @cached_property
    def _sender(self) -> HttpSender:
        sender = HttpSender(self._url + self._events_path, self._headers, timeout_seconds=self._timeout_seconds)
        self.on_close.callback(sender.close)
        return sender

    @property
    def _headers(self) -> dict[str, str]:
        if self._token_env is None:
            return {}
        return {"Authorization": f"Bearer {self._token or value_of_variable(self._token_env, 'a token of the service')}"}


def _described(operation: str, described: set[str]) -> ContractTestResult:
    name = f"{operation} is described"
    if operation in described:
        return ContractTestResult(name, Outcome.PASS)
    return ContractTestResult(name, Outcome.FAIL, f"the document describes {len(described)} operations, and not this one, which is used")
