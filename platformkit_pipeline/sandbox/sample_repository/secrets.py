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


def made_up_secret(kind: str) -> str:
    """The same value for the same kind. Raises ValueError for a kind that is none."""
    if kind not in _FORMS:
        raise ValueError(f"there is no made-up secret of the kind {kind!r}; there are {', '.join(sorted(_FORMS))}")
    return _FORMS[kind]()


def made_up_kinds() -> tuple[str, ...]:
    """The kinds that `made_up_secret` knows."""
    return tuple(sorted(_FORMS))


def letters(seed: str, length: int, alphabet: str = _LETTERS) -> str:
    """Letters and digits without a pattern, the same for the same seed."""
    digest = hashlib.shake_256(seed.encode()).digest(length)
    return "".join(alphabet[byte % len(alphabet)] for byte in digest)


def web_token(role: str, issuer: str = "supabase") -> str:
    """A JWT that claims a role; its signature is none."""
    claims = {"iss": issuer, "ref": letters("project", 20, string.ascii_lowercase), "role": role, "iat": _ISSUED, "exp": _EXPIRES}
    return ".".join((_part({"alg": "HS256", "typ": "JWT"}), _part(claims), letters(f"signature of {role}", 43)))


def _part(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _postgres_url() -> str:
    project, password = letters("project", 20, string.ascii_lowercase), letters("password", 16)
    return f"postgresql://postgres.{project}:{password}@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"


def _private_key() -> str:
    label = "PRIVATE" + " KEY"
    body = "\n".join(letters(f"line {number}", 64) for number in range(24))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


_FORMS: Mapping[str, Callable[[], str]] = {
    "supabase_access_token": lambda: "sbp" + "_" + letters("supabase_access_token", 40, _HEX),
    "supabase_secret_key": lambda: "sb" + "_secret_" + letters("secret", 22) + "_" + letters("check", 8),
    "supabase_publishable_key": lambda: "sb" + "_publishable_" + letters("publishable", 22) + "_" + letters("sum", 8),
    "service_role_key": lambda: web_token("service_role"),
    "anon_key": lambda: web_token("anon"),
    "local_stack_key": lambda: web_token("service_role", "supabase-demo"),
    "postgres_url": _postgres_url,
    "mattermost_webhook": lambda: "https://chat.shop.dev/hooks/" + letters("mattermost", 26, _SMALL),
    "slack_webhook": lambda: "/".join(
        ("https://hooks.slack.com/services", "T" + letters("team", 10).upper(), "B" + letters("bot", 10).upper(), letters("slack", 24))
    ),
    "workflow_webhook": lambda: "https://n8n.shop.dev/webhook/" + "-".join(letters(f"uuid {n}", n, _HEX) for n in (8, 4, 4, 4, 12)),
    "private_key": _private_key,
    "api_key": lambda: letters("an api key", 32),
    "password": lambda: letters("a password", 20),
}
