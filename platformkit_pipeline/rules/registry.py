"""Registration of rules and their metadata; the single source of `platformkit rules`, the docs and SARIF.

A rule is one decorated function from an observed subject to verdicts. Codes never change meaning and are never reused.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any

from platformkit_pipeline.model.connector import ConnectorFacet
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.result import Outcome, PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind


class Scope(StrEnum):
    PROJECT = "project"
    REPOSITORY = "repository"
    CONNECTOR = "connector"
    CONTROL_PLANE = "control_plane"


class Family(StrEnum):
    """Groups of rules; each is an asset `compliance/<value>`."""

    ROW_LEVEL_SECURITY = "row_level_security"
    API_EXPOSURE = "api_exposure"
    FUNCTIONS = "functions"
    EXTENSIONS = "extensions"
    SECRETS = "secrets"
    TENANCY = "tenancy"
    FOREIGN_KEYS = "foreign_keys"
    AUDIT_TRAIL = "audit_trail"
    KEYS_AND_TYPES = "keys_and_types"
    INDEXES = "indexes"
    QUERY_PERFORMANCE = "query_performance"
    MIGRATIONS = "migrations"
    REPOSITORY_SECRETS = "repository_secrets"
    SPEC_BUNDLES = "spec_bundles"
    DIAGRAMS = "diagrams"
    DOC_SYNC = "doc_sync"
    REQUIRED_CHECKS = "required_checks"
    STRUCTURED_LOGGING = "structured_logging"
    VERSIONING = "versioning"
    EXCEPTIONS = "exceptions"
    SUPPRESSIONS = "suppressions"
    AMENDMENTS = "amendments"
    ORGANISATION_README = "organisation_readme"
    CONNECTORS = "connectors"
    WAIVERS = "waivers"
    OPERATIONS = "operations"


class Source(StrEnum):
    """What a rule needs besides the rule book: how an answer is come by, and why it may be missing."""

    CATALOG = "catalog"
    """The system catalogues; one observation answers."""
    STATISTICS = "statistics"
    """Counters that a server gathers with time and traffic."""
    LOGS = "logs"
    """The project's logs, through the platform's management API; judged where the project declares access to it."""
    PROBE = "probe"
    """A trial with the rights of a caller; judged where somebody asked for it."""
    FILES = "files"
    """The text of migrations as it lies in a repository; judged by `platformkit lint-migrations`, never by a scan."""
    REPLAY = "replay"
    """The repository's migrations, applied to an empty project; judged by `platformkit replay` and `platformkit drift`."""
    CLONE = "clone"
    """A git repository's objects; one observation of a commit answers, without a token."""
    GITHUB = "github"
    """Settings that only GitHub's API tells; judged where a token is given, unknown elsewhere."""
    CHANGE = "change"
    """What a branch brings; judged where somebody names the base that it is compared with."""
    CONNECTOR = "connector"
    """A connector, asked through its interface and put to the acceptance suite."""
    CONTROL_PLANE = "control_plane"
    """A repository's documents beside what the control plane holds; judged where there is one, unknown elsewhere."""
    PLATFORM = "platform"
    """The control plane itself, and the anchors of its audit log."""


REPOSITORY_SOURCES = (Source.CLONE, Source.GITHUB, Source.CHANGE, Source.CONTROL_PLANE)
"""Of rules about an observed repository."""


Requirement = CatalogKind | RepositoryFacet | ConnectorFacet
"""What has to be observed of a subject, else a rule answers UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says about one object that does not pass, before severity and metadata are added."""

    object: ObjectIdentity
    outcome: Outcome
    message: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


PASSED = None
"""The verdict about an object that keeps the rule: it is counted, so nobody has to say which object it was."""


@dataclass(frozen=True, slots=True)
class Passes:
    """`PASSED` so many times, for rules that judge many objects at once."""

    count: int


def failed(identity: ObjectIdentity, message: str, **evidence: Any) -> Verdict:
    return Verdict(identity, Outcome.FAIL, message, evidence)


def unknown(identity: ObjectIdentity, message: str, **evidence: Any) -> Verdict:
    return Verdict(identity, Outcome.UNKNOWN, message, evidence)


def not_applicable(identity: ObjectIdentity, message: str) -> Verdict:
    return Verdict(identity, Outcome.NOT_APPLICABLE, message)


Verdicts = Iterator[Verdict | Passes | None]
"""One verdict per judged object, `PASSED` where it keeps the rule; or how many keep it."""

Check = Callable[[Any], Verdicts]
"""From an observed subject to verdicts."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Metadata and function of one rule. `violating` and `clean` are examples, SQL where the rule is about a database.

    An example is complete in itself on a copy of `sql/sandbox/well_kept.sql`; `platformkit rules self-test` runs them all.
    That of a rule about files is one migration, or several below lines `-- file: <name>` (see `operations.self_test_migrations`).
    That of a rule about a repository says what to change in a well-kept one (see `sandbox.sample_repository.examples`).
    That of a rule about a connector is an entry of the settings (see `operations.self_test_connectors`).
    That of a rule about the control plane says in YAML what happened in one (see `operations.self_test_control_plane`).
    """

    code: str
    name: str
    clause: str
    severity: Severity
    scope: Scope
    family: Family
    title: str
    why: str
    how_to_fix: str
    references: tuple[str, ...]
    patch: PatchKind
    requires: tuple[Requirement, ...]
    violating: str
    clean: str
    revision: int
    """Raised whenever the rule judges differently, so that the ruleset digest changes."""
    source: Source
    example_role: str
    """Who runs the examples: `postgres`, as customers of the platform do, or `supabase_admin`, the superuser."""
    also_fires: tuple[str, ...]
    """Codes of rules that the violating example breaks as well, because it cannot be otherwise."""
    may_not_apply: bool
    """Owners may declare, in a reviewed file and with a reason, that there is nothing here for the rule to judge."""
    check: Check = field(compare=False, repr=False)


