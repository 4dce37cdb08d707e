"""A project that is safe before its first table: clauses 1.1, 2.1 to 2.3 and 5.3 as one migration."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.model.target_name import name_fault
from platformkit_pipeline.operations.migration_folder import MigrationFolder, NewMigration, write_new_files
from platformkit_pipeline.operations.read_settings import DEFAULT_SETTINGS
from platformkit_pipeline.operations.scaffold_input import check_declarations
from platformkit_pipeline.operations.templates import render
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.schema_scripts import DeclaredSchema, Name
from platformkit_pipeline.sqltext.trigger_bodies import effects_of_plpgsql

BASELINE = "secure_baseline"
"""Name of the migration."""
TENANTS: Name = ("public", "tenants")

_PRIVATE_COMMENT = "Not served by the Data API: shared trigger functions and the audit log."
_NOT_OF_A_VARIABLE = re.compile(r"[^A-Z0-9]+")


def new_project(name: str, checkout: Path, declarations: Declarations, *, now: datetime | None = None) -> tuple[Path, ...]:
    """Write the baseline of the project `name`, its undo, and a settings file if `checkout` has none.

    Returns the files that were written; none when everything is there. Raises ConfigurationError, and nothing is written,
    for input that cannot be used and for files of the same name with other content.
    """
    if fault := name_fault(name):
        raise ConfigurationError(f"the project's name: {fault}")
    check_declarations(declarations)
    if not checkout.is_dir():
        raise ConfigurationError(f"--dir {checkout}: there is no such folder")
    values = {"project": name, "tenancy": declarations.tenancy, "audit": declarations, "private_comment": _PRIVATE_COMMENT}
    migration = NewMigration(BASELINE, render("project.up.sql.j2", **values), render("project.down.sql.j2", **values))
    folder = MigrationFolder(checkout)
    _refuse_clashes(folder)
    written = folder.store(migration, now=now or datetime.now(UTC))
    return (*written, *_settings(name, checkout, declarations))


def check_baseline(declared: DeclaredSchema, declarations: Declarations, *, critical: bool) -> None:
    """The migrations of the folder make what every scaffolded table leans on, for the same column names. Raises ConfigurationError."""
    needed = {"set_updated_at": {declarations.updated_at}}
    if critical:
        needed["set_actor"] = {declarations.created_by, declarations.updated_by}
        needed["record_change"] = set()
    for function, columns in needed.items():
        definition = declared.functions.get(("private", function))
        if definition is None or TENANTS not in declared.tables:
            raise ConfigurationError(
                f"no migration of the folder makes {'private.' + function + '()' if definition is None else 'public.tenants'}; "
                "run `platformkit new project NAME` there first"
            )
        if not columns <= _columns_set_by(definition):
            raise ConfigurationError(
                f"private.{function}() of the folder's baseline does not set {', '.join(sorted(columns))}: the baseline was made for other "
                "column names. Name the same --target for `new project` and `new table`"
            )


def _columns_set_by(definition: str) -> frozenset[str]:
    try:
        return effects_of_plpgsql(definition).sets
    except SqlSyntaxError:
        return frozenset()


def _refuse_clashes(folder: MigrationFolder) -> None:
    """A table of the baseline that an earlier migration makes otherwise would silently stay as it is."""
    declared = DeclaredSchema()
    for path, text in folder.scripts(before=folder.find(BASELINE)):
        try:
            declared.read(text)
        except SqlSyntaxError:
            continue  # the server has the last word on it
        for table in (TENANTS, ("private", "audit_log")):
            if table in declared.tables:
                raise ConfigurationError(f"{path} makes the table {'.'.join(table)}, which the baseline makes itself; nothing was written")


def _settings(name: str, checkout: Path, declarations: Declarations) -> tuple[Path, ...]:
    path = checkout / DEFAULT_SETTINGS
    if path.exists() or path.is_symlink():
        return ()
    word = _NOT_OF_A_VARIABLE.sub("_", name.upper()).strip("_")
    variable = f"{word if word[:1].isalpha() else 'PROJECT_' + word}_DATABASE_URL"
    try:
        write_new_files({path: render("platformkit.yaml.j2", name=name, variable=variable, tenancy=declarations.tenancy)})
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or type(error).__name__}") from None
    return (path,)
