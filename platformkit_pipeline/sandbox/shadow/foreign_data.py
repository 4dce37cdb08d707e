"""Foreign servers, the accounts there, and the wrappers behind them; publications.

Options of foreign tables are not observed, and those of servers may be masked: wrappers do without their validators while
these are made. No server is to be reached from a shadow, so none is told where it lies.
"""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.snapshot import ForeignServer, Publication, RelationKind, Snapshot
from platformkit_pipeline.sandbox.shadow.statement import Statement, grantee, quoted, quoted_in, statement_for
from platformkit_pipeline.sqltext.identifiers import literal

_LIBPQ = frozenset({"postgres_fdw", "dblink_fdw"})
_PLACES = frozenset({"host", "hostaddr", "service"})
_NOWHERE = "/nonexistent"

_WITHOUT_VALIDATORS = """
create temporary table if not exists platformkit_validators as
  select fdwname, fdwvalidator::pg_catalog.regproc::text as validator from pg_catalog.pg_foreign_data_wrapper where fdwvalidator <> 0;
do $validators$
declare
  wrapper text;
begin
  for wrapper in select fdwname from platformkit_validators loop
    execute format('alter foreign data wrapper %I no validator', wrapper);
  end loop;
end
$validators$"""
_WITH_VALIDATORS = """
do $validators$
declare
  wrapper record;
begin
  for wrapper in select * from platformkit_validators loop
    execute format('alter foreign data wrapper %I validator %s', wrapper.fdwname, wrapper.validator);
  end loop;
end
$validators$"""


def without_validators(snapshot: Snapshot) -> Iterator[Statement]:
    for server in snapshot.foreign_servers[:1]:
        yield statement_for(server, _WITHOUT_VALIDATORS)


def with_validators(snapshot: Snapshot) -> Iterator[Statement]:
    for server in snapshot.foreign_servers[:1]:
        yield statement_for(server, _WITH_VALIDATORS)


def foreign_servers(snapshot: Snapshot) -> Iterator[Statement]:
    """A wrapper that no extension brought is made without a handler."""
    for server in snapshot.foreign_servers:
        yield statement_for(server, _wrapper(server))
        name = quoted(server.name)
        options = _options(_leading_nowhere(server))
        yield statement_for(server, f"create server {name} foreign data wrapper {quoted(server.wrapper)}{options}")
        for mapping in server.user_mappings:
            yield statement_for(server, f"create user mapping for {grantee(mapping.user)} server {name}{_options(mapping.options)}")
        yield statement_for(server, f"alter server {name} owner to {quoted(server.owner)}")


def publications(snapshot: Snapshot) -> Iterator[Statement]:
    kinds = {(r.schema, r.name): r.kind for r in snapshot.relations}
    for publication in snapshot.publications:
        through_root = any(kinds.get(table) is RelationKind.PARTITIONED_TABLE for table in publication.tables)
        yield statement_for(publication, _publication(publication, through_root=through_root))
        yield statement_for(publication, f"alter publication {quoted(publication.name)} owner to {quoted(publication.owner)}")


def _wrapper(server: ForeignServer) -> str:
    exists = f"exists (select from pg_catalog.pg_foreign_data_wrapper where fdwname = {literal(server.wrapper)})"
    return f"do $wrapper$ begin if not {exists} then create foreign data wrapper {quoted(server.wrapper)}; end if; end $wrapper$"


def _leading_nowhere(server: ForeignServer) -> tuple[tuple[str, str], ...]:
    """A socket in a folder that is not there: nothing is looked up, and what is not told would be filled in by the library."""
    if server.wrapper not in _LIBPQ:
        return server.options
    return (("host", _NOWHERE), *((name, value) for name, value in server.options if name not in _PLACES))


def _options(options: tuple[tuple[str, str], ...]) -> str:
    return f" options ({', '.join(f'{quoted(name)} {literal(value)}' for name, value in options)})" if options else ""


def _publication(publication: Publication, *, through_root: bool) -> str:
    what = ""
    if publication.all_tables:
        what = " for all tables"
    elif publication.tables:
        what = f" for table {', '.join(quoted_in(*table) for table in publication.tables)}"
    root = ", publish_via_partition_root = true" if through_root else ""
    return f"create publication {quoted(publication.name)}{what} with (publish = {literal(', '.join(publication.operations))}{root})"
