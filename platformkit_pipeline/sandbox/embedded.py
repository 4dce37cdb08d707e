"""One private PostgreSQL server, shared by any number of processes: found, made, started, attached to, stopped.

A server belongs to a folder. Whoever names the folder gets the same server; a file lock lets one process at a time
look at it or change it. The server outlives its starter: stop it with `stop()`.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import socket
from collections.abc import Iterator, Mapping
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
from platformkit_pipeline.sandbox.postmaster import Postmaster, answers, holds_within, read_postmaster, remove_stale_locks, shut_down
from platformkit_pipeline.sandbox.processes import command_of, run_in_background, run_tool

_SOCKET_ONLY_PORT = 5432
"""Without TCP the port only names the socket file, in a folder that no other server uses."""
_LOCK_SECONDS = 120.0
_READY_SECONDS = 60.0
_LOG_LIMIT_BYTES = 5_000_000
_TCP_START_ATTEMPTS = 5

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
        postmaster = read_postmaster(self.folders)
        if postmaster is None or not postmaster.ready or not answers(self.folders, postmaster):
            return None
        return self._info(postmaster, started=False)

    def stop(self) -> None:
        """Stop the server if it runs; open connections are ended, their transactions rolled back."""
        if not self.folders.base.exists():
            return
        with self._lock():
            shut_down(self.folders)

    def destroy(self) -> None:
        """Stop the server and remove its data, sockets and copies of binaries. For tests and throw-away servers."""
        self.stop()
        shutil.rmtree(self.folders.sockets, ignore_errors=True)
        shutil.rmtree(self.folders.base, ignore_errors=True)

    # ---------------------------------------------------------------- connecting

    def dsn(self, database: str = "postgres", user: str | None = None) -> Dsn:
        """Over the unix socket, without password: the folder of the socket is private."""
        role, host = quote(user or self.superuser, safe=""), quote(str(self.folders.sockets), safe="")
        return Dsn(f"postgresql://{role}@/{quote(database, safe='')}?host={host}&port={self._port()}", "embedded server")

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
            if not holds_within(_LOCK_SECONDS, lambda: _try_lock(handle.fileno())):
                raise SandboxError(f"Another process has held {handle.name} for {_LOCK_SECONDS:.0f} s. Look for one that hangs.")
            yield

    # ---------------------------------------------------------------- making

    def _initialise(self) -> None:
        for left_over in self.folders.unfinished_data():  # of an initdb that was interrupted
            shutil.rmtree(left_over, ignore_errors=True)
        unfinished = self.folders.new_unfinished_data()
        self.account.take(unfinished)
        options = ["-U", self.superuser, "-E", "UTF8", "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256"]
        if self._settings.get("fsync") == "off":
            options.append("--no-sync")
        result = run_tool(self.account, [self._program("initdb"), "-D", unfinished, *options], timeout=180)
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

    def _start(self) -> Postmaster:
        """Start a server of which `_settled_postmaster` just said that it does not run."""
        make_sockets(self.folders, self.account)
        for _ in range(_TCP_START_ATTEMPTS if self.tcp else 1):  # between choosing a free port and taking it, somebody else can
            remove_stale_locks(self.folders)
            self._write_configuration(self._choose_port())
            self._shorten_log()
            postmaster = self._launch()
            if postmaster is not None:
                return postmaster
        raise SandboxError(f"The server in {self.folders.data} did not start. End of its log:\n{self._log_tail()}")

    def _launch(self) -> Postmaster | None:
        """One attempt; None when the process has ended again, as it does when its port is taken."""
        pid = run_in_background(self.account, [self._program("postgres"), "-D", self.folders.data], log=self.folders.server_log)
        if not holds_within(_READY_SECONDS, lambda: command_of(pid) is None or read_postmaster(self.folders) is not None):
            raise SandboxError(f"Process {pid} neither starts a server nor ends. End of the log:\n{self._log_tail()}")
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
        postmaster = read_postmaster(self.folders)
        if postmaster is not None and postmaster.ready:
            return postmaster.port
        return (self._remembered_port() if self.tcp else None) or _SOCKET_ONLY_PORT

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

    def _settled_postmaster(self) -> Postmaster | None:
        """A server that answers, or None when there is none; waits for one that is about to start or to stop.

        One that runs without a socket (somebody swept /tmp) is shut down, to be started again.
        """

        found: Postmaster | None = None

        def settled() -> bool:
            nonlocal found
            found = read_postmaster(self.folders)
            if found is None or (found.ready and answers(self.folders, found)):
                return True
            if found.ready and not self.folders.socket(found.port).exists():
                _log.warning("server has lost its socket", pid=found.pid)
                shut_down(self.folders)
            return False

        if not holds_within(_READY_SECONDS, settled):
            raise SandboxError(f"The server in {self.folders.data} is neither ready nor gone. End of its log:\n{self._log_tail()}")
        return found

    def _info(self, postmaster: Postmaster, *, started: bool) -> ServerInfo:
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
