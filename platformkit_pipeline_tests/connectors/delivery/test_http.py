"""Delivery over real HTTP, to a service that misbehaves to order."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from platformkit_pipeline.connectors.delivery.http import HttpSender
from platformkit_pipeline.connectors.delivery.wire import event_of
from platformkit_pipeline.connectors.errors import DeliveryFailed, DeliveryRefused
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.sandbox.webhooks import Answer, Webhooks, serve_webhooks
from platformkit_pipeline_tests.connectors.delivery.conftest import event

HOOK = "/hooks/very-secret-path?token=very-secret-token"


@pytest.fixture(scope="module")
def service() -> Iterator[Webhooks]:
    with serve_webhooks() as webhooks:
        yield webhooks


@pytest.fixture
def sender(service: Webhooks) -> Iterator[HttpSender]:
    made = HttpSender(service.address + HOOK, {"Authorization": "Bearer very-secret-bearer"}, timeout_seconds=5)
    yield made
    made.close()


def test_an_event_arrives_whole_with_its_idempotency_key(service: Webhooks, sender: HttpSender) -> None:
    sent = event("a", 7, text="ä 漢")
    sender(sent)
    post = service.taken(HOOK)[-1]
    assert event_of(json.dumps(post.document)) == sent
    assert (post.headers["idempotency-key"], post.headers["delivery-attempt"]) == (sent.id, "1")
    assert post.headers["authorization"] == "Bearer very-secret-bearer"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_these_answers_mean_try_again(service: Webhooks, sender: HttpSender, status: int) -> None:
    service.order(HOOK, Answer(status))
    with pytest.raises(DeliveryFailed, match=f"answered {status}") as raised:
        sender(event())
    assert raised.value.retry_after_seconds is None


@pytest.mark.parametrize("status", [301, 304, 400, 401, 403, 404, 409, 410, 422])
def test_these_answers_mean_never_again(service: Webhooks, sender: HttpSender, status: int) -> None:
    service.order(HOOK, Answer(status, {"Location": "/elsewhere"}, body="" if status == 304 else "no"))
    with pytest.raises(DeliveryRefused, match=f"answered {status}"):
        sender(event())


def test_retry_after_is_read_as_seconds_and_as_a_date(service: Webhooks, sender: HttpSender) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    service.order(HOOK, Answer(429, {"Retry-After": "17"}), Answer(503, {"Retry-After": later}), Answer(503, {"Retry-After": "soon"}))
    asked = []
    for _ in range(3):
        with pytest.raises(DeliveryFailed) as raised:
            sender(event())
        asked.append(raised.value.retry_after_seconds)
    assert asked[0] == 17
    assert asked[1] is not None
    assert 50 < asked[1] <= 100
    assert asked[2] is None


def test_neither_errors_nor_logs_show_the_url_or_the_token(service: Webhooks, sender: HttpSender, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    service.order(HOOK, Answer(404, body=f"no such hook {HOOK}, you said Bearer very-secret-bearer" + "x" * 100_000))
    with pytest.raises(DeliveryRefused) as refused:
        sender(event())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        unreachable = HttpSender(f"http://127.0.0.1:{taken.getsockname()[1]}{HOOK}", timeout_seconds=1)
        with pytest.raises(DeliveryFailed, match="no answer") as failed:
            unreachable(event())
    for text in (str(refused.value), repr(failed.value), str(failed.value.__cause__), caplog.text):
        assert "very-secret" not in text
    assert str(refused.value).startswith("answered 404: no such hook")
    assert len(str(refused.value)) < 250
    assert failed.value.__suppress_context__


def test_a_destination_that_is_slow_or_drips_counts_as_failed(service: Webhooks) -> None:
    service.order("/slow", Answer(delay_seconds=0.5), Answer(body="x" * 20, drip_seconds=0.05))
    impatient = HttpSender(service.address + "/slow", timeout_seconds=0.2)
    for _ in range(2):
        with pytest.raises(DeliveryFailed, match="ReadTimeout"):
            impatient(event())
    impatient.close()


@contextmanager
def answering(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    """The address of a service that sends these parts to whoever connects, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, suppress(OSError):
                        connection.recv(65_536)
                        for part in parts:
                            connection.sendall(part)
                            time.sleep(pause)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
        listening.shutdown(socket.SHUT_RDWR)


def test_a_head_that_comes_line_by_line_without_end_ends_the_attempt() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n", *(f"X-{n}: x\r\n".encode() for n in range(100)), pause=0.1) as url:
        impatient = HttpSender(url, timeout_seconds=0.5)
        began = time.monotonic()
        with pytest.raises(DeliveryFailed, match="ReadTimeout"):
            impatient(event())
        impatient.close()
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(("status", "error"), [(200, None), (503, DeliveryFailed), (400, DeliveryRefused)])
def test_an_answer_that_breaks_off_means_what_its_status_says(status: int, error: type[Exception] | None) -> None:
    with answering(f"HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\nso far".encode()) as url:
        sender = HttpSender(url, timeout_seconds=5)
        if error is None:
            sender(event())
        else:
            with pytest.raises(error, match=f"answered {status}: so far"):
                sender(event())
        sender.close()


@pytest.mark.parametrize("url", ["", "ftp://host/very-secret", "http://", "very-secret", "http://host:port/very-secret"])
def test_what_is_no_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        HttpSender(url)
    assert "very-secret" not in str(raised.value)


@pytest.mark.parametrize(
    "body", ["[]", "{}", '{"id": 1}', "nonsense", '{"id": "x", "aggregatetype": "a", "aggregateid": "b", "type": "c"}']
)
def test_a_body_that_is_no_event_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"not an event|Expecting|badly formed"):
        event_of(body)


@pytest.mark.parametrize("secret", ["very-secret-bearer", "very-secret-token", "very-secret-path"])
def test_an_answer_that_repeats_a_part_of_a_secret_tells_nothing(service: Webhooks, sender: HttpSender, secret: str) -> None:
    service.order(HOOK, Answer(401, body=f"unknown: {secret}"))
    with pytest.raises(DeliveryRefused) as raised:
        sender(event())
    assert str(raised.value) == "answered 401: unknown: ***"
