"""Roles of PostgreSQL and of the hosted platform that are known to work on the server side, and why they may do what they do."""

from __future__ import annotations

from platformkit_pipeline.model.snapshot import Extension

PLATFORM_ROLES: dict[str, str] = {
    "supabase_admin": "the platform's superuser",
    "supabase_auth_admin": "owns schema auth for the auth service",
    "supabase_storage_admin": "owns schema storage for the storage service",
    "supabase_functions_admin": "owns the database webhooks",
    "supabase_realtime_admin": "owns schema realtime",
    "supabase_replication_admin": "makes read replicas",
    "supabase_etl_admin": "copies tables to a warehouse",
    "supabase_read_only_user": "the dashboard's read-only connection",
    "supabase_privileged_role": "stands in for a superuser in the platform's own migrations",
    "supabase_superuser": "the platform's superuser while it upgrades a project",
    "dashboard_user": "the dashboard's administration",
    "cli_login_postgres": "the CLI's login, for minutes at a time",
    "pgbouncer": "looks passwords up for the pooler",
    "pgsodium_keyholder": "holds the keys of pgsodium",
    "pgsodium_keyiduser": "uses the keys of pgsodium",
    "pgsodium_keymaker": "makes the keys of pgsodium",
}
"""Roles that the platform makes and keeps. The owners of a project can change neither them nor what they grant."""

SERVER_SIDE_ROLES: dict[str, str] = PLATFORM_ROLES | {
    "postgres": "the project's administrator, or the server's first superuser",
    "service_role": "the API's server-side key, which is meant to see every tenant",
}
"""Roles that may bypass row level security, with the reason."""


def is_server_side(role: str, extensions: tuple[Extension, ...]) -> bool:
    """`role` is documented as one of the server side.

    So is whoever owns PL/pgSQL: it comes with the server, and its owner is the superuser that the server was made with.
    """
    return role in SERVER_SIDE_ROLES or role.startswith("pg_") or any(e.name == "plpgsql" and e.owner == role for e in extensions)
