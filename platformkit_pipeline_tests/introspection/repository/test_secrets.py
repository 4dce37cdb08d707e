"""Secrets are found in the tree and in the whole history, and their values stay in memory."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository import kingfisher, secret_forms, secret_search
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.observe import observe_repository
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.model.record_json import to_json
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.inventory import inventory_of, snapshot_of
from platformkit_pipeline.model.repository.secrets import COMMIT_MESSAGE, Secret
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline.sandbox.sample_repository.secrets import letters, made_up_secret

PLANTED = {
    "deploy.sh": ("export SUPABASE_ACCESS_TOKEN={}\n", "supabase_access_token", "supabase-access-token"),
    "server/admin.ts": ("const admin = createClient(url, '{}');\n", "supabase_secret_key", "supabase-secret-key"),
    "server/legacy.py": ("KEY = '{}'\n", "service_role_key", "service-role-key"),
    "config/database.yml": ("production:\n  url: {}\n", "postgres_url", "url-password"),
    "ops/alerts.json": ('{{"hook": "{}"}}\n', "mattermost_webhook", "chat-webhook"),
    "ops/slack.toml": ('hook = "{}"\n', "slack_webhook", "chat-webhook"),
    "ops/flow.md": ("Call {} at night.\n", "workflow_webhook", "workflow-webhook"),
    "tests/fixtures/server.pem": ("{}\n", "private_key", "private-key"),
    "settings.py": ('API_KEY = "{}"\n', "api_key", "named-secret"),
    "settings.ini": ("[db]\npassword = {}\n", "password", "password"),
}
"""Path → text, what is planted there, and the kind that it must be found as."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def observe(builder: RepositoryBuilder, name: str = "shop") -> RepositorySnapshot:
    with open_repository(builder.folder) as repository:
        return observe_repository(repository, RepositoryOptions(name=name))


def plant(builder: RepositoryBuilder) -> str:
    for path, (text, secret, _) in PLANTED.items():
        builder.write(path, text.format(made_up_secret(secret)))
    return builder.commit("Plant")


def found(snapshot: RepositorySnapshot, *, in_tree: bool = True) -> list[tuple[str, str]]:
    return [(secret.path, secret.kind) for secret in snapshot.secrets if not secret.public and secret.in_tree is in_tree]


def values() -> list[str]:
    """Everything that must not be told: each value, and of addresses the part that opens something."""
    whole = [made_up_secret(secret) for _, secret, _ in PLANTED.values()]
    parts = [made_up_secret(s).rsplit("/", 1)[-1] for s in ("mattermost_webhook", "slack_webhook", "workflow_webhook")]
    return [*whole, *parts, letters("password", 16), *made_up_secret("private_key").splitlines()[1:-1]]


def test_every_planted_class_is_found_in_the_tree(builder: RepositoryBuilder) -> None:
    commit = plant(builder)
    snapshot = observe(builder)
    assert found(snapshot) == sorted((path, kind) for path, (_, _, kind) in PLANTED.items())
    assert {secret.commit for secret in snapshot.secrets} == {commit}
    assert snapshot.observed(RepositoryFacet.SECRETS)
    assert snapshot.observed(RepositoryFacet.SECRET_HISTORY)


def test_every_planted_class_is_found_in_the_history_after_its_deletion(builder: RepositoryBuilder) -> None:
    commit = plant(builder)
    for path in PLANTED:
        builder.remove(path)
    builder.commit("Nothing happened")
    snapshot = observe(builder)
    assert found(snapshot) == []
    assert found(snapshot, in_tree=False) == sorted((path, kind) for path, (_, _, kind) in PLANTED.items())
    assert {secret.commit for secret in snapshot.secrets} == {commit}


def test_a_secret_says_its_line_and_role_and_the_oldest_commit_that_brought_it(builder: RepositoryBuilder) -> None:
    builder.write("old.py", f"KEY = '{made_up_secret('service_role_key')}'\n")
    first = builder.commit("one")
    builder.remove("old.py")
    builder.write("new.py", f"# moved\n\nKEY = '{made_up_secret('service_role_key')}'\n")
    builder.commit("two")
    new, old = observe(builder).secrets
    assert (new.path, new.line, new.role, new.in_tree, new.commit) == ("new.py", 3, "service_role", True, first)
    assert (old.path, old.line, old.role, old.in_tree, old.commit) == ("old.py", 1, "service_role", False, first)
    assert new.digest == old.digest


