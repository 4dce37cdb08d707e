"""Findings and their lives: opened, still open, resolved, and opened again when they come back.

A finding that returns after its resolution starts a new life, a new row with the next `occurrence`. An open finding whose
content did not change is not rewritten: that it was seen again follows from `scans.judged_rules`, which `write` keeps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from platformkit_pipeline.control_plane.connection import Connection, require_transaction
from platformkit_pipeline.control_plane.scans import note_judged, require_scan_of
from platformkit_pipeline.control_plane.statements import statement
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.result import Outcome, PatchKind, Result, Severity, finding_fingerprint
from platformkit_pipeline.model.target import Target


@dataclass(frozen=True, slots=True)
class FindingChanges:
    """Numbers of findings of the judged rules. `still_open` includes the `updated` ones, whose content changed."""

    opened: int
    reopened: int
    still_open: int
    resolved: int
    updated: int = 0


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """One finding that is open now. `last_seen_*` is the latest scan that judged its rule; `occurrence` is 1 in the first life."""

    finding_id: int
    fingerprint: str
    occurrence: int
    result: Result
    first_seen_scan: str
    first_seen_at: datetime
    last_seen_scan: str
    last_seen_at: datetime


def write(
    connection: Connection, target: Target, target_id: int, scan_id: str, results: Sequence[Result], *, rules: frozenset[str]
) -> FindingChanges:
    """Bring the findings of `target` in line with `results`, which are everything that `rules` said about this scan.

    Findings of other rules stay untouched, so rules may be written family by family. The same call again changes nothing.
    Raises ControlPlaneError when a result is not of `rules`, when a rule judged one object twice, when the scan is not
    stored or another target's, and when a later scan was judged by one of `rules` already.
    """
    require_transaction(connection)
    connection.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('platformkit.findings', %s))", (target_id,))
    scan = require_scan_of(connection, target_id, scan_id, rules)
    if scan.later_judgement is not None:
        raise ControlPlaneError(f"scan {scan_id} is older than scan {scan.later_judgement}, whose findings are stored: nothing was written")
    current = _by_fingerprint(target, results, rules)
    stored = {
        fingerprint: _Stored(finding_id, _Content(*content))
        for finding_id, fingerprint, *content in connection.execute(
            statement("findings_open_of_rules"), {"target_id": target_id, "rules": sorted(rules)}
        )
    }
    appeared = {fingerprint: result for fingerprint, result in current.items() if fingerprint not in stored}
    differing = {
        stored[fingerprint].finding_id: result
        for fingerprint, result in current.items()
        if fingerprint in stored and stored[fingerprint].content != _content(result)
    }
    gone = [row.finding_id for fingerprint, row in stored.items() if fingerprint not in current]

    earlier_lives = _earlier_lives(connection, target_id, list(appeared))
    with connection.cursor() as cursor:
        cursor.executemany(
            statement("findings_open"),
            [
                {
                    "scan_id": scan_id,
                    "fingerprint": fingerprint,
                    "occurrence": earlier_lives.get(fingerprint, 0) + 1,
                    "rule": result.rule,
                    "object_kind": result.object.kind,
                    "object_schema": result.object.schema,
                    "object_name": result.object.name,
                    "object_detail": json.dumps(dict(result.object.detail)),
                    **_parameters(_content(result)),
                }
                for fingerprint, result in appeared.items()
            ],
        )
        cursor.executemany(
            statement("findings_update"),
            [{"scan_id": scan_id, "finding_id": finding_id, **_parameters(_content(result))} for finding_id, result in differing.items()],
        )
    if gone:
        # Before judged_rules of this scan are noted: the last scan that saw them is an earlier one.
        connection.execute(statement("findings_resolve"), {"scan_id": scan_id, "finding_ids": gone})
    note_judged(connection, scan_id, rules)
    return FindingChanges(
        opened=len(appeared) - len(earlier_lives),
        reopened=len(earlier_lives),
        still_open=len(current) - len(appeared),
        resolved=len(gone),
        updated=len(differing),
    )


def open_findings(connection: Connection, target_id: int) -> tuple[OpenFinding, ...]:
    """The open findings of an active target, in contract order (severity, rule, identity)."""
    rows = connection.execute(statement("findings_open_of_target"), {"target_id": target_id}).fetchall()
    return tuple(sorted((_open_finding(row) for row in rows), key=lambda f: f.result.sort_key))


@dataclass(frozen=True, slots=True)
class _Content:
    """What may change in the life of a finding. `evidence` is canonical JSON."""

    rule_name: str
    clause: str
    severity: str
    outcome: str
    message: str
    evidence: str
    patch: str


@dataclass(frozen=True, slots=True)
class _Stored:
    finding_id: int
    content: _Content


def _content(result: Result) -> _Content:
    # A message quotes names and texts of a foreign database, and text holds no NUL; json keeps its escaped form.
    message = result.message.replace("\x00", "\ufffd")
    evidence = json.dumps(result.evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _Content(result.name, result.clause, result.severity.value, result.outcome.value, message, evidence, result.patch.value)


def _parameters(content: _Content) -> Mapping[str, str]:
    return {name: getattr(content, name) for name in _Content.__slots__}


def _by_fingerprint(target: Target, results: Sequence[Result], rules: frozenset[str]) -> dict[str, Result]:
    current: dict[str, Result] = {}
    for result in results:
        if result.rule not in rules:
            raise ControlPlaneError(f"a result of {result.rule} came with a judgement of {', '.join(sorted(rules))}: nothing was written")
        if result.is_finding:
            fingerprint = finding_fingerprint(target, result.rule, result.object)
            if fingerprint in current:
                raise ControlPlaneError(
                    f"{result.rule} judged {result.object.canonical} twice: one rule has one result per object, nothing was written"
                )
            current[fingerprint] = result
    return current


def _earlier_lives(connection: Connection, target_id: int, fingerprints: list[str]) -> dict[str, int]:
    """The last occurrence of each of the fingerprints that lived before."""
    if not fingerprints:
        return {}
    rows = connection.execute(
        "select fingerprint, max(occurrence) from ops.findings where target_id = %s and fingerprint = any (%s) group by fingerprint",
        (target_id, fingerprints),
    )
    return dict(rows.fetchall())


def _open_finding(row: tuple[Any, ...]) -> OpenFinding:
    finding_id, fingerprint, occurrence, *judged, object_kind, object_schema, object_name, object_detail = row[:12]
    message, evidence, patch, first_seen_scan, first_seen_at, last_seen_scan, last_seen_at = row[12:]
    rule, rule_name, clause, severity, outcome = judged
    identity = ObjectIdentity(object_kind, object_schema, object_name, tuple(object_detail.items()))
    result = Result(rule, rule_name, clause, Severity(severity), Outcome(outcome), identity, message, PatchKind(patch), evidence)
    return OpenFinding(finding_id, fingerprint, occurrence, result, first_seen_scan, first_seen_at, last_seen_scan, last_seen_at)
