"""The client of the management API, against a stand-in that speaks real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from platformkit_pipeline.introspection.supabase_platform import ADDRESS_VARIABLE, PlatformUnavailable, endpoint_latencies
from platformkit_pipeline.introspection.web_api import Pauses
from platformkit_pipeline.model.activity import EndpointLatency
from platformkit_pipeline.model.target import ManagementApiAccess
from platformkit_pipeline.sandbox.management_api import PROJECT, TOKEN, Fault, ManagementApi, serve_management_api

ACCESS = ManagementApiAccess(PROJECT, "SUPABASE_ACCESS_TOKEN")
NOON = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)


@pytest.fixture
def api() -> Iterator[ManagementApi]:
    with serve_management_api() as served:
        yield served


def asked(api: ManagementApi, access: ManagementApiAccess = ACCESS, **environment: str) -> tuple[tuple[EndpointLatency, ...], list[float]]:
    slept: list[float] = []
    variables = {"SUPABASE_ACCESS_TOKEN": TOKEN, ADDRESS_VARIABLE: api.address} | environment
    return endpoint_latencies(access, environment=variables, pauses=Pauses(slept.append, lambda: NOON)), slept


def request(milliseconds: float, requests: int = 1, path: str = "/rest/v1/orders", **more: Any) -> dict[str, Any]:
    return {"method": "GET", "path": path, "status": 200, "milliseconds": milliseconds, "requests": requests, **more}


def test_percentiles_are_per_method_and_path(api: ManagementApi) -> None:
    api.log([request(100, 95), request(900, 5), request(20, 50, method="POST"), request(20, 19, path="/rest/v1/rare")])
    endpoints, _ = asked(api)
    assert endpoints == (
        EndpointLatency("GET", "/rest/v1/orders", 100, 140, 900),
        EndpointLatency("POST", "/rest/v1/orders", 50, 20, 20),
    )


def test_transfers_and_open_connections_are_no_latencies(api: ManagementApi) -> None:
    api.log([request(9000, 50, path="/storage/v1/object/a.png"), request(9000, 50, path="/realtime/v1/websocket")])
    assert asked(api)[0] == ()


def test_the_window_is_a_day_that_ends_on_the_hour(api: ManagementApi) -> None:
    asked(api)
    [parameters] = api.asked
    assert (parameters["iso_timestamp_start"], parameters["iso_timestamp_end"]) == ("2026-11-19T12:00:00Z", "2026-11-20T12:00:00Z")


def test_a_busy_api_is_asked_again_after_the_pause_it_asks_for(api: ManagementApi) -> None:
    api.faults = [Fault(429, {"Retry-After": "7"}), Fault(503), Fault(429, {"Retry-After": "Fri, 20 Nov 2026 12:35:01 GMT"})]
    assert asked(api) == ((), [7.0, 4.0, 5.0])


def test_a_broken_api_is_given_up(api: ManagementApi) -> None:
    api.faults = [Fault(502)] * 9
    with pytest.raises(PlatformUnavailable, match="status 502; scan again later"):
        asked(api)
    assert len(api.faults) == 5


def test_nobody_waits_for_an_hour(api: ManagementApi) -> None:
    api.faults = [Fault(429, {"Retry-After": "3600"})] * 9
    with pytest.raises(PlatformUnavailable, match="429"):
        asked(api)
    assert len(api.faults) == 8


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault(401), r"does not accept the access token \(401\)"),
        (Fault(402), "plan does not include"),
        (Fault(403), "needs the permission analytics_logs_read"),
        (Fault(404), "knows no such project"),
        (Fault(302, {"Location": "http://127.0.0.1:9/"}), "status 302"),
        (Fault(200, body="<html>"), "no JSON"),
        (Fault(200, body="[]"), "could not run the query"),
        (Fault(200, body='{"result": [], "error": "no"}'), "could not run the query"),
        (Fault(200, body='{"result": [{"method": 1}]}'), "another shape"),
        (Fault(200, body='{"result": [{"method": "GET", "path": "/", "requests": 1, "p95_ms": "nan", "p99_ms": 1}]}'), "another shape"),
    ],
    ids=lambda v: v if isinstance(v, str) else str(v.status),
)
def test_what_cannot_be_used_is_said_without_the_token(api: ManagementApi, fault: Fault, sentence: str) -> None:
    api.faults = [fault]
    with pytest.raises(PlatformUnavailable, match=sentence) as caught:
        asked(api)
    assert TOKEN not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


def test_a_wrong_token_and_an_unknown_project_are_told_apart(api: ManagementApi) -> None:
    with pytest.raises(PlatformUnavailable, match="401"):
        asked(api, SUPABASE_ACCESS_TOKEN="sbp_another")
    with pytest.raises(PlatformUnavailable, match="404"):
        asked(api, ManagementApiAccess("other", "SUPABASE_ACCESS_TOKEN"))


def test_nothing_is_sent_without_a_token_or_in_the_clear(api: ManagementApi) -> None:
    with pytest.raises(PlatformUnavailable, match="SUPABASE_ACCESS_TOKEN is not set"):
        asked(api, SUPABASE_ACCESS_TOKEN=" ")
    with pytest.raises(PlatformUnavailable, match="no access token"):
        asked(api, SUPABASE_ACCESS_TOKEN="sbp_a\nb")
    with pytest.raises(PlatformUnavailable, match="must be an https address"):
        asked(api, PLATFORMKIT_MANAGEMENT_API_URL="http://api.example.test")
    with pytest.raises(PlatformUnavailable, match="project_ref"):
        asked(api, ManagementApiAccess("../admin", "SUPABASE_ACCESS_TOKEN"))


def test_an_address_where_nobody_listens_is_no_answer(api: ManagementApi) -> None:
    with pytest.raises(PlatformUnavailable, match=r"no answer from the management API \(ConnectError\)"):
        asked(api, PLATFORMKIT_MANAGEMENT_API_URL="http://127.0.0.1:9")
