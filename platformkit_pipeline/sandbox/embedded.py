"""One private PostgreSQL server, shared by any number of processes: found, made, started, attached to, stopped.

A server belongs to a folder. Whoever names the folder gets the same server; a file lock lets one process at a time
look at it or change it. The server outlives its starter: stop it with `stop()`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.accounts import RunMode, ServerAccount, choose_account
from platformkit_pipeline.sandbox.binaries import Binaries, find_binaries
from platformkit_pipeline.sandbox.configuration import FILE_NAME, configuration_text
from platformkit_pipeline.sandbox.folders import ServerFolders, folders_for, make_base, make_sockets, usable_bindir
from platformkit_pipeline.sandbox.processes import command_of, is_postmaster_of, orphans_of, run_in_background, run_tool

_SOCKET_ONLY_PORT = 5432
"""Without TCP the port only names the socket file, in a folder that no other server uses."""
_LOCK_SECONDS = 120.0
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_ORPHAN_PATIENCE_SECONDS = 3.0
_LOG_LIMIT_BYTES = 5_000_000
_START_ATTEMPTS = 5

_PORT_LINE, _ADDRESS_LINE, _STATUS_LINE = 3, 5, 7
"""Of `postmaster.pid`, counted from 0; fixed by PostgreSQL (miscadmin.h, LOCK_FILE_LINE_*)."""

_log = get_logger("sandbox.embedded")


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A running server. `started` is True when the call that returned this started it."""

    pid: int
    port: int
    socket_directory: Path
    data_directory: Path
    version: str
    source: str
    """Where the binaries came from."""
    mode: RunMode
    tcp: bool
    started: bool


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What `postmaster.pid` says about a process that really is the server of this folder."""

    pid: int
    port: int
    listen_address: str
    ready: bool


class EmbeddedPostgres:
    """The server of `root`. Making the object touches nothing; `ensure()` does.

    `superuser` is the bootstrap role; with `supabase_admin` the role `postgres` can be what customers of Supabase have.
    `settings` are server parameters; they and `tcp` (loopback only, scram) take effect when the server is started.
    """

    def __init__(
        self,
        root: Path,
        *,
        binaries: Binaries | None = None,
        superuser: str = "supabase_admin",
        settings: Mapping[str, str] | None = None,
        tcp: bool = False,
    ) -> None:
        self.root = Path(root).resolve()
        self.superuser = superuser
        self.tcp = tcp
        self._settings = dict(settings or {})
        self._given_binaries = binaries

    # ---------------------------------------------------------------- what it is made of

    @cached_property
    def binaries(self) -> Binaries:
        return self._given_binaries or find_binaries()

    @cached_property
    def account(self) -> ServerAccount:
        """As whom the server runs."""
        return choose_account(self.root, self.binaries.bindir)

    @cached_property
    def folders(self) -> ServerFolders:
        return folders_for(self.root, self.binaries.major, self.account)

    # ---------------------------------------------------------------- life cycle

    def ensure(self) -> ServerInfo:
        """Make, repair, start or attach to the server. Idempotent, and safe from any number of processes at once.

        Raises SandboxError that says what failed, with the end of the server's log.
        """
        with self._lock():
            if not self.folders.data.exists():
                self._initialise()
            self._check_data_directory()
            postmaster = self._settled_postmaster()
            started = postmaster is None
            if postmaster is None:
                postmaster = self._start()
            info = self._info(postmaster, started=started)
        if self.tcp and not info.tcp:
            raise SandboxError(f"The server in {self.root} was started without TCP. Stop it, then start it with TCP.")
        if started:
            _log.info("server started", pid=info.pid, version=info.version, mode=info.mode.value)
        return info

    def status(self) -> ServerInfo | None:
        """The running server, or None. Changes nothing."""
        postmaster = self._postmaster()
        return self._info(postmaster, started=False) if postmaster and postmaster.ready and self._answers(postmaster.port) else None

    def stop(self) -> None:
        """Stop the server if it runs; open connections are ended, their transactions rolled back."""
        if not self.folders.base.exists():
            return
        with self._lock():
            self._shut_down()

    def destroy(self) -> None:
        """Stop the server and remove its data, sockets and copies of binaries. For tests and throw-away servers."""
        self.stop()
        shutil.rmtree(self.folders.sockets, ignore_errors=True)
        shutil.rmtree(self.folders.base, ignore_errors=True)

    # ---------------------------------------------------------------- connecting

    def dsn(self, database: str = "postgres", user: str | None = None) -> Dsn:
        """Over the unix socket, without password: the folder of the socket is private."""
        host, port = quote(str(self.folders.sockets), safe=""), self._port()
        return Dsn(f"postgresql://{quote(user or self.superuser, safe='')}@/{quote(database, safe='')}?host={host}&port={port}", "embedded server")

    def tcp_dsn(self, database: str = "postgres", *, user: str, password: str) -> Dsn:
        """Over loopback, with a password that the role must already have. Raises SandboxError unless `tcp=True`."""
        if not self.tcp:
            raise SandboxError("This server is not configured for TCP: create it with tcp=True.")
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return Dsn(f"postgresql://{login}@127.0.0.1:{self._port()}/{quote(database, safe='')}", "embedded server over TCP")

    # ---------------------------------------------------------------- the lock

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        make_base(self.folders, self.account)
        with self.folders.lock_file.open("w") as handle:
            _wait_for(lambda: _try_lock(handle.fileno()), _LOCK_SECONDS, f"Another process has held {handle.name} for {_LOCK_SECONDS:.0f} s.")
            yield

    # ---------------------------------------------------------------- making

    def _initialise(self) -> None:
        for left_over in self.folders.unfinished_data():  # of an initdb that was interrupted
            shutil.rmtree(left_over, ignore_errors=True)
        unfinished = self.folders.new_unfinished_data()
        self.account.take(unfinished)
        command = [
            self._program("initdb"), "-D", unfinished, "-U", self.superuser, "-E", "UTF8", "--locale=C",
            "--auth-local=trust", "--auth-host=scram-sha-256",
        ]  # fmt: skip
        if self._settings.get("fsync") == "off":
            command.append("--no-sync")
        result = run_tool(self.account, command, timeout=180)
        if result.exit_code:
            raise SandboxError(f"initdb failed in {unfinished}: {result.output[-800:].strip()}")
        with (unfinished / "postgresql.conf").open("a") as handle:
            handle.write(f"include_if_exists '{FILE_NAME}'\n")
        unfinished.rename(self.folders.data)
        _log.info("data directory made", folder=str(self.folders.data), version=self.binaries.version)

    def _check_data_directory(self) -> None:
        try:
            found = (self.folders.data / "PG_VERSION").read_text().strip()
        except OSError:
            raise SandboxError(f"{self.folders.data} is not a data directory of PostgreSQL. Move it away and try again.") from None
        if found != str(self.binaries.major):
            raise SandboxError(f"{self.folders.data} was made by PostgreSQL {found}, the binaries found are {self.binaries.version}.")

    def _program(self, name: str) -> Path:
        return self._bindir / name

    @cached_property
    def _bindir(self) -> Path:
        return usable_bindir(self.binaries, self.folders, self.account)

    # ---------------------------------------------------------------- starting

    def _start(self) -> _Postmaster:
        """Start a server of which `_settled_postmaster` just said that it does not run."""
        make_sockets(self.folders, self.account)
        for _ in range(_START_ATTEMPTS if self.tcp else 1):  # between choosing a free port and taking it, somebody else can
            self._remove_stale_locks()
            self._write_configuration(self._choose_port())
            self._shorten_log()
            command = [self._program("postgres"), "-D", self.folders.data]
            postmaster = self._became_ready(run_in_background(self.account, command, log=self.folders.server_log))
            if postmaster is not None:
                return postmaster
        raise SandboxError(f"The server in {self.folders.data} did not start. End of its log:\n{self._log_tail()}")

    def _became_ready(self, pid: int) -> _Postmaster | None:
        """The server that process `pid` is, once it answers; None when the process has ended."""
        _wait_for(lambda: command_of(pid) is None or self._postmaster() is not None, _READY_SECONDS, f"Process {pid} neither starts a server nor ends.")
        return self._settled_postmaster()

    def _write_configuration(self, port: int) -> None:
        path = self.folders.data / FILE_NAME
        text = configuration_text(self.binaries, self.folders.sockets, port, tcp=self.tcp, settings=self._settings)
        path.write_text(text, encoding="utf-8")
        self.account.take(path)

    def _choose_port(self) -> int:
        """A constant without TCP. With it the remembered port while it is free, so that a DSN outlives a restart."""
        if not self.tcp:
            return _SOCKET_ONLY_PORT
        remembered = self._remembered_port()
        if remembered is None or not _is_free(remembered):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                remembered = int(probe.getsockname()[1])
            self.folders.port_file.write_text(str(remembered))
        return remembered

    def _remembered_port(self) -> int | None:
        try:
            return int(self.folders.port_file.read_text())
        except (OSError, ValueError):
            return None

    def _port(self) -> int:
        """Of the running server, else the one that it will have."""
        postmaster = self._postmaster()
        if postmaster is not None and postmaster.ready:
            return postmaster.port
        return (self._remembered_port() if self.tcp else None) or _SOCKET_ONLY_PORT

    def _remove_stale_locks(self) -> None:
        """After `kill -9` the lock files stay, and PostgreSQL refuses to start while their pid exists.

        It does exist for as long as nobody has reaped the zombie (for ever, in a container without init), or when the
        number was given to another process. That no process of this data directory is left is looked up in /proc.
        """
        stale = [path for path in (self.folders.postmaster_file, *self.folders.sockets.glob(".s.PGSQL.*")) if path.exists()]
        if not stale:
            return
        self._wait_for_orphans()
        for path in stale:
            path.unlink(missing_ok=True)
        _log.warning("lock files of a killed server removed", folder=str(self.folders.data))

    def _wait_for_orphans(self) -> None:
        """Backends of a killed postmaster end by themselves once idle; a busy one is told to (its work is lost anyway)."""
        data = self.folders.data
        with contextlib.suppress(SandboxError):
            _wait_for(lambda: not orphans_of(data), _ORPHAN_PATIENCE_SECONDS, "orphans")
        for pid in orphans_of(data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
        _wait_for(lambda: not orphans_of(data), _STOP_SECONDS, f"Processes of a killed server still work in {data}: {orphans_of(data)}. End them.")

    def _shorten_log(self) -> None:
        log = self.folders.server_log
        with contextlib.suppress(FileNotFoundError):
            if log.stat().st_size > _LOG_LIMIT_BYTES:
                log.replace(log.with_suffix(".log.1"))

    def _log_tail(self) -> str:
        try:
            return self.folders.server_log.read_text(errors="replace")[-1500:]
        except OSError:
            return "(there is none)"

    # ---------------------------------------------------------------- looking

    def _postmaster(self) -> _Postmaster | None:
        """From the lock file, if the process that it names is this server; it is written line by line while that starts."""
        try:
            lines = self.folders.postmaster_file.read_text().splitlines()
            pid = int(lines[0])
        except (OSError, ValueError, IndexError):
            return None
        if not is_postmaster_of(pid, self.folders.data):
            return None
        if len(lines) <= _STATUS_LINE:
            return _Postmaster(pid, port=0, listen_address="", ready=False)
        return _Postmaster(pid, int(lines[_PORT_LINE]), lines[_ADDRESS_LINE].strip(), lines[_STATUS_LINE].strip() == "ready")

    def _settled_postmaster(self) -> _Postmaster | None:
        """A server that answers, or None when there is none; waits for one that is about to start or to stop.

        One that runs without a socket (somebody swept /tmp) is shut down, to be started again.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while (postmaster := self._postmaster()) is not None:
            if postmaster.ready:
                if self._answers(postmaster.port):
                    return postmaster
                if not self.folders.socket(postmaster.port).exists() and command_of(postmaster.pid) is not None:
                    _log.warning("server has lost its socket", pid=postmaster.pid)
                    self._shut_down()
                    continue
            if time.monotonic() > deadline:
                raise SandboxError(f"The server in {self.folders.data} (pid {postmaster.pid}) is neither ready nor gone.\n{self._log_tail()}")
            time.sleep(0.02)
        return None

    def _answers(self, port: int) -> bool:
        """The listening socket is closed the moment a postmaster dies; its pid is not gone then."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            probe.connect(str(self.folders.socket(port)))
            return True
        return False

    def _info(self, postmaster: _Postmaster, *, started: bool) -> ServerInfo:
        return ServerInfo(
            pid=postmaster.pid,
            port=postmaster.port,
            socket_directory=self.folders.sockets,
            data_directory=self.folders.data,
            version=self.binaries.version,
            source=self.binaries.source,
            mode=self.account.mode,
            tcp=bool(postmaster.listen_address),
            started=started,
        )

    # ---------------------------------------------------------------- stopping

    def _shut_down(self) -> None:
        postmaster = self._postmaster()
        if postmaster is None:
            return
        for wanted in (signal.SIGINT, signal.SIGQUIT):  # "fast", and "immediate" if that takes too long
            with contextlib.suppress(ProcessLookupError):
                os.kill(postmaster.pid, wanted)
            with contextlib.suppress(SandboxError):
                _wait_for(lambda: not is_postmaster_of(postmaster.pid, self.folders.data), _STOP_SECONDS, "stop")
                _log.info("server stopped", pid=postmaster.pid)
                return
        raise SandboxError(f"The server in {self.folders.data} (pid {postmaster.pid}) does not stop.\n{self._log_tail()}")


def _wait_for(condition: Callable[[], bool], seconds: float, complaint: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SandboxError(complaint)
        time.sleep(0.02)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: old connections do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
