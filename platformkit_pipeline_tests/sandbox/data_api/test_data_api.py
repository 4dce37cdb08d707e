"""The stand-in for the Data API answers as PostgREST is documented to, in front of a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.data_api.faults import Fault, unavailable
from platformkit_pipeline.sandbox.data_api.serve import PUBLISHABLE_KEY, SECRET_KEY, DataApi, serve_data_api
from platformkit_pipeline.sandbox.databases import connect
from platformkit_pipeline_tests.conftest import DatabaseFactory

_SCHEMA = """
create type public.state as enum ('open', 'done');
create table public.lists (id bigint generated always as identity primary key, title varchar(40) not null);
create table public.items (
  id bigint generated always as identity primary key, list_id bigint references public.lists, owner uuid not null default auth.uid(),
  title text not null check (title <> ''), state public.state not null default 'open', tags text[], extra jsonb
);
create table public.secrets (id int primary key);
comment on table public.items is 'Things to do';
alter table public.lists enable row level security;
alter table public.items enable row level security;
create policy everybody on public.lists for select to anon, authenticated using (true);
create policy own on public.items for all to authenticated using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
revoke all on all tables in schema public from anon, authenticated, service_role;
grant select on public.lists to anon, authenticated;
grant select, insert, update, delete on public.items to authenticated;
grant all on all tables in schema public to service_role;
create function public.twice(n int) returns int language sql immutable as 'select n * 2';
create function public.titles(prefix text default '') returns setof public.lists language sql stable
  as 'select * from public.lists where starts_with(title, prefix) order by id';
