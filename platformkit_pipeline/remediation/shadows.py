"""Shadow databases: the observed schema rebuilt on a private server, where patches are tried before anybody applies them.

A shadow verifies itself. It is observed as its target was, and the fingerprints of both are compared object by object; what
differs is named with its reason, and nothing that touches it counts as shown.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg.conninfo import conninfo_to_dict

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.locations import home_directory
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ObservationError, SandboxError, TargetUnreachable
from platformkit_pipeline.model.snapshot import Extension, Snapshot
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.remediation.faithfulness import Comparison, masked_objects
from platformkit_pipeline.remediation.stand_ins import standing_on_collations, standing_on_extensions
from platformkit_pipeline.sandbox.binaries import Binaries, find_binaries
from platformkit_pipeline.sandbox.databases import connect, create_database, drop_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.postmaster import holds_within
from platformkit_pipeline.sandbox.shadow.building import build
from platformkit_pipeline.sandbox.shadow.extensions import Available, missing_extensions, stand_in
from platformkit_pipeline.sandbox.shadow.folders import HeldFolder, hold_new_folder, sweep
from platformkit_pipeline.sandbox.shadow.roles import bootstrap_role, owner_role
from platformkit_pipeline.sandbox.shadow.script import of_the_database, script
from platformkit_pipeline.sandbox.shadow.views import unfilled_views

_FOLDER = "shadows"
_TEMPLATE = "shadow_template"
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_connections": "50",
    "max_locks_per_transaction": "1024",
    "max_wal_size": "4GB",
    "jit": "off",
}
"""Nothing here need survive a power cut; a portion of statements holds many locks at once."""
_ROOM_BYTES = 32 * 1024**2
"""With less than two segments of its log a server soon stops."""
_NOT_FILLED = "differs: not filled, because that would run functions of the target or ask a foreign server"
_REVIVAL_SECONDS = 30.0
_STAND_INS_SINCE = 18
"""Major from which on an extension may lie in a folder of the server's own."""

Progress = Callable[[str], None]
"""Told what is going on, in a few words."""


@dataclass(frozen=True, slots=True)
class ShadowTemplate:
    """A rebuilt schema, and what about it is not as in the target."""

    snapshot: Snapshot
    """As observed in the shadow itself, by its superuser."""
    base_fingerprint: str
    """`catalog_fingerprint` of `snapshot`."""
    unfaithful: Mapping[str, str]
    """`ObjectIdentity.canonical` and why: `missing: ...`, `differs: ...` or `additional`. Whatever touches one is UNKNOWN."""
    masked: frozenset[str]
    """Objects in whose texts a secret was masked when they were observed: the same by fingerprint, not by that word."""

    @property
    def faithful(self) -> bool:
        return not self.unfaithful


