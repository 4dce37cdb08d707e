"""A replay and its comparison with what is live: as JSON, as Markdown, and as rows of a table.

The same folder and the same database give the same bytes: nothing here tells a time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from platformkit_pipeline import __version__
from platformkit_pipeline.model.drift import Difference, DifferenceKind
from platformkit_pipeline.model.identity import identity_document
from platformkit_pipeline.model.migration_history import DriftReport, FailureCause, MigrationHistory, VersionState
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.reporting.markdown import code, escape
from platformkit_pipeline.reporting.scan_document import TOOL_NAME, finding_document

SCHEMA_VERSION = 1
COLUMNS = ("object", "difference", "aspect", "declared", "live")
"""Headings of `drift_rows`."""
DEFAULT_LIMIT = 200
_SHOWN = 160
"""Characters of a text in a table for people."""
_WORDS = {
    DifferenceKind.ONLY_LIVE: "only live",
    DifferenceKind.ONLY_DECLARED: "only declared",
    DifferenceKind.DIFFERENT: "different",
    DifferenceKind.UNKNOWN: "cannot tell",
}
_STATES = {
    VersionState.APPLIED: "applied",
    VersionState.NOT_APPLIED: "not applied",
    VersionState.ORPHAN: "applied, but no file has this version",
    VersionState.RENAMED: "applied under another name",
}
_CONCLUSIONS = {Outcome.FAIL: "drift", Outcome.UNKNOWN: "cannot tell", Outcome.PASS: "no drift"}


def drift_document(report: DriftReport) -> dict[str, Any]:
    """The report as JSON values; version 1."""
    history = report.history
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": TOOL_NAME, "version": __version__, "ruleset_digest": report.ruleset_digest},
        "target": {"kind": report.target.kind.value, "name": report.target.name, "environment": report.target.environment.value},
        "conclusion": report.conclusion.value,
        "replay": _replay(history) | {"catalog_fingerprint": report.declared_fingerprint},
        "live": None
        if report.live_version is None
        else {"server_version": report.live_version, "catalog_fingerprint": report.live_fingerprint},
        "versions": {
            "unobserved": history.versions_unobserved,
            "rows": [{"version": r.version, "state": r.state.value, "file": r.file, "applied_as": r.applied_as} for r in history.versions],
        },
        "summary": {"compared": history.compared, **summary(report)},
        "differences": None if history.differences is None else [_difference(d) for d in history.differences],
        "regressions": [
            {"object": r.object, "protection": r.protection, "before": r.before, "after": r.after, "scan_id": r.scan_id}
            for r in history.regressions
        ],
        "findings": [finding_document(report.target, finding) for finding in report.findings],
    }


def drift_json(report: DriftReport) -> str:
    return json.dumps(drift_document(report), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def summary(report: DriftReport) -> dict[str, int]:
    """How many objects are only live, only declared, different, unknown; how many lost a protection."""
    counts = Counter(d.kind for d in report.history.differences or ())
    return {kind.value: counts[kind] for kind in DifferenceKind} | {"regressions": len(report.history.regressions)}


def drift_rows(differences: Sequence[Difference]) -> Iterator[tuple[str, str, str, str | None, str | None]]:
    """One row per aspect under `COLUMNS`, texts in full, None for nothing; one for an object that cannot be compared."""
    for difference in differences:
        word = _WORDS[difference.kind]
        if not difference.aspects:
            yield difference.object.canonical, word, "", None, difference.reason
        for aspect in difference.aspects:
            yield difference.object.canonical, word, aspect.name, aspect.declared, aspect.live


def conclusion_line(report: DriftReport) -> str:
    """One sentence: what came of it."""
    history = report.history
    failure = history.replay.failure
    if failure is not None:
        verb = "fails" if failure.cause is FailureCause.MIGRATION else "cannot be replayed here"
        return f"{failure.file} {verb} on line {failure.line}; {_files(len(history.replay.untried))} after it not tried"
    applied = f"{_files(len(history.replay.applied))} replayed"
    if history.differences is None:
        return applied
    counts = {word: n for kind, word in _WORDS.items() if (n := summary(report)[kind.value])}
    told = ", ".join(f"{n} {word}" for word, n in counts.items()) or "no difference"
    return f"{applied}, {history.compared} objects compared: {told}"


def drift_markdown(report: DriftReport, limit: int = DEFAULT_LIMIT) -> str:
    """The report as a document of its own; at most `limit` rows of differences, with what is left out counted."""
    history = report.history
    title = "migrations replay" if report.live_version is None and report.conclusion is Outcome.PASS else _CONCLUSIONS[report.conclusion]
    if report.live_version is None and report.conclusion is Outcome.FAIL:
        title = "migrations do not replay"
    lines = [f"# {escape(report.target.name)}: {title}", "", f"{escape(conclusion_line(report))}."]
    lines += [*_failure_lines(history), *_folder_lines(history), *_difference_lines(history, limit)]
    if history.regressions:
        lines += ["", "## Lost since the previous observation", "", "| Object | Protection | Before | After |", "| --- | --- | --- | --- |"]
        lines += [f"| {code(r.object)} | {code(r.protection)} | {code(r.before)} | {_cell(r.after)} |" for r in history.regressions]
    lines += _version_lines(history)
    return "\n".join(lines) + "\n"


def _replay(history: MigrationHistory) -> dict[str, Any]:
    replay, failure = history.replay, history.replay.failure
    return {
        "complete": replay.complete,
        "server_version": replay.server_version,
        "folder": history.folder,
        "applied": list(replay.applied),
        "failure": None
        if failure is None
        else {
            "file": failure.file,
            "line": failure.line,
            "statement": failure.statement,
            "message": failure.message,
            "sqlstate": failure.sqlstate,
            "cause": failure.cause.value,
            "reason": failure.reason,
        },
        "untried": list(replay.untried),
        "outside_transaction": list(replay.outside_transaction),
        "skipped": [{"path": s.path, "reason": s.reason} for s in history.files.skipped],
        "unreadable": [{"path": u.path, "reason": u.reason} for u in history.files.unreadable],
        "duplicates": [{"version": d.version, "paths": list(d.paths)} for d in history.files.duplicates],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "kind": difference.kind.value,
        "object": identity_document(difference.object),
        "canonical": difference.object.canonical,
        "aspects": [{"aspect": a.name, "declared": a.declared, "live": a.live} for a in difference.aspects],
        "folded": list(difference.folded),
        "reason": difference.reason,
    }


def _failure_lines(history: MigrationHistory) -> Iterator[str]:
    failure = history.replay.failure
    if failure is None:
        return
    yield from ("", "## Replay", "", f"{code(failure.file)}, line {failure.line}: {escape(failure.message)}")
    if failure.reason:
        yield from ("", f"{escape(failure.reason)}.")
    if failure.statement:
        yield from ("", code(failure.statement))


def _folder_lines(history: MigrationHistory) -> Iterator[str]:
    files = history.files
    told = [
        *(f"- {code(s.path)} {escape(s.reason)}: the platform's tool passes it over" for s in files.skipped),
        *(f"- version {code(d.version)} is that of {', '.join(map(code, d.paths))}" for d in files.duplicates),
        *(
            f"- {code(p)} holds a statement that no transaction block takes: a failure leaves half of it"
            for p in history.replay.outside_transaction
        ),
    ]
    if told:
        yield from ("", "## Folder", "", *told)


def _difference_lines(history: MigrationHistory, limit: int) -> Iterator[str]:
    if not history.differences:
        return
    rows = list(drift_rows(history.differences))
    yield from ("", "## Differences", "", "| Object | Difference | Aspect | Declared | Live |", "| --- | --- | --- | --- | --- |")
    for name, word, aspect, declared, live in rows[:limit]:
        yield f"| {code(name)} | {word} | {escape(aspect)} | {_cell(declared)} | {_cell(live)} |"
    if len(rows) > limit:
        yield from ("", f"{len(rows) - limit} more rows are not listed here.")


def _version_lines(history: MigrationHistory) -> Iterator[str]:
    if history.versions_unobserved is not None:
        yield from ("", f"Which versions are applied is not known: {escape(history.versions_unobserved)}.")
    odd = [row for row in history.versions if row.state is not VersionState.APPLIED]
    if odd:
        yield from ("", "## Versions", "", "| Version | File | Applied as | State |", "| --- | --- | --- | --- |")
        for row in odd:
            yield f"| {code(row.version)} | {_cell(row.file)} | {_cell(row.applied_as)} | {_STATES[row.state]} |"


def _cell(text: str | None) -> str:
    if not text:
        return "none" if text is None else "empty"
    return code(text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ...")


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"
