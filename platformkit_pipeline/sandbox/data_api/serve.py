"""The stand-in as a server: the gateway's keys, users' tokens, one transaction per request, faults to order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from psycopg import sql

from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.data_api import answers, openapi, refusals
from platformkit_pipeline.sandbox.data_api.answers import Answer, Asked
from platformkit_pipeline.sandbox.data_api.catalogue import read_catalogue
from platformkit_pipeline.sandbox.data_api.faults import Fault
from platformkit_pipeline.sandbox.data_api.refusals import Refused, Turned
from platformkit_pipeline.sandbox.data_api.tokens import signed, verified
from platformkit_pipeline.sandbox.databases import connect, with_user
from platformkit_pipeline.sandbox.loopback import loopback_server

PUBLISHABLE_KEY = "sb_publishable_stand_in_for_the_data_api"
SECRET_KEY = "_".join(("sb", "secret", "stand_in_for_the_data_api"))
"""Composed, so that no search for secrets finds it: it opens nothing but this stand-in."""
JWT_SECRET = "secret of the stand-in for the data api, long enough for HS256"  # noqa: S105 - opens nothing but this stand-in
PREFIX = "/rest/v1"
_LONGEST_BODY = 1_000_000


@dataclass(slots=True)
class DataApi:
    """State of the stand-in; change it while it serves."""

    url: str
    """Of the project, without a path: the API answers below `/rest/v1/`."""
    dsn: Dsn = field(repr=False)
    """The database, as `authenticator`."""
    schemas: tuple[str, ...] = ("public",)
    """The first is the one of requests that name none."""
    keys: dict[str, str] = field(default_factory=lambda: {PUBLISHABLE_KEY: "anon", SECRET_KEY: "service_role"})
    """Key in the header `apikey` → role of a request without a user's token."""
    document_for_publishable_keys: bool = False
    """Since March 2026 the platform shows its document to secret keys only; self-hosted projects show it to all."""
    faults: list[Fault] = field(default_factory=list)
    """Given first, in order, to the requests that they are meant for."""
    asked: list[Asked] = field(default_factory=list)

    def token(self, role: str = "authenticated", *, expires_in: float = 3600, **claims: Any) -> str:
        """A token of a signed-in user, for `Authorization: Bearer`."""
        return signed({"role": role, "aud": "authenticated", "exp": int(time.time() + expires_in), **claims}, JWT_SECRET)

    def answer(self, asked: Asked) -> Answer:
        """The right answer to one request, or PostgREST's refusal."""
        anonymous = True
        try:
            claims, key_role = self._caller(asked)
            anonymous = claims.get("role", "anon") == "anon"
            if asked.path in ("", "/") and key_role != "service_role" and not self.document_for_publishable_keys:
                hint = "Accessing the schema via the Data API is only allowed using a secret API key."
                raise Turned(401, "Access to schema is forbidden", hint)
            with connect(self.dsn, autocommit=False) as connection:
                return self._answered(connection, asked, claims)
        except (Refused, Turned) as refused:
            return Answer(refused.status, json.dumps(refused.body).encode(), refused.headers)
        except psycopg.Error as error:
            told = refusals.of_database(error, anonymous=anonymous)
            return Answer(told.status, json.dumps(told.body).encode(), told.headers)

    def _caller(self, asked: Asked) -> tuple[dict[str, Any], str]:
        """Claims of the request, and the role of its key."""
        key = asked.headers.get("apikey") or dict(asked.query).get("apikey")
        if not key:
            raise Turned(401, "No API key found in request", "No `apikey` request header or url param was found.")
        role = self.keys.get(key)
        if role is None:
            raise Turned(401, "Invalid API key", "Double check your Supabase `anon` or `service_role` API key.")
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token.strip() == key:
            return {"role": role}, role
        return {"role": "anon", **verified(token.strip(), JWT_SECRET, time.time())}, role

    def _answered(self, connection: answers.Connection, asked: Asked, claims: Mapping[str, Any]) -> Answer:
        role = str(claims["role"])
        schema = self._schema(asked)
        parts = [unquote(part) for part in asked.path.strip("/").split("/")]
        if len(parts) > 2 or (len(parts) == 2 and parts[0] != "rpc"):
            raise Refused(404, "PGRST125", "Invalid path specified in request URL")
        if asked.method in ("GET", "HEAD"):
            connection.execute("set transaction read only")
        if parts == [""]:
            catalogue = read_catalogue(connection, schema, role)
            document = openapi.swagger(catalogue, host=urlsplit(self.url).netloc, base_path=f"{PREFIX}/")
            return Answer(200, json.dumps(document).encode(), content_type="application/openapi+json; charset=utf-8")
        _become(connection, asked, claims, role, schema)
        if len(parts) == 2:
            return answers.of_function(connection, asked, schema, parts[1])
        return answers.of_relation(connection, asked, schema, parts[0])

    def _schema(self, asked: Asked) -> str:
        header = "accept-profile" if asked.method in ("GET", "HEAD") else "content-profile"
        schema = asked.headers.get(header, self.schemas[0])
        if schema not in self.schemas:
            hint = f"Only the following schemas are exposed: {', '.join(self.schemas)}"
            raise Refused(406, "PGRST106", f"Invalid schema: {schema}", hint=hint)
        return schema

    def fault_for(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if fault.path in asked.path and fault.method in ("", asked.method):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None


def _become(connection: answers.Connection, asked: Asked, claims: Mapping[str, Any], role: str, schema: str) -> None:
    """The rest of the transaction runs as PostgREST would run it."""
    shown = {name: value for name, value in asked.headers.items() if name not in ("apikey", "authorization")}
    settings = {
        "search_path": sql.Identifier(schema).as_string(connection) + ", public, extensions",
        "request.jwt.claims": json.dumps(claims),
        "request.method": asked.method,
        "request.path": f"/{asked.path.strip('/')}",
        "request.headers": json.dumps(shown),
    }
    for name, value in settings.items():
        connection.execute("select set_config(%s, %s, true)", [name, value])
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))


