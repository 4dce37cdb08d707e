"""Habits that let secrets out or keep them in: keys in client code, committed environments, a hook before the commit (clause 2.4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.path_patterns import path_matcher
from platformkit_pipeline.model.repository.secrets import SERVICE_KEYS
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_identity, repository_rule

_CLIENT_FOLDERS = frozenset({"public", "static", "www", "client", "frontend", "browser", "mobile", "ios", "android"})
_CLIENT_SUFFIXES = frozenset({".html", ".htm", ".vue", ".svelte", ".jsx", ".tsx"})
_HOOK = "secret hook"


@repository_rule(
    "SEC003",
    "service-key-in-client-code",
    clause="2.4",
    severity=Severity.CRITICAL,
    family=Family.REPOSITORY_SECRETS,
    title="A key that bypasses row level security reaches the client",
    why="Whoever opens the page reads its code. With a `service_role` JWT or an `sb_secret_` key no policy holds: all data of all tenants "
    "are open, for reading and writing. Client code is what the owners declare (`paths: client:`), what says `use client`, and for a "
    "literal key also pages, components and public folders; bundlers copy variables named `NEXT_PUBLIC_`, `VITE_`, `EXPO_PUBLIC_` and such "
    "into it, so that a variable of such a name for such a key is a finding without any value.",
    how_to_fix="If the key was ever built into a page, rotate it first. Let the client use the publishable key, and do what needs more in "
    "an Edge Function or a route of the server that checks who asks.",
    requires=(),
    violating="=== file web/supabase.ts\nexport const admin = createClient(url, process.env.NEXT_PUBLIC_SUPABASE_SERVICE_ROLE_KEY!);",
    clean="=== file web/supabase.ts\n// never NEXT_PUBLIC_SUPABASE_SERVICE_ROLE_KEY\n"
    "export const shop = createClient(url, process.env.NEXT_PUBLIC_SUPABASE_ANON_KEY!);\n"
    "=== file web/orders.server.ts\nconst admin = createClient(url, process.env.SUPABASE_SERVICE_ROLE_KEY!);",
)
def service_key_in_client_code(subject: RepositorySubject) -> Verdicts:
    declared = path_matcher(subject.declarations.client_paths)
    verdicts = [*_literal_keys(subject, declared), *_named_keys(subject, declared)]
    yield from verdicts
    if not subject.snapshot.observed(RepositoryFacet.SECRETS):
        yield unknown(repository_identity(), f"not searched as a whole: {subject.snapshot.why_unobserved(RepositoryFacet.SECRETS)}")
    elif not verdicts:
        yield PASSED


def _literal_keys(subject: RepositorySubject, declared: Callable[[str], bool]) -> list[Verdict]:
    return [
        failed(
            file_identity(secret.path, kind=secret.kind, digest=secret.digest),
            f"{secret.description} stands in "
            + ("a variable that bundlers copy" if secret.client_variable else "code that reaches the client"),
            kind=secret.kind,
            digest=secret.digest,
            **({"line": secret.line} if secret.line else {}),
            **({"variable": secret.client_variable} if secret.client_variable else {}),
        )
        for secret in subject.snapshot.secrets
        if secret.in_tree and secret.kind in SERVICE_KEYS
        if secret.client_variable or declared(secret.path) or _is_client_by_convention(secret.path)
    ]


def _named_keys(subject: RepositorySubject, declared: Callable[[str], bool]) -> list[Verdict]:
    return [
        failed(
            file_identity(key.path, variable=key.name),
            f"the variable {key.name} is for a key that bypasses row level security, and "
            + ("bundlers copy variables of such a name into the client's code" if key.public_variable else "this code runs in the client"),
            variable=key.name,
            line=key.line,
        )
        for key in subject.snapshot.client_keys
        if key.public_variable or key.says_so or declared(key.path)
    ]


def _is_client_by_convention(path: str) -> bool:
    parts = PurePosixPath(path)
    return parts.suffix.lower() in _CLIENT_SUFFIXES or not _CLIENT_FOLDERS.isdisjoint(parts.parts[:-1])


@repository_rule(
    "SEC004",
    "environment-file-committed",
    clause="2.4",
    severity=Severity.HIGH,
    family=Family.REPOSITORY_SECRETS,
    title="A file of environment variables is committed",
    why="`.env`, `.env.production` and `prod.env` are where secrets are put; once such a file is tracked, the next secret in it is "
    "committed without anybody noticing. Templates (`.env.example`, `.sample`, `.template`, `.dist`) are meant to be committed, and so "
    "is a file in which no variable has a value, or only placeholders or values encrypted by dotenvx.",
    how_to_fix="`git rm --cached` the file, name it in `.gitignore`, and commit a `.env.example` with names and no values. Rotate whatever "
    "secret it held.",
    requires=(RepositoryFacet.FILES,),
    violating="=== file web/.env.production\nSHOP_REGION=eu-central-1",
    clean="=== file web/.env.example\nSHOP_REGION=eu-central-1\n=== file web/.env\nSHOP_REGION=\nSHOP_KEY=<your-key>",
)
def environment_file_committed(subject: RepositorySubject) -> Verdicts:
    for file in subject.snapshot.environment_files:
        if file.fault:
            yield unknown(file_identity(file.path), f"{file.path} {file.fault}")
        elif file.filled:
            variables = "one variable" if file.filled == 1 else f"{file.filled} variables"
            yield failed(file_identity(file.path), f"{file.path} gives {variables} a value", variables=file.filled)
        else:
            yield PASSED
    if not subject.snapshot.environment_files:
        yield PASSED


@repository_rule(
    "SEC005",
    "no-secret-hook",
    clause="2.4",
    severity=Severity.MEDIUM,
    family=Family.REPOSITORY_SECRETS,
    title="No hook looks for secrets before a commit",
    why="A secret that is found in CI is in the history already and has to be rotated. A hook finds it while it is still only in one "
    "person's working copy. Read are `.pre-commit-config.yaml`, lefthook, husky, and scripts in `.githooks`; whether each "
    "person has installed the hook, no repository tells.",
    how_to_fix="Add a secret scanner such as kingfisher or gitleaks to `.pre-commit-config.yaml`.",
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.SECRET_HOOKS,),
    violating="=== file .pre-commit-config.yaml\nrepos:\n  - repo: local\n    hooks:\n      - id: ruff  # gitleaks is to follow\n"
    "        name: ruff\n        entry: ruff check\n        language: system\n",
    clean="=== remove .pre-commit-config.yaml\n=== file lefthook.yml\npre-commit:\n  commands:\n    secrets:\n"
    "      run: gitleaks git --staged --no-banner\n",
)
def no_secret_hook(subject: RepositorySubject) -> Verdicts:
    if subject.snapshot.secret_hooks:
        yield PASSED
    else:
        yield failed(repository_identity(_HOOK), "no hook that runs before a commit looks for secrets")
