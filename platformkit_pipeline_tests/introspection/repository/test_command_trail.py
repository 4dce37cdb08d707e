"""From a command to the tools that it runs in the end, in committed trees."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.repository.command_trail import CommandTrail, Traced
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.repository.checks import CheckCategory, Holds
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder


def followed(builder: RepositoryBuilder, command: str, files: dict[str, str]) -> Traced:
    for path, content in files.items():
        builder.write(path, content)
    builder.commit("A tree")
    with open_repository(builder.folder) as repository:
        return CommandTrail(repository.files(repository.head(None).commit)).script(command)


def categories(traced: Traced) -> set[str]:
    """Of the runs that count."""
    return {c.category.value for c in traced.checks if not c.tolerated and c.condition is Holds.YES}


MAKEFILE = (
    "BIN := .venv/bin\nFLOOR = 83\n\nall: lint test\n\nlint:\n\t@$(BIN)/ruff check .\n\t-mypy src\n\n"
    "test: lint\n\tpytest --cov --cov-fail-under=$(FLOOR)\n"
)
TOX = "[tox]\nenvlist = lint,py\n[testenv:lint]\ncommands = ruff check\n[testenv]\ncommands = pytest\n"
HOOKS = "repos:\n- repo: x\n  hooks: [{id: black}, {id: gitleaks}]\n- repo: local\n  hooks: [{id: t, entry: mypy src}]\n"
TURBO = {"package.json": '{"scripts": {"lint": "turbo lint"}}', "a/package.json": '{"scripts": {"lint": "eslint ."}}'}


@pytest.mark.parametrize(
    ("command", "files", "expected"),
    [
        ("make lint", {"Makefile": MAKEFILE}, {"lint"}),
        ("make", {"Makefile": MAKEFILE}, {"lint", "tests"}),
        ("make -C tools check", {"tools/Makefile": "check:\n\tmypy .\n"}, {"types"}),
        ("cd tools && make check", {"tools/Makefile": "check:\n\tmypy .\n"}, {"types"}),
        ("npm run check", {"package.json": '{"scripts": {"check": "eslint . && npm test", "test": "vitest run"}}'}, {"lint", "tests"}),
        ("yarn lint", {"package.json": '{"scripts": {"lint": "eslint ."}}'}, {"lint"}),
        ("yarn eslint .", {}, {"lint"}),
        ("pnpm -r run lint", {"a/package.json": '{"scripts": {"lint": "eslint ."}}', "b/package.json": "{}"}, {"lint"}),
        ("pnpm exec tsc --noEmit", {}, {"types"}),
        ("npx --yes prettier@3 --check .", {}, {"lint"}),
        ("uv run --group dev mypy src", {}, {"types"}),
        ("uvx --from ruff ruff check", {}, {"lint"}),
        ("poetry run pytest", {}, {"tests"}),
        ("python3.12 -m pytest -q", {}, {"tests"}),
        ("bash -c 'ruff check . && mypy src'", {}, {"lint", "types"}),
        ("sh tools/check.sh", {"tools/check.sh": "set -e\nruff check .\nmypy src\n"}, {"lint", "types"}),
        ("sh tools/check.sh", {"tools/check.sh": "ruff check .\nmypy src\n"}, {"types"}),
        ("./check", {"check": "#!/usr/bin/env bash\nset -eu\nmake lint\n", "Makefile": MAKEFILE}, {"lint"}),
        ("just ci", {"justfile": "ci: lint\n\nlint:\n    ruff check .\n"}, {"lint"}),
        ("tox -e lint", {"tox.ini": TOX}, {"lint"}),
        ("tox", {"tox.ini": TOX}, {"lint", "tests"}),
        ("nox", {"noxfile.py": "import nox\n@nox.session\ndef tests(session):\n    session.run('pytest', '--cov')\n"}, {"tests"}),
        ("poe lint", {"pyproject.toml": '[tool.poe.tasks]\nlint = "ruff check ."\n'}, {"lint"}),
        (
            "pre-commit run --all-files",
            {".pre-commit-config.yaml": HOOKS},
            {"lint", "secrets", "types"},
        ),
        ("turbo run lint", TURBO, {"lint"}),
    ],
)  # fmt: skip
def test_tasks_of_the_tree_are_followed(builder: RepositoryBuilder, command: str, files: dict[str, str], expected: set[str]) -> None:
    traced = followed(builder, command, {"README.md": "x", **files})
    assert categories(traced) == expected
    assert traced.unclear == ()


@pytest.mark.parametrize(
    "command",
    [
        "ruff format .",
        "black .",
        "prettier --write .",
        "ruff --version",
        "pytest --collect-only",
        "pip install ruff mypy pytest",
        "echo ruff check .",
        "which eslint",
        "command -v mypy",
        "npm ci",
        "npm install --save-dev eslint",
        "ruff check --exit-zero .",
        "platformkit scan --repo . --fail-on none",
        "platformkit scan --repo . --select DOC",
    ],
)
def test_what_only_looks_like_a_check_is_none(builder: RepositoryBuilder, command: str) -> None:
    assert followed(builder, command, {"README.md": "x"}).checks == ()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("kingfisher scan .", {"secrets"}),
        ("gitleaks git .", {"secrets"}),
        ("pip-audit -r requirements.txt", {"dependencies"}),
        ("pnpm audit --prod", {"dependencies"}),
        ("npm sbom --sbom-format cyclonedx", {"sbom"}),
        ("syft . -o spdx-json", {"sbom"}),
        ("squawk supabase/migrations/*.sql", {"migrations"}),
        ("supabase db lint", {"migrations"}),
        ("psql -v ON_ERROR_STOP=1 -f sql/gates/check_rls_coverage.sql", {"rls_coverage"}),
        ("platformkit scan --dsn-env URL", {"rls_coverage", "function_security"}),
        ("platformkit scan --repo .", {"secrets", "spec"}),
        ("platformkit scan --repo . --ignore SEC", {"spec"}),
        ("platformkit gate --target shop", {"rls_coverage", "function_security"}),
        ("schemathesis run openapi.json", {"parity"}),
        ("go test ./...", {"tests", "types"}),
        ("python -m pytest tests/contracts", {"tests", "parity"}),
        ("pytest -m contract", {"tests", "parity"}),
        ("pytest --ignore tests/contracts -m 'not contract'", {"tests"}),
    ],
)
def test_well_known_tools_are_known(builder: RepositoryBuilder, command: str, expected: set[str]) -> None:
    assert categories(followed(builder, command, {"README.md": "x"})) == expected


@pytest.mark.parametrize(
    ("command", "files", "bound"),
    [
        ("pytest --cov --cov-fail-under=81", {}, 81),
        ("pytest --cov --cov-fail-under 82", {}, 82),
        ("pytest --cov", {"pyproject.toml": "[tool.coverage.report]\nfail_under = 83\n"}, 83),
        ("pytest", {"pyproject.toml": "[tool.coverage.report]\nfail_under = 83\n"}, None),
        ("pytest --cov --no-cov", {"pyproject.toml": "[tool.coverage.report]\nfail_under = 83\n"}, None),
        ("pytest", {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--cov --cov-fail-under=84"\n'}, 84),
        ("pytest --cov", {".coveragerc": "[report]\nfail_under = 85\n"}, 85),
        ("coverage report --fail-under=86", {}, 86),
        ("make test", {"Makefile": MAKEFILE}, 83),
        ("vitest run --coverage", {"vitest.config.ts": "export default { test: { coverage: { thresholds: { lines: 87 } } } }"}, 87),
        ("vitest run", {"vitest.config.ts": "export default { test: { coverage: { thresholds: { lines: 87 } } } }"}, None),
        ("vitest run --coverage", {"vitest.config.ts": "// thresholds: { lines: 87 }"}, None),
        ("jest --coverage", {"package.json": '{"jest": {"coverageThreshold": {"global": {"lines": 88}}}}'}, 88),
        ("pytest --cov", {}, None),
    ],
)
def test_the_least_coverage_is_found_where_the_tool_finds_it(
    builder: RepositoryBuilder, command: str, files: dict[str, str], bound: float | None
) -> None:
    traced = followed(builder, command, {"README.md": "x", **files})
    [run] = {c for c in traced.checks if c.category is CheckCategory.TESTS}
    assert run.coverage == bound


def test_the_way_to_the_tool_is_told(builder: RepositoryBuilder) -> None:
    files = {"ci.sh": "set -e\nnpm run check\n", "package.json": '{"scripts": {"check": "make lint"}}', "Makefile": "lint:\n\truff check\n"}
    [run] = followed(builder, "sh ci.sh", files).checks
    assert (run.tool, run.through) == ("ruff check", ("ci.sh", "npm run check", "make lint"))


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("make a", {"Makefile": "a: b\n\tmake b\nb: a\n\tmake a\n\truff check\n"}),
        ("npm run a", {"package.json": '{"scripts": {"a": "npm run b", "b": "npm run a && ruff check"}}'}),
        ("sh a.sh", {"a.sh": "set -e\nsh b.sh\nruff check\n", "b.sh": "sh a.sh\n"}),
        ("make a", {"Makefile": "X = $(Y)\nY = $(X)\na:\n\t$(X)\n\truff check\n"}),
    ],
)
def test_a_circle_ends_and_what_stands_in_it_is_found(builder: RepositoryBuilder, command: str, files: dict[str, str]) -> None:
    assert {c.tool for c in followed(builder, command, files).checks} == {"ruff check"}


def test_a_chain_without_end_is_cut_and_that_is_told(builder: RepositoryBuilder) -> None:
    scripts = ", ".join(f'"s{n}": "npm run s{n + 1}"' for n in range(100))
    traced = followed(builder, "npm run s0", {"package.json": f'{{"scripts": {{{scripts}}}}}'})
    assert traced.checks == ()
    assert "nested too deep" in traced.unclear[0]


@pytest.mark.parametrize(
    ("command", "files", "reason"),
    [
        ("make lint", {}, "there is no Makefile"),
        ("make lint", {"Makefile": "test:\n\tpytest\n"}, "has no target lint"),
        ("npm run lint", {"package.json": "{"}, "is no JSON"),
        ("nox", {"noxfile.py": "def ("}, "cannot be read as Python"),
        ("pre-commit run", {".pre-commit-config.yaml": "a: ["}, "is no YAML"),
    ],
)
def test_what_cannot_be_followed_is_told(builder: RepositoryBuilder, command: str, files: dict[str, str], reason: str) -> None:
    traced = followed(builder, command, {"README.md": "x", **files})
    assert traced.checks == ()
    assert reason in traced.unclear[0]


def test_nothing_that_could_be_a_secret_is_kept(builder: RepositoryBuilder) -> None:
    value = "not-a-" + "real-value"
    traced = followed(
        builder,
        f"TOKEN={value} npx --token {value} eslint --key={value} . && make --token={value} lint",
        {"Makefile": "lint:\n\truff check\n"},
    )
    assert {c.category.value for c in traced.checks} == {"lint"}
    assert value not in repr(traced)


def test_a_path_out_of_the_tree_leads_nowhere(builder: RepositoryBuilder) -> None:
    assert followed(builder, "sh ../../etc/passwd; sh /etc/profile; make -C ../.. x", {"README.md": "x"}).checks == ()


@pytest.mark.parametrize(
    ("command", "is_parity"),
    [
        ("python -m pytest tests/contracts", True),
        ("npx vitest run --dir tests/contracts/", True),
        ("pytest tests/contracts_of_sale", False),
        ("ls tests/contracts", False),
    ],
)
def test_tests_in_a_folder_of_contracts_are_contract_tests(builder: RepositoryBuilder, command: str, is_parity: bool) -> None:
    assert ("parity" in categories(followed(builder, command, {"README.md": "x"}))) is is_parity
