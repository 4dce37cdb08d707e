"""Every category of checks runs before a merge (clause 4.1): CIC001 to CIC012."""

from __future__ import annotations

from platformkit_pipeline.model.repository.checks import CheckCategory
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import Check, Family, Verdicts
from platformkit_pipeline.rules.repository_check_categories import absent, too_little_coverage
from platformkit_pipeline.rules.repository_subject import RepositorySubject, repository_rule

_CI = ".github/workflows/ci.yml"
_SECURITY = ".github/workflows/security.yml"
_SCHEMA = ".github/workflows/schema.yml"
_SCAN_RLS = "platformkit scan --dsn-env DATABASE_URL --select RLS"
_SCAN_FUN = "platformkit scan --dsn-env DATABASE_URL --select FUN"
_CONTRACTS = ".github/workflows/contracts.yml"


def _without(path: str, command: str) -> str:
    return f"=== replace {path}\n{command}\n=>\necho nothing"


def _category(
    code: str,
    name: str,
    category: CheckCategory,
    *,
    title: str,
    why: str,
    how_to_fix: str,
    violating: str,
    clean: str,
    may_not_apply: bool = False,
) -> None:
    """Register the rule that one category of checks is there and keeps changes out."""

    def check(subject: RepositorySubject) -> Verdicts:
        yield from absent(subject, category)

    register: Check = check
    repository_rule(
        code,
        name,
        clause="4.1",
        severity=Severity.HIGH,
        family=Family.REQUIRED_CHECKS,
        title=title,
        why=why,
        how_to_fix=how_to_fix,
        patch=PatchKind.FILE,
        requires=(RepositoryFacet.WORKFLOWS,),
        violating=violating,
        clean=clean,
        may_not_apply=may_not_apply,
    )(register)


