"""Secrets written into database objects: found, named by kind, and masked before anybody stores or prints the text.

Two ways lead to a secret. Some are known by their form (a Supabase secret key, a JWT that carries an elevated role, a
private key); for them it does not matter where they stand. The others are known by what they are given to: a literal that
is assigned to, passed as, or compared with something called password, api_key or token; then the text is read as SQL
tokens, and the literal has to look like a secret and not like a word.

Public by design, and so no secrets: `sb_publishable_` keys, JWTs of role anon, Stripe's `pk_` and test-mode keys, and the
demo keys that every local Supabase stack shares.

The marker that takes a secret's place says its kind only. Neither its length nor a digest of it: from those a weak password
could be guessed.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from platformkit_pipeline.sqltext.tokens import COMPARING, STRINGS, Token, aliased, compared, past_casts, tokens_of

MARKER = "[platformkit:secret:"
"""How every marker begins; a plain substring test for texts that were masked before."""

_MARKER = re.compile(r"\[platformkit:secret:(?P<kind>[a-z0-9-]+)\]")

DESCRIPTIONS = {
    "supabase-secret-key": "a secret key of Supabase",
    "supabase-access-token": "a personal access token of Supabase",
    "service-role-key": "a JWT with a role that bypasses row level security",
    "json-web-token": "a signed JSON web token",
    "url-password": "a password in a connection URL",
    "connection-password": "a password in a connection string",
    "aws-access-key": "an access key of AWS",
    "github-token": "a token of GitHub",
    "gitlab-token": "a token of GitLab",
    "slack-token": "a token of Slack",
    "chat-webhook": "the address of a chat webhook, which is its password",
    "stripe-key": "a live key of Stripe",
    "webhook-secret": "a secret that signs webhooks",
    "model-provider-key": "a key of a model provider",
    "google-api-key": "an API key of Google",
    "sendgrid-key": "an API key of SendGrid",
    "private-key": "a private key",
    "authorization-header": "credentials in an authorization header",
    "password": "a password",
    "encryption-key": "a key given to an encryption or signing function",
    "named-secret": "a literal under a name that says key, secret or token",
}
"""What each kind is, for a person."""


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One secret in a text: what it is and on which line it stands. Never the secret, not even in part."""

    kind: str
    description: str
    line: int


class _Span(NamedTuple):
    start: int
    end: int
    kind: str


def masked_value(kind: str) -> str:
    """What stands in the place of a secret. It survives inside a string literal, a JSON text, a URL and a comment."""
    return f"{MARKER}{kind}]"


def mask_secrets(text: str, *, prose: bool = False) -> str:
    """`text` with a marker in the place of every secret; `text` itself when there is none.

    `prose`: it is a sentence for people (a COMMENT), where a password may follow a colon without any quotes.
    """
    if not may_hold_a_secret(text):
        return text
    spans = _spans(text, prose=prose)
    if not spans:
        return text
    parts: list[str] = []
    done = 0
    for span in spans:
        parts += (text[done : span.start], masked_value(span.kind))
        done = span.end
    return "".join((*parts, text[done:]))


def mask_setting(name: str, value: str) -> str:
    """The value of a named setting or option (`SET app.api_key = ...`, options of a foreign server) without its secret."""
    masked = mask_secrets(value)
    if masked is not value or not names_a_secret(name):
        return masked
    given = _is_given(value) if _plain_name(name).endswith(("password", "secret")) else looks_secret(value)
    return masked_value(kind_of_name(name)) if given and value != _LOCAL_SIGNER else value


def secrets_in(text: str, *, prose: bool = False) -> tuple[SecretUse, ...]:
    """Secrets in the text, by line: those that an earlier masking took out, and those that still stand there."""
    found = [_Span(m.start(), m.end(), m["kind"]) for m in _MARKER.finditer(text)] if MARKER in text else []
    if may_hold_a_secret(text):
        found += _spans(text, prose=prose)
    return tuple(SecretUse(s.kind, DESCRIPTIONS.get(s.kind, "a secret"), text.count("\n", 0, s.start) + 1) for s in sorted(found))


