"""Nobody switches a check off in passing: a waiver is recorded, limited in time and approved (clause 10)."""

from __future__ import annotations

from collections import defaultdict

from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.suppressions import Suppression
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_rule

_TOLD = 100
"""Lines of one file that the evidence lists."""


@repository_rule(
    "SUP001",
    "suppression-comment",
    clause="10.1",
    severity=Severity.MEDIUM,
    family=Family.SUPPRESSIONS,
    title="A comment or an ignore file switches a tool off, and nobody says why",
    why="One comment silences a linter or a scanner for good, and nobody is asked. The checks here run with suppressions off; this rule "
    "lists the suppressions themselves, whatever the tool: linters, type checkers, secret scanners, infrastructure scanners. "
    "Only comments count, not strings or documents that mention one. One finding per file and tool. Not counted are marks that leave "
    "lines out of the coverage or of a formatter's work on code (`pragma: no cover`, `fmt: off`): they hide no finding.",
    how_to_fix="Repair what the tool found and take the comment out. Where it must stay, say why in a few words on the same line (it is "
    "then told by SUP002, which is not scored), and name the tool's rule instead of all of them.",
    requires=(RepositoryFacet.SUPPRESSIONS,),
    violating="=== file src/shop/totals.py\nfrom decimal import *  # noqa: F403",
    clean='=== file src/shop/totals.py\n"""A line such as `# noqa` in a text is no comment."""\n\nMARK = "# noqa: F403"',
)
def inline_suppression(subject: RepositorySubject) -> Verdicts:
    yield from _verdicts(subject, explained=False)


@repository_rule(
    "SUP002",
    "explained-suppression",
    clause="10.1",
    severity=Severity.INFO,
    family=Family.SUPPRESSIONS,
    title="A comment switches a tool off and says why",
    why="It is a decision of one person that the review of the change has seen. It is listed, so that somebody looks at it again, "
    "and is not scored.",
    how_to_fix="Look whether the reason still holds. If not, take the comment out.",
    requires=(RepositoryFacet.SUPPRESSIONS,),
    violating="=== file src/shop/totals.py\nfrom decimal import *  # noqa: F403 - the names are part of our interface",
    clean="=== file src/shop/totals.py\nfrom decimal import Decimal\n\nZERO = Decimal(0)",
)
def explained_suppression(subject: RepositorySubject) -> Verdicts:
    yield from _verdicts(subject, explained=True)


def _verdicts(subject: RepositorySubject, *, explained: bool) -> Verdicts:
    groups: dict[tuple[str, str], list[Suppression]] = defaultdict(list)
    for suppression in subject.snapshot.suppressions:
        if suppression.explained is explained:
            groups[suppression.path, suppression.tool].append(suppression)
    for (path, tool), group in sorted(groups.items()):
        rules = sorted({rule for suppression in group for rule in suppression.rules})
        all_of_it = any(not suppression.rules for suppression in group)
        what = ", ".join([*rules[:10], *(["..."] if len(rules) > 10 else []), *(["whatever it finds"] if all_of_it else [])])
        count = "once" if len(group) == 1 else f"{len(group)} times"
        yield failed(
            file_identity(path, tool=tool),
            f"{tool} is switched off {count} ({what}){'' if explained else ', without a reason'}",
            line=group[0].line,
            lines=[suppression.line for suppression in group[:_TOLD]],
            tool=tool,
            rules=rules,
        )
    if not groups:
        yield PASSED
