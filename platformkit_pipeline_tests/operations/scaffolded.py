"""A checkout as `platformkit new` leaves it, and a database that its migrations were run on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import psycopg

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.operations.migration_folder import MigrationFolder
from platformkit_pipeline.operations.new_project import new_project
from platformkit_pipeline.operations.new_table import TableRequest, new_table

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
TABLES = (
    TableRequest("customers", columns=("name:text:not_null", "born:date")),
    TableRequest("depots", columns=("street:text",)),
    TableRequest(
        "invoices", columns=("total:numeric(12,2):not_null",), references=("customers", "depots:from_depot", "auth.users"), critical=True
    ),
    TableRequest("countries", columns=("code:text:not_null",), public_read="reference data without customers"),
    TableRequest("jobs", columns=("payload:jsonb",), references=("customers",), not_tenant_scoped="internal queue"),
)
"""A plain one, a critical one with references, one for everybody, one for the server side."""


def scaffold(checkout: Path, declarations: Declarations | None = None) -> MigrationFolder:
    declared = declarations or Declarations()
    new_project("shop", checkout, declared, now=NOW)
    for table in TABLES:
        new_table(table, checkout, declared, now=NOW)
    return MigrationFolder(checkout)


def texts(folder: Path) -> list[str]:
    """The scripts of a folder in the order of application."""
    return [path.read_text() for path in sorted(folder.glob("*.sql"))]


def run_scripts(dsn: Dsn, scripts: list[str], role: str = "postgres") -> None:
    """Each script in a transaction of its own, as the CLI does."""
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute(f"set role {role}".encode())
        for script in scripts:
            with connection.transaction():
                connection.execute(script.encode())


def fingerprint(dsn: Dsn) -> str:
    return catalog_fingerprint(observe(dsn))
