"""A platform on this machine: the control plane, Dagster's storage, and the variables that lead child processes to both.

Whatever the environment already names is used as it is; what it does not name is made on the embedded server below
the home directory. Starting Dagster itself is not done here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.control_plane.connection import ADMIN_DATABASE_URL, DATABASE_URL
from platformkit_pipeline.control_plane.migrations import migrate
from platformkit_pipeline.locations import shipped_file
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.sandbox.databases import connect, ensure_database, with_user
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


@dataclass(frozen=True, slots=True)
class LocalPlatform:
    """`environment` holds connection strings: hand it to child processes, never to a log or a file.

    `server` is None when everything was named by the environment; `started` tells that this call started the server.
    """

    environment: dict[str, str]
    server: EmbeddedPostgres | None
    started: bool

    def release(self) -> bool:
        """Stop the server if it was started for this platform and nobody is connected any more; says whether it did."""
        if self.server is None or not self.started:
            return False
        deadline = time.monotonic() + _FAREWELL_SECONDS  # connections of processes that just ended take a moment to go
        while _others_connected(self.server):
            if time.monotonic() > deadline:
                _log.info("server left running, others use it", folder=str(self.server.root))
                return False
            time.sleep(0.1)
        self.server.stop()
        return True


def ensure_local_platform(home: Path, environment: Mapping[str, str] = os.environ) -> LocalPlatform:
    """Make, migrate and start what is missing; idempotent, and safe from several processes at once.

    Raises ConfigurationError when the environment names one of the two databases and leaves the other open, SandboxError
    when there is no server to be had, ControlPlaneError when the migrations fail.
    """
    found = {name: value for name in (DATABASE_URL, ADMIN_DATABASE_URL, DAGSTER_DATABASE_URL) if (value := environment.get(name))}
    if DATABASE_URL in found:
        if DAGSTER_DATABASE_URL not in found:
            raise ConfigurationError(
                f"{DATABASE_URL} is set and {DAGSTER_DATABASE_URL} is not: set both, the second to a database for Dagster's own storage "
                f"({_DRIVER}...), or neither for a local server"
            )
        if ADMIN_DATABASE_URL in found:
            migrate(Dsn(found[ADMIN_DATABASE_URL], origin=f"environment variable {ADMIN_DATABASE_URL}"))
        return LocalPlatform({**found, **_homes(home, environment)}, None, started=False)
    server = EmbeddedPostgres(home / "postgres")
    started = server.ensure().started
    return LocalPlatform({**_databases(server), **found, **_homes(home, environment)}, server, started=started)


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
        _place(shipped_file(INSTANCE_FILE).read_text(encoding="utf-8"), folder / INSTANCE_FILE)
    return {"PLATFORMKIT_HOME": str(home), DAGSTER_HOME: str(folder), "DAGSTER_DISABLE_TELEMETRY": "true"}


def _place(text: str, path: Path) -> None:
    """Whole or not at all: another process may be reading it."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def _others_connected(server: EmbeddedPostgres) -> int:
    with connect(server.dsn()) as connection:
        row = connection.execute(_OTHERS_CONNECTED).fetchone()
    return int(row[0]) if row else 0