def test_secrets_on_another_branch_a_tag_a_merge_and_in_a_message_are_found(builder: RepositoryBuilder) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgSign=false")
        subprocess.run(("git", *identity, *arguments), cwd=builder.folder, check=True, capture_output=True)

    builder.write("a.txt", "a\n")
    builder.commit(f"Use {made_up_secret('mattermost_webhook')}")
    git("checkout", "-q", "-b", "side")
    builder.write("side.sh", f"TOKEN={made_up_secret('supabase_access_token')}\n")
    builder.commit("side")
    git("checkout", "-q", "main")
    git("checkout", "-q", "-b", "tagged")
    builder.write("tagged.sh", f"KEY={made_up_secret('supabase_secret_key')}\n")
    builder.commit("tagged")
    builder.tag("v1")
    git("checkout", "-q", "main")
    git("branch", "-q", "-D", "tagged")
    git("merge", "-q", "--no-ff", "--no-commit", "side")
    builder.write("merged.pem", made_up_secret("private_key"))  # what a merge alone brings
    builder.remove("side.sh")
    builder.commit("merge")
    builder.remove("merged.pem")
    builder.commit("after")
    expected = [(COMMIT_MESSAGE, "chat-webhook"), ("merged.pem", "private-key"), ("side.sh", "supabase-access-token")]
    assert found(observe(builder), in_tree=False) == [*expected, ("tagged.sh", "supabase-secret-key")]


def test_what_only_a_reference_names_and_what_a_tag_says_is_searched(builder: RepositoryBuilder) -> None:
    def git(*arguments: str, given: str = "") -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "tag.gpgSign=false")
        done = subprocess.run(("git", *identity, *arguments), cwd=builder.folder, check=True, capture_output=True, input=given, text=True)
        return done.stdout.strip()

    builder.write("a.txt", "a\n")
    builder.commit("one")
    blob = git("hash-object", "-w", "--stdin", given=f"TOKEN={made_up_secret('supabase_access_token')}\n")
    git("update-ref", "refs/notes/blob", blob)
    key = git("hash-object", "-w", "--stdin", given=made_up_secret("private_key"))
    git("tag", "tree", git("mktree", given=f"100644 blob {key}\tserver.pem\n"))
    git("tag", "--annotate", "--message", f"Call {made_up_secret('mattermost_webhook')}", "v1")
    assert found(observe(builder), in_tree=False) == [
        (COMMIT_MESSAGE, "chat-webhook"),
        ("refs/notes/blob", "supabase-access-token"),
        ("refs/tags/tree/server.pem", "private-key"),
    ]


def test_what_is_public_by_design_and_what_is_no_secret_is_no_finding(builder: RepositoryBuilder) -> None:
    builder.write(
        "web/config.ts",
        f"const anon = '{made_up_secret('anon_key')}';\n// {made_up_secret('supabase_publishable_key')}\n",
    )
    builder.write("supabase/seed.sh", f"SERVICE_ROLE_KEY={made_up_secret('local_stack_key')}\n")
    builder.write("docs/setup.md", "API_KEY=<your-key>\nPASSWORD=changeme\nsbp_xxxxxxxxxxxxxxxx\npostgresql://user:password@localhost/db\n")
    builder.write("code.py", "token = read_token()\npassword = os.environ['PASSWORD']\nsecret_key = settings.secret_key_v2\n")
    builder.write("lock.json", json.dumps({"integrity": "sha512-" + letters("hash", 86), "token": "0" * 40}))
    builder.write(
        "hash.py", 'PASSWORD_HASH = "$2b$12$' + letters("bcrypt", 53) + '"\nTOKEN_SHA = "' + letters("s", 64, "0123456789abcdef") + '"\n'
    )
    builder.write("manual.md", "postgresql://scott:tiger@localhost/orders and https://user:secret99@example.com/\n")
    builder.commit("clean")
    snapshot = observe(builder)
    assert found(snapshot) == []
    assert [(s.path, s.kind, s.public) for s in snapshot.secrets] == [
        ("supabase/seed.sh", "local-stack-key", True),
        ("web/config.ts", "supabase-anon-key", True),
        ("web/config.ts", "supabase-publishable-key", True),
    ]