_category(
    "CIC001",
    "lint-not-checked",
    CheckCategory.LINT,
    title="No workflow lints changes",
    why="What no machine checks is checked by whoever reviews, every time, and by some not at all.",
    how_to_fix="Run a linter (ruff, eslint, golangci-lint, ...) in a job that starts on `pull_request`, and let its failure fail the job.",
    violating=f"{_without(_CI, 'ruff check src tests')}\n{_without(_CI, 'ruff format --check src tests')}",
    clean=f"=== file Makefile\nlint: style\n\nstyle:\n\t@flake8 src\n=== replace {_CI}\nruff check src tests\n=>\nmake lint\n"
    f"{_without(_CI, 'ruff format --check src tests')}",
)
_category(
    "CIC002",
    "types-not-checked",
    CheckCategory.TYPES,
    title="No workflow checks types",
    why="A type error that nobody looks for is found by a user.",
    how_to_fix="Run a type checker (mypy, pyright, tsc, ...) in a job that starts on `pull_request`.",
    violating=f"=== replace {_CI}\nmypy src\n=>\nmypy src || true",
    clean='=== file package.json\n{"private": true, "scripts": {"types": "tsc --noEmit"}}\n'
    f"=== replace {_CI}\nmypy src\n=>\nnpm run types",
)
_category(
    "CIC003",
    "tests-not-run",
    CheckCategory.TESTS,
    title="No workflow runs the tests",
    why="Tests that run on somebody's machine only are run when somebody remembers.",
    how_to_fix="Run the tests in a job that starts on `pull_request`, without `continue-on-error`.",
    violating=_without(_CI, "pytest --cov=shop"),
    clean=f"=== file tox.ini\n[testenv]\ncommands = pytest --cov=shop --cov-fail-under=90\n=== replace {_CI}\npytest --cov=shop\n=>\ntox",
)
_category(
    "CIC005",
    "secrets-not-scanned",
    CheckCategory.SECRETS,
    title="No workflow scans changes for secrets",
    why="A secret that reaches the default branch is in every clone from then on. Before the merge it can still be taken out.",
    how_to_fix="Run a secret scanner (kingfisher, gitleaks, trufflehog, `platformkit scan --repo .`) on pull requests.",
    violating=_without(_SECURITY, "kingfisher scan"),
    clean=f"=== replace {_SECURITY}\nkingfisher scan\n=>\nplatformkit scan --repo . --select SEC",
)
_category(
    "CIC006",
    "dependencies-not-reviewed",
    CheckCategory.DEPENDENCIES,
    title="No workflow reviews dependencies",
    why="Most code of a project is written by others. Known holes of it arrive with an update that nobody looked at.",
    how_to_fix="Run dependency-review-action, pip-audit, `npm audit`, osv-scanner or the like on pull requests.",
    violating=_without(_SECURITY, "pip-audit"),
    clean=f"=== replace {_SECURITY}\npip-audit\n=>\nosv-scanner",
)
_category(
    "CIC007",
    "sbom-not-made",
    CheckCategory.SBOM,
    title="No workflow makes a bill of materials",
    why="When a hole in a library becomes known, the first question is who uses it. Only a list that is made each time answers.",
    how_to_fix="Make an SBOM (cyclonedx-py, cdxgen, syft, `npm sbom`) in a job that starts on `pull_request`.",
    violating=_without(_SECURITY, "cyclonedx-py environment"),
    clean=f"=== replace {_SECURITY}\ncyclonedx-py environment\n=>\nuv export --format cyclonedx1.5",
)
_category(
    "CIC008",
    "migrations-not-checked",
    CheckCategory.MIGRATIONS,
    title="No workflow checks migrations",
    why="A migration that locks a table or drops a column is harmless to read and not to run.",
    how_to_fix="Run `platformkit lint-migrations`, squawk or `supabase db lint` on pull requests. A repository without one says so.",
    violating=_without(_SCHEMA, "platformkit lint-migrations"),
    clean=f"=== replace {_SCHEMA}\nplatformkit lint-migrations\n=>\nsquawk",
    may_not_apply=True,
)
_category(
    "CIC009",
    "rls-coverage-not-checked",
    CheckCategory.RLS_COVERAGE,
    title="No workflow checks that tables have row level security",
    why="One table without row level security is open to everybody who holds the public key.",
    how_to_fix="Apply the migrations to a database in the job, then run `check_rls_coverage.sql` or `platformkit scan` on it.",
    violating=_without(_SCHEMA, _SCAN_RLS),
    clean=f"=== replace {_SCHEMA}\n{_SCAN_RLS}\n=>\npsql --file=sql/gates/check_rls_coverage.sql",
    may_not_apply=True,
)
_category(
    "CIC010",
    "function-security-not-checked",
    CheckCategory.FUNCTION_SECURITY,
    title="No workflow checks the security of functions",
    why="A definer function without a fixed search path runs with its owner's rights what a caller puts in its way.",
    how_to_fix="Apply the migrations to a database in the job, then run `check_function_security.sql` or `platformkit scan` on it.",
    violating=_without(_SCHEMA, _SCAN_FUN),
    clean=f"=== replace {_SCHEMA}\n{_SCAN_FUN}\n=>\npsql --file=sql/gates/check_function_security.sql",
    may_not_apply=True,
)
_category(
    "CIC011",
    "contracts-not-tested",
    CheckCategory.PARITY,
    title="No workflow tests contracts",
    why="Whoever relies on an interface learns of a change by breaking, unless a contract test learns of it first.",
    how_to_fix="Run schemathesis, pact, oasdiff or the like on pull requests. A repository without an interface declares so.",
    violating=_without(_CONTRACTS, "schemathesis run"),
    clean=f"=== replace {_CONTRACTS}\nschemathesis run\n=>\noasdiff breaking main.json openapi.json",
    may_not_apply=True,
)
_category(
    "CIC012",
    "spec-not-checked",
    CheckCategory.SPEC,
    title="No workflow checks the spec bundle",
    why="A spec that nobody checks says after a few months what the software did once.",
    how_to_fix="Run `platformkit scan --repo . --select SPC` on pull requests.",
    violating=_without(_CONTRACTS, "platformkit scan --repo . --select SPC"),
    clean=f"=== replace {_CONTRACTS}\nplatformkit scan --repo . --select SPC\n=>\nsh tools/spec-kit-enforce.sh",
    may_not_apply=True,
)


@repository_rule(
    "CIC004",
    "coverage-not-enforced",
    clause="4.1",
    severity=Severity.HIGH,
    family=Family.REQUIRED_CHECKS,
    title="Tests pass with less than 80 % coverage",
    why="Coverage that is measured and not enforced goes down, because nothing happens when it does.",
    how_to_fix="Set a lower bound of 80 or more: `--cov-fail-under=80`, `fail_under` of coverage.py, `coverageThreshold` of jest, "
    "`thresholds` of vitest, or a target in codecov.yml.",
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.WORKFLOWS,),
    violating="=== replace pyproject.toml\nfail_under = 80\n=>\nfail_under = 60",
    clean="=== replace pyproject.toml\nfail_under = 80\n=>\nshow_missing = true\n"
    f"=== replace {_CI}\npytest --cov=shop\n=>\npytest --cov=shop --cov-fail-under 85",
)
def coverage_not_enforced(subject: RepositorySubject) -> Verdicts:
    yield from too_little_coverage(subject)
