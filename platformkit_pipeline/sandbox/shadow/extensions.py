"""Extensions: created where the server has them, else stood in for.

PostgreSQL 18 takes control files from any folder (`extension_control_path`), so that a stand-in is an extension like
others. Before, what it owned is made as objects of the database, and the extension itself is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from platformkit_pipeline.model.snapshot import Extension, Snapshot
from platformkit_pipeline.sandbox.shadow.stand_ins import stand_in_objects
from platformkit_pipeline.sandbox.shadow.statement import Statement, quoted, statement_for
from platformkit_pipeline.sqltext.identifiers import literal

_FILE_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\Z")
_VERSION = re.compile(r"[A-Za-z0-9_.]+(?:-[A-Za-z0-9_.]+)*\Z")


@dataclass(frozen=True, slots=True)
class StandIn:
    """The files of an extension that does nothing, by name. `files` is empty where its name cannot be that of a file."""

    extension: str
    files: tuple[tuple[str, str], ...]


Available = Mapping[str, frozenset[str]]
"""Names of extensions that CREATE EXTENSION finds, and their versions."""


def missing_extensions(snapshot: Snapshot, available: Available) -> tuple[Extension, ...]:
    return tuple(e for e in snapshot.extensions if e.name not in available)


def stand_in(snapshot: Snapshot, extension: Extension) -> StandIn:
    """A control file and a script that make what the extension owned, as far as that can be told."""
    if not (_FILE_NAME.match(extension.name) and _VERSION.match(extension.version)) or "--" in extension.name:
        return StandIn(extension.name, ())
    own_schema = any(s.name == extension.schema and s.extension == extension.name for s in snapshot.schemas)
    control = [f"default_version = {literal(extension.version)}", "superuser = true"]
    control.append(f"relocatable = {'true' if extension.relocatable and not own_schema else 'false'}")
    control.append("comment = 'stand-in: this server does not have the extension'")
    script = "".join(f"{sql};\n" for sql in stand_in_objects(snapshot, extension.name))
    return StandIn(
        extension.name,
        ((f"{extension.name}.control", "\n".join(control) + "\n"), (f"{extension.name}--{extension.version}.sql", script)),
    )


def extensions(snapshot: Snapshot, available: Available) -> Iterator[Statement]:
    """`available` are those that the server has or that have a stand-in among its files. In their version, where there is that."""
    wanted = {e.name for e in snapshot.extensions}
    yield from (Statement("drop extension if exists plpgsql", "extension plpgsql") for _ in {"plpgsql"} - wanted)
    for extension in snapshot.extensions:
        if extension.name in available:
            version = f" version {literal(extension.version)}" if extension.version in available[extension.name] else ""
            name, schema = quoted(extension.name), quoted(extension.schema)
            yield statement_for(extension, f"create extension if not exists {name} schema {schema}{version}")
        else:
            for sql in stand_in_objects(snapshot, extension.name):
                yield Statement(sql, f"extension {extension.name}")