def test_comments_that_silence_a_scanner_silence_nothing(builder: RepositoryBuilder) -> None:
    for number, comment in enumerate(("kingfisher:ignore", "gitleaks:allow", "pragma: allowlist secret", "trufflehog:ignore", "nosec")):
        builder.write(f"{number}.sh", f"TOKEN={made_up_secret('supabase_access_token')}  # {comment}\n")
    builder.commit("silenced")
    assert len(found(observe(builder))) == 5


def test_no_value_is_in_anything_that_is_stored_or_logged(
    builder: RepositoryBuilder, home: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    token = made_up_secret("supabase_access_token")
    plant(builder)
    builder.write("CLAUDE.md", f"# {token}\n")
    builder.write(f"docs/{token}.md", "a file with such a name\n")
    builder.tag(token)
    builder.commit("names")
    with caplog.at_level(logging.DEBUG):
        snapshot = observe(builder)
    objects = inventory_of(snapshot)
    assert any("[secret:supabase-access-token:" in file.path for file in snapshot.files)
    assert to_json(snapshot_of(objects, snapshot.unobserved)) == to_json(snapshot)
    stored = json.dumps(to_json(snapshot)) + "".join(o.identity + json.dumps(o.payload) for o in objects)
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    told = capfd.readouterr()
    for value in values():
        assert value not in stored
        assert value.encode() not in kept
        assert value not in caplog.text + told.out + told.err + repr(snapshot)


def test_digests_tell_secrets_apart_and_differ_between_targets(builder: RepositoryBuilder) -> None:
    builder.write("a.sh", f"TOKEN={made_up_secret('supabase_access_token')}\n")
    builder.write("b.sh", f"TOKEN={made_up_secret('supabase_access_token')}\n")
    builder.write("c.sh", f"KEY={made_up_secret('supabase_secret_key')}\n")
    builder.commit("three")
    a, b, c = observe(builder).secrets
    assert a.digest == b.digest != c.digest
    assert observe(builder, "other").secrets[0].digest != a.digest


def test_a_content_that_is_too_large_is_told_and_the_rest_is_searched(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_search, "MAX_BYTES", 4096)
    builder.write("big.bin", b"\0" * 5000)
    builder.write("a.sh", f"TOKEN={made_up_secret('supabase_access_token')}\n")
    builder.commit("big")
    builder.write("old.bin", b"\1" * 6000)
    builder.commit("bigger")
    builder.remove("old.bin")
    builder.commit("gone")
    snapshot = observe(builder)
    assert [(u.path, u.in_tree) for u in snapshot.unsearched] == [("big.bin", True), ("old.bin", False)]
    assert "5000 bytes" in snapshot.unsearched[0].why
    assert found(snapshot) == [("a.sh", "supabase-access-token")]


def test_binary_content_invalid_text_and_endless_lines_are_searched(builder: RepositoryBuilder) -> None:
    token, key = made_up_secret("supabase_access_token"), made_up_secret("private_key")
    builder.write("data.bin", b"\0\xff\xfe" * 100 + token.encode() + b"\0\xff" * 100)
    builder.write("latin.txt", b"\xe9\xe8 TOKEN=" + token.encode() + b"\n")
    builder.write("line.json", b'{"a": "' + b"x1y2 " * 2_000_000 + token.encode() + b'"}')
    builder.write("keys.txt", (key.splitlines()[0] + "\n") * 20_000 + "!")
    builder.commit("hostile")
    assert found(observe(builder)) == [(path, "supabase-access-token") for path in ("data.bin", "latin.txt", "line.json")]


def test_thousands_of_secrets_are_told_up_to_a_limit_that_is_told_as_well(
    builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformkit_pipeline.introspection.repository.secrets.MAX_RECORDS", 5)
    tokens = ("sbp" + "_" + letters(str(number), 40, "0123456789abcdef") for number in range(9))
    builder.write("many.sh", "".join(f"T={token}\n" for token in tokens))
    builder.commit("many")
    snapshot = observe(builder)
    assert len(snapshot.secrets) == 5
    assert "more than 5 secrets" in snapshot.why_unobserved(RepositoryFacet.SECRET_HISTORY)


def _program(folder: Path, script: str) -> Callable[[str], str]:
    program = folder / "kingfisher"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return lambda _: str(program)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 2", "ended with 2"),
        ("kill -SEGV $$", "ended with -11"),
        ("echo nonsense; exit 200", "no JSON"),
        ("exit 0", "another form"),
        ("exit 200", "another form"),
        ("echo '{\"finding\": {}}'; exit 200", "another form"),
        ('echo \'{"audit": {"summary": {"scan_succeeded": 1, "scan_partial": 1}}}\'', "only a part"),
        ("sleep 60", "did not answer within 1 seconds"),
    ],
)
def test_a_kingfisher_that_fails_is_unknown_with_the_reason_and_what_else_was_found_is_told(
    builder: RepositoryBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(kingfisher, "find_program", _program(tmp_path, script))
    monkeypatch.setattr(kingfisher, "TIMEOUT_SECONDS", 1)
    builder.write("a.sh", f"TOKEN={made_up_secret('supabase_access_token')}\n")
    builder.commit("one")
    snapshot = observe(builder)
    for facet in (RepositoryFacet.SECRETS, RepositoryFacet.SECRET_HISTORY):
        assert reason in snapshot.why_unobserved(facet)
    assert found(snapshot) == [("a.sh", "supabase-access-token")]
    monkeypatch.undo()
    assert observe(builder).observed(RepositoryFacet.SECRETS)  # and nothing was taken for clean meanwhile


def test_without_kingfisher_nothing_is_a_pass(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kingfisher, "find_program", lambda _: None)
    builder.write("a.txt", "a\n")
    builder.commit("one")
    assert "is not installed" in observe(builder).why_unobserved(RepositoryFacet.SECRETS)


def test_what_was_found_clean_is_not_searched_again(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(builder)
    builder.write("clean.txt", "nothing\n")
    builder.commit("Plain")
    first = observe(builder)
    searched: list[str] = []

    def watched(text: str) -> list[secret_forms.Place]:
        searched.append(text)
        return secret_forms.places_in(text)

    monkeypatch.setattr(secret_search, "places_in", watched)
    second = observe(builder)
    assert second.secrets == first.secrets
    assert "nothing\n" not in searched
    assert len(searched) == len(PLANTED), "neither what was clean nor the messages of commits, which were clean as well"


def test_an_older_commit_is_judged_by_the_history_that_it_had(builder: RepositoryBuilder) -> None:
    builder.write("a.txt", "a\n")
    base = builder.commit("base")
    builder.write("a.sh", f"TOKEN={made_up_secret('supabase_access_token')}\n")
    builder.commit("bring")
    builder.remove("a.sh")
    builder.commit("hide")

    def observed(commit: str | None) -> tuple[Secret, ...]:
        with open_repository(builder.folder) as repository:
            return observe_repository(repository, RepositoryOptions(name="shop", commit=commit)).secrets

    assert observed(base) == ()
    assert [secret.in_tree for secret in observed(None)] == [False]


def test_a_shallow_clone_is_told(builder: RepositoryBuilder, tmp_path: Path) -> None:
    plant(builder)
    for path in PLANTED:
        builder.remove(path)
    builder.write("a.txt", "a\n")
    builder.commit("Nothing happened")
    clone = RepositoryBuilder(tmp_path / "clone")
    command = ("git", "clone", "-q", "--depth", "1", builder.folder.as_uri(), str(clone.folder))
    subprocess.run(command, check=True, capture_output=True)
    snapshot = observe(clone)
    assert found(snapshot, in_tree=False) == []
    assert "shallow" in snapshot.why_unobserved(RepositoryFacet.SECRET_HISTORY)
    assert snapshot.observed(RepositoryFacet.SECRETS)