insert into public.lists (title) values ('home'), ('work');
"""
_ME = "7d5a4f0c-0000-4000-8000-000000000001"


@pytest.fixture
def api(make_supabase_database: DatabaseFactory) -> Iterator[DataApi]:
    database: Dsn = make_supabase_database()
    with connect(database) as connection:
        connection.execute(_SCHEMA)
    with serve_data_api(database) as served:
        yield served


def _ask(
    api: DataApi, path: str, method: str = "GET", *, user: str | None = None, key: str = PUBLISHABLE_KEY, **more: Any
) -> httpx.Response:
    headers = {"apikey": key, **more.pop("headers", {})}
    if user is not None:
        headers["Authorization"] = f"Bearer {api.token(sub=user)}"
    return httpx.request(method, f"{api.url}/rest/v1{path}", headers=headers, **more)


def test_the_document_shows_what_the_role_may_see_and_only_to_a_secret_key(api: DataApi) -> None:
    refused = _ask(api, "/")
    document = _ask(api, "/", key=SECRET_KEY).json()
    api.document_for_publishable_keys = True
    for_visitors = _ask(api, "/").json()

    assert (refused.status_code, refused.json()["message"]) == (401, "Access to schema is forbidden")
    assert set(for_visitors["definitions"]) == {"lists"}
    assert set(document["definitions"]) == {"lists", "items", "secrets"}
    items = document["definitions"]["items"]
    assert items["required"] == ["id", "owner", "title", "state"]
    assert items["properties"]["state"]["enum"] == ["open", "done"]
    assert items["properties"]["tags"] == {"format": "text[]", "type": "array", "items": {"type": "string"}}
    assert items["properties"]["extra"] == {"format": "jsonb"}
    assert "<fk table='lists' column='id'/>" in items["properties"]["list_id"]["description"]
    assert document["definitions"]["lists"]["properties"]["title"]["maxLength"] == 40
    assert set(document["paths"]) == {"/", "/lists", "/items", "/secrets", "/rpc/twice", "/rpc/titles"}
    assert set(document["paths"]["/rpc/twice"]) == {"get", "post"}


def test_rows_are_selected_filtered_ordered_and_counted(api: DataApi) -> None:
    counted = _ask(api, "/lists?select=name:title,id&order=id.desc&limit=1", headers={"Prefer": "count=exact"})

    assert (counted.status_code, counted.json(), counted.headers["Content-Range"]) == (206, [{"name": "work", "id": 2}], "0-0/2")
    assert [row["title"] for row in _ask(api, "/lists?id=in.(1,2)&title=not.eq.home").json()] == ["work"]
    assert _ask(api, "/lists?title=is.null").json() == []
    assert _ask(api, "/lists?title=like.ho*&select=id").json() == [{"id": 1}]
    assert _ask(api, "/lists?id=eq.1", headers={"Accept": "application/vnd.pgrst.object+json"}).json()["title"] == "home"
    assert _ask(api, "/lists", method="HEAD").content == b""


def test_row_level_security_sees_the_claims_of_the_token(api: DataApi) -> None:
    created = _ask(api, "/items", "POST", user=_ME, json={"title": "wash"}, headers={"Prefer": "return=representation"})
    forged = _ask(api, "/items", "POST", user=_ME, json={"title": "wash", "owner": "7d5a4f0c-0000-4000-8000-000000000002"})
    changed = _ask(api, "/items?title=eq.wash", "PATCH", user=_ME, json={"state": "done"}, headers={"Prefer": "return=representation"})

    assert (created.status_code, created.json()[0]["owner"]) == (201, _ME)
    assert (forged.status_code, forged.json()["code"]) == (403, "42501")
    assert (changed.status_code, changed.json()[0]["state"]) == (200, "done")
    assert _ask(api, "/items", user="7d5a4f0c-0000-4000-8000-000000000002").json() == []
    assert _ask(api, "/items", "DELETE", user=_ME).status_code == 204
    assert _ask(api, "/items", user=_ME).json() == []


def test_refusals_carry_the_codes_and_statuses_of_postgrest(api: DataApi) -> None:
    singular = {"Accept": "application/vnd.pgrst.object+json"}
    told = {
        "no privilege, not signed in": _ask(api, "/items"),
        "no privilege, signed in": _ask(api, "/secrets", user=_ME),
        "no such table": _ask(api, "/nothing"),
        "no such column": _ask(api, "/lists?size=eq.1"),
        "no such operator": _ask(api, "/lists?id=1"),
        "not of the type": _ask(api, "/lists?id=eq.one"),
        "rows for one": _ask(api, "/lists", headers=singular),
        "too deep": _ask(api, "/lists/1"),
        "no such function": _ask(api, "/rpc/thrice?n=1"),
        "embedding": _ask(api, "/lists?select=*,items(*)"),
        "check": _ask(api, "/items", "POST", user=_ME, json={"title": ""}),
        "not null": _ask(api, "/items", "POST", user=_ME, json={"state": "open"}),
        "no JSON": _ask(api, "/items", "POST", user=_ME, content=b"{"),
    }

    assert {what: (r.status_code, r.json()["code"]) for what, r in told.items()} == {
        "no privilege, not signed in": (401, "42501"),
        "no privilege, signed in": (403, "42501"),
        "no such table": (404, "PGRST205"),
        "no such column": (400, "42703"),
        "no such operator": (400, "PGRST100"),
        "not of the type": (400, "22P02"),
        "rows for one": (406, "PGRST116"),
        "too deep": (404, "PGRST125"),
        "no such function": (404, "PGRST202"),
        "embedding": (400, "PGRST127"),
        "check": (400, "23514"),
        "not null": (400, "23502"),
        "no JSON": (400, "PGRST102"),
    }


def test_keys_and_tokens_are_verified(api: DataApi) -> None:
    token = api.token(sub=_ME)
    expired = httpx.get(
        f"{api.url}/rest/v1/items", headers={"apikey": PUBLISHABLE_KEY, "Authorization": f"Bearer {api.token(expires_in=-60)}"}
    )
    forged = _ask(api, "/items", headers={"Authorization": f"Bearer {token[:-4]}AAAA"})

    assert _ask(api, "/lists", key="guess").json()["message"] == "Invalid API key"
    assert httpx.get(f"{api.url}/rest/v1/lists").status_code == 401
    assert (expired.status_code, expired.json()["code"]) == (401, "PGRST303")
    assert (forged.status_code, forged.json()["code"]) == (401, "PGRST301")


def test_functions_are_called_with_named_arguments(api: DataApi) -> None:
    assert _ask(api, "/rpc/twice?n=21").json() == 42
    assert _ask(api, "/rpc/twice", "POST", json={"n": 4}).json() == 8
    assert [row["title"] for row in _ask(api, "/rpc/titles", "POST", json={}).json()] == ["home", "work"]
    assert [row["title"] for row in _ask(api, "/rpc/titles?prefix=w").json()] == ["work"]


def test_hostile_names_and_values_stay_names_and_values(api: DataApi) -> None:
    attempts = [
        "/lists?id=eq.1%3Bdrop%20table%20lists",
        '/lists?select=id"%3Bdrop',
        '/lists?order=id"%3B--',
        "/li%22sts",
        "/lists?%25s=eq.1",
        "/lists?title=eq.%00",
    ]

    assert {_ask(api, path).status_code for path in attempts} <= {400, 404}
    assert len(_ask(api, "/lists").json()) == 2


def test_faults_are_given_to_order(api: DataApi) -> None:
    api.faults += [unavailable(), Fault(cut=True), Fault(content_type="text/html")]

    unavailable_now, cut, typed = (_ask(api, "/lists") for _ in range(3))

    assert unavailable_now.status_code == 503
    with pytest.raises(json.JSONDecodeError):
        cut.json()
    assert typed.headers["Content-Type"] == "text/html"
    assert len(_ask(api, "/lists").json()) == 2
