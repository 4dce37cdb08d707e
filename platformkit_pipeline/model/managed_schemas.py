"""Schemas that a platform or an extension owns, so that the owners of a project can seldom change what is in them.

The list belongs here because rules, fingerprints and remediation must agree on it. What is *reported* about a managed
schema is for each of them to decide; nothing here says that such a schema is safe.
"""

from __future__ import annotations

MANAGED_SCHEMAS: frozenset[str] = frozenset(
    {
        "_analytics",
        "_realtime",
        "_supavisor",
        "auth",
        "cron",
        "extensions",
        "graphql",
        "graphql_public",
        "net",
        "pgbouncer",
        "pgmq",
        "pgmq_public",
        "pgsodium",
        "pgsodium_masks",
        "pgtle",
        "realtime",
        "repack",
        "storage",
        "supabase_functions",
        "supabase_migrations",
        "tiger",
        "tiger_data",
        "topology",
        "vault",
    }
)
"""Schemas of Supabase and of the extensions that make a schema of their own."""

SYSTEM_SCHEMAS: frozenset[str] = frozenset({"information_schema"})


def is_system(name: str) -> bool:
    """True for PostgreSQL's own schemas: `information_schema` and everything named `pg_*` (reserved by the server)."""
    return name in SYSTEM_SCHEMAS or name.startswith("pg_")


def is_managed(name: str) -> bool:
    """True for schemas of PostgreSQL, of Supabase and of extensions; False for those a project owns."""
    return name in MANAGED_SCHEMAS or is_system(name)
