"""Extensions of the platform that the replay's server is built without: so many migrations name them that a replay would seldom get far.

From PostgreSQL 18 on a server takes control files from any folder. What is in `sql/sandbox/stand_ins/` has the functions and
tables that migrations name; what it cannot do says so when it is called, and the replay then answers UNKNOWN.
"""

from __future__ import annotations

from pathlib import Path

from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.sandbox.binaries import Binaries
from platformkit_pipeline.sandbox.databases import connect
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

SINCE = 18
"""Major from which on an extension may lie in a folder of the server's own."""
SAYS_SO = "stand-in: "
"""How the message of a stand-in's function begins."""
_VERSIONS = {
    "pg_cron": "1.6.4",
    "pg_graphql": "1.5.11",
    "pg_jsonschema": "0.3.3",
    "pg_net": "0.14.0",
    "pgcrypto": "1.3",
    "pgjwt": "0.2.0",
    "supabase_vault": "0.3.1",
    "uuid-ossp": "1.1",
}
_SCHEMAS = {"pg_cron": "pg_catalog", "pg_graphql": "graphql", "supabase_vault": "vault"}
"""Where an extension can be created only."""


_LET_BY_PLATFORM = ("autoinc", "insert_username", "moddatetime", "refint", "vector")
"""Extensions that only superusers may create elsewhere and that reach neither files nor a network."""


def control_path(server: EmbeddedPostgres) -> str:
    """Value of `extension_control_path`; the server adds `extension` to each entry."""
    return f"{_folder(server).parent}:$system"


def offer_extensions(server: EmbeddedPostgres) -> None:
    """Write the files of what the running server does not have, or does not let `postgres` create.

    It must have been started with `control_path`.
    """
    with connect(server.dsn()) as connection:
        available = {name for (name,) in connection.execute("select name from pg_catalog.pg_available_extensions")}
    files = {}
    for name in sorted(_VERSIONS.keys() - available):
        files[f"{name}.control"] = _control(name)
        files[f"{name}--{_VERSIONS[name]}.sql"] = read_sql(f"sandbox/stand_ins/{name}.sql")
    for name in _LET_BY_PLATFORM:
        files |= _trusted(server.binaries, name)
    folder = _folder(server)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (folder.parent, folder):
        server.account.take(path)
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
        server.account.take(folder / file)


def _control(name: str) -> str:
    """Trusted, because the platform lets `postgres` create it."""
    lines = ["comment = 'stand-in: this server does not have it'", f"default_version = '{_VERSIONS[name]}'", "trusted = true"]
    lines.append(f"relocatable = {'false' if name in _SCHEMAS or name == 'pg_net' else 'true'}")
    lines += [f"schema = '{_SCHEMAS[name]}'"] if name in _SCHEMAS else []
    return "\n".join(lines) + "\n"


def _trusted(binaries: Binaries, name: str) -> dict[str, str]:
    """The server's own files of an extension, so changed that it is trusted; none where it has none."""
    control = next(binaries.bindir.parent.glob(f"share/**/extension/{name}.control"), None)
    if control is None:
        return {}
    scripts = {path.name: path.read_text(encoding="utf-8") for path in control.parent.glob(f"{name}--*.sql")}
    return scripts | {control.name: control.read_text(encoding="utf-8") + "\ntrusted = true\n"}


def _folder(server: EmbeddedPostgres) -> Path:
    return server.folders.base / "stand_ins" / "extension"
