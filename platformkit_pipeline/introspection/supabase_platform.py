"""The Supabase management API, as far as observation needs it: latencies of a project's endpoints from its logs.

`GET /v1/projects/{ref}/analytics/endpoints/logs` takes ClickHouse SQL over the unified `logs` table and a window of at
most 24 hours; the token needs the permission `analytics_logs_read` (its predecessor `logs.all` was removed in September
2026). The token comes from the environment and stands in no message, log or exception.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

import httpx

from platformkit_pipeline import __version__
from platformkit_pipeline.introspection.web_api import REAL_TIME, Pauses, address_of, retry_after, token_of
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.activity import EndpointLatency
from platformkit_pipeline.model.errors import ObservationError
from platformkit_pipeline.model.target import ManagementApiAccess

ADDRESS = "https://api.supabase.com"
ADDRESS_VARIABLE = "PLATFORMKIT_MANAGEMENT_API_URL"
"""Another address of the API, for a proxy or a stand-in. Without TLS only on the machine itself."""

WINDOW = timedelta(hours=24)
ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_LARGEST_ANSWER = 5_000_000
_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_TEMPORARY = frozenset({429, 500, 502, 503, 504, 520, 522, 524, 544})

log = get_logger("introspection.supabase_platform")


class PlatformUnavailable(ObservationError):
    """The management API gave no answer that can be used; the message says why and who can do what."""


def endpoint_latencies(
    access: ManagementApiAccess, *, environment: Mapping[str, str] = os.environ, pauses: Pauses = REAL_TIME
) -> tuple[EndpointLatency, ...]:
    """Endpoints with enough requests in the 24 hours before the current one, by path and method.

    The window ends on the hour, so that scans within an hour see the same requests. Raises PlatformUnavailable.
    """
    token = token_of(access.token_env, environment, PlatformUnavailable, "the management API")
    if not _REFERENCE.match(access.project_ref):
        raise PlatformUnavailable("project_ref is not the reference of a project: letters and digits, as in the dashboard's address")
    end = pauses.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    parameters = {
        "sql": read_sql("activity/endpoints.sql"),
        "iso_timestamp_start": (end - WINDOW).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "iso_timestamp_end": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    path = f"/v1/projects/{access.project_ref}/analytics/endpoints/logs"
    address = address_of(ADDRESS_VARIABLE, environment, PlatformUnavailable, ADDRESS)
    document = _get(address, path, parameters, token, pauses)
    return tuple(sorted(_latencies(document), key=lambda e: (e.path, e.method)))


def _get(address: str, path: str, parameters: dict[str, str], token: str, pauses: Pauses) -> Any:
    """One GET, again after a pause where the answer may be better next time."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": f"platformkit/{__version__}"}
    why = ""
    with httpx.Client(base_url=address, headers=headers, timeout=_TIMEOUT, follow_redirects=False) as client:
        for attempt in range(1, ATTEMPTS + 1):
            pause = min(_FIRST_PAUSE_SECONDS * 4 ** (attempt - 1), _LONGEST_PAUSE_SECONDS)
            try:
                response = client.get(path, params=parameters)
            except httpx.HTTPError as error:
                why = f"no answer from the management API ({type(error).__name__})"
            else:
                if response.status_code not in _TEMPORARY:
                    return _document(response)
                why = _refusal(response)
                pause = retry_after(response.headers.get("Retry-After", ""), pauses.now()) or pause
            if attempt == ATTEMPTS or pause > _LONGEST_PAUSE_SECONDS:
                break
            log.info("management API asked again", attempt=attempt, why=why, pause_seconds=pause)
            pauses.sleep(pause)
    raise PlatformUnavailable(f"{why}; scan again later")


def _document(response: httpx.Response) -> Any:
    if response.status_code != httpx.codes.OK:
        raise PlatformUnavailable(_refusal(response))
    if len(response.content) > _LARGEST_ANSWER:
        raise PlatformUnavailable("the management API sent more than was asked for")
    try:
        return response.json()
    except ValueError:
        raise PlatformUnavailable("the management API sent something that is no JSON") from None


def _refusal(response: httpx.Response) -> str:
    """What a status means, and who can do what. The body is not repeated: it may echo what was sent."""
    match response.status_code:
        case 401:
            return "the management API does not accept the access token (401): it is wrong, revoked or expired; make a new one"
        case 402:
            return "the organisation's plan does not include this (402)"
        case 403:
            return "the access token may not read this project's logs (403): it needs the permission analytics_logs_read"
        case 404:
            return "the management API knows no such project (404): check project_ref, and whose token it is"
        case 429:
            return "the management API refuses more requests for now (429)"
        case code:
            return f"the management API answered with status {code}"


def _latencies(document: Any) -> list[EndpointLatency]:
    if not isinstance(document, dict) or document.get("error"):
        raise PlatformUnavailable("the management API could not run the query over the logs")
    try:
        return [
            EndpointLatency(
                method=str(row["method"]),
                path=str(row["path"]),
                requests=int(row["requests"]),
                p95_ms=round(float(row["p95_ms"])),
                p99_ms=round(float(row["p99_ms"])),
            )
            for row in document["result"]
        ]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise PlatformUnavailable("the answer of the management API has another shape than expected") from None
