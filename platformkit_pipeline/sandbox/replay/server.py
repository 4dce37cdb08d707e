"""The private server of a replay: one folder, swept by the next replay if its process was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.locations import home_directory
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.binaries import Binaries, find_binaries
from platformkit_pipeline.sandbox.databases import connect, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.replay.extensions import SINCE, control_path, offer_extensions
from platformkit_pipeline.sandbox.shadow.folders import hold_new_folder, sweep
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape

OWNER = "postgres"
"""As whom customers of the platform run their migrations; no superuser."""
_FOLDER = "replays"
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_connections": "30",
    "temp_file_limit": "1GB",
    "jit": "off",
}
"""Nothing here need survive a power cut."""
_ADMIN_OPTION_SINCE = 16
"""Major from which on CREATEROLE gives away only roles that it holds."""
_ROLES_THAT_REACH_OUT = """
set allow_system_table_mods = on;
delete from pg_catalog.pg_auth_members
using pg_catalog.pg_authid as r
where r.oid = roleid and r.rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files');
delete from pg_catalog.pg_authid where rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files');
"""
"""Before 16 whoever may create roles may also join these, and with them run programs of the server's account."""

_API_ROLES = "grant anon, authenticated, service_role, authenticator to postgres with admin option"
"""The platform lets `postgres` set timeouts of these; since 16 that takes the admin option."""

Progress = Callable[[str], None]
"""Told what is going on, in a few words."""


@dataclass(frozen=True, slots=True)
class ReplayDatabase:
    """An empty project. It is called `postgres`, as on the platform, since migrations name it."""

    admin: Dsn
    """As superuser."""
    owner: Dsn
    """As the role that migrations run as."""
    version: str
    folder: Path


@contextmanager
def replay_database(
    *, grants: GrantRegime, parent: Path | None = None, binaries: Binaries | None = None, progress: Progress = lambda _: None
) -> Iterator[ReplayDatabase]:
    """A new server with an empty project, removed with all it holds in the end. Raises SandboxError when there is none to be had."""
    place = parent or home_directory() / _FOLDER
    sweep(place)
    chosen = binaries or find_binaries()
    progress(f"starting PostgreSQL {chosen.version}")
    held = hold_new_folder(place, chosen)
    try:
        server = _server(held.path, chosen)
        try:
            server.ensure()
            if chosen.major >= SINCE:
                offer_extensions(server)
            install_supabase_shape(server.dsn(), grants=grants)
            with connect(server.dsn()) as connection:
                connection.execute((_ROLES_THAT_REACH_OUT if chosen.major < _ADMIN_OPTION_SINCE else _API_ROLES).encode())
            yield ReplayDatabase(server.dsn(), with_user(server.dsn(), OWNER), chosen.version, held.path)
        finally:
            server.destroy()
    finally:
        held.release()


def _server(folder: Path, binaries: Binaries) -> EmbeddedPostgres:
    plain = EmbeddedPostgres(folder, binaries=binaries, settings=_SETTINGS)
    if binaries.major < SINCE:
        return plain
    return EmbeddedPostgres(folder, binaries=binaries, settings=_SETTINGS | {"extension_control_path": control_path(plain)})
