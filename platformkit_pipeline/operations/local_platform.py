"""A platform on this machine: the control plane, Dagster's storage, and the variables that lead child processes to both.

Whatever the environment already names is used as it is; what it does not name is made on the embedded server below
the home directory. Starting Dagster itself is not done here.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.control_plane.connection import ADMIN_DATABASE_URL, DATABASE_URL, admin_dsn, control_plane_dsn
from platformkit_pipeline.control_plane.migrations import migrate
from platformkit_pipeline.locations import shipped_file
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, ControlPlaneError
from platformkit_pipeline.operations.place_file import place_file
from platformkit_pipeline.sandbox.databases import connect, ensure_database, with_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

DAGSTER_DATABASE_URL = "PLATFORMKIT_DAGSTER_DATABASE_URL"
DAGSTER_HOME = "DAGSTER_HOME"
INSTANCE_FILE = "dagster.yaml"

_CONTROL_PLANE_DATABASE = "platformkit"
_DAGSTER_DATABASE = "dagster"
_PIPELINE_ROLE = "platformkit_pipeline"
_DAGSTER_ROLE = "platformkit_dagster"
_DRIVER = "postgresql+psycopg2://"
_FAREWELL_SECONDS = 3.0
_USERS_FILE = "users.lock"

_MAKE_DAGSTER_ROLE = f"""
do $role$ begin
  if not exists (select from pg_catalog.pg_roles where rolname = '{_DAGSTER_ROLE}') then
    create role {_DAGSTER_ROLE} login;
  end if;
