"""Hash-first inventory writes beside `executemany ... ON CONFLICT`, in the same run on the same server and tables.

    python -m benchmarks.inventory_write [--objects 100000]

Starts a throw-away server, and writes the inventory of one target three times each way: first night, nothing changed, one
object in a hundred changed. The product's way also keeps the history; the other does not. The ratio is what matters: it
hardly depends on the machine. Not a test: nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from platformkit_pipeline.control_plane import inventory, scans, targets
from platformkit_pipeline.control_plane.connection import Connection, one_row, session
from platformkit_pipeline.control_plane.migrations import migrate
from platformkit_pipeline.model.inventory import InventoryObject, inventory_object
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.sandbox.databases import create_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

Writer = Callable[[Connection, int, str, Sequence[InventoryObject]], object]

FIRST_NIGHT = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
UPSERT = """
insert into ops.inventory_objects (target_id, kind, identity, content_hash, payload, first_seen_scan, changed_scan)
values (%(target_id)s, %(kind)s, %(identity)s, %(content_hash)s, %(payload)s, %(scan_id)s, %(scan_id)s)
on conflict (target_id, kind, identity) do update
set content_hash = excluded.content_hash, payload = excluded.payload, changed_scan = excluded.changed_scan, removed_scan = null
where inventory_objects.content_hash <> excluded.content_hash
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000)
    count = parser.parse_args().objects
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder))
        server.ensure()
        try:
            _compare(server, count)
        finally:
            server.destroy()


def _compare(server: EmbeddedPostgres, count: int) -> None:
    admin = create_database(server.dsn(), "inventory_write")
    migrate(admin)
    nights = {"first night": _objects(count), "nothing changed": _objects(count), "1 % changed": _objects(count, changed=count // 100)}
    writers: dict[str, Writer] = {"hash first": inventory.write, "executemany": _executemany}
    seconds: dict[tuple[str, str], float] = {}
    with session(with_user(admin, "platformkit_pipeline")) as connection:
        targets.sync(connection, [Target(TargetKind.CONNECTOR, name) for name in writers])
        connection.commit()
        print(f"{count} objects, PostgreSQL {connection.info.parameter_status('server_version')}")
        for number, (night, objects) in enumerate(nights.items()):
            for stored in targets.list_active(connection):
                way = stored.target.name
                scan_id = _begin(connection, stored.target_id, number)
                wal_before, started = _wal(connection), time.perf_counter()
                writers[way](connection, stored.target_id, scan_id, objects)
                connection.commit()
                seconds[night, way] = time.perf_counter() - started
                megabytes = (_wal(connection) - wal_before) / 1e6
                rate = count / seconds[night, way]
                print(f"{night:16} {way:12} {seconds[night, way]:7.2f} s {rate:10,.0f} objects/s {megabytes:8.1f} MB WAL")
                sys.stdout.flush()
            print(f"{night:16} hash first is {seconds[night, 'executemany'] / seconds[night, 'hash first']:.1f} times as fast")


def _begin(connection: Connection, target_id: int, night: int) -> str:
    scan_id = str(uuid.uuid4())
    scans.begin(connection, scans.ScanRecord(scan_id, target_id, FIRST_NIGHT + timedelta(days=night), 1.0, None, "fingerprint"))
    connection.commit()
    return scan_id


def _executemany(connection: Connection, target_id: int, scan_id: str, objects: Sequence[InventoryObject]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            UPSERT,
            [
                {
                    "target_id": target_id,
                    "kind": item.kind,
                    "identity": item.identity,
                    "content_hash": item.content_hash,
                    "payload": item.payload,
                    "scan_id": scan_id,
                }
                for item in objects
            ],
        )


def _wal(connection: Connection) -> int:
    (position,) = one_row(connection.execute("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"))
    connection.commit()
    return int(position)


def _objects(count: int, changed: int = 0) -> list[InventoryObject]:
    kinds = ("table", "column", "policy", "function")
    return [
        inventory_object(
            kinds[n % 4],
            f"s{n % 20}.object_{n}",
            {
                "schema": f"s{n % 20}",
                "name": f"object_{n}",
                "owner": "postgres",
                "columns": [{"name": f"c{k}", "type": "text", "nullable": True} for k in range(4)],
                "privileges": ["anon=r/postgres", "authenticated=arwd/postgres"],
                "comment": "changed" if n < changed else "as it was",
            },
        )
        for n in range(count)
    ]


if __name__ == "__main__":
    main()
