"""One request to a live service and its answer: to the declared host only, bounded in size and time, redirects not followed."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from platformkit_pipeline import __version__
from platformkit_pipeline.introspection.github.exchange import same_host

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
MAX_ANSWER_BYTES = 5_000_000
_METADATA = frozenset({ip_address("fd00:ec2::254"), ip_address("100.100.100.200"), ip_address("168.63.129.16")})
"""Where clouds answer a machine about itself, beside the link-local addresses."""
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Unanswered(Exception):
    """There is no answer to judge; the message is the rest of a sentence, without addresses' queries, keys and content."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    seconds: float
    """From the request to the last byte."""

    @property
    def media(self) -> str:
        return self.headers.get("content-type", "")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request below the base URL."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = None


class Service:
    """A live service at its base URL. Used as a context manager: connections are kept for all requests of a contract."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        host = urlsplit(self.base_url).hostname or ""
        self.host = host
        self._http = self._client()

    def _client(self) -> httpx.Client:
        return httpx.Client(follow_redirects=False, trust_env=self.host not in _LOCAL)

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def in_the_clear(self) -> bool:
        """Whether a key would travel without TLS beyond this machine."""
        return self.base_url.startswith("http://") and self.host not in _LOCAL

    def ask(self, ask: Ask, *, largest: int = MAX_ANSWER_BYTES, seconds: float = ANSWER_SECONDS) -> Answer:
        """Raises Unanswered. A redirect is an answer: it is never followed."""
        url = self.base_url + ask.path
        if not same_host(self.base_url, url):
            raise Unanswered("the path leads to another host")
        if _is_metadata(self.host):
            raise Unanswered(f"{self.host} is where a cloud tells a machine its own secrets: it is not asked")
        # a compressed answer unfolds to any size
        headers = {"Accept-Encoding": "identity", "User-Agent": f"platformkit/{__version__}", **ask.headers}
        if self._http.is_closed:
            self._http = self._client()
        start = time.monotonic()
        until = start + seconds
        content = bytearray()
        # a head that comes byte by byte keeps every single read within its time
        watch = threading.Timer(seconds + 1, self._http.close)
        watch.daemon = True
        watch.start()
        try:
            timeout = httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
            with self._http.stream(ask.method, url, headers=headers, content=ask.content, timeout=timeout) as response:
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise Unanswered("the answer is compressed though none was asked for")
                for part in response.iter_raw():
                    content += part
                    if len(content) > largest:
                        raise Unanswered(f"the answer is larger than {largest // 1_000_000} MB")
                    if time.monotonic() > until:
                        raise Unanswered(f"the answer did not end within {seconds:g} s")
                headers_told = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, headers_told, bytes(content), time.monotonic() - start)
        except httpx.TimeoutException:
            raise Unanswered(f"{self.host} gave no answer within {seconds:g} s") from None
        except httpx.RemoteProtocolError:
            raise Unanswered(f"the answer of {self.host} broke off or is not HTTP") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError, RuntimeError) as error:
            if time.monotonic() > until:
                raise Unanswered(f"{self.host} gave no answer within {seconds:g} s") from None
            raise Unanswered(f"{self.host} cannot be reached ({type(error).__name__})") from None
        finally:
            watch.cancel()


def _is_metadata(host: str) -> bool:
    """Whether the host is, or is a name of, a link-local address or one of a metadata service. A contract may name any host."""
    try:
        found = {ip_address(str(entry[4][0]).partition("%")[0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError, ValueError):
        return False  # it cannot be reached either
    plain = {getattr(address, "ipv4_mapped", None) or address for address in found}
    return any(address.is_link_local or address in _METADATA for address in plain)


def as_json(value: Any) -> tuple[bytes, dict[str, str]]:
    """A body and its header."""
    return json.dumps(value).encode(), {"Content-Type": "application/json"}
