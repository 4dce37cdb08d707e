"""HTTP within a deadline: httpx bounds each wait, so that whoever sends a byte now and then could hold a client for hours."""

from __future__ import annotations

import math
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx


class _Deadline(threading.local):
    """Moment of the monotonic clock at which the exchange of this thread is over."""

    end: float = math.inf

    def left(self, timeout: float | None) -> float:
        """Seconds for one more wait; raises ReadTimeout where there are none."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the exchange takes too long")
        return left if timeout is None else min(timeout, left)


class BoundedTransport(httpx.HTTPTransport):
    """Ends what takes longer than `until` allows, wherever it is: connecting, TLS, sending, the head of the answer, its body.

    Looking up a host's name is the one thing that nothing bounds.
    """

    def __init__(self) -> None:
        super().__init__()
        self._deadline = _Deadline()
        self._pool.close()
        self._pool = httpcore.ConnectionPool(ssl_context=httpx.create_ssl_context(), network_backend=_Backend(self._deadline))

    def until(self, end: float) -> None:
        """From now on, for requests of the calling thread."""
        self._deadline.end = end


class _Backend(httpcore.NetworkBackend):
    def __init__(self, deadline: _Deadline) -> None:
        self._deadline, self._real = deadline, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        return _Stream(self._real.connect_tcp(host, port, left, local_address, socket_options), self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, real: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._real, self._deadline = real, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._real.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._real.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._real.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._real.start_tls(ssl_context, server_hostname, self._deadline.left(timeout)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._real.get_extra_info(info)
