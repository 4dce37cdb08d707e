"""A target with an extension that the shadow's server does not have: rebuilt on a stand-in, and all that stands on it is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.remediation.shadows import ShadowServer
from platformkit_pipeline.sandbox.binaries import find_binaries
from platformkit_pipeline.sandbox.databases import connect, create_database
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline_tests.conftest import FAST_SETTINGS
from platformkit_pipeline_tests.remediation.conftest import binaries_in, every_server

CONTROL = "default_version = '1.2'\nrelocatable = false\nschema = extensions\n"
SCRIPT = """
create type extensions.shade;
create function extensions.shade_in(cstring) returns extensions.shade language internal immutable strict as 'textin';
create function extensions.shade_out(extensions.shade) returns cstring language internal immutable strict as 'textout';
create type extensions.shade (input = extensions.shade_in, output = extensions.shade_out, internallength = variable);
create type extensions.mode as enum ('light', 'dark');
create function extensions.darken(extensions.shade, by integer default 1) returns extensions.shade language c strict
  as '$libdir/plpgsql', 'plpgsql_call_handler';
create function extensions.is_dark(extensions.shade) returns boolean language sql immutable as 'select true';
create table extensions.shade_names (name text primary key, shade extensions.shade);
create function extensions.darker(extensions.shade, extensions.shade) returns boolean language sql immutable as 'select true';
create operator extensions.<+> (leftarg = extensions.shade, rightarg = extensions.shade, function = extensions.darker);
"""
TARGET = """
create schema extensions;
create extension shades schema extensions;
create table public.walls
  (id integer primary key, colour extensions.shade default 'white'::extensions.shade, mode extensions.mode, height integer);
create table public.doors (id integer primary key, wall integer references public.walls (id));
create view public.dark_walls as select id from public.walls where extensions.is_dark(colour);
create view public.over as select id from public.dark_walls;
create view public.compared as select a.id from public.walls a join public.walls b on a.colour operator(extensions.<+>) b.colour;
create view public.door_count as select count(*) as n from public.doors;
create function public.paint() returns void language plpgsql set search_path = extensions as $$
  begin perform darken('white'::shade); end $$;
create function public.twice(a integer) returns integer language sql as 'select a * 2';
create function public.guard() returns trigger language plpgsql as $$ begin perform public.paint(); return new; end $$;
create trigger guarded before insert on public.doors for each row execute function public.guard();
alter table public.walls enable row level security;
create policy dark on public.walls using (extensions.is_dark(colour));
create policy high on public.walls using (height > 3);
"""
STUB = "differs: stands on a stub of extension shades"
STANDING = {
    "column public.walls.colour": STUB,
    "column public.walls.mode": STUB,
    "view public.dark_walls": STUB,
    "view public.over": STUB,
    "function public.paint()": STUB,
    "function public.guard()": STUB,
    "trigger public.doors.guarded": STUB,
    "policy public.walls.dark": STUB,
    "view public.compared": "missing: operator does not exist: extensions.shade extensions.<+> extensions.shade",
    "column public.compared.id": "missing: it comes with another object that is missing or has another name",
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """Observed on a server that has the extension."""
    if find_binaries().major < 18:
        pytest.skip("before PostgreSQL 18 a server takes no extensions from other folders than its own")
    folder = tmp_path_factory.mktemp("shades")
    server = EmbeddedPostgres(folder / "server", settings=FAST_SETTINGS)
    files = server.folders.base / "more" / "extension"
    files.mkdir(parents=True, mode=0o755)
    server.folders.base.chmod(0o700)
    (files / "shades.control").write_text(CONTROL)
    (files / "shades--1.2.sql").write_text(SCRIPT)
    server = EmbeddedPostgres(folder / "server", settings={**FAST_SETTINGS, "extension_control_path": f"$system:{files.parent}"})
    server.ensure()
    dsn = create_database(server.dsn(), "shaded")
    with connect(dsn) as connection:
        connection.execute("set check_function_bodies = off")
        connection.execute(TARGET.encode())
    yield observe(dsn)
    server.destroy()


def test_what_stands_on_a_missing_extension_is_named_and_nothing_else_is(target: Snapshot, shadows: ShadowServer) -> None:
    template = shadows.template(target)
    expected = {**STANDING, "extension shades": "differs: this server does not have it, a stub is in its place"}
    assert dict(template.unfaithful) == expected
    same = object_fingerprints(template.snapshot).items() & object_fingerprints(target).items()
    assert {"extension shades", "table public.walls", "column public.walls.colour", "view public.dark_walls"} <= {name for name, _ in same}


def test_a_stand_in_can_be_written_to_and_refuses_to_be_called(target: Snapshot, shadows: ShadowServer) -> None:
    shadows.template(target)
    with connect(shadows.fresh()) as connection:
        connection.execute("insert into public.walls (id, colour, mode) values (1, 'red', 'dark')")
        assert connection.execute("select colour::text, mode::text from public.walls").fetchone() == ("red", "dark")
        with pytest.raises(Exception, match="stand-in of an extension that this server does not have"):
            connection.execute("select extensions.darken('red')")


@pytest.mark.parametrize("bindir", [b for b in every_server() if binaries_in(b).major < 18] or [None], ids=str)
def test_before_18_the_extension_itself_is_missing(bindir: Path | None, target: Snapshot, tmp_path: Path) -> None:
    if bindir is None:
        pytest.skip("there is no PostgreSQL before 18 on this machine")
    with ShadowServer(parent=tmp_path / "shadows", binaries=binaries_in(bindir)) as shadows:
        template = shadows.template(target)
    assert template.unfaithful.keys() == {*STANDING, "extension shades"}
    assert template.unfaithful["extension shades"].startswith("missing: ")
