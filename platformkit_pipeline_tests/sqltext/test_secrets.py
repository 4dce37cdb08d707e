"""What is taken for a secret, what is not, and what is left of it. The samples are put together here, so that no file holds one."""

from __future__ import annotations

import base64
import json
import re
from importlib.resources import files
from pathlib import Path

import postgast
import pytest

from benchmarks.catalogue import partitioned_table, well_kept_table
from platformkit_pipeline.sqltext import secrets
from platformkit_pipeline.sqltext.secrets import MARKER, mask_secrets, mask_setting, masked_value, secrets_in

DRAWN = "q8F3kq9Z" + "pLm2xW7t"
"""Looks as if a machine had drawn it by lot."""


def jwt(**claims: object) -> str:
    def part(content: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{DRAWN}{DRAWN}{DRAWN}"


SERVICE_ROLE = jwt(iss="supabase", ref="abcdefghijklmnopqrst", role="service_role")
ANON = jwt(iss="supabase", ref="abcdefghijklmnopqrst", role="anon")
DEMO = jwt(iss="supabase-demo", role="service_role")
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA" + DRAWN * 3 + "\n-----END RSA PRIVATE KEY-----"

FORMED = [
    ("service-role-key", SERVICE_ROLE),
    ("json-web-token", jwt(iss="https://issuer.example", sub="42")),
    ("supabase-secret-key", "sb_" + "secret_" + DRAWN + "_" + DRAWN[:8]),
    ("supabase-access-token", "sb" + "p_" + "0a1b2c3d4e" * 4),
    ("aws-access-key", "AK" + "IAIOSFODNN7ABCDEFG"),
    ("github-token", "gh" + "p_" + "aB3dE5gH7jK9" * 3),
    ("gitlab-token", "gl" + "pat-" + "aB3dE5gH7jK9mN1pQ3sT"),
    ("slack-token", "xo" + "xb-1234567-" + DRAWN),
    ("stripe-key", "sk_" + "live_" + DRAWN * 2),
    ("stripe-key", "rk_" + "live_" + DRAWN * 2),
    ("webhook-secret", "whs" + "ec_" + DRAWN * 2),
    ("model-provider-key", "sk" + "-proj-" + DRAWN * 2),
    ("google-api-key", "AI" + "za" + (DRAWN * 3)[:35]),
]

GIVEN = [
    ("named-secret", f"declare v_api_key constant text not null := '{DRAWN}'; begin end"),
    ("named-secret", f"declare v_api_key text = '{DRAWN}'; begin end"),
    ("named-secret", f"declare api_key text default '{DRAWN}'; begin end"),
    ("named-secret", f"select jsonb_build_object('apikey', '{DRAWN}')"),
    ("named-secret", f"create function f() returns int language sql SET \"app.api_key\" TO '{DRAWN}' as 'select 1'"),
    ("named-secret", f"select public.call(p_token => '{DRAWN}')"),
    ("named-secret", f"if headers ->> 'x-api-key' <> '{DRAWN}' then return; end if"),
    ("named-secret", f"perform set_config('app.settings.service_role_key', '{DRAWN}', true)"),
    ("named-secret", f"insert into config values ('stripe_secret_key', '{DRAWN}')"),
    ("named-secret", f"execute function http_request('https://a.b/c', 'POST', '{{\"x-api-key\":\"{DRAWN}\"}}')"),
    ("named-secret", f"select vault.create_secret('{DRAWN}', 'stripe')"),
    ("named-secret", f"execute $q$ select 1; v_token := '{DRAWN}'; $q$"),
    ("named-secret", f"/* the api key is {DRAWN} */ select 1"),
    ("password", "alter role robot password 'winter'"),
    ("password", "execute 'alter role robot password ''winter'' valid until ''infinity'''"),
    ("password", "create user mapping for a server b options (user 'x', password 'winter')"),
    ("password", "select crypt('winter99', gen_salt('bf'))"),
    ("password", "-- password: Winter2024!\nselect 1"),
    ("encryption-key", "select extensions.pgp_sym_encrypt(note, 'winter')"),
    ("encryption-key", "select pgp_sym_decrypt(convert_from(note, 'utf8'), $$winter$$)"),
    ("encryption-key", "select hmac(payload, E'winter', 'sha256')"),
    ("connection-password", "select dblink_connect('host=db.shop.io user=robot password=Winter2024')"),
    ("url-password", "select 'postgres://robot:Winter2024@db.shop.io:5432/shop'"),
    ("authorization-header", f"select 'Bearer {DRAWN}'"),
    ("chat-webhook", f"select 'https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/{DRAWN}'"),
    ("private-key", f"select '{PEM}'"),
    ("named-secret", f"select id, '{DRAWN}' as api_key from t"),
    ("named-secret", f"SELECT orders.id,\n    '{DRAWN}'::text AS api_key\n   FROM orders"),
    ("named-secret", f"select '{DRAWN}' api_key, id from t"),
    ("named-secret", f"select ('{DRAWN}'::character varying(40))::text AS \"apiKey\""),
    ("named-secret", f"select coalesce(current_setting('app.x', true), '{DRAWN}') as access_token"),
    ("named-secret", f"select case when live then '{DRAWN}'::text else null end as stripe_key"),
    ("named-secret", f"select 'live_'::text || '{DRAWN}' as token from t"),
    ("named-secret", f"update t set a = 1 returning '{DRAWN}' as token"),
    ("password", "select 'winter2024' as password"),
    ("named-secret", f"SELECT jsonb_build_object('apikey'::text, '{DRAWN}'::text) AS headers"),
    ("named-secret", f"(((current_setting('request.headers'::text, true))::json ->> 'x-api-key'::text) = '{DRAWN}'::text)"),
    ("named-secret", f"'{DRAWN}' = ((current_setting('request.headers')::json) ->> 'x-api-key')"),
    ("named-secret", f"((current_setting('request.headers'::text))::json #>> '{{x-api-key}}'::text[]) <> '{DRAWN}'::text"),
    ("named-secret", f"current_setting('request.header.x-api-key', true) = '{DRAWN}'"),
    ("named-secret", f"( SELECT (current_setting('app.h'::text))::json ->> 'api_key'::text AS k) = '{DRAWN}'::text"),
    ("named-secret", f"coalesce(headers ->> 'x-api-key', '') is distinct from '{DRAWN}'"),
    ("named-secret", f"(headers ->> 'x-api-key'::text) = ANY (ARRAY['other'::text, '{DRAWN}'::text])"),
    ("named-secret", f"(headers ->> 'x-api-key'::text) = ANY ('{{other,{DRAWN}}}'::text[])"),
    ("named-secret", f"headers ->> 'x-api-key' in ('{DRAWN}', 'other')"),
    ("named-secret", f"headers ->> 'x-api-key' NOT IN ('{DRAWN}')"),
    ("named-secret", f"(api_key)::text = '{DRAWN}'::text"),
    ("named-secret", f"lower(c.api_key) = '{DRAWN}' and c.id = 1"),
    ("named-secret", f"where '{DRAWN}' = \"API-Key\""),
    ("named-secret", f"public.header('x-api-key') = '{DRAWN}'"),
    ("named-secret", f"headers['x-api-key'] = '{DRAWN}'"),
]

HARMLESS = [
    f"select '{ANON}'",
    f"select jsonb_build_object('apikey', '{ANON}', 'Authorization', 'Bearer {ANON}')",
    f"v_service_role_key := '{DEMO}'",
    "select 'password' as label, secret_key as \"secret\" from t",
    "select decrypted_secret from vault.decrypted_secrets where name = 'stripe_api_key'",
    "v_secret := current_setting('app.settings.jwt_secret', true)",
    f"where token_hash = '{'5e884898' * 8}'",
    "if crypt(p_password, u.password) = '$2a$10$abcdefghijklmnopqrstuv' then return; end if",
    "raise exception 'invalid token: %', p_token",
    "return jsonb_build_object('error', 'invalid_token', 'token', v_token)",
    f"select 'apikey', 'sb_publishable_{DRAWN}'",
    "select 'postgresql://postgres:postgres@localhost:54322/postgres'",
    "select 'postgres://robot:<password>@db.shop.io/shop'",
    "select 'postgres://robot:${PASSWORD}@db.shop.io/shop'",
    "select 'postgresql://postgres:[YOUR-PASSWORD]@db.shop.io/shop'",
    "declare v_token_type text := 'bearer'; v_token text := 'none'; begin end",
    "select pgp_sym_encrypt(note, v_key), hmac(payload, v_secret, 'sha256'), 'Bearer ' || v_key",
    "select pgp_sym_encrypt(note, current_setting('app.key'))",
    f"declare password text; email text := '{DRAWN}'; begin end",
    f"declare v_key text := '{DRAWN}'; begin end",  # a key of what? of a row, as likely as not
    "create type method as enum ('password', 'magic_link', 'oauth2', 'access_token')",
    "v_token := encode(gen_random_bytes(32), 'hex')",
    f"select 'sk_test_{DRAWN}'",
    "if v_password = '' then return; end if",
    f"select jsonb ? 'api_key' and other = '{DRAWN}'",
    "declare p_token uuid default '00000000-0000-0000-0000-000000000000'; begin end",
    "v_password text := 'your-password-here'",
    "risk-assessment-of-something-with-a-long-name",
    "the 'token' is optional",
    "tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid",
    "(auth.jwt() ->> 'role') = 'admin' and token_type = 'bearer'",
    "(auth.jwt() ->> 'token') = 'none' or (h ->> 'x-api-key') = any (array['v1'::text, 'v2-beta'::text])",
    "select 'password' as password, 'refresh-token' as token, 'your-key-here-1' as api_key",
    f"select '{DRAWN}' as id, secret_key as token from t",
    f"select md5('{DRAWN}' || id) as token, cast('{DRAWN}' as token) from t",
    f"select '{DRAWN}' = id as token, position('{DRAWN}' in x) as secret from t",
    f"md5(p_token) = '{'5e884898' * 4}'",
    f"encode(digest(p_token, 'sha256'), 'hex') = '{'5e884898' * 8}'",
    f"(vault.secret ->> 'name') = '{DRAWN}'",
    f"api_key is not null and id = '{DRAWN}'",
    f"select 1 from t as token where id = '{DRAWN}'",
    f"length(api_key) = 3 and '{DRAWN}' = id",
    f"exists (select 1 from keys where hashed(secret) is null) = ('{DRAWN}' is null)",
    "select to_char(now(), 'YYYY-MM-DD') as token, 'https://a.b/?t=' || id as token",
    "with token as (select 'a1-b2-c3-d4' as id) select * from token",
]


@pytest.mark.parametrize(("kind", "secret"), FORMED, ids=lambda v: v[:20])
def test_a_secret_with_a_form_of_its_own_is_found_wherever_it_stands(kind: str, secret: str) -> None:
    for text in (f"select '{secret}'", f"begin\n  x := $s${secret}$s$;\nend", f'{{"a": "{secret}"}}', f"-- {secret}\nselect 1"):
        masked = mask_secrets(text)
        assert secret not in masked
        assert masked_value(kind) in masked


@pytest.mark.parametrize(("kind", "text"), GIVEN, ids=lambda v: v[:60])
def test_a_literal_given_to_a_telling_name_is_a_secret(kind: str, text: str) -> None:
    masked = mask_secrets(text)
    assert masked_value(kind) in masked
    assert not any(value in masked for value in (DRAWN, "inter", "MIIE"))


@pytest.mark.parametrize("text", HARMLESS, ids=lambda v: v[:60])
def test_what_is_public_a_placeholder_or_a_word_is_left_alone(text: str) -> None:
    assert mask_secrets(text) == text
    assert secrets_in(text) == ()


@pytest.mark.parametrize("text", [text for _, text in GIVEN] + [f"select '{secret}'" for _, secret in FORMED])
def test_masking_twice_changes_nothing_and_the_marks_are_found_again(text: str) -> None:
    masked = mask_secrets(text)
    assert mask_secrets(masked) == masked
    assert secrets_in(masked) == secrets_in(text) != ()


def test_a_clean_text_comes_back_itself() -> None:
    text = "select tenant_id from public.members where user_id = auth.uid()"
    assert mask_secrets(text) is text


def corpus() -> list[str]:
    """SQL of the sample platform and of the benchmark's catalogue, whole and statement by statement, and all samples above."""
    folder = Path(str(files("platformkit_pipeline"))).parent / "sql"
    scripts = [path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.sql"))]
    scripts += [statements for number in range(1, 60) for statements in (well_kept_table(number), partitioned_table(number))]
    samples = [text for _, text in GIVEN] + HARMLESS + [secret for _, secret in FORMED]
    return [part for text in (*scripts, *samples) for part in (text, *text.split(";"), *text.split("'"))]


def test_the_filter_lets_through_exactly_what_has_a_telling_part() -> None:
    texts = corpus()
    assert len(texts) > 5_000
    for text in (*texts, *secrets._TELLING, *(f"{part.upper()} in a text" for part in secrets._TELLING)):
        expected = len(text) >= secrets._SHORTEST and any(part in text.lower() for part in secrets._TELLING)
        assert secrets.may_hold_a_secret(text) is expected


def test_the_filter_changes_no_result_on_a_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = corpus()
    filtered = [(mask_secrets(text), mask_secrets(text, prose=True)) for text in texts]
    assert [mask_secrets(masked) for masked, _ in filtered] == [masked for masked, _ in filtered]
    monkeypatch.setattr(secrets, "may_hold_a_secret", lambda _text: True)
    assert [(mask_secrets(text), mask_secrets(text, prose=True)) for text in texts] == filtered


def test_reading_no_tokens_where_nothing_telling_stands_changes_no_result_on_a_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = corpus()
    filtered = [mask_secrets(text) for text in texts]
    monkeypatch.setattr(secrets, "_is_worth_reading", lambda _text: True)
    assert [mask_secrets(text) for text in texts] == filtered


def test_a_text_without_any_hint_costs_a_few_searches_and_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(text: str, prose: bool) -> None:
        raise AssertionError(f"{text} was read")

    monkeypatch.setattr(secrets, "_spans", refused)
    text = "SELECT title FROM area_1.records_1 WHERE id = wanted AND stage <> 'done'::public.stage LIMIT 2"
    assert mask_secrets(text) is text
    assert mask_secrets(text, prose=True) is text


@pytest.mark.parametrize("text", [text for _, text in GIVEN])
def test_a_masked_text_is_parsed_to_the_same_tree_but_for_its_literals(text: str) -> None:
    trees = []
    for version in (text, mask_secrets(text)):
        statement = version if version.startswith(("select", "SELECT", "update", "alter", "create", "insert")) else f"select {version}"
        try:
            trees.append(postgast.deparse(postgast.parse(statement)))
        except postgast.PgQueryError:
            trees.append("")
    written, masked = (re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"", "?", tree) for tree in trees)
    assert written == masked


def test_a_use_says_kind_and_line_and_nothing_of_the_secret() -> None:
    [use] = secrets_in(f"begin\n  perform 1;\n  v_api_key := '{DRAWN}';\nend")
    assert (use.kind, use.line) == ("named-secret", 3)
    assert DRAWN[:4] not in repr(use)


def test_the_marker_tells_neither_length_nor_digest() -> None:
    short, long = (mask_secrets(f"alter role r password '{p}'") for p in ("a1b2c3", "a1b2c3" * 9))
    assert short == long


@pytest.mark.parametrize(
    ("comment", "masked"),
    [
        ("Ask for the password: Winter2024!", True),
        (f"The api key is {DRAWN}.", True),
        ("password: stored as a hash", False),
        ("token is required", False),
        ("the key: tenant_id and then id", False),
    ],
)
def test_in_a_comment_no_quotes_are_needed(comment: str, masked: bool) -> None:
    assert (MARKER in mask_secrets(comment, prose=True)) is masked


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("app.settings.jwt_secret", "winter-winter-winter", True),
        ("password", "winter", True),
        ("api_key", DRAWN, True),
        ("api_key_id", "550e8400-e29b-41d4-a716-446655440000", False),  # names a secret of the vault
        ("search_path", "pg_catalog, public", False),
        ("app.settings.jwt_secret", "super-secret-jwt-token-with-at-least-32-characters-long", False),  # of every local stack
        ("pgrst.db_uri", "postgres://robot:Winter2024@db.shop.io/shop", True),
    ],
)
def test_a_setting_is_judged_by_its_name(name: str, value: str, masked: bool) -> None:
    assert (MARKER in mask_setting(name, value)) is masked


