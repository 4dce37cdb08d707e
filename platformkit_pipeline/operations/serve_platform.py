"""Run Dagster's web server and daemon as child processes, and take them down again.

Output of the children goes to files below the home directory, as lines of JSON (see `service_log`). Which URL to print and
what a key press means is decided by the caller.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.control_plane.connection import ADMIN_DATABASE_URL
from platformkit_pipeline.locations import shipped_file
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.operations.gate_client import Instance
from platformkit_pipeline.operations.gate_roads import Road
from platformkit_pipeline.operations.local_platform import make_home
from platformkit_pipeline.operations.service_log import ServiceLog, message_of, secrets_of

_LOAD_SECONDS = 240.0
"""A loaded two-core machine that compiles bytecode first takes that long; a quiet one six seconds."""
_STOP_SECONDS = 20.0
_LAST_WORDS_SECONDS = 2.0
_TAIL_LINES = 15
_REGISTERED_AT_ONCE = 200
_JSON_LOG = ("--log-format", "json")
_PR_SET_PDEATHSIG = 1

_log = get_logger("operations.serve_platform")


class ServiceEnded(ObservationError):
    """A child process ended by itself. The message has the end of its log."""


@dataclass(frozen=True, slots=True)
class _Service:
    name: str
    process: subprocess.Popen[bytes]
    log_path: Path
    log: threading.Thread


@contextlib.contextmanager
def only_server_of(home: Path) -> Iterator[None]:
    """Two daemons on one instance would start everything twice. Raises ConfigurationError when one serves `home` already,
    or `home` cannot be used."""
    make_home(home)
    with (home / "up.lock").open("w") as handle:
        try:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"{home} is being served already; stop that `platformkit up` first, or set PLATFORMKIT_HOME") from None
        yield


def choose_port(host: str, wanted: int) -> int:
    """`wanted`, or a free port for 0. Raises ConfigurationError when it is taken or the host is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise ConfigurationError(f"cannot listen on {host}:{wanted}: {error.strerror}; choose another with --port or --host") from None
        return int(probe.getsockname()[1])


class PlatformServer:
    """The child processes. Use as a context: they are stopped at the end, however it comes."""

    def __init__(self, environment: Mapping[str, str], home: Path, *, host: str, port: int, daemon: bool = True) -> None:
        self._environment = {"PLATFORMKIT_LOG_LEVEL": "INFO", **os.environ, **environment}
        self._environment.pop(ADMIN_DATABASE_URL, None)  # the login that migrates is none of Dagster's business
        self._logs = home / "logs"
        self._host, self._port = host, port
        self._daemon = daemon
        self._services: list[_Service] = []

    @property
    def url(self) -> str:
        """Of the web interface, as seen from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._host, f"[{self._host}]" if ":" in self._host else self._host)  # noqa: S104 - compared with, not bound to
        return f"http://{host}:{self._port}"

    def __enter__(self) -> PlatformServer:
        self._logs.mkdir(parents=True, exist_ok=True)
        workspace = ["-w", str(shipped_file("workspace.yaml"))]
        try:
            self._start("dagster-webserver", ["-m", "dagster_webserver", "-h", self._host, "-p", str(self._port), *_JSON_LOG, *workspace])
            if self._daemon:
                self._start("dagster-daemon", ["-m", "dagster._daemon", "run", *_JSON_LOG, *workspace])
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def wait_until_loaded(self) -> str:
        """Name of the code location. Raises ServiceEnded, or InstanceUnavailable when it does not load in time."""
        with Instance(self.url, timeout_seconds=_LOAD_SECONDS, progress=lambda _state, _seconds: self.check()) as instance:
            return instance.wait_until_loaded(patient=True)

    def register(self, location: str, road: Road, targets: Sequence[str]) -> None:
        """Make the partitions that are missing, so that nobody has to wait for the sensor's first tick.

        Of very many only the first: one by one takes longer than that tick, which then makes the others.
        """
        with Instance(self.url, timeout_seconds=_LOAD_SECONDS) as instance:
            known = set(instance.partition_keys(road))
            for target in [target for target in targets if target not in known][:_REGISTERED_AT_ONCE]:
                instance.add_partition(location, road, target)

    def check(self) -> None:
        """Raise ServiceEnded when a child is gone."""
        for service in self._services:
            if (code := service.process.poll()) is not None:
                service.log.join(_LAST_WORDS_SECONDS)
                raise ServiceEnded(f"{service.name} ended with exit code {code}; end of {service.log_path}:\n{_tail(service.log_path)}")

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        path = self._logs / f"{name}.log"
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A key press reaches this process only, which then takes the children down in order.
            start_new_session=True,
            preexec_fn=_ending_with_parent() if sys.platform == "linux" else None,  # noqa: PLW1509 - one call of libc, loaded before
        )
        log = ServiceLog(name, path, secrets_of(self._environment))
        self._services.append(_Service(name, process, path, log.keep(process.stdout)))
        _log.info("service started", service=name, pid=process.pid)

    def _stop(self) -> None:
        """The daemon first, so that it launches nothing into a server that goes down."""
        for service in reversed(self._services):
            if service.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    service.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + _STOP_SECONDS
        for service in reversed(self._services):
            try:
                service.process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.warning("service killed, it did not stop", service=service.name)
            # Whatever of its own children is left: code servers, run workers.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(service.process.pid, signal.SIGKILL)
            service.process.wait()
            service.log.join(_STOP_SECONDS)
        self._services.clear()


def _ending_with_parent() -> Callable[[], None]:
    """Linux: lets a child be told to stop when the parent is killed, instead of serving on unnoticed.

    The library is loaded here: between fork and exec, a lock that a thread of the parent held would never be given back.
    """
    prctl = ctypes.CDLL(None).prctl

    def set_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return set_signal


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return redact("\n".join(map(message_of, lines[-_TAIL_LINES:])))
