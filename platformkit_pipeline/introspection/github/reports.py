"""Which checks and commit statuses really report: on recent commits of the default branch and heads of merged pull requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.introspection.github.answers import number, record, text
from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.notes import Notes
from platformkit_pipeline.introspection.github.refusals import Meaning
from platformkit_pipeline.model.repository.github import GithubFacet, ReportedContext, ReportKind, Reports

COMMITS = 5
MERGED_PULL_REQUESTS = 5
_CLOSED_LOOKED_AT = 30
"""Closed pull requests among which merged ones are looked for."""
_MOST_PAGES = 5


@dataclass(slots=True)
class _Tally:
    commits: set[str] = field(default_factory=set)
    conclusions: set[str] = field(default_factory=set)


def read_reports(api: GithubApi, branch: str, notes: Notes) -> Reports | None:
    """What reported lately; None, with a note, when not even the commits can be listed."""
    commits = api.pages("/repos/{owner}/{repo}/commits", {"sha": branch, "per_page": str(COMMITS)}, most=1)
    if commits.refusal is Meaning.EMPTY:
        return Reports((), 0)
    if commits.refusal is not None:
        notes.unobserved(GithubFacet.REPORTED_CONTEXTS, commits.why)
        return None
    hashes = [text(commit["sha"]) for commit in commits.items[:COMMITS]]
    merged = _merged_heads(api, branch, notes)
    looked_at = sorted({*hashes, *(merged or ())})
    tallies: dict[tuple[str, ReportKind, int], _Tally] = {}
    whole = [_add_reports(api, commit, tallies, notes) for commit in looked_at]
    contexts = (
        ReportedContext(context, kind, app, len(tally.commits), tuple(sorted(tally.conclusions)))
        for (context, kind, app), tally in tallies.items()
    )
    return Reports(tuple(looked_at), len(merged or ()), tuple(sorted(contexts)), all(whole) and merged is not None)


def _merged_heads(api: GithubApi, branch: str, notes: Notes) -> tuple[str, ...] | None:
    """Heads of the pull requests merged last, None when they cannot be listed."""
    asked = {"state": "closed", "base": branch, "sort": "updated", "direction": "desc", "per_page": str(_CLOSED_LOOKED_AT)}
    pulls = api.pages("/repos/{owner}/{repo}/pulls", asked, most=1)
    if pulls.refusal is not None:
        notes.unobserved(GithubFacet.REPORTED_CONTEXTS, pulls.why)
        return None
    merged = sorted((p for p in pulls.items if p.get("merged_at")), key=lambda p: text(p["merged_at"]), reverse=True)
    return tuple(text(record(pull["head"])["sha"]) for pull in merged[:MERGED_PULL_REQUESTS])


def _add_reports(api: GithubApi, commit: str, tallies: dict[tuple[str, ReportKind, int], _Tally], notes: Notes) -> bool:
    """Count what reported on one commit; whether all of it could be read."""
    runs = api.pages("/repos/{owner}/{repo}/commits/{commit}/check-runs", within="check_runs", most=_MOST_PAGES, commit=commit)
    statuses = api.pages("/repos/{owner}/{repo}/commits/{commit}/status", within="statuses", most=_MOST_PAGES, commit=commit)
    for run in runs.items:
        said = text(run.get("conclusion") or run["status"])
        _add(tallies, (text(run["name"]), ReportKind.CHECK_RUN, _app(run)), commit, said)
    for status in statuses.items:
        _add(tallies, (text(status["context"]), ReportKind.STATUS, 0), commit, text(status["state"]))
    for pages in (runs, statuses):
        if not pages.complete:
            notes.unobserved(GithubFacet.REPORTED_CONTEXTS, pages.why or "more checks reported than are read")
    return runs.complete and statuses.complete


def _app(run: dict[str, Any]) -> int:
    return number(record(run.get("app") or {}).get("id", 0))


def _add(tallies: dict[tuple[str, ReportKind, int], _Tally], key: tuple[str, ReportKind, int], commit: str, said: str) -> None:
    tally = tallies.setdefault(key, _Tally())
    tally.commits.add(commit)
    tally.conclusions.add(said)
