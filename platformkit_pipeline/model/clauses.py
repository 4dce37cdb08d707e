"""The clauses of the constitution in our restatement, with what keeps each of them besides rules.

The one source of clause titles: the rule book, `platformkit docs constitution` and the agenda of the annual review take them from here.
`spec/platform-kit/constitution.md` says the same at length; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mechanism(StrEnum):
    """By what a clause is kept where no rule judges it, or besides rules."""

    GATE = "gate"
    CONSTRAINT = "database constraint"
    SCHEDULE = "schedule"
    COMMAND = "command line"
    CI = "continuous integration"
    CONTRACTS = "contract tests"
    IMPORTS = "import rules"


@dataclass(frozen=True, slots=True)
class Enforcement:
    """One mechanism, and where it is to be found: a name that can be searched for, in a few words."""

    mechanism: Mechanism
    what: str


@dataclass(frozen=True, slots=True)
class Clause:
    """`title` in the words of our restatement. A clause without rules has at least one entry in `also`: it is the stated reason."""

    number: str
    title: str
    also: tuple[Enforcement, ...] = ()

    @property
    def chapter(self) -> int:
        return int(self.number.partition(".")[0])


CHAPTERS = {
    1: "Core principles",
    2: "Security boundaries",
    3: "Governance",
    4: "Quality gates",
    5: "Data integrity",
    6: "Performance",
    7: "Observability",
    8: "Versions",
    9: "Connectors",
    10: "Exceptions and waivers",
    11: "Audit",
    12: "What follows from a violation",
    13: "Amendments",
}


def _by(mechanism: Mechanism, what: str) -> Enforcement:
    return Enforcement(mechanism, what)


CLAUSES = (
    Clause("1.1", "Secure by default", (_by(Mechanism.COMMAND, "`platformkit new` writes only what scans clean"),)),
    Clause(
        "1.2",
        "Observe first",
        (
            _by(Mechanism.IMPORTS, "*pure rules*: rules see a frozen snapshot and reach no server, file or clock"),
            _by(Mechanism.SCHEDULE, "`nightly`, `nightly_repositories`, `nightly_connectors`"),
            _by(Mechanism.CONSTRAINT, "findings, plans and patches refer to the scan that led to them by foreign key"),
        ),
    ),
    Clause(
        "1.3",
        "Governance as code",
        (
            _by(Mechanism.GATE, "`governance/gate`, `governance/merge_gate`, `platformkit gate`"),
            _by(Mechanism.CI, "`platformkit rules self-test` breaks and mends every rule once"),
        ),
    ),
    Clause(
        "1.4",
        "Idempotent everywhere",
        (
            _by(Mechanism.CONSTRAINT, "checksummed migrations of `ops`, one open life per finding and per alert"),
            _by(Mechanism.COMMAND, "`platformkit plan`: a patch that changes anything when applied again is not proven"),
        ),
    ),
    Clause(
        "1.5",
        "Deterministic builds",
        (
            _by(Mechanism.CI, "`platformkit docs --check`, `platformkit docs diagrams --check`; dependencies are locked by hash"),
            _by(Mechanism.GATE, "`governance/repository_gate`, by the rules of clauses 3.2 to 3.4 on diagrams and documents"),
        ),
    ),
    Clause("2.1", "Row level security", (_by(Mechanism.CI, "`sql/gates/check_rls_coverage.sql`"),)),
    Clause("2.2", "Functions", (_by(Mechanism.CI, "`sql/gates/check_function_security.sql`"),)),
    Clause("2.3", "Extensions", (_by(Mechanism.CI, "`sql/gates/check_extensions_schema.sql`"),)),
    Clause("2.4", "Secrets", (_by(Mechanism.CI, "the secret search of this repository (`make secrets`)"),)),
    Clause("3.1", "Spec bundle"),
    Clause("3.2", "Diagrams", (_by(Mechanism.COMMAND, "`platformkit docs diagrams`"),)),
    Clause("3.3", "Documents in step"),
    Clause("3.4", "Organisation README", (_by(Mechanism.SCHEDULE, "the asset `reporting/enterprise_readme`, every night"),)),
    Clause("4.1", "Required checks", (_by(Mechanism.CI, "`.ci/run` of this repository"),)),
    Clause(
        "4.2",
        "Nightly introspection",
        (
            _by(Mechanism.SCHEDULE, "`nightly`, `nightly_repositories`, `nightly_connectors`, `nightly_parity`"),
            _by(Mechanism.GATE, "`governance/gate` says no on a failed or stale scan"),
        ),
    ),
    Clause(
        "4.3",
        "Parity gate",
        (
            _by(Mechanism.CONTRACTS, "`platformkit parity`, the assets `parity/*`"),
            _by(Mechanism.GATE, "`governance/merge_gate`, `platformkit gate --gate merge`"),
        ),
    ),
    Clause("5.1", "Tenancy", (_by(Mechanism.CONTRACTS, "behaviour contracts try the walls between tenants"),)),
    Clause("5.2", "Foreign keys"),
    Clause("5.3", "Audit trails", (_by(Mechanism.CONSTRAINT, "triggers write DELETE and TRUNCATE in `ops` to `ops.audit_log`"),)),
    Clause("6.1", "Queries"),
    Clause("6.2", "Indexes"),
    Clause("7.1", "Structured logs", (_by(Mechanism.CI, "the linter forbids `print` outside of the command line"),)),
    Clause(
        "7.2",
        "Metrics",
        (
            _by(Mechanism.CONSTRAINT, "`ops.metrics`, append-only: whoever writes it cannot change it"),
            _by(Mechanism.CI, "tests of scans, parity, connectors and delivery ask `ops.metrics` for their figures"),
        ),
    ),
    Clause("8.1", "Semantic versions", (_by(Mechanism.COMMAND, "`platformkit docs release-notes`"),)),
    Clause("8.2", "Migrations", (_by(Mechanism.COMMAND, "`platformkit lint-migrations`, `platformkit replay`"),)),
    Clause("9.1", "Interface", (_by(Mechanism.GATE, "`governance/connector_gate` refuses the registration of what is incomplete"),)),
    Clause("9.2", "Events", (_by(Mechanism.CONTRACTS, "the acceptance suite of connectors, event contracts"),)),
    Clause("10.1", "Exceptions", (_by(Mechanism.CONSTRAINT, "`ops.exceptions`: covers nothing without two approvals and a last day"),)),
    Clause(
        "10.2",
        "Waivers",
        (_by(Mechanism.CONSTRAINT, "`ops.waivers`: never in production, at most 30 days in all for one rule and object"),),
    ),
    Clause(
        "11.1",
        "Trail",
        (
            _by(Mechanism.CONSTRAINT, "`ops.audit_log`: append-only, chained by hashes, no privilege to change it"),
            _by(Mechanism.SCHEDULE, "`compliance/control_plane` verifies the chain every night and notes its end outside of the database"),
            _by(Mechanism.COMMAND, "`platformkit db verify-audit`, with `--anchors` against what was noted"),
        ),
    ),
    Clause(
        "11.2",
        "Annual review",
        (
            _by(Mechanism.SCHEDULE, "`governance/annual_review` opens it in the first quarter"),
            _by(Mechanism.COMMAND, "`platformkit review`"),
        ),
    ),
    Clause(
        "12",
        "What follows from a violation",
        (_by(Mechanism.GATE, "`governance/gate`, `governance/merge_gate`, `governance/connector_gate`"),),
    ),
    Clause("13", "Amendments", (_by(Mechanism.SCHEDULE, "`governance/amendments` announces them and keeps their deadline per target"),)),
)
