"""Names of keys in client code, committed environments, and hooks that look for secrets."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.repository.client_keys import observe_client_keys
from platformkit_pipeline.introspection.repository.environment_files import observe_environment_files
from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.secret_hooks import observe_secret_hooks
from platformkit_pipeline.model.repository.secrets import SecretHook
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder

HOOKS = [
    (".pre-commit-config.yaml", "repos:\n- repo: https://github.com/gitleaks/gitleaks\n  hooks:\n  - id: gitleaks\n", "gitleaks"),
    (".pre-commit-config.yaml", "repos:\n- repo: local\n  hooks:\n  - id: s\n    entry: kingfisher scan --staged\n", "kingfisher"),
    ("lefthook.yml", "pre-commit:\n  jobs:\n  - run: trufflehog git file://.\n", "trufflehog"),
    (".husky/pre-commit", "npx secretlint '**/*'\n", "secretlint"),
    ("package.json", '{"simple-git-hooks": {"pre-commit": "gitleaks git --staged"}}', "gitleaks"),
]


def observed(builder: RepositoryBuilder, path: str, text: str) -> Files:
    builder.write(path, text)
    builder.commit("one")
    with open_repository(builder.folder) as repository:
        files = repository.files(repository.head().commit)
        files.prefetch()
        return files


@pytest.mark.parametrize(("path", "text", "tool"), HOOKS)
def test_a_hook_is_known_by_its_scanner(builder: RepositoryBuilder, path: str, text: str, tool: str) -> None:
    assert observe_secret_hooks(observed(builder, path, text)) == ((SecretHook(path, tool),), ())


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".pre-commit-config.yaml", "repos:\n- repo: local\n  hooks:\n  - id: ruff # gitleaks\n"),
        (".pre-commit-config.yaml", "repos:\n- repo: local\n  hooks:\n  - id: gitleaks\n    stages: [manual]\n"),
        ("lefthook.yml", "pre-push:\n  jobs:\n  - run: gitleaks git\n"),
        (".husky/pre-commit", "# gitleaks git\nnpm test\n"),
        ("package.json", '{"devDependencies": {"secretlint": "13"}}'),
        ("package.json", '{"simple-git-hooks": 7}'),
    ],
)
def test_what_does_not_run_before_a_commit_is_no_hook(builder: RepositoryBuilder, path: str, text: str) -> None:
    assert observe_secret_hooks(observed(builder, path, text)) == ((), ())


def test_a_configuration_that_cannot_be_read_is_told(builder: RepositoryBuilder) -> None:
    hooks, faults = observe_secret_hooks(observed(builder, ".pre-commit-config.yaml", "repos: [\n"))
    assert hooks == ()
    assert faults == (".pre-commit-config.yaml cannot be understood",)


@pytest.mark.parametrize(
    ("path", "text", "filled"),
    [
        (".env", "A=1\nexport B='two'\n# C=3\nD=\nE=<your-key>\n", 2),
        ("apps/web/.env.production", "REGION=eu\n", 1),
        ("prod.env", "A=\nB=  # nothing\n", 0),
        (".env", 'DOTENV_PUBLIC_KEY="02ab"\nA="encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAt"\n', 0),
    ],
)
def test_an_environment_file_is_told_by_how_many_variables_have_a_value(
    builder: RepositoryBuilder, path: str, text: str, filled: int
) -> None:
    [file] = observe_environment_files(observed(builder, path, text))
    assert (file.path, file.filled, file.fault) == (path, filled, None)


@pytest.mark.parametrize("path", [".env.example", ".env.local.sample", "template.env", ".envrc", "environment.ts", "env.py", ".env.vault"])
def test_templates_and_other_files_are_no_environment_files(builder: RepositoryBuilder, path: str) -> None:
    assert observe_environment_files(observed(builder, path, "A=1\n")) == ()


def test_an_environment_file_that_is_no_text_is_told(builder: RepositoryBuilder) -> None:
    builder.write(".env", b"\xff\xfe")
    builder.commit("one")
    with open_repository(builder.folder) as repository:
        [file] = observe_environment_files(repository.files(repository.head().commit))
    assert file.fault is not None
    assert "no UTF-8" in file.fault


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.ts", "x(process.env.NEXT_PUBLIC_SUPABASE_SERVICE_ROLE_KEY)", ("NEXT_PUBLIC_SUPABASE_SERVICE_ROLE_KEY", True, False)),
        (".env.example", "\nVITE_SERVICE_ROLE_KEY=\n", ("VITE_SERVICE_ROLE_KEY", True, False)),
        ("app.json", '{"EXPO_PUBLIC_SUPABASE_SECRET_KEY": ""}', ("EXPO_PUBLIC_SUPABASE_SECRET_KEY", True, False)),
        ("a.tsx", '"use client";\nx(process.env.SUPABASE_SERVICE_ROLE_KEY)', ("SUPABASE_SERVICE_ROLE_KEY", False, True)),
        ("a.tsx", "// Orders\n'use client'\nx(process.env.SERVICE_ROLE_KEY)", ("SERVICE_ROLE_KEY", False, True)),
        ("route.ts", "x(process.env.SUPABASE_SERVICE_ROLE_KEY)", ("SUPABASE_SERVICE_ROLE_KEY", False, False)),
        ("a.ts", "// never NEXT_PUBLIC_SUPABASE_SERVICE_ROLE_KEY\n", None),
        ("a.md", "never NEXT_PUBLIC_SUPABASE_SERVICE_ROLE_KEY\n", None),
        (".env.example", "SUPABASE_SERVICE_ROLE_KEY=\nNEXT_PUBLIC_SUPABASE_ANON_KEY=\n", None),
    ],
)
def test_a_key_is_known_by_its_name(builder: RepositoryBuilder, path: str, text: str, expected: tuple[str, bool, bool] | None) -> None:
    found = [(key.name, key.public_variable, key.says_so) for key in observe_client_keys(observed(builder, path, text))]
    assert found == ([] if expected is None else [expected])
