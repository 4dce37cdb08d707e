"""Tables that are much larger than their rows need: clause 6.1."""

from __future__ import annotations

from platformkit_pipeline.model.activity import TableSpace
from platformkit_pipeline.model.identity import database_identity
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.snapshot import CatalogKind, RelationKind
from platformkit_pipeline.rules.database.catalog import Catalog, identity_of
from platformkit_pipeline.rules.database.query_performance import activity_of
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdicts, failed, rule, unknown

BLOAT_FACTOR = 2.0
"""A table that is updated a lot settles at up to twice its size: dead rows wait for VACUUM, and their space for new rows."""
BLOAT_BYTES = 50 * 1024 * 1024
"""Less wasted space than this is not worth a rewrite. `sql/activity/server.sql` returns no smaller tables."""
_MIB = 1024 * 1024


@rule(
    "PRF004",
    "table-bloat",
    clause="6.1",
    severity=Severity.LOW,
    family=Family.QUERY_PERFORMANCE,
    title="Table is much larger than its rows",
    why="Every scan, every backup and the cache carry the empty pages: VACUUM does not keep up, or a large delete was not tidied up.",
    how_to_fix=(
        "Find what keeps VACUUM from working (old transactions, replication slots, the table's autovacuum settings), then repack it, "
        "or `vacuum full` in a maintenance window: that locks the table."
    ),
    requires=(CatalogKind.RELATIONS,),
    source=Source.STATISTICS,
    references=("splinter:table_bloat",),
    violating="""
insert into public.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one');
alter table public.orders set (autovacuum_enabled = false);
alter table public.orders add column note text;
alter table public.orders alter column note set storage plain;
insert into public.orders (tenant_id, total, note)
  select '00000000-0000-0000-0000-000000000001', n, repeat('x', 7000) from generate_series(1, 9000) as n;
delete from public.orders where total < 9000;
analyze public.orders;
""",
    clean="""
insert into public.tenants (id, name) values ('00000000-0000-0000-0000-000000000001', 'one');
alter table public.orders add column note text;
alter table public.orders alter column note set storage plain;
insert into public.orders (tenant_id, total, note)
  select '00000000-0000-0000-0000-000000000001', n, repeat('x', 7000) from generate_series(1, 9000) as n;
analyze public.orders;
""",
)
def table_bloat(catalog: Catalog) -> Verdicts:
    activity = activity_of(catalog)
    if isinstance(activity, str):
        yield unknown(database_identity(catalog.snapshot.server.database), activity)
        return
    large = {(t.schema, t.name): t for t in activity.large_tables}
    for table in catalog.tables:
        if table.kind is RelationKind.PARTITIONED_TABLE:  # holds no rows of its own
            continue
        space = large.get((table.schema, table.name)) if large else None
        if space is None:
            yield PASSED
            continue
        identity = identity_of(table)
        if not space.analyzed:
            yield unknown(identity, f"{identity} was never analyzed, so its size is not known; `analyze {identity}`")
        elif space.needed_bytes is None:
            yield unknown(identity, f"this role does not see how wide the columns of {identity} are; grant it SELECT")
        elif _is_bloated(space, space.needed_bytes):
            yield failed(
                identity,
                f"{identity} takes more than {BLOAT_FACTOR:g} times the space that its rows need",
                size_mib=round(space.bytes / _MIB, 1),
                needed_mib=round(space.needed_bytes / _MIB, 1),
                last_vacuum=space.last_vacuum,
                last_analyze=space.last_analyze,
                options=list(table.options),
            )
        else:
            yield PASSED


def _is_bloated(space: TableSpace, needed: int) -> bool:
    return space.bytes - needed >= BLOAT_BYTES and space.bytes > BLOAT_FACTOR * needed
