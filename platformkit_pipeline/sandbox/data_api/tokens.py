"""Tokens of signed-in users: JSON Web Tokens with HMAC-SHA-256, made and verified as the platform's legacy secret does it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from platformkit_pipeline.sandbox.data_api.refusals import Refused

_HEADER = {"alg": "HS256", "typ": "JWT"}


def signed(claims: Mapping[str, Any], secret: str) -> str:
    """A token that carries `claims`."""
    content = f"{_encoded(_HEADER)}.{_encoded(claims)}"
    return f"{content}.{_base64(_mac(content, secret))}"


def verified(token: str, secret: str, now: float) -> dict[str, Any]:
    """The claims of a token; `now` in seconds since 1970. Raises Refused for a token that is none, is forged or has expired."""
    try:
        header, claims, mac = token.split(".")
        if json.loads(_decoded(header)).get("alg") != "HS256" or not hmac.compare_digest(_decoded(mac), _mac(f"{header}.{claims}", secret)):
            raise Refused(401, "PGRST301", "No suitable key or wrong key type", challenge='Bearer error="invalid_token"')
        found = json.loads(_decoded(claims))
        expired = found.get("exp") is not None and float(found["exp"]) + 30 < now
    except (ValueError, AttributeError, TypeError, binascii.Error):
        raise Refused(401, "PGRST301", "Expected 3 parts in JWT; got something else", challenge='Bearer error="invalid_token"') from None
    if expired:
        raise Refused(401, "PGRST303", "JWT expired", challenge='Bearer error="invalid_token", error_description="JWT expired"')
    return dict(found)


def _encoded(value: Mapping[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _mac(content: str, secret: str) -> bytes:
    return hmac.new(secret.encode(), content.encode(), hashlib.sha256).digest()