@contextmanager
def serve_data_api(database: Dsn, *, schemas: tuple[str, ...] = ("public",)) -> Iterator[DataApi]:
    """The stand-in on a free port of the loopback interface, as long as the block lasts. `database`: any login to a
    Supabase-shaped database; the stand-in itself connects as `authenticator`."""
    with loopback_server(_Handler) as (server, address):
        api = DataApi(address, with_user(database, "authenticator"), schemas)
        server.api = api  # type: ignore[attr-defined]  # the server carries its state
        yield api


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: two would wait 40 ms for the acknowledgement of the first.
    wbufsize = -1
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        api: DataApi = self.server.api  # type: ignore[attr-defined]  # the server carries its state
        url = urlsplit(self.path)
        length = min(int(self.headers.get("Content-Length", 0)), _LONGEST_BODY)
        body = self.rfile.read(length) if length else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        inside = url.path == PREFIX or url.path.startswith(f"{PREFIX}/")
        asked = Asked(self.command, url.path.removeprefix(PREFIX), parse_qsl(url.query, keep_blank_values=True), headers, body)
        api.asked.append(asked)
        fault = api.fault_for(asked)
        if fault is not None and fault.status is not None:
            answer = Answer(fault.status, fault.body or b"", fault.headers)
        elif inside:
            answer = api.answer(asked)
        else:
            answer = Answer(404, b'{"message":"no Route matched with those values"}')
        self._send(answer, fault)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        body = answer.body if fault is None or fault.body is None else fault.body
        length = len(body)
        if fault is not None:
            time.sleep(0 if fault.drip else fault.delay)
            body = body[: length // 2] if fault.cut else body
            length = length if fault.drip else len(body)
        try:
            self.send_response(answer.status)
            kind = fault.content_type if fault is not None and fault.content_type else answer.content_type
            for name, value in {"Content-Type": kind, **answer.headers}.items():
                self.send_header(name, value)
            if fault is not None and fault.endless:
                self.close_connection = True
                self.end_headers()
                while True:
                    self.wfile.write(b" " * 65536)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                self._write(body, fault)
        except (BrokenPipeError, ConnectionResetError):
            # Whoever asked did not wait.
            self.close_connection = True

    def _write(self, body: bytes, fault: Fault | None) -> None:
        if fault is None or not fault.drip:
            self.wfile.write(body)
            self.wfile.flush()
            return
        for position in range(len(body)):
            self.wfile.write(body[position : position + 1])
            self.wfile.flush()
            time.sleep(fault.delay)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_OPTIONS = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to standard error."""
