"""Checks that the constitution asks for before a merge (clause 4.1), and the runs of tools that make them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckCategory(StrEnum):
    """What has to be checked before a change is merged."""

    LINT = "lint"
    TYPES = "types"
    TESTS = "tests"
    SECRETS = "secrets"
    DEPENDENCIES = "dependencies"
    SBOM = "sbom"
    MIGRATIONS = "migrations"
    RLS_COVERAGE = "rls_coverage"
    FUNCTION_SECURITY = "function_security"
    PARITY = "parity"
    SPEC = "spec"


class Holds(StrEnum):
    """What is known of a condition, for the pull request of a person into the default branch."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, order=True)
class CheckRun:
    """One run of a tool that counts towards a category."""

    category: CheckCategory
    tool: str
    line: int
    """Of the step in the workflow; 0 where the command is declared."""
    through: tuple[str, ...] = ()
    """What was followed from the step to the tool: `make lint`, `npm run test`, `tools/check.sh`."""
    tolerated: str = ""
    """Why its failure does not fail the job, as the rest of a sentence about it; empty where it does."""
    condition: Holds = Holds.YES
    coverage: float | None = None
    """Least coverage in per cent below which it fails; only for tests, None where it has none."""


@dataclass(frozen=True, slots=True, order=True)
class DeclaredCommand:
    """A command that the owners declare to run on every pull request, outside of GitHub's workflows."""

    command: str
    reason: str
    context: str = ""
    """Name under which it reports to pull requests; empty where it does not."""
    checks: tuple[CheckRun, ...] = ()
    """What following it showed, and what the owners declare that it covers."""
    unclear: tuple[str, ...] = ()
    """Parts that could not be followed, each with the reason."""


@dataclass(frozen=True, slots=True, order=True)
class OtherAutomation:
    """A file that tells another system than GitHub's what to run."""

    path: str
