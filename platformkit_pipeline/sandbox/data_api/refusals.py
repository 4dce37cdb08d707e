"""Refusals in PostgREST's form, and the HTTP status that it gives each error of the database."""

from __future__ import annotations

from typing import Any

import psycopg

_EXACT = {
    "23503": 409,
    "23505": 409,
    "25006": 405,
    "42883": 404,
    "42P01": 404,
    "42P17": 500,
    "53400": 500,
    "57P01": 503,
    "P0001": 400,
    "21000": 400,
    "22023": 400,
}
_BY_CLASS = {"08": 503, "0L": 403, "0P": 403, "28": 403, "53": 503} | dict.fromkeys(
    ("09", "25", "2D", "38", "39", "3B", "40", "54", "55", "57", "58", "F0", "HV", "P0", "XX"), 500
)


class Refused(Exception):
    """An answer other than the one that was asked for."""

    def __init__(
        self, status: int, code: str, message: str, *, details: str | None = None, hint: str | None = None, challenge: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"code": code, "details": details, "hint": hint, "message": message}
        self.headers = {"WWW-Authenticate": challenge} if challenge else {}


class Turned(Exception):
    """Turned away by the gateway, before PostgREST sees the request."""

    def __init__(self, status: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "hint": hint}
        self.headers: dict[str, str] = {}


def not_implemented(what: str) -> Refused:
    """What PostgREST does and this stand-in does not."""
    return Refused(400, "PGRST127", "Feature not implemented", details=f"{what} is not implemented by this stand-in")


def unreadable(message: str, details: str) -> Refused:
    return Refused(400, "PGRST100", message, details=details)


def of_database(error: psycopg.Error, *, anonymous: bool) -> Refused:
    """What a client is told of an error of the database."""
    # the driver itself refuses what the server would: a NUL in a text
    code = error.sqlstate or ("22021" if isinstance(error, psycopg.DataError) else "XX000")
    diagnostic = error.diag
    refused = Refused(
        _status(code, anonymous), code, diagnostic.message_primary or "invalid byte sequence", details=diagnostic.message_detail
    )
    refused.body["hint"] = diagnostic.message_hint
    if refused.status == 401:
        refused.headers = {"WWW-Authenticate": "Bearer"}
    return refused


def _status(code: str, anonymous: bool) -> int:
    if code == "42501":
        return 401 if anonymous else 403
    return _EXACT.get(code) or _BY_CLASS.get(code[:2], 400)
