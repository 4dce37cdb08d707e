"""The databases that everybody is asked about: the sample platform, the well-kept schema, planted cases, foreign schemas.

Each is made on a server of its own kind over TCP, because the Supabase CLI takes no socket, looked at, and dropped.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.sandbox.databases import connect, create_database, drop_database, set_role_password
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, create_sample_platform
from platformkit_pipeline.sandbox.supabase import GrantRegime, copy_supabase_database, install_supabase_shape
from platformkit_pipeline_tests.rules.planted import Case, all_cases

SERVER_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
TEMPLATE = "oracle_template"
MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "platformkit_pipeline_tests" / "foreign_schemas"
"""Of schemas that nobody here wrote."""
EXPOSED = ("public", "graphql_public")


@dataclass(frozen=True, slots=True)
class Subject:
    """A database to be judged. `make` builds it on a server; `unmake` takes back what belongs to the server, such as roles."""

    name: str
    make: Callable[[OracleServer, str], None]
    declarations: Declarations = field(default_factory=Declarations)
    unmake: Callable[[OracleServer, str], None] | None = None


class OracleServer:
    """A throw-away server with the Supabase shape in a template, reachable over TCP with a password."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedPostgres(folder, settings=SERVER_SETTINGS, tcp=True)
        self._password = secrets.token_hex(16)

    @contextmanager
    def running(self) -> Iterator[OracleServer]:
        self.server.ensure()
        try:
            set_role_password(self.server.dsn(), self.server.superuser, self._password)
            install_supabase_shape(create_database(self.server.dsn(), TEMPLATE), grants=GrantRegime.AUTOMATIC)
            yield self
        finally:
            self.server.destroy()

    def dsn(self, database: str) -> Dsn:
        return self.server.dsn(database)

    def url(self, database: str) -> str:
        return self.server.tcp_dsn(database, user=self.server.superuser, password=self._password).reveal()

    def copy(self, database: str) -> Dsn:
        return copy_supabase_database(self.server.dsn(), database, template=TEMPLATE, exposed_schemas=EXPOSED)

    def own_schemas(self, database: str) -> tuple[str, ...]:
        """Of the project, and storage, whose policies a project writes."""
        with connect(self.dsn(database)) as connection:
            names = [row[0] for row in connection.execute("select nspname from pg_catalog.pg_namespace order by 1")]
        return tuple(name for name in names if name == "storage" or not is_managed(name))

    def drop(self, database: str) -> None:
        drop_database(self.server.dsn(), database)


def subjects() -> list[Subject]:
    """All of them, in a fixed order."""
    return [
        *(Subject(p.name, _sample(p.name, p.database), p.declarations) for p in SAMPLE_PROJECTS),
        Subject("well-kept", _well_kept),
        Subject("dagster", _dagster),
        Subject("mlflow", _mlflow),
        Subject("wagtail", _wagtail),
        *(Subject(f"case: {c.name}", _planted(c), unmake=_mended(c)) for c in all_cases()),
    ]


def _sample(name: str, database: str) -> Callable[[OracleServer, str], None]:
    def make(server: OracleServer, into: str) -> None:
        create_sample_platform(server.server)
        project = next(p for p in SAMPLE_PROJECTS if p.name == name)
        copy_supabase_database(server.server.dsn(), into, template=database, exposed_schemas=project.exposed_schemas)

    return make


def _well_kept(server: OracleServer, into: str) -> None:
    run_sql(server.copy(into), read_sql("sandbox/well_kept.sql"))


def _dagster(server: OracleServer, into: str) -> None:
    code = "import sys; from dagster_postgres.storage import DagsterPostgresStorage as S; S(sys.argv[1]).event_log_storage"
    _migrate("-c", code, _sqlalchemy_url(server.copy(into)))


def _mlflow(server: OracleServer, into: str) -> None:
    _migrate(str(MIGRATIONS / "mlflow_migrations.py"), _sqlalchemy_url(server.copy(into)))


def _wagtail(server: OracleServer, into: str) -> None:
    parts = conninfo_to_dict(server.copy(into).reveal())
    arguments = (str(parts["host"]), str(parts["user"]), str(parts["dbname"]))
    _migrate(str(MIGRATIONS / "wagtail_migrations.py"), *arguments, port=str(parts["port"]))


def _migrate(*arguments: str, port: str = "") -> None:
    """Run somebody else's migrations, in a process of their own."""
    environment = {**os.environ, **({"PGPORT": port} if port else {})}
    ended = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, env=environment)
    if ended.returncode:
        raise SandboxError(f"migrations failed: {ended.stderr[-2000:]}")


def _sqlalchemy_url(dsn: Dsn) -> str:
    return dsn.reveal().replace("postgresql://", "postgresql+psycopg2://")


def _planted(case: Case) -> Callable[[OracleServer, str], None]:
    def make(server: OracleServer, into: str) -> None:
        _well_kept(server, into)
        for statement in case.plant:
            run_sql(server.dsn(into), statement, role=case.role)

    return make


def _mended(case: Case) -> Callable[[OracleServer, str], None]:
    """Roles outlive their database, so the case's own cure is run before the next one."""

    def unmake(server: OracleServer, into: str) -> None:
        for statement in case.mend:
            run_sql(server.dsn(into), statement, role=case.role)

    return unmake


def run_sql(dsn: Dsn, statements: str, role: str = "postgres") -> None:
    with connect(dsn) as connection:
        connection.execute(f"set role {role}".encode())
        connection.execute(statements.encode())