# -- the filter that nearly every text ends at -----------------------------------------------------------------------
_SHORTEST = 8
_WORDS = ("secret", "key", "token", "pass", "pwd", "bearer", "authorization", "crypt", "hmac", "credential", "sign(")
"""Words of which one stands near every secret that has no form of its own."""
_BEGINNINGS = ("eyj", "sbp_", "akia", "asia", "ghp_", "glpat-", "xox", "_live_", "whsec_", "sk-", "aiza", "sg.", "://")
"""Beginnings of the secrets that have one; those with a word of `_WORDS` in them are left out."""
_TELLING = _WORDS + _BEGINNINGS
_GATES = ("k", "z", "y", "j", "/", "v", "-", "sec", "p_")
"""Parts of several of them that are rare in SQL, or found faster than the whole: most texts have none of the first seven."""


def _behind_gates() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What has to be searched for only where its gate stands; the others are their own."""
    groups: dict[str, list[str]] = {}
    for part in _TELLING:
        groups.setdefault(next((gate for gate in _GATES if gate in part), part), []).append(part)
    return tuple((gate, tuple(parts)) for gate, parts in groups.items())


_SEARCHED = _behind_gates()


def may_hold_a_secret(text: str) -> bool:
    """A few plain searches: a database of 10,000 tables brings a hundred thousand texts, and most of them are clean.

    Not memoised: the observation asks once for each distinct text, and remembering costs as much as searching.
    """
    if len(text) < _SHORTEST:
        return False
    folded = text.lower()
    for gate, parts in _SEARCHED:
        if gate in folded:
            for part in parts:
                if part in folded:  # no `any`: its generator would cost as much as the searches
                    return True
    return False


# -- secrets that are known by their form ----------------------------------------------------------------------------
class _Form(NamedTuple):
    kind: str
    needles: tuple[str, ...]
    """One of them stands in the text, or the pattern need not be tried."""
    pattern: re.Pattern[str]
    """Its group `value` is what has to go."""
    holds: Callable[[re.Match[str]], bool]


def _no_placeholder(match: re.Match[str]) -> bool:
    return not is_placeholder(match["value"])


_LONG_KEY = 200


def _no_empty_key(match: re.Match[str]) -> bool:
    """A long one may hold `todo` or `xxxx` by chance."""
    return len(match["value"]) > _LONG_KEY or _no_placeholder(match)


def _random(match: re.Match[str]) -> bool:
    return not is_placeholder(match["value"]) and not _is_made_of_words(match["value"])


_LOCAL_STACK = "N7UND0UgjKTVK-"
"""How, after its prefix, the secret key begins that the Supabase CLI gives to every local stack."""
_LOCAL_SIGNER = "super-secret-jwt-token-with-at-least-32-characters-long"
"""The same for the secret that signs a local stack's JWTs."""
_DEMO_ISSUER = "supabase-demo"
_ELEVATED = frozenset({"service_role", "supabase_admin", "supabase_auth_admin", "supabase_storage_admin", "postgres", "dashboard_user"})


def _no_local_key(match: re.Match[str]) -> bool:
    return _no_placeholder(match) and _LOCAL_STACK not in match["value"]


def _claims(token: str) -> dict[str, object] | None:
    """Payload of a JWT; None when it is none."""
    payload = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def role_of(token: str) -> str | None:
    """The role that a JWT claims; None when it claims none or is no JWT."""
    role = (_claims(token) or {}).get("role")
    return role if isinstance(role, str) else None


def _kind_of_jwt(token: str) -> str | None:
    claims = _claims(token)
    if claims is None or claims.get("iss") == _DEMO_ISSUER or claims.get("role") == "anon":
        return None
    if claims.get("sub") == "1234567890" and claims.get("name") == "John Doe":
        return None  # the example of jwt.io, in half of all tutorials
    return "service-role-key" if claims.get("role") in _ELEVATED else "json-web-token"


_WEAK_PASSWORDS = frozenset(
    {"postgres", "password", "pass", "passwd", "pwd", "secret", "admin", "root", "user", "test", "guest", "supabase"}
)
_NO_REAL_HOST = re.compile(
    r"(?i)(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0|db|postgres|host|hostname|host\.docker\.internal|"
    r"(?:.*\.)?example(?:\.(?:com|org|net))?|.*\.(?:test|invalid|localhost))\Z"
)


def _real_url(match: re.Match[str]) -> bool:
    password, host = match["value"], match["host"]
    if is_placeholder(password) or is_placeholder(host) or password.lower() in ("password", "pass", "pwd", "secret"):
        return False
    return not (password.lower() in _WEAK_PASSWORDS and _NO_REAL_HOST.match(host))


