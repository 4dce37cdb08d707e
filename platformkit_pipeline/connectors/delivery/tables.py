"""The tables of delivery in a connector's own database. Those of the control plane come by its migrations."""

from __future__ import annotations

from psycopg import sql

from platformkit_pipeline.connectors.delivery.statements import statement
from platformkit_pipeline.control_plane.connection import Connection


def create_delivery_tables(connection: Connection, schema: str) -> None:
    """Make schema and tables `outbox`, `inbox`, `dead_letters` where they are missing; safe from several processes at once.

    In the caller's transaction if there is one, else in one of its own.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('platformkit.delivery.tables', 0))")
        cursor.execute("select set_config('client_min_messages', 'warning', true)")  # "already exists, skipping" is no news
        # as text: many statements at once go only without parameters
        cursor.execute(sql.SQL("{}").format(statement("tables", schema)))
