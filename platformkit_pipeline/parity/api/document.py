"""What stands in an API contract file, `contracts/api/*.yaml`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.settings import VariableName
from platformkit_pipeline.parity.api.breaking import Kind

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HTTP_URL = re.compile(r"https?://[^\s/@?#]+(?:/[^\s@?#]*)?\Z")
RESERVED_HEADERS = frozenset({"apikey", "authorization", "host", "cookie", "accept-encoding", "content-length", "transfer-encoding"})


def _path(value: str) -> str:
    if not value.startswith("/") or any(c.isspace() or ord(c) < 0x20 or c == "#" for c in value):
        raise ValueError("expected a path below the base URL that begins with /, such as /orders?limit=5")
    return value


def _url(value: str) -> str:
    if not _HTTP_URL.match(value):
        raise ValueError("expected an http(s) URL without a login and a query")
    return value


ApiPath = Annotated[str, AfterValidator(_path)]
ApiUrl = Annotated[str, AfterValidator(_url)]
Text = Annotated[str, Field(min_length=1, max_length=300)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Live(_Part):
    """Where the service publishes its document."""

    path: ApiPath = "/"
    """Below the base URL."""
    key_env: VariableName | None = None
    """Variable with a secret key for this one request: the platform shows its document to no other since March 2026."""
    severity: Severity = Severity.HIGH


class Allowance(_Part):
    """A breaking change that the owners know of and accept."""

    kind: Kind
    at: Text
    """As reported: `GET /orders: response 200 application/json [].total`; for an operation as a whole without a place."""
    reason: Text


class BreakingChanges(_Part):
    enabled: bool = True
    severities: dict[Kind, Severity] = Field(default_factory=dict)
    """In place of the usual severity of a kind."""
    allowed: tuple[Allowance, ...] = ()


class Bearer(_Part):
    """A signed-in caller."""

    bearer_env: VariableName
    """Variable with the token of a user of this test. It is sent to the project's own Data API; to any other host only
    where its name begins with CONTRACT_, so that no contract file can send other secrets away."""


class Expected(_Part):
    status: int | tuple[int, ...] = 200
    headers: dict[str, str] = Field(default_factory=dict)
    """Name → value; `*` for any."""
    latency_ms: Annotated[int, Field(gt=0)] | None = None
    """Longest time from the request to the last byte of the answer."""
    document: bool = True
    """The answer keeps to the promised document: media type and schema of its status."""
    partial: bool = False
    """Properties may be missing, because the request asks for some columns only."""

    @property
    def statuses(self) -> tuple[int, ...]:
        return (self.status,) if isinstance(self.status, int) else self.status


class Request(_Part):
    """One declared sample request."""

    name: Text
    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: ApiPath
    caller: Literal["anon"] | Bearer = Field(default="anon", alias="as")
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    """Sent as JSON."""
    expect: Expected = Expected()
    severity: Severity = Severity.HIGH

    @field_validator("headers")
    @classmethod
    def _no_credentials(cls, value: dict[str, str]) -> dict[str, str]:
        for name, content in value.items():
            if name.lower() in RESERVED_HEADERS or not re.fullmatch(r"[A-Za-z0-9-]{1,100}", name) or not content.isprintable():
                raise ValueError("headers are plain ones; keys and tokens come from `as` and the settings")
        return value


class Generated(_Part):
    """Requests made up from the promised document, within a budget."""

    examples: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Requests at most, over all operations."""
    seconds: Annotated[float, Field(gt=0, le=600)] = 30
    seed: int = 1
    """The same seed makes the same requests from the same document."""
    caller: Literal["anon"] | Bearer = Field(default="anon", alias="as")
    unsafe_methods: bool = False
    """Methods that change rows too, where the project's settings allow it."""
    severity: Severity = Severity.HIGH


class ApiContract(_Part):
    """One API, as promised to those who call it."""

    name: Text | None = None
    description: str | None = None
    owners: tuple[Text, ...] = ()
    version: Text | None = None
    openapi: Text | dict[str, Any] | None = None
    """Path of the promised document, relative to this file; or the document itself."""
    base_url: ApiUrl | None = None
    """What the document's paths and those of `requests` are below; by default `/rest/v1` of the project's Data API."""
    live: Live = Live()
    breaking_changes: BreakingChanges = BreakingChanges()
    requests: tuple[Request, ...] = ()
    generated: Generated | None = None

    @model_validator(mode="after")
    def _names_and_needs(self) -> ApiContract:
        names = [request.name for request in self.requests]
        if len(set(names)) < len(names):
            raise ValueError("two requests have the same name; results are told by it")
        if self.openapi is None and self.generated is not None:
            raise ValueError("generated requests are made from a promised document: give `openapi`")
        if self.openapi is None and not self.requests:
            raise ValueError("promises nothing: give `openapi`, `requests` or both")
        return self


DOCUMENT = ApiContract
"""What a file of this dimension is read as."""
