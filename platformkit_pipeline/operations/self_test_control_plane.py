"""Put the rules about the control plane to the test: their examples say in YAML what happened in one, and it is done to a real one.

All keys may be left out. `today` and `installed` are days; `environment` is what the target `shop` is now (it was staging when waivers
were granted); `scanned_hours_ago` is when it was last scanned; `findings` are there since so many days from today, -60 unless they say
`since`; `waivers` begin so many days `from` today and last for `days`; `reviews` were opened on January 10th; `audit: changed` rewrites a
row as a superuser, `audit: anchored` notes the end of the chain.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import yaml

from platformkit_pipeline.control_plane import findings, migrations, reviews, scans, targets, waivers
from platformkit_pipeline.control_plane.connection import Connection, connect
from platformkit_pipeline.control_plane.scans import ScanRecord
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.review import Review, review_due_date
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.model.waiver import Waiver
from platformkit_pipeline.operations.anchor_audit import note_anchor, read_anchors
from platformkit_pipeline.operations.observe_control_plane import observed_control_plane
from platformkit_pipeline.rules.evaluate_control_plane import evaluate_control_plane
from platformkit_pipeline.rules.registry import Rule, failed, find_rule, rules_about_the_control_plane
from platformkit_pipeline.rules.results import result_of
from platformkit_pipeline.sandbox.databases import connect as connect_superuser
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres

_KEYS = frozenset({"today", "installed", "environment", "scanned_hours_ago", "findings", "waivers", "reviews", "audit"})
_SHOP = Target(TargetKind.SUPABASE_PROJECT, "shop", Environment.STAGING)
_LONG_AGO_DAYS = -60


@dataclass(frozen=True, slots=True)
class Example:
    """What the text of an example says."""

    now: datetime = datetime(2026, 2, 15, 3, tzinfo=UTC)
    installed: date = date(2025, 6, 1)
    environment: Environment = Environment.STAGING
    scanned_hours_ago: int = 1
    findings: tuple[Mapping[str, Any], ...] = ()
    waivers: tuple[Mapping[str, Any], ...] = ()
    reviews: tuple[Mapping[str, Any], ...] = ()
    audit: str = ""

    @classmethod
    def read(cls, text: str) -> Example:
        """Raises ValueError for a text that is no example."""
        document = yaml.safe_load(text)
        if not isinstance(document, dict) or not document.keys() <= _KEYS:
            raise ValueError(f"an example is a mapping with some of {', '.join(sorted(_KEYS))}")
        plain = cls()
        return cls(
            now=datetime.combine(document.get("today", plain.now.date()), time(3), UTC),
            installed=document.get("installed", plain.installed),
            environment=Environment(document.get("environment", plain.environment)),
            scanned_hours_ago=int(document.get("scanned_hours_ago", plain.scanned_hours_ago)),
            findings=tuple(document.get("findings", ())),
            waivers=tuple(document.get("waivers", ())),
            reviews=tuple(document.get("reviews", ())),
            audit=str(document.get("audit", "")),
        )


@dataclass(frozen=True, slots=True)
class ControlPlaneBench:
    """A server on which every example gets a migrated control plane of its own; `folder` takes anchors."""

    admin: Dsn
    template: str
    folder: Path
    _serial: Iterator[int] = field(default_factory=itertools.count)

    @classmethod
    @contextmanager
    def set_up(cls) -> Iterator[ControlPlaneBench]:
        """On a server that is started for it. Raises SandboxError when there is none to be had."""
        folder = Path(tempfile.mkdtemp(prefix="platformkit-self-test-"))
        server = EmbeddedPostgres(folder / "server", settings={"fsync": "off", "shared_buffers": "32MB", "autovacuum": "off"})
        try:
            server.ensure()
            migrations.migrate(create_database(server.dsn(), "control_plane_example"))
            yield cls(server.dsn(), "control_plane_example", folder)
        finally:
            server.destroy()
            shutil.rmtree(folder, ignore_errors=True)

    def judged(self, text: str) -> tuple[Result, ...]:
        """What the whole book of rules about the control plane says about an example."""
        example = Example.read(text)
        name = f"{self.template}_{next(self._serial)}"
        superuser = create_database(self.admin, name, template=self.template)
        anchors = self.folder / f"{name}.jsonl"
        connection = connect(with_user(superuser, "platformkit_pipeline"))
        try:
            with connection.transaction():
                _carry_out(connection, example)
            _audit(connection, superuser, example, anchors)
            snapshot = observed_control_plane(connection, read_anchors(anchors), example.now)
        finally:
            connection.close()
            drop_database(self.admin, name)
        return evaluate_control_plane(snapshot, rules_about_the_control_plane())


def complaints_about_control_plane_rule(rule: Rule, bench: ControlPlaneBench) -> Iterator[str]:
    """What is wrong with a rule's examples; nothing when the violating one breaks it, and only it, and the clean one nothing."""
    violating = bench.judged(rule.violating)
    if not any(r.rule == rule.code and r.outcome is Outcome.FAIL for r in violating):
        yield f"violating: {rule.code} does not fail anything"
    yield from (f"violating: {_told(r)}" for r in violating if r.is_finding and r.rule != rule.code)
    yield from (f"clean: {_told(r)}" for r in bench.judged(rule.clean) if r.is_finding)


