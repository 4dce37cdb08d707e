"""An endpoint that Prometheus scrapes: `GET /metrics`, read from `ops` at every request."""

from __future__ import annotations

import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.errors import ConfigurationError, PlatformkitError
from platformkit_pipeline.reporting.prometheus import CONTENT_TYPE

_log = get_logger("operations.serve_metrics")

_LONGEST_REQUEST_SECONDS = 30


class _Server(ThreadingHTTPServer):
    """Whoever hangs up in the middle, or a fault of ours, is one line in the log: a traceback can carry what nobody may read."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        kind = sys.exc_info()[0]
        if kind is not None and issubclass(kind, OSError):
            _log.debug("request was given up", reason=kind.__name__)
        else:
            _log.error("request failed", reason=f"unexpected {kind.__name__}" if kind else "unknown")


def metrics_server(host: str, port: int, text: Callable[[], str]) -> ThreadingHTTPServer:
    """A server that answers with `text()`; the caller serves and closes it. Port 0 takes a free one.

    Where `text` raises a PlatformkitError the answer is 503: a scrape that failed is seen, old figures would not be.
    Raises ConfigurationError when it cannot listen there.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _LONGEST_REQUEST_SECONDS
        server_version = "platformkit"
        sys_version = ""

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", "metrics are at /metrics\n")
                return
            try:
                body = text()
            except PlatformkitError as error:
                _log.error("metrics cannot be read", reason=error)
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", "the control plane cannot be read; see the log\n")
                return
            except Exception as error:  # a fault of ours is an answer, too: a scrape that hangs up looks like a network that is down
                _log.error("metrics cannot be told", reason=error)
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", "a fault of platformkit; see the log\n")
                return
            self._answer(HTTPStatus.OK, CONTENT_TYPE, body)

        do_HEAD = do_GET

        def _answer(self, status: HTTPStatus, content_type: str, body: str) -> None:
            data = body.encode("utf-8", errors="backslashreplace")
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            _log.debug("request answered", request=format % args)

    try:
        return _Server((host, port), Handler)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with --serve or --host") from None
