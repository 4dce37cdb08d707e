"""A project with a contract of each kind, honoured until `violate`; a twin of it, and its Data API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from platformkit_pipeline.connectors.delivery.tables import create_delivery_tables
from platformkit_pipeline.control_plane.connection import connect_admin
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.data_api.serve import PUBLISHABLE_KEY, serve_data_api
from platformkit_pipeline.sandbox.supabase import copy_supabase_database

NAME, TWIN = "notes-staging", "notes-production"
_FOLDER = "contracts/notes"
_ONE, _OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

_SCHEMA = f"""
create table public.news (id integer primary key, title text not null);
alter table public.news enable row level security;
create policy everybody on public.news for select to anon, authenticated using (true);
revoke all on public.news from anon, authenticated;
grant select on public.news to anon, authenticated;
insert into public.news values (1, 'first');
create table public.notes (id integer primary key, tenant_id uuid not null, title text not null);
alter table public.notes enable row level security;
create policy own on public.notes for select to authenticated using (tenant_id::text = auth.jwt() ->> 'tenant_id');
revoke all on public.notes from anon, authenticated;
grant select on public.notes to authenticated;
insert into public.notes values (1, '{_ONE}', 'mine'), (2, '{_OTHER}', 'theirs');
"""
A_LITTLE = "create index notes_by_title on public.notes (title)"
"""Drift, and no more."""
EVERYTHING = """
alter table public.news drop column title;
alter table public.notes alter title drop not null;
alter policy own on public.notes using (true);
insert into delivery.outbox (id, aggregatetype, aggregateid, type) values (gen_random_uuid(), 'note', '1', 'note.written');
"""
"""Breaks a contract of each kind."""

_NEWS = {"type": "object", "required": ["id", "title"], "properties": {"id": {"type": "integer"}, "title": {"type": "string"}}}
_PROMISED: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "news", "version": "1"},
    "paths": {
        "/news": {
            "get": {
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "string"}}],
                "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"type": "array", "items": _NEWS}}}}},
            }
        }
    },
}
_CONTRACTS = {
    "api/news.yaml": "openapi: news.json\nrequests: [{name: news, path: /news?limit=5}]",
    "api/news.json": json.dumps(_PROMISED),
    "data/notes.yaml": """
apiVersion: v3.1.0
kind: DataContract
id: urn:notes
version: 1.0.0
status: active
schema:
  - name: notes
    physicalName: public.notes
    properties:
      - {name: tenant_id, physicalType: uuid, required: true, classification: internal}
      - {name: title, physicalType: text, required: true, classification: personal}
""",
    "event/outbox.yaml": "outbox: {schema: delivery, key: [id, destination], limits: {pending: 0}}",
    "behavior/reading.yaml": f"""
version: 1
description: Who reads which notes.
steps:
  - name: a reader sees their own
    as: &reader {{role: authenticated, claims: {{tenant_id: {_ONE}}}}}
    sql: select title from public.notes where tenant_id = '{_ONE}'
    expect: {{rows: 1}}
  - name: a reader sees nobody else's
    severity: critical
    as: *reader
    sql: select title from public.notes where tenant_id = '{_OTHER}'
    expect: {{rows: 0}}
""",
    "drift/twin.yaml": f"against: {TWIN}",
}


@dataclass(frozen=True)
class Contracted:
    """`entries` and `variables` are what settings and environment say of project and twin."""

    dsn: Dsn
    entries: tuple[dict[str, Any], ...]
    variables: dict[str, str]

    def violate(self, statements: str) -> None:
        with connect_admin(self.dsn) as connection:
            connection.execute(statements.encode())


@contextmanager
def contracted(admin_dsn: Dsn, template: str, folder: Path) -> Iterator[Contracted]:
    """`template` is a Supabase-shaped database; `folder` that of the settings. The Data API answers as long as the block lasts."""
    here, twin = (copy_supabase_database(admin_dsn, name, template=template, copy_files=True) for name in ("notes", "notes_twin"))
    for dsn in (here, twin):
        with connect_admin(dsn) as connection:
            connection.execute(_SCHEMA.encode())
            create_delivery_tables(connection, "delivery")
    for name, text in _CONTRACTS.items():
        path = folder / _FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with serve_data_api(here) as api:
        api.document_for_publishable_keys = True
        entry = yaml.safe_load(f"""
            name: {NAME}
            environment: staging
            database: {{dsn_env: NOTES_DATABASE_URL}}
            contracts: {_FOLDER}
            data_api: {{url: "{api.url}", key_env: NOTES_KEY}}
        """)
        other = {"name": TWIN, "environment": "staging", "database": {"dsn_env": "NOTES_TWIN_DATABASE_URL"}}
        variables = {"NOTES_DATABASE_URL": here.reveal(), "NOTES_TWIN_DATABASE_URL": twin.reveal(), "NOTES_KEY": PUBLISHABLE_KEY}
        yield Contracted(here, (entry, other), variables)
