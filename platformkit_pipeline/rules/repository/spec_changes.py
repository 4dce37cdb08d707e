"""What changes a project changes its spec (clause 3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.model.repository.change import Change, ChangedPath, How
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.semantic_version import BumpKind, ChangeKind, SemanticVersion, bump_between
from platformkit_pipeline.model.repository.specs import SPEC_FOLDER
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Source, Verdicts, failed
from platformkit_pipeline.rules.repository_subject import RepositorySubject, repository_identity, repository_rule

MAX_LINES = 200
"""Lines of product code that a change adds, beyond those it removes from the same file, before it is significant."""
MAX_FILES = 10
"""New files of product code."""
SIGNIFICANT_ENTRIES = (ChangeKind.ADDED, ChangeKind.CHANGED, ChangeKind.REMOVED, ChangeKind.DEPRECATED, ChangeKind.BREAKING)
_CODE = re.compile(
    r".*\.(?:py|pyi|ts|tsx|js|jsx|mjs|cjs|vue|svelte|go|rs|java|kt|kts|swift|rb|php|cs|fs|scala|c|h|cc|cpp|hpp|m|mm|dart|ex|exs|sql|sh|"
    r"html|css|scss|graphql|proto)",
    re.IGNORECASE,
)
_NO_PRODUCT = re.compile(
    r"(?:.*/)?(?:tests?|__tests__|spec|specs|docs?|examples?|benchmarks?|fixtures|vendor|third_party|node_modules|dist|build|generated|"
    r"\.[^/]+|[^/]*_tests?)/.*|(?:.*/)?(?:test_[^/]*|[^/]*(?:_test|\.test|\.spec|\.min|\.generated|\.d)\.[^./]+|conftest\.py)",
    re.IGNORECASE,
)
_NO_PRODUCT_FOLDER = re.compile(r"tests?|docs?|examples?|benchmarks?|spec|\..*|[^/]*_tests?", re.IGNORECASE)
_NAMED = 20

_ENTRY = "\n".join(
    (
        "=== base",
        "=== file CHANGELOG.md",
        *("# Changelog", "", "## [Unreleased]", "", "### Added", "", "- Orders can be returned within a month.", ""),
        *("## [1.2.0] - 2026-01-05", "", "### Added", "", "- Orders can be cancelled.", ""),
        *("## [1.1.1] - 2025-12-01", "", "### Fixed", "", "- Totals are rounded once."),
    )
)


@repository_rule(
    "SPC004",
    "change-without-spec",
    clause="3.1",
    severity=Severity.MEDIUM,
    family=Family.SPEC_BUNDLES,
    title="A significant change leaves the spec as it was",
    why="A spec that does not move with the project describes another one. Significant is a change that adds more than 200 lines or 10 "
    "files of product code, a folder at the top, a minor or major version, or an entry below *Added*, *Changed* or *Removed* of the "
    "changelog.",
    how_to_fix="Say in `spec/<project>/` what the change does: the requirement, the part of the plan, or the task that it finishes.",
    requires=(RepositoryFacet.CHANGE,),
    source=Source.CHANGE,
    may_not_apply=True,
    violating=_ENTRY,
    clean=f"{_ENTRY}\n=== file spec/shop/tasks.md\n# Tasks\n\n- [x] Orders can be cancelled\n- [x] Orders can be returned within a month",
)
def change_without_spec(subject: RepositorySubject) -> Verdicts:
    change = subject.snapshot.change
    if change is None:
        return
    reasons = list(reasons_of_significance(change))
    touched = any(path.path.startswith(f"{SPEC_FOLDER}/") and path.how is not How.DELETED for path in change.paths)
    if not reasons or touched:
        yield PASSED
        return
    yield failed(
        repository_identity("change"),
        f"the change {'; it '.join(reasons)}; but nothing below {SPEC_FOLDER}/ says so",
        reasons=reasons,
        base=change.base,
        paths=[path.path for path in _product(change)][:_NAMED],
    )


def reasons_of_significance(change: Change) -> Iterator[str]:
    """What makes a change significant, each as the rest of a sentence about it; nothing for a small one."""
    product = list(_product(change))
    lines = sum(max(0, (path.lines_added or 0) - (path.lines_removed or 0)) for path in product)
    if lines > MAX_LINES:
        yield f"adds {lines} lines of product code"
    files = sum(path.how is How.ADDED and (path.lines_added != 0 or path.lines_removed != 0) for path in product)
    if files > MAX_FILES:
        yield f"adds {files} files of product code"
    for folder in change.new_folders:
        if not _NO_PRODUCT_FOLDER.fullmatch(folder):
            yield f"adds the folder {folder}/"
    if _is_larger_step(change.version_before, change.version_after):
        yield f"raises the version from {change.version_before} to {change.version_after}"
    for entries in change.changelog_entries:
        if entries.kind in SIGNIFICANT_ENTRIES:
            yield f'has {entries.count} new {"entry" if entries.count == 1 else "entries"} below "{entries.kind.value}" in the changelog'


def _product(change: Change) -> Iterator[ChangedPath]:
    return (
        path for path in change.paths if path.how is not How.DELETED and _CODE.fullmatch(path.path) and not _NO_PRODUCT.fullmatch(path.path)
    )


def _is_larger_step(before: str | None, after: str | None) -> bool:
    """Whether a version is raised in its first or second part."""
    old, new = (SemanticVersion.parse(version or "") for version in (before, after))
    return old is not None and new is not None and bump_between(old, new) >= BumpKind.MINOR