_REPOSITORY_RULES = "platformkit_pipeline.rules.repository"
_PACKAGES: Mapping[Scope, tuple[str, ...]] = MappingProxyType(
    {
        Scope.PROJECT: ("platformkit_pipeline.rules.database",),
        Scope.REPOSITORY: ("platformkit_pipeline.rules.migrations", _REPOSITORY_RULES),
        Scope.CONNECTOR: ("platformkit_pipeline.rules.connector",),
        Scope.CONTROL_PLANE: ("platformkit_pipeline.rules.control_plane",),
    }
)
"""Every module in a package is imported for the rules that it registers, when rules of its scope are asked for."""
_rules: dict[str, Rule] = {}


def rule(
    code: str,
    name: str,
    *,
    clause: str,
    severity: Severity,
    family: Family,
    title: str,
    why: str,
    how_to_fix: str,
    requires: tuple[Requirement, ...],
    violating: str,
    clean: str,
    scope: Scope = Scope.PROJECT,
    references: tuple[str, ...] = (),
    patch: PatchKind = PatchKind.MANUAL,
    revision: int = 1,
    source: Source = Source.CATALOG,
    example_role: str = "postgres",
    also_fires: tuple[str, ...] = (),
    may_not_apply: bool = False,
) -> Callable[[Check], Check]:
    """Register the decorated function as a rule. Raises ValueError when the code is taken."""

    def register(check: Check) -> Check:
        if code in _rules:
            raise ValueError(f"rule code {code} is registered twice")
        _rules[code] = Rule(
            code=code,
            name=name,
            clause=clause,
            severity=severity,
            scope=scope,
            family=family,
            title=title,
            why=why,
            how_to_fix=how_to_fix,
            references=references,
            patch=patch,
            requires=requires,
            violating=violating.strip(),
            clean=clean.strip(),
            revision=revision,
            source=source,
            example_role=example_role,
            also_fires=also_fires,
            may_not_apply=may_not_apply,
            check=check,
        )
        return check

    return register


def all_rules() -> tuple[Rule, ...]:
    """Every rule of the book, by code."""
    for packages in _PACKAGES.values():
        for package in packages:
            _import_rule_modules(package)
    return _by_code()


def _by_code() -> tuple[Rule, ...]:
    return tuple(_rules[code] for code in sorted(_rules))


@cache
def _import_rule_modules(package: str) -> None:
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)


def find_rule(code: str) -> Rule | None:
    """The rule with that code or name, whatever its case."""
    return next((r for r in all_rules() if code.lower() in (r.code.lower(), r.name)), None)


def rules_for(scope: Scope) -> tuple[Rule, ...]:
    """The rules that judge subjects of one kind, by code. A scan does not load what judges files."""
    for package in _PACKAGES.get(scope, ()):
        _import_rule_modules(package)
    return tuple(r for r in _by_code() if r.scope is scope)


def rules_of(family: Family) -> tuple[Rule, ...]:
    return tuple(r for r in all_rules() if r.family is family)


def project_families() -> tuple[Family, ...]:
    """The families with rules about a project's database, in the order of their definition."""
    found = {r.family for r in rules_for(Scope.PROJECT)}
    return tuple(family for family in Family if family in found)


def rules_about_files() -> tuple[Rule, ...]:
    """The rules that judge the text of migrations, by code."""
    return tuple(r for r in rules_for(Scope.REPOSITORY) if r.source is Source.FILES)


def rules_about_repositories() -> tuple[Rule, ...]:
    """The rules that judge an observed repository and its settings, by code. What judges migrations is not loaded for it."""
    _import_rule_modules(_REPOSITORY_RULES)
    return tuple(r for r in _by_code() if r.source in REPOSITORY_SOURCES)


def rules_about_a_commit() -> tuple[Rule, ...]:
    """Those of them that judge a repository as it stands: without a base there is no change to judge."""
    return tuple(r for r in rules_about_repositories() if r.source is not Source.CHANGE)


def repository_families() -> tuple[Family, ...]:
    """The families with rules about a repository as it stands, in the order of their definition."""
    found = {r.family for r in rules_about_a_commit()}
    return tuple(family for family in Family if family in found)


def rules_about_connectors() -> tuple[Rule, ...]:
    """The rules that judge an observed connector, by code."""
    return rules_for(Scope.CONNECTOR)


def rules_about_the_control_plane() -> tuple[Rule, ...]:
    """The rules that judge the platform itself, by code."""
    return rules_for(Scope.CONTROL_PLANE)


def select_rules(selectors: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Rules whose code starts with one of `selectors` (all when empty) and with none of `ignore`.

    Raises ConfigurationError for a selector that matches no rule.
    """
    rules = all_rules()
    for selector in (*selectors, *ignore):
        if not any(r.code.startswith(selector.upper()) for r in rules):
            raise ConfigurationError(f"no rule code starts with {selector!r}; `platformkit rules list` shows them all")
    wanted = tuple(s.upper() for s in selectors) or ("",)
    refused = tuple(s.upper() for s in ignore)
    return tuple(r for r in rules if r.code.startswith(wanted) and not (refused and r.code.startswith(refused)))


def ruleset_digest(rules: Iterable[Rule]) -> str:
    """Names a set of rules and how they judge: same digest, same verdicts on the same snapshot. 16 hex digits."""
    text = "\n".join(f"{r.code}:{r.revision}:{r.severity.value}" for r in sorted(rules, key=lambda r: r.code))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
