"""Kinds of what a database is observed by. Apart from the records, so that the queries can be sent before those are loaded."""

from __future__ import annotations

from enum import StrEnum


class CatalogKind(StrEnum):
    """One query each: the file `sql/catalog/<value>.sql`."""

    SERVER = "server"
    SCHEMAS = "schemas"
    ROLES = "roles"
    ROLE_MEMBERSHIPS = "role_memberships"
    RELATIONS = "relations"
    COLUMNS = "columns"
    CONSTRAINTS = "constraints"
    INDEXES = "indexes"
    POLICIES = "policies"
    FUNCTIONS = "functions"
    TRIGGERS = "triggers"
    EXTENSIONS = "extensions"
    TYPES = "types"
    DEFAULT_PRIVILEGES = "default_privileges"
    VIEW_DEPENDENCIES = "view_dependencies"
    EVENT_TRIGGERS = "event_triggers"
    PUBLICATIONS = "publications"
    STORAGE_BUCKETS = "storage_buckets"
    FOREIGN_SERVERS = "foreign_servers"
    CRON_JOBS = "cron_jobs"
    DATABASE_SETTINGS = "database_settings"
