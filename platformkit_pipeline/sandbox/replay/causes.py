"""Whose fault it is that a migration failed: its own, or the stand-in's, which is not the whole platform.

What the stand-in cannot know must not be held against a repository: such a failure says "cannot tell".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from platformkit_pipeline.model.managed_schemas import MANAGED_SCHEMAS
from platformkit_pipeline.sandbox.replay.extensions import SAYS_SO

_NO_EXTENSION = re.compile(r'extension "(?P<name>[^"]+)" is not available|extension control file "[^"]*/(?P<file>[^"/]+)\.control"')
_UNKNOWN_SETTING = re.compile(r'unrecognized configuration parameter "(?P<name>[^"]+)"')
_UNKNOWN_PRIVILEGE = re.compile(r'unrecognized privilege type "?maintain"?', re.IGNORECASE)
_NEWER_SETTINGS = {
    "transaction_timeout": 17,
    "event_triggers": 17,
    "allow_alter_system": 17,
    "summarize_wal": 17,
    "scram_iterations": 16,
    "createrole_self_grant": 16,
    "extension_control_path": 18,
    "file_copy_method": 18,
}
"""Settings that dumps and migrations of newer servers hold, and the major that has them."""
_ABSENT = frozenset({"42P01", "42883", "42704", "42703", "3F000"})
"""Undefined table, function, object, column, schema."""
_MANAGED = "|".join(sorted(MANAGED_SCHEMAS - {"extensions"}))
_IN_MANAGED = re.compile(rf'(?<![\w.])"?(?P<schema>{_MANAGED}|extensions)"?\s*\.')
_MANAGED_SCHEMA = re.compile(rf'schema "(?P<schema>{_MANAGED})" does not exist')
_PLATFORM_ROLE = re.compile(r'role "(?P<name>supabase_\w+|dashboard_user|pgbouncer|authenticator|cli_login_\w+)" does not exist')
_OF_DEFAULT_EXTENSION = re.compile(
    r"function (?:gen_random_bytes|gen_salt|crypt|hmac|digest|encrypt|decrypt|pgp_\w+|(?:de)?armor|uuid_(?:generate_v\w+|ns_\w+|nil))\("
)
_LET_BY_PLATFORM = re.compile(
    r"""\s*(?:create\s+(?P<what>extension|event\s+trigger|foreign\s+data\s+wrapper|publication|subscription)\b
    |alter\s+(?P<altered>role|user|event\s+trigger|publication)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_REFUSED = "42501"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server said of one statement."""

    sqlstate: str | None
    message: str
    statement: str


def stand_in_reason(refusal: Refusal, server_version: str) -> str | None:
    """Why the platform might have taken what the stand-in refused; None when it would have refused it, too."""
    message = refusal.message
    if found := _NO_EXTENSION.search(message):
        return f"the replay's server does not have the extension {found['name'] or found['file']}"
    if message.startswith(SAYS_SO):
        return f"the file calls a function of an extension; {message.removeprefix(SAYS_SO)}"
    if newer := _newer(message, server_version):
        return newer
    if refusal.sqlstate in _ABSENT:
        return _absent(message, refusal)
    if refusal.sqlstate == _REFUSED and (found := _LET_BY_PLATFORM.match(refusal.statement)):
        what = " ".join((found["what"] or found["altered"]).lower().split())
        return (
            f"the platform lets postgres do this to some kinds of {what} through an extension of its own, which the replay's server lacks"
        )
    return None


def _newer(message: str, server_version: str) -> str | None:
    major = int(server_version.split(".", maxsplit=1)[0])
    if (found := _UNKNOWN_SETTING.search(message)) and (since := _NEWER_SETTINGS.get(found["name"], 0)) > major:
        return f"{found['name']} is a setting of PostgreSQL {since} and later; the replay's server is {server_version}"
    if _UNKNOWN_PRIVILEGE.search(message):
        return f"MAINTAIN is a privilege of PostgreSQL 17 and later; the replay's server is {server_version}"
    return None


def _absent(message: str, refusal: Refusal) -> str | None:
    if found := _MANAGED_SCHEMA.search(message):
        return f"the stand-in of the platform has no schema {found['schema']}"
    if found := _PLATFORM_ROLE.search(message):
        return f"the stand-in of the platform has no role {found['name']}"
    if _OF_DEFAULT_EXTENSION.search(message):
        return "every project has this function from pgcrypto or uuid-ossp; the replay's server is built without it"
    if found := _IN_MANAGED.search(message):
        return f"the stand-in of the platform has less in the schema {found['schema']} than a project"
    if refusal.sqlstate == "42703" and (found := _IN_MANAGED.search(refusal.statement)):
        # a missing column is told without its schema
        return f"the statement reads the schema {found['schema']}, of which the stand-in of the platform has less than a project"
    return None