class ShadowServer:
    """A private, throw-away server for the shadows of one target at a time.

    Its folder lies below `parent` (default: `shadows` in the platform's home). Entering removes what killed processes left
    there. Raises SandboxError when there is no server to be had, and when the disk is full.
    """

    def __init__(self, *, parent: Path | None = None, binaries: Binaries | None = None) -> None:
        self._parent = parent or home_directory() / _FOLDER
        self._given_binaries = binaries
        self._folder: HeldFolder | None = None
        self._server: EmbeddedPostgres | None = None
        self._wanted: Snapshot | None = None
        self._serial = itertools.count(1)

    def __enter__(self) -> ShadowServer:
        sweep(self._parent)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    # ---------------------------------------------------------------- the template

    def template(self, snapshot: Snapshot, *, progress: Progress = lambda _: None) -> ShadowTemplate:
        """Rebuild `snapshot` and compare. A template made before is given up, with all its copies."""
        self._end()
        server = self._start(snapshot, progress)
        with _told_as_sandbox_error(server):
            progress("rebuilding the schema")
            dsn = create_database(server.dsn(), _TEMPLATE)
            own = self._own_extensions(server)
            missing = missing_extensions(snapshot, own)
            available = {**own, **self._stand_ins(server, snapshot, missing)}
            failures = build(dsn, lambda version: script(snapshot, superuser=server.superuser, server_version=version, available=available))
            self._finish(server, snapshot, _TEMPLATE)
            progress("comparing it with the target")
            found = observe(dsn)
        self._wanted = snapshot
        unfaithful = {
            **{identity_of(view).canonical: _NOT_FILLED for view in unfilled_views(snapshot)},
            **standing_on_collations(snapshot),
            **standing_on_extensions(snapshot, {e.name for e in missing}),
            **Comparison(snapshot, found, failures).unfaithful(),  # the stronger reason
        }
        return ShadowTemplate(found, catalog_fingerprint(found), dict(sorted(unfaithful.items())), masked_objects(snapshot))

    def fresh(self, name: str | None = None) -> Dsn:
        """A new copy of the template, as superuser. Raises SandboxError without one, or when `name` is taken.

        A server that died meanwhile is started again; its databases are there still.
        """
        server, snapshot = self._ready()
        chosen = name or f"shadow_{os.getpid()}_{next(self._serial)}"  # copies of this process make some as well
        with _told_as_sandbox_error(server):
            if not holds_within(_REVIVAL_SECONDS, lambda: _answers(server)):
                raise SandboxError(f"The server of the shadow does not come back; see {server.folders.server_log}.")
            dsn = create_database(server.dsn(), chosen, template=_TEMPLATE, copy_files=True)
            self._finish(server, snapshot, chosen)
        return dsn

    def as_owner(self, dsn: Dsn) -> Dsn:
        """The login that the project's owners have: `postgres` where it exists (no superuser on Supabase), else the superuser."""
        server, snapshot = self._ready()
        return with_user(dsn, owner_role(snapshot, server.superuser))

    def drop(self, dsn: Dsn) -> None:
        """Drop a copy and end its connections; nothing happens if it is gone."""
        server, _ = self._ready()
        with _told_as_sandbox_error(server):
            drop_database(server.dsn(), str(conninfo_to_dict(dsn.reveal())["dbname"]))

    # ---------------------------------------------------------------- the server

    @property
    def postmaster(self) -> int | None:
        """Process id of the running server; None without one."""
        info = None if self._server is None else self._server.status()
        return None if info is None else info.pid

    def _ready(self) -> tuple[EmbeddedPostgres, Snapshot]:
        if self._server is None or self._wanted is None:
            raise SandboxError("There is no shadow yet: make its template first.")
        return self._server, self._wanted

    def _start(self, snapshot: Snapshot, progress: Progress) -> EmbeddedPostgres:
        binaries = self._given_binaries or find_binaries()
        progress(f"starting PostgreSQL {binaries.version}")
        self._folder = hold_new_folder(self._parent, binaries)
        settings = dict(_SETTINGS)
        server = EmbeddedPostgres(self._folder.path, binaries=binaries, superuser=bootstrap_role(snapshot), settings=settings)
        if binaries.major >= _STAND_INS_SINCE:
            settings["extension_control_path"] = f"$system:{_stand_in_folder(server).parent}"
            server = EmbeddedPostgres(self._folder.path, binaries=binaries, superuser=server.superuser, settings=settings)
        self._server = server
        server.ensure()
        return server

    def _end(self) -> None:
        server, folder = self._server, self._folder
        self._server = self._folder = self._wanted = None
        try:
            if server is not None:
                server.destroy()
        finally:
            if folder is not None:
                folder.release()

    def _own_extensions(self, server: EmbeddedPostgres) -> Available:
        query = "select name, array_agg(version) from pg_catalog.pg_available_extension_versions group by name"
        with connect(server.dsn()) as connection:
            return {name: frozenset(versions) for name, versions in connection.execute(query.encode())}

    def _stand_ins(self, server: EmbeddedPostgres, snapshot: Snapshot, missing: Iterable[Extension]) -> Available:
        """Stand-ins for extensions that the server does not have, written where it finds them; none before 18."""
        if server.binaries.major < _STAND_INS_SINCE:
            return {}
        made = {extension: stand_in(snapshot, extension).files for extension in missing}
        for files in made.values():
            for name, text in files:
                _write_for(server, _stand_in_folder(server), name, text)
        return {extension.name: frozenset({extension.version}) for extension, files in made.items() if files}

    def _finish(self, server: EmbeddedPostgres, snapshot: Snapshot, name: str) -> None:
        with connect(server.dsn()) as connection:
            for sql in of_the_database(snapshot, name, server.superuser):
                connection.execute(sql.encode())


@contextmanager
def _told_as_sandbox_error(server: EmbeddedPostgres) -> Iterator[None]:
    """Whatever goes wrong on our own server is an error of the sandbox, never one of the target.

    A server whose disk is full mostly ends without a word.
    """
    try:
        yield
    except (ObservationError, SandboxError, psycopg.Error) as error:
        message = redact(str(error)).strip()
        if shutil.disk_usage(server.root).free < _ROOM_BYTES:
            advice = "free space there, or set PLATFORMKIT_HOME to a folder on another disk"
            raise SandboxError(f"The disk is full on which the shadow lies ({server.root}): {advice}. {message}") from None
        if isinstance(error, SandboxError):
            raise
        raise SandboxError(f"The server of the shadow does not answer, or went away: {message}") from None


def _answers(server: EmbeddedPostgres) -> bool:
    """Whether it takes connections; one that is gone is started, one that recovers may be asked again."""
    try:
        with connect(server.dsn()):
            return True
    except TargetUnreachable:
        server.ensure()
        return False


def _stand_in_folder(server: EmbeddedPostgres) -> Path:
    """Where the server finds control files; it adds `extension` to the path that it is given."""
    return server.folders.base / "stand_ins" / "extension"


def _write_for(server: EmbeddedPostgres, folder: Path, name: str, text: str) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    for made in (folder.parent, folder, path):
        server.account.take(made)
