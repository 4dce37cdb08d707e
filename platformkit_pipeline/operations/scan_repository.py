"""Scan one repository: observe a commit and judge it. Nothing is written to the repository, and nothing of it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.git import GitRepository, open_repository
from platformkit_pipeline.introspection.repository.github_settings import ask_github, with_github
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.introspection.repository.secret_search import MISSING
from platformkit_pipeline.introspection.repository.secrets import secret_ruleset
from platformkit_pipeline.logs import bind_ids, get_logger
from platformkit_pipeline.model.inventory import set_digest
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.github import GithubSettings
from platformkit_pipeline.model.repository.inventory import inventory_of
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.target import GithubAccess, Target
from platformkit_pipeline.operations.clock import SYSTEM_CLOCK, Clock
from platformkit_pipeline.operations.github_answers import kept_answers
from platformkit_pipeline.operations.lint_committed import lint_committed
from platformkit_pipeline.operations.repository_cache import Observed, cache_folder, cache_key, recall, remember
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import Rule, Source, rules_about_files, rules_about_repositories, ruleset_digest

Progress = Callable[[str], None]
_OF_TOOLS = (
    *(RepositoryFacet.WORKFLOWS, RepositoryFacet.WORKFLOW_SECURITY, RepositoryFacet.SECRETS, RepositoryFacet.SECRET_HISTORY),
    RepositoryFacet.LOG_STATEMENTS,
)
"""What tools observe, which may be missing today and there tomorrow: nothing is kept without them."""
_log = get_logger("operations.scan_repository")


@dataclass(frozen=True, slots=True)
class RepositorySource:
    """Where a repository lies. `base` names a branch or commit: only what HEAD brings since it left that is reported then."""

    path: Path
    base: str | None = None
    github: GithubAccess | None = None
    """Ask GitHub about it as well, each time anew."""


def scan_repository(
    source: RepositorySource,
    *,
    target: Target,
    rules: Sequence[Rule] | None = None,
    clock: Clock = SYSTEM_CLOCK,
    cache: Path | None = None,
    progress: Progress = lambda _: None,
) -> ScanReport:
    """Observe HEAD of the repository at `source.path` and judge it by `rules`, without which by `rules_of_scan`.

    With a base the findings are those that the merge base does not have by the same rules, and those about migrations that
    are new or edited since; the score is that of HEAD all the same.

    Raises ConfigurationError for a folder or a base that is none, ObservationError for a repository that cannot be read.
    """
    chosen = rules_of_scan(change=source.base is not None) if rules is None else tuple(rules)
    about_commits = [rule for rule in chosen if rule.source is not Source.FILES]
    scan_id, started_at, started = clock.new_scan_id(), clock.now(), clock.seconds()
    with bind_ids(scan_id=scan_id, target=target.name), open_repository(source.path) as repository:
        commit = repository.borrowed.commit
        base = repository.merge_base(source.base, commit) if source.base is not None else None
        options = RepositoryOptions(name=target.name, base=base)
        progress(f"reading {target.name}")
        seen = observed(repository, options, cache)
        told = None if source.github is None else told_by_github(source.github, cache, progress)
        snapshot = seen.snapshot if told is None else with_github(seen.snapshot, told)
        results = evaluate_repository(snapshot, about_commits, started_at.date())
        brought = results
        if base is not None:
            progress(f"comparing with {base[:12]}")
            before = observed(repository, replace(options, commit=base, base=None), cache).snapshot
            # Settings are no part of a change: the base is judged by the same.
            before = before if told is None else with_github(before, told)
            of_commits = [rule for rule in about_commits if rule.source is not Source.CHANGE]
            brought = _without(results, evaluate_repository(before, of_commits, started_at.date()))
            linted = tuple(_of_changed_migrations(repository, snapshot, base, chosen))
            results, brought = _ordered((*results, *linted)), _ordered((*brought, *linted))
        report = ScanReport(
            scan_id=scan_id,
            target=target,
            server_version=None,
            commit=snapshot.head.commit,
            base=base,
            started_at=started_at,
            duration_seconds=clock.seconds() - started,
            catalog_fingerprint=seen.digest if told is None else set_digest(inventory_of(snapshot)),
            ruleset_digest=ruleset_digest(chosen),
            results=brought,
            score=compliance_score(results),
            unobserved=snapshot.unobserved,
        )
        _log.info("scanned", results=len(report.results), findings=len(report.findings), duration_seconds=report.duration_seconds)
    return report


def told_by_github(access: GithubAccess, cache: Path | None = None, progress: Progress = lambda _: None) -> GithubSettings | str:
    """What GitHub tells now, or why it tells nothing."""
    progress(f"asking GitHub about {access.owner_name}")
    with kept_answers(cache if cache is not None else cache_folder(), access.owner_name) as answers:
        return ask_github(access, store=answers)


def _of_changed_migrations(repository: GitRepository, snapshot: RepositorySnapshot, base: str, rules: Sequence[Rule]) -> Iterator[Result]:
    """What the rules about migrations say of those that the change brings. Those that are applied already are let be."""
    commit = snapshot.head.commit
    about_files = tuple(rule for rule in rules if rule.source is Source.FILES)
    if about_files and commit is not None:
        yield from lint_committed(Files(snapshot.files, repository.blobs), about_files, base, repository.changed(base, commit))


def _ordered(results: Iterable[Result]) -> tuple[Result, ...]:
    return tuple(sorted(results, key=lambda r: r.sort_key))


def rules_of_scan(*, change: bool) -> tuple[Rule, ...]:
    """All rules of a scan, by code; where a change is judged, those about its migrations as well."""
    rules = (*rules_about_repositories(), *rules_about_files()) if change else rules_about_repositories()
    return tuple(sorted(rules, key=lambda rule: rule.code))


def observed(repository: GitRepository, options: RepositoryOptions, cache: Path | None = None) -> Observed:
    """The snapshot of a commit without GitHub, from the cache where it was observed before.

    `cache` is a folder, by default below PLATFORMKIT_HOME.
    """
    folder = cache if cache is not None else cache_folder()
    key = cache_key(repository, options, (secret_ruleset(),))
    if (known := recall(folder, key)) is not None:
        return known
    # What observes is loaded where nothing is remembered: it takes longer than all the rest of a second scan.
    from platformkit_pipeline.introspection.repository.observe import observe_commit

    snapshot = observe_commit(repository, options)
    made = Observed(snapshot, set_digest(inventory_of(snapshot)))
    if all(snapshot.observed(facet) for facet in _OF_TOOLS) and not _lacks_objects(snapshot):
        remember(folder, key, made)
    return made


def _lacks_objects(snapshot: RepositorySnapshot) -> bool:
    """Whether the clone lacked contents, which it may have tomorrow by the same commit and references."""
    return any(file.is_regular and file.size is None for file in snapshot.files) or any(
        left_out.why == MISSING for left_out in snapshot.unsearched
    )


def _without(results: Sequence[Result], before: Sequence[Result]) -> tuple[Result, ...]:
    """The results without findings that were there before, as bad as they are now.

    One of a file may stand for several places: where there are more of them than before, a change brought some.
    """
    known = {(r.rule, r.object, r.outcome): r for r in before if r.is_finding}

    def was_there(result: Result) -> bool:
        earlier = known.get((result.rule, result.object, result.outcome))
        return earlier is not None and result.severity.rank >= earlier.severity.rank and not _grew(earlier, result)

    return tuple(r for r in results if not r.is_finding or not was_there(r))


def _grew(before: Result, now: Result) -> bool:
    """Whether a list in the evidence, such as that of lines, is longer than it was."""
    return any(len(value) > _length(before.evidence.get(name)) for name, value in now.evidence.items() if isinstance(value, list | tuple))


def _length(value: object) -> int:
    return len(value) if isinstance(value, list | tuple) else 0