_JWT = re.compile(r"(?<![\w-])(?P<value>eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,})", re.ASCII)
_FORMS = (
    _Form("supabase-secret-key", ("sb_secret_",), re.compile(r"\b(?P<value>sb_secret_[\w-]{16,})", re.ASCII), _no_local_key),
    _Form("supabase-access-token", ("sbp_",), re.compile(r"\b(?P<value>sbp_(?:v0_|oauth_)?[0-9a-f]{40})\b", re.ASCII), _no_placeholder),
    _Form(
        "url-password",
        ("://",),
        re.compile(
            r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@'\"]{0,100}:(?P<value>[^\s@/'\"]{1,200})@(?P<host>[^\s:/?'\"]{1,255})", re.ASCII
        ),
        _real_url,
    ),
    _Form("aws-access-key", ("AKIA", "ASIA"), re.compile(r"\b(?P<value>(?:AKIA|ASIA)[0-9A-Z]{16})\b", re.ASCII), _no_placeholder),
    _Form(
        "github-token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?P<value>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})", re.ASCII),
        _no_placeholder,
    ),
    _Form("gitlab-token", ("glpat-",), re.compile(r"\b(?P<value>glpat-[\w-]{20,})", re.ASCII), _no_placeholder),
    _Form("slack-token", ("xox",), re.compile(r"\b(?P<value>xox[abeoprs]-[A-Za-z0-9-]{10,})", re.ASCII), _random),
    _Form(
        "chat-webhook",
        ("hooks",),
        re.compile(r"://hooks\.slack\.com/(?:services|workflows|triggers)/(?P<value>[\w/-]{16,})", re.ASCII),
        _no_placeholder,
    ),
    _Form(
        "chat-webhook", ("/hooks/",), re.compile(r"://[^\s'\"/]+/(?:[\w-]+/)?hooks/(?P<value>[a-z0-9]{26})\b", re.ASCII), _no_placeholder
    ),
    _Form(
        "chat-webhook",
        ("/api/webhooks/",),
        re.compile(r"://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/(?P<value>\d+/[\w-]{30,})", re.ASCII),
        _no_placeholder,
    ),
    _Form("stripe-key", ("_live_",), re.compile(r"\b(?P<value>[sr]k_live_[A-Za-z0-9]{16,})", re.ASCII), _no_placeholder),
    _Form("webhook-secret", ("whsec_",), re.compile(r"\b(?P<value>whsec_[A-Za-z0-9+/=]{20,})", re.ASCII), _no_placeholder),
    _Form("model-provider-key", ("sk-",), re.compile(r"(?<![\w-])(?P<value>sk-[A-Za-z0-9][\w-]{19,})", re.ASCII), _random),
    _Form("google-api-key", ("AIza",), re.compile(r"\b(?P<value>AIza[\w-]{35})", re.ASCII), _no_placeholder),
    _Form("sendgrid-key", ("SG.",), re.compile(r"\b(?P<value>SG\.[\w-]{22}\.[\w-]{43})", re.ASCII), _no_placeholder),
    _Form(
        "private-key",
        ("PRIVATE KEY",),
        # no two dashes in the body: otherwise many beginnings without an end would each be read to the end of the text
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----(?P<value>(?:[A-Za-z0-9+/=\s\\:,]|-(?!-)){32,}?)(?=-----END|['\"$]|\Z)",
            re.ASCII,
        ),
        _no_empty_key,
    ),
    _Form(
        "authorization-header",
        ("earer",),
        re.compile(r"\b[Bb]earer\s+(?P<value>[\w.~+/=-]{16,})", re.ASCII),
        _random,
    ),
)


class Form(NamedTuple):
    """A place that has the form of a secret. `kind` is None when it is none: public by design, or a placeholder."""

    start: int
    end: int
    kind: str | None


def forms_in(text: str) -> Iterator[Form]:
    """Every place known by its form, in no order; for texts of any language."""
    if "eyJ" in text:
        for match in _JWT.finditer(text):
            yield Form(*match.span("value"), _kind_of_jwt(match["value"]))
    for form in _FORMS:
        for needle in form.needles:
            if needle in text:
                break
        else:
            continue
        for match in form.pattern.finditer(text):
            yield Form(*match.span("value"), form.kind if form.holds(match) and not _is_public(match["value"]) else None)


def _formed(text: str) -> Iterator[_Span]:
    for start, end, kind in forms_in(text):
        if kind is not None:
            yield _Span(start, end, kind)


