"""Made-up secrets of the kinds that rules look for, composed when they are needed: none of them opens anything."""

from __future__ import annotations

import base64
import hashlib
import json
import string
from collections.abc import Callable, Mapping

_LETTERS = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_SMALL = string.ascii_lowercase + string.digits
_ISSUED, _EXPIRES = 1_767_600_000, 2_083_000_000


def made_up_secret(kind: str, another: str = "") -> str:
    """The same value for the same kind and `another`, any word. Raises ValueError for a kind that is none."""
    if kind not in _FORMS:
        raise ValueError(f"there is no made-up secret of the kind {kind!r}; there are {', '.join(sorted(_FORMS))}")
    return _FORMS[kind](f" {another}" if another else "")


def made_up_kinds() -> tuple[str, ...]:
    """The kinds that `made_up_secret` knows."""
    return tuple(sorted(_FORMS))


def letters(seed: str, length: int, alphabet: str = _LETTERS) -> str:
    """Letters and digits without a pattern, the same for the same seed."""
    digest = hashlib.shake_256(seed.encode()).digest(length)
    return "".join(alphabet[byte % len(alphabet)] for byte in digest)


def web_token(role: str, issuer: str = "supabase", another: str = "") -> str:
    """A JWT that claims a role; its signature is none."""
    claims = {"iss": issuer, "ref": letters("project", 20, string.ascii_lowercase), "role": role, "iat": _ISSUED, "exp": _EXPIRES}
    return ".".join((_part({"alg": "HS256", "typ": "JWT"}), _part(claims), letters(f"signature of {role}{another}", 43)))


def _part(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _postgres_url(another: str) -> str:
    project, password = letters("project", 20, string.ascii_lowercase), letters(f"password{another}", 16)
    return f"postgresql://postgres.{project}:{password}@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"


def _private_key(another: str) -> str:
    label = "PRIVATE" + " KEY"
    body = "\n".join(letters(f"line {number}{another}", 64) for number in range(24))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


_FORMS: Mapping[str, Callable[[str], str]] = {
    "supabase_access_token": lambda a: "sbp" + "_" + letters(f"supabase_access_token{a}", 40, _HEX),
    "supabase_secret_key": lambda a: "sb" + "_secret_" + letters(f"secret{a}", 22) + "_" + letters(f"check{a}", 8),
    "supabase_publishable_key": lambda a: "sb" + "_publishable_" + letters(f"publishable{a}", 22) + "_" + letters(f"sum{a}", 8),
    "service_role_key": lambda a: web_token("service_role", another=a),
    "anon_key": lambda a: web_token("anon", another=a),
    "local_stack_key": lambda a: web_token("service_role", "supabase-demo", a),
    "postgres_url": _postgres_url,
    "mattermost_webhook": lambda a: "https://chat.shop.dev/hooks/" + letters(f"mattermost{a}", 26, _SMALL),
    "slack_webhook": lambda a: "/".join(
        (
            "https://hooks.slack.com/services",
            "T" + letters(f"team{a}", 10).upper(),
            "B" + letters(f"bot{a}", 10).upper(),
            letters(f"slack{a}", 24),
        )
    ),
    "workflow_webhook": lambda a: "https://n8n.shop.dev/webhook/" + "-".join(letters(f"uuid {n}{a}", n, _HEX) for n in (8, 4, 4, 4, 12)),
    "private_key": _private_key,
    "api_key": lambda a: letters(f"an api key{a}", 32),
    "password": lambda a: letters(f"a password{a}", 20),
}
