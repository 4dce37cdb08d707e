"""The sample platform: three Supabase-shaped projects with rows in them, and the faults that were planted on purpose.

The SQL and the list of faults are in `sql/sandbox/sample_platform/`. Projects are made whole or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import yaml
from psycopg import sql

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import ConfigurationError, SandboxError
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import Declarations, Environment, Tenancy
from platformkit_pipeline.sandbox.databases import connect, create_database, drop_database, rename_database, with_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.supabase import DEFAULT_EXPOSED_SCHEMAS, OBSERVER_ROLE, GrantRegime, install_supabase_shape, shape_sql

_FOLDER = "sandbox/sample_platform"
_NOT_COUNTED_YET = "not-counted-yet"
_KEYS = frozenset({"rule", "object", "objects", "outcome", "note"})
OWNER_ROLE = "postgres"
_OLDEST_MAJOR = 15  # views with security_invoker
_BUILD_LOCK = 0x706B_7361  # one builder at a time per server; any constant that nothing else uses

_log = get_logger("sandbox.sample_platform")


@dataclass(frozen=True, slots=True)
class SampleProject:
    """One project of the sample platform and what its owners declare about it."""

    name: str
    """Target name; also the key of `truth.yaml`."""
    database: str
    environment: Environment
    grants: GrantRegime
    sql_files: tuple[str, ...]
    """Run in this order as the role `postgres`."""
    support_files: tuple[str, ...] = ()
    """Run before them as the superuser: what the owners of a project cannot do themselves."""
    declarations: Declarations = field(default_factory=Declarations)
    exposed_schemas: tuple[str, ...] = DEFAULT_EXPOSED_SCHEMAS


@dataclass(frozen=True, slots=True, order=True)
class PlantedFault:
    """A finding that the rules must report; `object` is `ObjectIdentity.canonical`."""

    rule: str
    object: str
    note: str
    outcome: Outcome = Outcome.FAIL
    """UNKNOWN where the rules must say that they cannot tell."""
    awaits_counters: bool = False
    """No fault at all: the server has not counted long enough, or does not show the observer what it counted. The answer
    may have changed when the platform has run for some weeks."""


SAMPLE_PROJECTS: tuple[SampleProject, ...] = (
    SampleProject(
        name="shop-production",
        database="sample_shop",
        environment=Environment.PRODUCTION,
        grants=GrantRegime.EXPLICIT,
        sql_files=("shop_schema.sql", "shop_security.sql", "shop_data.sql"),
        declarations=Declarations(critical_tables=("public.invoices", "public.payments")),
    ),
    SampleProject(
        name="clinic-messy",
        database="sample_clinic",
        environment=Environment.STAGING,
        grants=GrantRegime.AUTOMATIC,
        sql_files=("clinic_schema.sql", "clinic_security.sql", "clinic_data.sql"),
        support_files=("clinic_support.sql",),
    ),
    SampleProject(
        name="saas-multitenant",
        database="sample_saas",
        environment=Environment.DEVELOPMENT,
        grants=GrantRegime.AUTOMATIC,
        sql_files=("saas_schema.sql", "saas_security.sql", "saas_data.sql"),
        declarations=Declarations(
            tenancy=Tenancy(membership_tables=("public.memberships",)),
            critical_tables=("public.subscriptions",),
        ),
        exposed_schemas=("public", "graphql_public", "api", "pgmq_public"),
    ),
)


def create_sample_platform(server: EmbeddedPostgres) -> dict[str, Dsn]:
    """Make what is missing and return a DSN per project name, as the observer role that scans use.

    A database that was made from the same SQL is left as it is, with whatever was changed in it since; one that was
    made from other SQL is made anew. May be called from several processes at once and may be killed at any moment.
    """
    if server.binaries.major < _OLDEST_MAJOR:
        raise SandboxError(f"The sample platform needs PostgreSQL {_OLDEST_MAJOR} or newer; this server is {server.binaries.version}.")
    admin = server.dsn()
    with _only_builder(admin):
        for project in SAMPLE_PROJECTS:
            if _mark_of(admin, project.database) != _digest(project):
                _build(admin, project)
    return {project.name: with_user(with_database(admin, project.database), OBSERVER_ROLE) for project in SAMPLE_PROJECTS}


def drop_sample_platform(server: EmbeddedPostgres) -> None:
    """Drop the three databases; the roles stay, because they belong to the server."""
    admin = server.dsn()
    with _only_builder(admin):
        for project in SAMPLE_PROJECTS:
            drop_database(admin, project.database)
            drop_database(admin, _unfinished(project))


def planted_faults(project_name: str) -> tuple[PlantedFault, ...]:
    """All findings that one project must give, sorted by rule and object. Raises ConfigurationError for an unknown name."""
    project = next((p for p in SAMPLE_PROJECTS if p.name == project_name), None)
    if project is None:
        raise ConfigurationError(f"There is no sample project {project_name!r}; there are {', '.join(p.name for p in SAMPLE_PROJECTS)}.")
    truth = yaml.safe_load(read_sql(f"{_FOLDER}/truth.yaml"))
    faults = [fault for entry in truth[project_name] for fault in _faults_of(entry)]
    database = f"database {project.database}"
    for entry in truth[_NOT_COUNTED_YET]:
        if entry.keys() != {"rule", "note"}:
            raise ConfigurationError(f"truth.yaml: {_NOT_COUNTED_YET} entries hold rule and note, nothing else: {entry}")
        faults.append(PlantedFault(entry["rule"], database, entry["note"], Outcome.UNKNOWN, awaits_counters=True))
    return tuple(sorted(faults))


def _faults_of(entry: Mapping[str, Any]) -> Iterator[PlantedFault]:
    """One per object. Raises ConfigurationError."""
    if not entry.keys() <= _KEYS or not {"rule", "note"} <= entry.keys() or ("object" in entry) == ("objects" in entry):
        raise ConfigurationError(f"truth.yaml: an entry holds rule, note, and either object or objects: {entry}")
    objects = entry["objects"] if "objects" in entry else [entry["object"]]
    if not isinstance(objects, list) or not objects or len(set(objects)) < len(objects):
        raise ConfigurationError(f"truth.yaml: objects is a list without repetitions: {entry}")
    outcome = Outcome(entry.get("outcome", Outcome.FAIL))
    for each in objects:
        yield PlantedFault(entry["rule"], each, entry["note"], outcome)


@contextmanager
def _only_builder(admin: Dsn) -> Iterator[None]:
    with connect(admin) as connection:
        connection.execute("select pg_catalog.pg_advisory_lock(%s)", [_BUILD_LOCK])
        yield  # the lock goes with the connection, however this process ends


def _build(admin: Dsn, project: SampleProject) -> None:
    """Under a temporary name, then renamed: a killed build leaves nothing that looks finished."""
    unfinished = _unfinished(project)
    drop_database(admin, unfinished)
    dsn = create_database(admin, unfinished)
    install_supabase_shape(dsn, grants=project.grants, exposed_schemas=project.exposed_schemas)
    _run_files(dsn, project, project.support_files)
    owner = with_user(dsn, OWNER_ROLE)
    _run_files(owner, project, project.sql_files)
    _analyze(owner)
    with connect(admin) as connection:
        connection.execute(sql.SQL("comment on database {} is {}").format(sql.Identifier(unfinished), sql.Literal(_digest(project))))
    drop_database(admin, project.database)
    rename_database(admin, unfinished, project.database)
    _log.info("sample project made", project=project.name, database=project.database)


def _run_files(dsn: Dsn, project: SampleProject, names: tuple[str, ...]) -> None:
    with connect(dsn, autocommit=False) as connection:
        for name in names:
            try:
                connection.execute(read_sql(f"{_FOLDER}/{name}").encode())
            except psycopg.Error as error:
                raise SandboxError(f"{name} of the sample project {project.name} failed: {redact(str(error)).strip()}") from error


def _analyze(dsn: Dsn) -> None:
    with connect(dsn) as connection:
        connection.execute("set client_min_messages = error")  # analyze skips the platform's tables, with a warning each
        connection.execute("analyze")


def _unfinished(project: SampleProject) -> str:
    return f"{project.database}_unfinished"


def _digest(project: SampleProject) -> str:
    """What a database is made from; stands in its comment."""
    files = (read_sql(f"{_FOLDER}/{name}") for name in (*project.support_files, *project.sql_files))
    text = "\0".join([shape_sql(project.grants), *project.exposed_schemas, *files])
    return f"platformkit sample {hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _mark_of(admin: Dsn, database: str) -> str | None:
    """The comment of a database; None when there is no such database."""
    query = "select pg_catalog.shobj_description(oid, 'pg_database') from pg_catalog.pg_database where datname = %s"
    with connect(admin) as connection:
        row = connection.execute(query, [database]).fetchone()
    return row[0] if row else None
