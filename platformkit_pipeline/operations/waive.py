"""Grant, extend and revoke waivers (clause 10.2): by somebody, for a reason, for at most 30 days in all, never in production."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from platformkit_pipeline.control_plane import findings, parity, targets, waivers
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.control_plane.targets import StoredTarget
from platformkit_pipeline.governance.coverage import CoverIndex, Violation, waived_days
from platformkit_pipeline.governance.object_patterns import meant, named
from platformkit_pipeline.governance.waivers import covers_of, state_of
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError, UnknownTarget
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.target import Environment
from platformkit_pipeline.model.waiver import LONGEST_WAIVER_DAYS, Waiver, WaiverState
from platformkit_pipeline.operations.acting_person import acting_person
from platformkit_pipeline.operations.secret_words import holds_a_secret, without_secrets
from platformkit_pipeline.rules.registry import find_rule

_FINGERPRINT = re.compile(r"[0-9a-f]{32}\Z")
_OF_PARITY = frozenset(f"parity/{dimension.value}" for dimension in Dimension)
_NAMED = 5
_LONGEST_TEXT = 1000
_BEGINNING = re.compile(r"[0-9a-f-]{4,36}")

_log = get_logger("operations.waive")


@dataclass(frozen=True, slots=True)
class WaiverRequest:
    """What somebody asks for. Either `fingerprint`, or `rule` with `objects`: an object as it is shown, or a shell pattern of such.

    Of `days` and `last_day` at most one; neither means as long as is left. `even_unused` grants what matches nothing yet.
    """

    target: str
    reason: str
    by: str
    rule: str | None = None
    objects: str | None = None
    fingerprint: str | None = None
    days: int | None = None
    last_day: date | None = None
    even_unused: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    """`covers` are the violations that are open now and excused from now on, as they are shown; `days_left` is what nobody used yet."""

    waiver: Waiver
    covers: tuple[str, ...]
    days_left: int


@dataclass(frozen=True, slots=True)
class _Subject:
    rule: str
    fingerprint: str | None
    pattern: str | None
    matching: tuple[Violation, ...]
    scan_id: str | None


def grant_waiver(connection: Connection, request: WaiverRequest, now: datetime) -> Granted:
    """Waive, from today (UTC) on, and commit.

    Raises UnknownTarget, and ConfigurationError for everything else that is wrong; nothing is written then.
    """
    with control_plane_errors(), connection.transaction():
        stored = _target(connection, request.target)
        waivers.lock(connection, stored.target_id)
        subject = _subject(connection, stored, request)
        return _granted(connection, stored, subject, request, now, extends=None)


def extend_waiver(
    connection: Connection, waiver_id: str, *, reason: str, by: str, days: int | None, last_day: date | None, now: datetime
) -> Granted:
    """Go on with a waiver that holds today, under a new row, and commit. The days of both count together.

    Raises ConfigurationError where there is no such waiver, and for one that has lapsed or was revoked: that takes a new grant.
    """
    with control_plane_errors(), connection.transaction():
        before = _waiver(connection, waiver_id)
        stored = _target_of_id(connection, before.target_id)
        waivers.lock(connection, stored.target_id)
        before = _waiver(connection, waiver_id)  # somebody may have revoked it before the lock was ours
        state = state_of(before, stored.target.environment, _day(now))
        if state in (WaiverState.LAPSED, WaiverState.REVOKED):
            raise ConfigurationError(
                f"waiver {before.waiver_id} is {state.value}: what has ended is granted anew, with `platformkit waivers add`"
            )
        request = WaiverRequest(
            stored.target.name, reason, by, before.rule, before.object_pattern, before.fingerprint, days, last_day, even_unused=True
        )
        granted = _granted(connection, stored, _subject(connection, stored, request), request, now, extends=before)
    return granted


def revoke_waiver(connection: Connection, waiver_id: str, *, reason: str, by: str, now: datetime) -> Waiver:
    """End a waiver today: it covers nothing from this day on. Commits. Revoked again, it stays as it was.

    Raises ConfigurationError where there is none of that id, and for one that has lapsed.
    """
    with control_plane_errors(), connection.transaction():
        waivers.lock(connection, _waiver(connection, waiver_id).target_id)
        waiver = _waiver(connection, waiver_id)
        if waiver.revoked_at is None:
            if _day(now) > waiver.expires_on:
                raise ConfigurationError(f"waiver {waiver.waiver_id} has lapsed on {waiver.expires_on}: there is nothing to revoke")
            person = acting_person(by)
            waivers.revoke(connection, waiver.waiver_id, by=person, reason=_written(reason, "--reason"), now=now)
            _log.info("revoked", waiver_id=waiver.waiver_id, by=person)
        return _waiver(connection, waiver.waiver_id)


def open_violations(connection: Connection, target_id: int) -> tuple[Violation, ...]:
    """Everything of a target that a waiver could be for: open FAILs, and failing checks of its latest contracts."""
    failing = [f for f in findings.open_findings(connection, target_id) if f.result.outcome is Outcome.FAIL]
    of_rules = [Violation(f.result.rule, f.fingerprint, str(f.result.object)) for f in failing]
    latest = parity.named(connection, target_id, parity.LATEST)
    checks = latest.report.results if latest else ()
    of_contracts = [
        Violation(f"parity/{r.dimension.value}", "\x1f".join((r.dimension.value, r.contract, r.check)), f"{r.contract}/{r.check}")
        for r in checks
        if r.outcome is Outcome.FAIL
    ]
    return (*of_rules, *of_contracts)


def _granted(
    connection: Connection, stored: StoredTarget, subject: _Subject, request: WaiverRequest, now: datetime, *, extends: Waiver | None
) -> Granted:
    if stored.target.environment is Environment.PRODUCTION:
        raise ConfigurationError(
            f"{stored.target.name} is in production, which has no waivers (clause 10.2): mend the finding, or document an exception "
            "in docs/exceptions of its repository (clause 10.1)"
        )
    first = _day(now)
    used = _used_days(connection, stored, subject, first)
    left = LONGEST_WAIVER_DAYS - used
    if left <= 0:
        raise ConfigurationError(
            f"the {LONGEST_WAIVER_DAYS} days that one rule and object can be waived in all (clause 10.2) are used up: mend it, or document "
            "an exception (clause 10.1)"
        )
    last = _last_day(request, first, left)
    waiver = Waiver(
        waiver_id=str(uuid.uuid4()),
        target_id=stored.target_id,
        rule=subject.rule,
        fingerprint=subject.fingerprint,
        object_pattern=subject.pattern,
        reason=_written(request.reason, "--reason"),
        granted_by=acting_person(request.by),
        starts_on=first,
        expires_on=last,
        extends=extends.waiver_id if extends else None,
        created_at=None,
    )
    if extends is not None and last <= extends.expires_on:
        raise ConfigurationError(f"waiver {extends.waiver_id} holds until {extends.expires_on} already: name a later day")
    waivers.grant(connection, waiver, scan_id=subject.scan_id)
    _log.info("granted", waiver_id=waiver.waiver_id, target=stored.target.name, rule=waiver.rule, by=waiver.granted_by)
    return Granted(waiver, tuple(v.shown for v in subject.matching), left - ((last - first).days + 1))


def _used_days(connection: Connection, stored: StoredTarget, subject: _Subject, first: date) -> int:
    """Of that violation among the matching which was waived longest; of an object of that name, where nothing matches."""
    covers = CoverIndex(covers_of(waivers.of_target(connection, stored.target_id), Environment.DEVELOPMENT))  # whatever it is now
    subjects = subject.matching or (Violation(subject.rule, subject.fingerprint or "", meant(subject.pattern or "")),)
    return max(waived_days(covers, violation, first) for violation in subjects)


def _last_day(request: WaiverRequest, first: date, left: int) -> date:
    if request.days is not None and request.last_day is not None:
        raise ConfigurationError("say how long with --days or with --until, not both")
    if request.last_day is not None:
        if request.last_day < first:
            raise ConfigurationError(f"--until {request.last_day} has passed: today is {first} (UTC)")
        days = (request.last_day - first).days + 1
    else:
        days = left if request.days is None else request.days
    if days < 1:
        raise ConfigurationError("--days: a waiver holds for one day at least")
    if days > left:
        raise ConfigurationError(
            f"{days} days are more than the {left} that are left of {LONGEST_WAIVER_DAYS} for one rule and object (clause 10.2): "
            f"until {first + timedelta(days=left - 1)} at most"
        )
    return first + timedelta(days=days - 1)


def _subject(connection: Connection, stored: StoredTarget, request: WaiverRequest) -> _Subject:
    everything = open_violations(connection, stored.target_id)
    if request.fingerprint is not None:
        return _of_fingerprint(connection, stored, request, everything)
    pattern = (request.objects or "").strip()
    if request.rule is None or not pattern:
        raise ConfigurationError("say what is waived: --rule CODE with --object PATTERN, or --fingerprint of a finding")
    if len(pattern) > _LONGEST_TEXT or holds_a_secret(pattern):  # it goes on record: nothing of it is repeated
        raise ConfigurationError(f"--object: name objects as reports show them, in at most {_LONGEST_TEXT} characters and without a secret")
    rule = _rule(request.rule)
    if any(v.rule == rule and v.shown == pattern for v in everything):
        pattern = named(pattern)  # it is that object and no other one, whatever characters its name holds
    wanted = Waiver("", stored.target_id, rule, None, pattern, "", "", date.min, date.max)
    cover = covers_of([wanted], Environment.DEVELOPMENT)[0]
    index = CoverIndex([cover])
    matching = tuple(v for v in everything if index.of(v))
    if not matching and not request.even_unused:
        raise ConfigurationError(_nothing_matches(stored, rule, pattern, everything))
    return _Subject(rule, None, pattern, matching, None)


def _of_fingerprint(connection: Connection, stored: StoredTarget, request: WaiverRequest, everything: Sequence[Violation]) -> _Subject:
    wanted = request.fingerprint or ""
    if request.objects is not None:
        raise ConfigurationError("--fingerprint names one finding: leave out --object")
    if not _FINGERPRINT.match(wanted):
        raise ConfigurationError("--fingerprint: expected the 32 hex digits that a report shows")
    matching = tuple(v for v in everything if v.fingerprint == wanted)
    if matching:
        scan = next((f.last_seen_scan for f in findings.open_findings(connection, stored.target_id) if f.fingerprint == wanted), None)
        return _Subject(matching[0].rule, wanted, None, matching, scan)
    if request.rule is None or not request.even_unused:
        needed = "; for one that is not there yet --even-unused needs its --rule" if request.even_unused else ""
        raise ConfigurationError(
            f"{stored.target.name} has no open finding {wanted} that fails: `platformkit scan` shows fingerprints{needed}"
        )
    return _Subject(_rule(request.rule), wanted, None, (), None)


def _nothing_matches(stored: StoredTarget, rule: str, pattern: str, everything: Sequence[Violation]) -> str:
    of_rule = sorted(v.shown for v in everything if v.rule == rule)
    shown = f"{rule} fails for {', '.join(of_rule[:_NAMED])}" if of_rule else f"{rule} fails for nothing there"
    more = f" and {len(of_rule) - _NAMED} more" if len(of_rule) > _NAMED else ""
    return f"no open finding of {stored.target.name} matches {redact(pattern)!r}: {shown}{more}. --even-unused grants it nevertheless"


def _rule(code: str) -> str:
    wanted = code.strip()
    if find_rule(wanted.upper()) is not None:
        return wanted.upper()
    if wanted.lower() in _OF_PARITY:
        return wanted.lower()
    raise ConfigurationError(
        f"there is no rule {redact(code)!r}: `platformkit rules` lists them; of contracts it is {', '.join(sorted(_OF_PARITY))}"
    )


def _target(connection: Connection, name: str) -> StoredTarget:
    found = [row for row in targets.list_active(connection) if row.target.name == name]
    if not found:
        raise UnknownTarget(f"the control plane has no target {redact(name)!r}: `platformkit targets` lists those of the settings")
    return min(found, key=lambda row: row.target.environment is Environment.PRODUCTION)  # only projects are anything else


def _target_of_id(connection: Connection, target_id: int) -> StoredTarget:
    found = next((row for row in targets.list_active(connection) if row.target_id == target_id), None)
    if found is None:
        raise ConfigurationError("the target of this waiver is in the settings no more")
    return found


def _waiver(connection: Connection, named: str) -> Waiver:
    """By its id, or by the first characters of it."""
    try:
        beginning = str(uuid.UUID(named))
    except ValueError:
        beginning = named.lower()
        if not _BEGINNING.fullmatch(beginning):
            raise ConfigurationError(
                "the id of a waiver is a UUID, or at least the first four characters of one, as `platformkit waivers list` shows it"
            ) from None
    found = waivers.find(connection, beginning)
    if not found:
        raise ConfigurationError(f"there is no waiver {beginning}: `platformkit waivers list --all` shows all of them")
    if len(found) > 1:
        raise ConfigurationError(f"{len(found)} waivers begin with {beginning}: write more of the id")
    return found[0]


def _written(text: str, option: str) -> str:
    shown = " ".join(text.split())
    if not shown or len(shown) > _LONGEST_TEXT:
        raise ConfigurationError(f"{option}: say why, in at most {_LONGEST_TEXT} characters")
    return without_secrets(shown)


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()