@pytest.mark.parametrize(
    "text",
    [
        "'" * 20_001,
        "$a$ $b$ password := '" * 3_000,
        "/* secret '" * 5_000,
        "password = '" + "x" * 100_000,
        "eyJ" * 30_000,
        "token " * 20_000,
        "a://b:" * 15_000,
        "'token' : '" * 10_000,
        "-----BEGIN PRIVATE KEY-----" * 3_000,
        "key(" * 20_000,
        "password" * 12_000,
        "password 'a1' " * 10_000,
        "token = (" * 12_000,
        "'a1b2c3d4' as token, " * 8_000,
        "token = " + "(" * 50_000 + "'a1b2c3d4'" + ")" * 50_000,
        "token in ('a1b2c3d4'::text, " * 4_000,
        "coalesce(token, " * 8_000 + "= 'a1b2c3d4'",
        ") " * 50_000 + "as token = 'a1b2c3d4'",
        "token = any (array['a1b2c3d4', " + "'a1b2c3d4'::text, " * 9_000,
    ],
    ids=lambda v: v[:12],
)
@pytest.mark.timeout(60)  # seconds when it goes well, for ever when work multiplies
def test_hostile_text_takes_no_long_time(text: str) -> None:
    mask_secrets(text)
    mask_secrets(text, prose=True)