def _carry_out(connection: Connection, example: Example) -> None:
    targets.sync(connection, [_SHOP])
    stored = targets.find(connection, _SHOP.kind, _SHOP.name)
    if stored is None:
        raise AssertionError("a target that was stored just now is not there")
    target_id, today = stored.target_id, example.now.date()
    moments = [
        datetime.combine(example.installed, time(3), UTC),
        example.now + timedelta(days=_LONG_AGO_DAYS),
        example.now - timedelta(hours=example.scanned_hours_ago),
    ]
    for began in moments:
        open_then = [entry for entry in example.findings if began >= example.now + timedelta(days=entry.get("since", _LONG_AGO_DAYS))]
        _scan(connection, target_id, began, [_finding(entry) for entry in open_then])
    for entry in example.waivers:
        first = today + timedelta(days=entry["from"])
        last = first + timedelta(days=entry["days"] - 1)
        waiver_id = str(uuid.uuid4())
        waivers.grant(connection, Waiver(waiver_id, target_id, entry["rule"], None, entry["object"], "an example", "somebody", first, last))
    if example.environment is not _SHOP.environment:
        targets.sync(connection, [replace(_SHOP, environment=example.environment)])
    for entry in example.reviews:
        _review(connection, entry)


def _finding(entry: Mapping[str, Any]) -> Result:
    rule = find_rule(entry["rule"])
    if rule is None:
        raise ValueError(f"there is no rule {entry['rule']}")
    schema, _, name = str(entry["object"]).partition(".")
    return result_of(rule, failed(relation_identity("table", schema, name), "an example"))


def _scan(connection: Connection, target_id: int, began: datetime, results: list[Result]) -> None:
    scan_id = str(uuid.uuid4())
    scans.begin(connection, ScanRecord(scan_id, target_id, began, 1.0, None, "an example"))
    findings.write(connection, _SHOP, target_id, scan_id, results, rules=frozenset(r.rule for r in results))
    scans.complete(connection, scan_id, ruleset_digest="0" * 16, score=compliance_score(results), counts=scans.count_results(results))


def _review(connection: Connection, entry: Mapping[str, Any]) -> None:
    year = int(entry["year"])
    opened = datetime(year, 1, 10, tzinfo=UTC)
    reviews.add(connection, Review(year, review_due_date(year), opened, opened - timedelta(days=365), "an example", {}))
    if "completed" in entry:
        done = datetime.combine(entry["completed"], time(12), UTC)
        reviews.complete(connection, year, by="somebody", outcome="an example", issue=None, constitution_after=None, now=done)


def _audit(connection: Connection, superuser: Dsn, example: Example, anchors: Path) -> None:
    match example.audit:
        case "":
            return
        case "anchored":
            facts = observed_control_plane(connection, read_anchors(anchors), example.now).audit
            note_anchor(anchors, facts, (), example.now)
        case "changed":
            with connect_superuser(superuser) as attacker:
                attacker.execute("alter table ops.audit_log disable trigger user")
                attacker.execute("update ops.audit_log set actor = 'nobody' where seq = 1")
        case other:
            raise ValueError(f"audit: {other!r} is neither anchored nor changed")


def _told(result: Result) -> str:
    return f"{result.rule} {result.outcome.value} {result.object.canonical}: {result.message}"