# -- does a literal look like a secret? ------------------------------------------------------------------------------
_PLACEHOLDER = re.compile(
    r"(?i)your|example|change.?me|placeholder|replace|redacted|dummy|sample|todo|fixme|<[^>]*>|[{}]|\$\(|\*{3}|x{4}|\.\.\.|…|%[sIL]|"
    r"0{8}|123456789|\A(?:test|demo|fake|mock|my|some|insert|enter|none|null|undefined)(?:[-_. ]|\Z)|\A\$\w+\Z|\A\[.*\]\Z|\[platformkit:"
)
_HASH = re.compile(r"\A(?:\$(?:2[abxy]?|1|5|6|y|argon2\w*|pbkdf2\w*|scrypt)\$|SCRAM-SHA-256\$|md5[0-9a-f]{32}\Z|sha(?:1|256|512):)")
_PUBLIC = re.compile(r"\A(?:sb_publishable_|pk_(?:live|test)_|[rs]k_test_|eyJ)")
"""Public or test-mode by design, or (JWT) judged by what it says and not by what it is given to."""
_NAMES_ITSELF = re.compile(r"(?i)pass|pwd|secret|token|key|value|oauth|sha|hash|v\d")
_SEPARATORS = re.compile(r"[-_. :/,|@]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"(?:[a-z]{2,31}|[A-Z]{2,31}|[A-Z][a-z]{1,31}|[A-Za-z]|[A-Za-z]{2,12}\d{1,3}|\d{1,4}|\w{1,4})\Z")
_SHORTEST_CAMEL = 3


def is_placeholder(value: str) -> bool:
    """`<your-key>`, `changeme`, `${TOKEN}`: what stands where a secret is to be put."""
    return _PLACEHOLDER.search(value) is not None


def _is_public(value: str) -> bool:
    return _PUBLIC.match(value) is not None


def _is_made_of_words(value: str) -> bool:
    """`refresh-token`, `invalidPassword`, `oauth2_v1`: what people name things, unlike what a machine draws by lot."""
    words = [word for part in _SEPARATORS.split(value) for word in _CAMEL.split(part) if word]
    letters = sum(map(len, words))
    return bool(words) and letters >= _SHORTEST_CAMEL * len(words) and all(_WORD.match(word) for word in words)


def looks_secret(value: str, chosen: bool = False) -> bool:
    """Whether a literal is more than a word, a placeholder, a hash or a path.

    `chosen`: people choose such values themselves, so that words with a number are one (`winter2024`, `daily-reset-2026`)."""
    if len(value) < (6 if chosen else _SHORTEST) or any(c.isspace() for c in value):
        return False
    if is_placeholder(value) or _HASH.match(value) or _is_public(value) or "://" in value:
        return False
    if not _is_made_of_words(value):
        return any(c.isalnum() for c in value)
    with_number = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return chosen and with_number and (len(value) >= 12 or not _SEPARATORS.search(value)) and not _NAMES_ITSELF.search(value)


# -- secrets that are known by what they are given to ----------------------------------------------------------------
_CAMEL_NAME = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_LETTERS = re.compile(r"[^a-z0-9]+")
_CHOSEN_NAME = re.compile(r"(?:\A|_)(?:password|passwd|pwd|passphrase|passcode|secret)(?:_\d+|_value|_text|_plain)?\Z")
_PASSWORD_NAME = re.compile(r"(?:\A|_)(?:password|passwd|pwd|passphrase|passcode)(?:_\d+|_value|_text|_plain)?\Z")
_SECRET_NAME = re.compile(
    r"(?:\A|_)(?:password|passwd|pwd|passphrase|passcode|secret|token|credentials?|authorization|bearer|apikey|secretkey|"
    r"(?:api|access|secret|private|auth|service|role|signing|sign|encryption|encrypt|decryption|crypt|cipher|master|hmac|admin|server|"
    r"webhook|license|jwt|hash|hook|app|integration|internal|supabase|openai|anthropic|gemini|google|stripe|resend|sendgrid|mailgun|"
    r"postmark|twilio|brevo|hubspot|account|sa)_?key)(?:_\d+|_value|_text|_plain|_prod|_production|_live)?\Z"
)
_PUBLIC_NAME = re.compile(r"(?:\A|_)(?:anon|public|publishable|pub|next_page|page|sync|continuation|csrf|password_reset_required)(?:_|\Z)")


@lru_cache(maxsize=4096)
def _plain_name(name: str) -> str:
    return _NO_LETTERS.sub("_", _CAMEL_NAME.sub("_", name[:128]).lower()).strip("_")


def names_a_secret(name: str) -> bool:
    """`api_key`, `x-webhook-secret`, `app.settings.jwt_secret`; not `api_key_id`, `token_type`, `anon_key`, `password_required`."""
    plain = _plain_name(name)
    return _SECRET_NAME.search(plain) is not None and _PUBLIC_NAME.search(plain) is None


def _names_what_people_choose(name: str) -> bool:
    return _CHOSEN_NAME.search(_plain_name(name)) is not None


_NO_WORD = re.compile(r"['\"$=](?=[^\s'\"$=]{0,100}?[\d!#%^*+?&~])[^\s'\"$=]{6}")
"""The beginning of a literal that is no plain word."""
_TELLING_WORD = re.compile(r"pass[wpc]|pwd|secret|key|token|bearer|authorization|credential")
_KEYED_CALLS = ("passw", "crypt", "hmac", "sign", "verify", "create_secret")
_ANY_LITERAL = re.compile(r"passw(?:or)?d\s+e?['$]|(?:crypt\w{0,20}|hmac|sign|verify|create_secret)\s*\(")
"""Places where whatever literal stands is a secret."""
_NEAR = 200
"""Characters between a name and the literal that it is given."""
_LONGEST_LITERAL = 600
_SAID = re.compile(
    r"(?:password|passwd|pwd|passphrase|secret|token|key)[\"'`]?\s*(?:\bis\b|:=|=>|[:=])\s*[\"'`]?(?P<value>[^\s\"'`,;]{6,200})"
)
"""A name and its value in a sentence; both this and the patterns above are for folded text."""
_NAME_BEFORE = re.compile(r"(?:[\w.-]*|\b(?:api|auth|access|secret|service|private) )\Z")
_LONGEST_NAME = 40
_IN_JSON = re.compile(
    r"[\"'](?P<name>[\w.-]{3,60})\\?[\"']\s*:\s*\\?[\"'](?:(?:Bearer|Basic|Token)\s+)?(?P<value>[^\"'\\\s]{6,500})\\?[\"']"
)
_IN_CONNECTION_STRING = re.compile(
    r"(?i)\b(?P<name>password|passwd|pwd|sslpassword|api_?key|apikey|token|access_token)\s*=\s*(?P<value>[^\s'\"&;]{4,200})"
)


def _spans(text: str, *, prose: bool) -> list[_Span]:
    """Secrets in the order in which they stand; where two readings overlap the more telling one wins."""
    found = sorted(_formed(text))
    if prose:
        found += _in_prose(text, 0)
    elif _is_worth_reading(text):
        found += _named(text, 0, 0)
    # what an earlier masking left is nobody's secret, whatever stands around it
    taken = [_Span(m.start(), m.end(), "") for m in _MARKER.finditer(text)] if MARKER in text else []
    for span in found:
        place = bisect(taken, span)
        free = place == 0 or taken[place - 1].end <= span.start
        if free and (place == len(taken) or span.end <= taken[place].start):
            taken.insert(place, span)
    return [span for span in taken if span.kind]


def _folded(text: str) -> str:
    """In lower case and as long as before: a pattern that folds by itself is ten times slower."""
    folded = text.lower()
    return folded if len(folded) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def _is_worth_reading(text: str) -> bool:
    """As tokens, which costs much more than this: a literal that is no word soon after a telling word, or one that need not be."""
    folded = _folded(text)
    for match in _NO_WORD.finditer(folded):
        start = match.start()
        end = folded.find(folded[start], match.end(), start + _LONGEST_LITERAL)  # a name may follow the literal as well
        if _TELLING_WORD.search(folded, max(0, start - _NEAR), start) or (end > 0 and _TELLING_WORD.search(folded, end, end + _NEAR)):
            return True
    if any(call in folded for call in _KEYED_CALLS) and _ANY_LITERAL.search(folded):
        return True
    return ("--" in text or "/*" in text) and _SAID.search(folded) is not None


def _in_prose(text: str, offset: int) -> Iterator[_Span]:
    folded = _folded(text)
    for match in _SAID.finditer(folded):
        before = _NAME_BEFORE.search(folded, max(0, match.start() - _LONGEST_NAME), match.start())
        name = text[before.start() if before else match.start() : match.start("value")].rstrip("\"'`:=> \t\n")
        name = name.removesuffix(" is").rstrip("\"'` ")
        value = text[match.start("value") : match.end("value")].rstrip(".)!?")
        if names_a_secret(name) and looks_secret(value, _names_what_people_choose(name)):
            start = offset + match.start("value")
            yield _Span(start, start + len(value), kind_of_name(name))


def kind_of_name(name: str) -> str:
    """Kind of a literal that is given to something of that name."""
    plain = _plain_name(name)
    if _PASSWORD_NAME.search(plain):
        return "password"
    return "authorization-header" if plain.endswith("authorization") else "named-secret"


_DEEPEST = 4
"""Strings within strings within strings that are read as SQL."""
_ASSIGNING = frozenset({":=", "=>", "default", "to"})
_ENDING = frozenset({"is", "or", "and", "in", "like", "ilike", "then", "else", "from", "where", "as", "on", "select", "returning", "into"})
"""Words between a name and `:=` or DEFAULT with which it is no longer the declaration of that name."""
_WORDS_THAT_COMPARE = frozenset({"in", "from"})
"""FROM as in IS DISTINCT FROM."""
_ELEMENT = re.compile(r'[^{},"\s]+')
"""Of an array as text."""
_LONGEST_TYPE = 12
_KEYED_SECOND = frozenset(
    {
        "pgp_sym_encrypt",
        "pgp_sym_encrypt_bytea",
        "pgp_sym_decrypt",
        "pgp_sym_decrypt_bytea",
        "encrypt",
        "decrypt",
        "encrypt_iv",
        "decrypt_iv",
        "hmac",
        "sign",
        "verify",
    }
)
"""Functions of pgcrypto and pgjwt whose second argument is a key; a literal there is one, whatever it looks like."""
_KIND_OF_FIRST = {"crypt": "password", "create_secret": "named-secret"}
"""Functions whose first argument is the secret."""


def _named(text: str, offset: int, depth: int) -> Iterator[_Span]:
    """Literals given to something with a telling name. `offset` is where `text` begins in the whole."""
    tokens: list[Token] = []
    for token in tokens_of(text):
        if token.kind == "comment":
            yield from _in_prose(token.text, offset + token.start)
        else:
            tokens.append(token)
    for index, token in enumerate(tokens):
        if token.kind == "word":
            literal = _given_to_word(tokens, index)
            if literal:
                yield _Span(offset + literal.start, offset + literal.end, kind_of_name(token.text))
            elif index + 1 < len(tokens) and tokens[index + 1].kind == "(":
                yield from _given_to_function(tokens, index, offset)
            yield from _among_items_and_operands(tokens, index, offset)
        elif token.kind in COMPARING:
            yield from _compared(tokens, index, offset)
        elif token.kind in STRINGS:
            literal = _given_to_label(tokens, index)
            if literal:
                yield _Span(offset + literal.start, offset + literal.end, kind_of_name(token.text))
            yield from _inside(token, offset, depth)


def _given_to_word(tokens: list[Token], index: int) -> Token | None:
    """`v_api_key constant text := '...'`, `PASSWORD '...'`, `p_token => '...'`, `api_key = '...'`."""
    name = tokens[index].text
    if not names_a_secret(name):
        return None
    chosen, depth = _names_what_people_choose(name), 0
    for place in range(index + 1, min(index + _LONGEST_TYPE, len(tokens))):
        token = tokens[place]
        if token.kind in STRINGS:
            direct = place == index + 1 and (
                _is_given(token.text) if _PASSWORD_NAME.search(_plain_name(name)) else looks_secret(token.text)
            )
            return token if direct else None
        word = token.text.lower() if token.kind == "word" else token.kind
        if word in _ASSIGNING or (word in COMPARING and place == index + 1):
            return _secret_at(tokens, place + 1, chosen)
        if word in COMPARING and tokens[place - 1].kind in ("word", ")"):
            # `v_key text = '...'`: in a declaration `=` is `:=`
            return _secret_at(tokens, place + 1, chosen)
        depth += (word == "(") - (word == ")")
        if word in (";", ",") or word in _ENDING or depth < 0:
            return None
    return None


def _among_items_and_operands(tokens: list[Token], index: int, offset: int) -> Iterator[_Span]:
    """`select '...' as api_key`, and comparisons with a word for an operator."""
    word = tokens[index].text
    if len(word) <= 4 and word.lower() in _WORDS_THAT_COMPARE:
        yield from _compared(tokens, index, offset)
    elif names_a_secret(word):
        for literal in aliased(tokens, index):
            yield from _told(literal, word, offset)


def _compared(tokens: list[Token], index: int, offset: int) -> Iterator[_Span]:
    """`(headers ->> 'x-api-key'::text) = '...'::text`, `'...' = current_setting('app.token')`, `api_key in ('...', '...')`."""
    found = compared(tokens, index, names_a_secret)
    if found is not None:
        name, literals = found
        for literal in literals:
            yield from _told(literal, name, offset)


def _told(literal: Token, name: str, offset: int) -> Iterator[_Span]:
    """The literal, or each element of it when it is written as an array, if it looks like a secret."""
    chosen, start = _names_what_people_choose(name), offset + literal.start
    if literal.text.startswith("{") and literal.text.endswith("}"):
        for element in _ELEMENT.finditer(literal.text):
            if looks_secret(element[0], chosen):
                yield _Span(start + element.start(), start + element.end(), kind_of_name(name))
    elif looks_secret(literal.text, chosen):
        yield _Span(start, offset + literal.end, kind_of_name(name))


def _is_given(value: str) -> bool:
    """After the key word PASSWORD any literal is one, unless it is a hole to be filled in."""
    return bool(value.strip()) and not is_placeholder(value) and not _HASH.match(value) and not _MARKER.search(value)


def _secret_at(tokens: list[Token], place: int, chosen: bool) -> Token | None:
    while place < len(tokens) and tokens[place].kind == "(":
        place += 1
    if place >= len(tokens) or tokens[place].kind not in STRINGS:
        return None
    return tokens[place] if looks_secret(tokens[place].text, chosen) else None


def _given_to_label(tokens: list[Token], index: int) -> Token | None:
    """`jsonb_build_object('apikey', '...')`, `headers ->> 'x-api-key' = '...'`, `set_config('app.jwt_secret', '...', true)`."""
    after = past_casts(tokens, index + 1)
    if after + 1 >= len(tokens) or tokens[after].kind not in (",", "=>", "=", "<>", "!=", ":"):
        return None
    name = tokens[index].text
    return _secret_at(tokens, after + 1, _names_what_people_choose(name)) if len(name) <= 80 and names_a_secret(name) else None


def _given_to_function(tokens: list[Token], index: int, offset: int) -> Iterator[_Span]:
    name = tokens[index].text.lower()
    wanted = 0 if name in _KIND_OF_FIRST else 1 if name in _KEYED_SECOND else None
    if wanted is None:
        return
    literal = _argument(tokens, index + 2, wanted)
    if literal and _is_given(literal.text):
        yield _Span(offset + literal.start, offset + literal.end, _KIND_OF_FIRST.get(name, "encryption-key"))


def _argument(tokens: list[Token], place: int, wanted: int) -> Token | None:
    """The argument at that position of a call when it begins with a literal; casts may follow."""
    depth, position, first = 0, 0, True
    for token in tokens[place:]:
        if depth == 0 and position == wanted and first:
            return token if token.kind in STRINGS else None
        first = False
        if token.kind == "(":
            depth += 1
        elif token.kind == ")":
            depth -= 1
            if depth < 0:
                return None
        elif token.kind == "," and depth == 0:
            position, first = position + 1, True
    return None


def _inside(token: Token, offset: int, depth: int) -> Iterator[_Span]:
    """What stands in a string: JSON, a connection string, or SQL to be executed."""
    text = token.text
    if len(text) < _SHORTEST:
        return
    start = offset + token.start
    for pattern in (_IN_JSON, _IN_CONNECTION_STRING):
        for match in pattern.finditer(text):
            name, value = match["name"], match["value"]
            if names_a_secret(name) and looks_secret(value, _names_what_people_choose(name)):
                kind = "connection-password" if pattern is _IN_CONNECTION_STRING else kind_of_name(name)
                yield _Span(start + match.start("value"), start + match.end("value"), kind)
    if depth >= _DEEPEST or not _is_worth_reading(text):
        return
    if token.kind == "dollar":
        yield from _named(text, start, depth + 1)
    elif "''" in text:
        plain = text.replace("''", "'")
        for span in _named(plain, 0, depth + 1):
            # every quote before it stands twice in the text as written
            begin, end = (start + at + plain.count("'", 0, at) for at in (span.start, span.end))
            yield _Span(begin, end, span.kind)
