"""Requests of a contract end within their time and size, whatever the service does."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from platformkit_pipeline.parity.api.exchange import Ask, Service, Unanswered

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def _serve(server: socket.socket, *parts: bytes, pause: float = 0.0) -> Service:
    """A service that sends `parts` with pauses between them to whoever connects, and then closes."""

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    for part in parts:
                        connection.sendall(part)
                        time.sleep(pause)

    threading.Thread(target=run, daemon=True).start()
    return Service(f"http://127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize(
    ("parts", "pause", "told"),
    [
        (tuple(bytes([b]) for b in _HEAD * 20), 0.05, "within 0.5 s"),
        ((_HEAD + b"Content-Length: 900\r\n\r\n", *[b"x"] * 900), 0.05, "within 0.5 s"),
        ((_HEAD + b"Content-Length: 9\r\n\r\n", b"x"), 0, "broke off"),
        ((b"no HTTP at all\r\n\r\n",), 0, "is not HTTP"),
        ((_HEAD + b"\r\n" + b"x" * 3_000_000,), 0, "larger than 1 MB"),
        ((), 0, "broke off"),
    ],
    ids=["slow head", "slow body", "cut", "no http", "large", "silence"],
)
def test_an_answer_that_does_not_come_whole_in_time_is_none(
    listener: socket.socket, parts: tuple[bytes, ...], pause: float, told: str
) -> None:
    with _serve(listener, *parts, pause=pause) as service, pytest.raises(Unanswered, match=told):
        service.ask(Ask("GET", "/x"), largest=1_000_000, seconds=0.5 if pause else 60)


def test_a_service_can_be_asked_again_after_one_answer_took_too_long(listener: socket.socket) -> None:
    with _serve(listener, *(bytes([b]) for b in _HEAD), pause=0.05) as service:
        for _ in range(2):
            with pytest.raises(Unanswered, match=r"within 0\.2 s"):
                service.ask(Ask("GET", "/x"), seconds=0.2)


@pytest.mark.parametrize("path", ["@elsewhere.invalid/x", ".elsewhere.invalid/x", ":1/x"])
def test_no_path_leads_to_another_host(listener: socket.socket, path: str) -> None:
    with _serve(listener) as service, pytest.raises(Unanswered):
        service.ask(Ask("GET", path))


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "2852039166", "0xa9fea9fe", "[fe80::1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"]
)
def test_no_contract_makes_the_pipeline_ask_a_cloud_for_its_own_secrets(host: str) -> None:
    with Service(f"http://{host}") as service, pytest.raises(Unanswered, match="is not asked"):
        service.ask(Ask("GET", "/latest/meta-data/"), seconds=0.5)
