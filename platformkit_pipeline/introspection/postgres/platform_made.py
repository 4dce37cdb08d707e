"""What the hosted platform makes in every project by itself, and upgrades at its own pace: nobody's migrations declare it.

The catalogue fingerprint leaves out managed schemas; this is the rest that a stand-in of the platform cannot have the same.
"""

from __future__ import annotations

import re
from typing import Any

from platformkit_pipeline.model.managed_schemas import is_managed
from platformkit_pipeline.model.snapshot import DefaultPrivilege, Extension, Publication, Role, RoleMembership, Trigger

_SERVICE_ROLE = re.compile(r"supabase_|pgbouncer\Z|pgsodium_|pgtle_admin\Z|dashboard_user\Z|cli_login_|pg_database_owner\Z")
_CONFIGURED_ROLES = frozenset({"authenticator", "postgres"})
"""Logins of the platform's own services and tools: which settings they get is the platform's affair."""
_INSTALLED = frozenset(
    {"pg_graphql", "pg_net", "pg_stat_statements", "pgcrypto", "pgjwt", "pgsodium", "plpgsql", "supabase_vault", "uuid-ossp"}
)
_PUBLICATIONS = frozenset({"supabase_realtime_messages_publication"})


def made_by_platform(record: Any) -> bool:
    """True for what no owner of a project made or can be asked to declare."""
    match record:
        case Role():
            return is_service_role(record.name)
        case RoleMembership():
            return is_service_role(record.member) or record.member == "postgres"
        case DefaultPrivilege():
            return is_service_role(record.role)
        case Extension():
            return record.name in _INSTALLED
        case Publication():
            return record.name in _PUBLICATIONS
        case Trigger():
            return is_managed(record.schema) and is_managed(record.function_schema)
    return False


def is_service_role(name: str) -> bool:
    return _SERVICE_ROLE.match(name) is not None


def settings_are_platform_made(role: str) -> bool:
    return role in _CONFIGURED_ROLES
