"""What the server is doing for others."""

from __future__ import annotations

import time

import psycopg


def await_end_of_all(connection: psycopg.Connection, condition: str) -> None:
    """Until no other backend of the database meets `condition`: a server hears of the end of a connection a moment later."""
    left = f"select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and {condition}"
    deadline = time.monotonic() + 10
    while connection.execute(left.encode()).fetchone() != (0,):
        assert time.monotonic() < deadline, f"a backend goes on: {condition}"
        time.sleep(0.01)