exception when duplicate_object or unique_violation then null;  -- another process was faster
end $role$
"""
_OTHERS_CONNECTED = """
select count(*) from pg_catalog.pg_stat_activity where backend_type = 'client backend' and pid <> pg_catalog.pg_backend_pid()
"""

_log = get_logger("operations.local_platform")


class _Share:
    """One user's share in the local server: a lock on a file, so that it ends with the process, however that ends."""

    def __init__(self, home: Path) -> None:
        self._handle = (home / _USERS_FILE).open("a")
        fcntl.flock(self._handle, fcntl.LOCK_SH)  # waits while the last user before us stops the server

    def is_last(self) -> bool:
        """Whether nobody else has a share. If so, none is given out until `close`; if not, this one is given up."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._handle.close()


@dataclass(frozen=True, slots=True)
class LocalPlatform:
    """`environment` holds connection strings: hand it to child processes, never to a log or a file.

    `server` is None when everything was named by the environment; `started` tells that this call started the server.
    With a server, `share` is what keeps others from stopping it.
    """

    environment: dict[str, str]
    server: EmbeddedPostgres | None
    started: bool
    share: _Share | None = None

    def revive(self) -> bool:
        """Start the server again if it has died; says whether it had.

        Raises ControlPlaneError when its data is gone, SandboxError when it does not start.
        """
        if self.server is None or self.server.status() is not None:
            return False
        if not self.server.folders.data.exists():
            raise ControlPlaneError(f"the data of the local server is gone from {self.server.folders.data}; start again to make it anew")
        return self.server.ensure().started

    def release(self) -> bool:
        """Give up the share in the server, and stop the server if nobody else uses it; says whether it did.

        Whoever started it may have left before, or been killed: the last one stops it.
        """
        if self.server is None or self.share is None:
            return False
        try:
            return self.share.is_last() and _stopped(self.server)
        finally:
            self.share.close()


def _stopped(server: EmbeddedPostgres) -> bool:
    """Stop `server` unless it has gone by itself, or somebody without a share is connected: psql, say."""
    if server.status() is None:
        return False
    deadline = time.monotonic() + _FAREWELL_SECONDS  # connections of processes that just ended take a moment to go
    while _others_connected(server):
        if time.monotonic() > deadline:
            _log.info("server left running, others use it", folder=str(server.root))
            return False
        time.sleep(0.1)
    server.stop()
    return True


def make_home(home: Path) -> None:
    """Raises ConfigurationError when the home directory cannot be made or written to."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{home} cannot be made: {error.strerror}; set PLATFORMKIT_HOME to a folder of your own") from None
    if not os.access(home, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{home} cannot be written to; set PLATFORMKIT_HOME to a folder of your own")


def ensure_local_platform(home: Path, environment: Mapping[str, str] = os.environ) -> LocalPlatform:
    """Make, migrate and start what is missing; idempotent, and safe from several processes at once.

    Raises ConfigurationError when the environment names one of the two databases and leaves the other open, or `home` cannot
    be used; SandboxError when there is no server to be had; ControlPlaneError when the migrations fail.
    """
    found = {name: value for name in (DATABASE_URL, ADMIN_DATABASE_URL, DAGSTER_DATABASE_URL) if (value := environment.get(name))}
    if DATABASE_URL in found:
        if DAGSTER_DATABASE_URL not in found:
            raise ConfigurationError(
                f"{DATABASE_URL} is set and {DAGSTER_DATABASE_URL} is not: set both, the second to a database for Dagster's own storage "
                f"({_DRIVER}...), or neither for a local server"
            )
        make_home(home)
        if ADMIN_DATABASE_URL in found:
            migrate(Dsn(found[ADMIN_DATABASE_URL], origin=f"environment variable {ADMIN_DATABASE_URL}"))
        return LocalPlatform({**found, **_homes(home, environment)}, None, started=False)
    make_home(home)
    server, share = EmbeddedPostgres(home / "postgres"), _Share(home)
    try:
        started = server.ensure().started
        return LocalPlatform({**_databases(server), **found, **_homes(home, environment)}, server, started, share)
    except BaseException:
        LocalPlatform({}, server, started=False, share=share).release()
        raise


@dataclass(frozen=True, slots=True)
class ControlPlaneLogins:
    """How the control plane is reached: as the pipeline, and as the role that migrates."""

    pipeline: Dsn
    admin: Dsn


@contextmanager
def control_plane_logins(home: Path, environment: Mapping[str, str] = os.environ) -> Iterator[ControlPlaneLogins]:
    """The control plane that the environment names, else the local one below `home`, started for as long as it is needed.

    Nothing is made or migrated. Raises ControlPlaneError when there is neither.
    """
    if environment.get(DATABASE_URL) or environment.get(ADMIN_DATABASE_URL):
        admin = admin_dsn()
        yield ControlPlaneLogins(control_plane_dsn() if environment.get(DATABASE_URL) else admin, admin)
        return
    server = EmbeddedPostgres(home / "postgres")
    if not server.folders.data.exists():
        raise ControlPlaneError(
            f"no control plane: {DATABASE_URL} is not set, and there is no local one in {home}; start one with `platformkit up`, "
            "or set the variable to a PostgreSQL database for the role platformkit_pipeline. with --demo, commands take that of the demo"
        )
    platform = LocalPlatform({}, server, started=False, share=_Share(home))
    try:
        server.ensure()
        control_plane = with_database(server.dsn(), _CONTROL_PLANE_DATABASE)
        yield ControlPlaneLogins(with_user(control_plane, _PIPELINE_ROLE), control_plane)
    finally:
        platform.release()


def dagster_url(dsn: Dsn) -> str:
    """The same database with the driver in the scheme: without it SQLAlchemy chooses one that Dagster cannot use."""
    return _DRIVER + dsn.reveal().removeprefix("postgresql://")


def require_storage(environment: Mapping[str, str]) -> None:
    """Try the way to Dagster's storage: its own processes would try for half a minute and then show a traceback.

    Raises ConfigurationError for a URL without the driver, TargetUnreachable when there is no connection.
    """
    url = environment[DAGSTER_DATABASE_URL]
    if not url.startswith(_DRIVER):
        raise ConfigurationError(f"{DAGSTER_DATABASE_URL} must begin with {_DRIVER}: Dagster speaks to no other driver")
    with connect(Dsn("postgresql://" + url.removeprefix(_DRIVER), origin=f"environment variable {DAGSTER_DATABASE_URL}")):
        pass


def _databases(server: EmbeddedPostgres) -> dict[str, str]:
    admin = server.dsn()
    control_plane = ensure_database(admin, _CONTROL_PLANE_DATABASE)
    migrate(control_plane)
    with connect(admin) as connection:
        connection.execute(_MAKE_DAGSTER_ROLE)
    storage = ensure_database(admin, _DAGSTER_DATABASE, owner=_DAGSTER_ROLE)
    return {
        DATABASE_URL: with_user(control_plane, _PIPELINE_ROLE).reveal(),
        ADMIN_DATABASE_URL: control_plane.reveal(),
        DAGSTER_DATABASE_URL: dagster_url(with_user(storage, _DAGSTER_ROLE)),
    }


def _homes(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Dagster reads its instance from $DAGSTER_HOME only. A home of the user's own, with its file, is left alone."""
    chosen = environment.get(DAGSTER_HOME)
    folder = Path(chosen).resolve() if chosen else home / "dagster"
    if not (chosen and (folder / INSTANCE_FILE).is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        place_file(shipped_file(INSTANCE_FILE).read_text(encoding="utf-8"), folder / INSTANCE_FILE)
    return {"PLATFORMKIT_HOME": str(home), DAGSTER_HOME: str(folder), "DAGSTER_DISABLE_TELEMETRY": "true"}


def _others_connected(server: EmbeddedPostgres) -> int:
    with connect(server.dsn()) as connection:
        row = connection.execute(_OTHERS_CONNECTED).fetchone()
    return int(row[0]) if row else 0
