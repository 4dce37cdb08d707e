"""Waivers end, are short, are never in production, and are for something (clause 10.2)."""

from __future__ import annotations

from platformkit_pipeline.model.control_plane import WaiverFacts
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.waiver import LONGEST_WAIVER_DAYS, REMINDER_DAYS, WaiverState
from platformkit_pipeline.rules.control_plane_subject import ControlPlaneSubject, waiver_identity, waiver_rule
from platformkit_pipeline.rules.registry import PASSED, Verdicts, failed

_TO_COME = (WaiverState.PENDING, WaiverState.ACTIVE, WaiverState.EXPIRES_SOON)
"""States in which a waiver covers something, or will."""


@waiver_rule(
    "WVR001",
    "waiver-beyond-thirty-days",
    clause="10.2",
    severity=Severity.HIGH,
    title=f"Waivers cover one violation on more than {LONGEST_WAIVER_DAYS} days in all",
    why="A waiver buys time to mend something. Patterns that overlap would buy it over and over; beyond the limit none of them counts.",
    how_to_fix="Mend the violation, or document an exception with its two approvals (clause 10.1); then `platformkit waivers revoke` the "
    "waiver that goes on too long.",
    violating="""
findings: [{rule: RLS001, object: public.orders}]
waivers:
  - {rule: RLS001, object: "public.*", from: -20, days: 30}
  - {rule: RLS001, object: public.orders, from: 0, days: 30}
""",
    clean="""
findings: [{rule: RLS001, object: public.orders}]
waivers:
  - {rule: RLS001, object: "public.*", from: -20, days: 30}
""",
)
def waiver_beyond_thirty_days(subject: ControlPlaneSubject) -> Verdicts:
    for waiver in subject.snapshot.waivers:
        if waiver.state not in _TO_COME:
            continue
        if waiver.longest_days > LONGEST_WAIVER_DAYS:
            message = (
                f"{_named(waiver)} would bring a violation to {waiver.longest_days} days of waivers, {LONGEST_WAIVER_DAYS} is the limit"
            )
            yield failed(waiver_identity(waiver), message, days=waiver.longest_days, **_told(waiver))
        else:
            yield PASSED


@waiver_rule(
    "WVR002",
    "waiver-in-production",
    clause="10.2",
    severity=Severity.CRITICAL,
    title="A waiver stands for a target that is in production",
    why="Production has no waivers. The database grants none; this one was granted before its target became production, and covers "
    "nothing any more.",
    how_to_fix="Mend the violation, or document an exception (clause 10.1), and end the waiver with `platformkit waivers revoke`.",
    violating="""
environment: production
findings: [{rule: RLS001, object: public.orders}]
waivers: [{rule: RLS001, object: public.orders, from: -5, days: 30}]
""",
    clean="""
environment: staging
findings: [{rule: RLS001, object: public.orders}]
waivers: [{rule: RLS001, object: public.orders, from: -5, days: 30}]
""",
)
def waiver_in_production(subject: ControlPlaneSubject) -> Verdicts:
    for waiver in subject.snapshot.waivers:
        if waiver.state is WaiverState.VOID:
            yield failed(waiver_identity(waiver), f"{_named(waiver)} stands in production", **_told(waiver))
        elif waiver.state in _TO_COME:
            yield PASSED


@waiver_rule(
    "WVR003",
    "waiver-expires-soon",
    clause="10.2",
    severity=Severity.INFO,
    title=f"A waiver ends within {REMINDER_DAYS} days",
    why="From the day after its last one the violation counts again, at gates too.",
    how_to_fix="Mend the violation before that day; `platformkit waivers extend` goes on with it where days are left.",
    violating="""
findings: [{rule: RLS001, object: public.orders}]
waivers: [{rule: RLS001, object: public.orders, from: -22, days: 30}]
""",
    clean="""
findings: [{rule: RLS001, object: public.orders}]
waivers: [{rule: RLS001, object: public.orders, from: -21, days: 30}]
""",
)
def waiver_expires_soon(subject: ControlPlaneSubject) -> Verdicts:
    for waiver in subject.snapshot.waivers:
        if waiver.state not in _TO_COME:
            continue
        if waiver.state is WaiverState.EXPIRES_SOON and not waiver.goes_on:
            yield failed(waiver_identity(waiver), f"{_named(waiver)} ends on {waiver.expires_on}", **_told(waiver))
        else:
            yield PASSED


@waiver_rule(
    "WVR004",
    "lapsed-waiver-left-open",
    clause="10.2",
    severity=Severity.HIGH,
    title="A waiver has lapsed and what it was granted for is still there",
    why="The time that was asked for is over, and nothing was mended in it.",
    how_to_fix="Mend the violation now, or document an exception (clause 10.1).",
    violating="""
findings: [{rule: RLS001, object: public.orders}]
waivers: [{rule: RLS001, object: public.orders, from: -11, days: 10}]
""",
    clean="""
waivers: [{rule: RLS001, object: public.orders, from: -11, days: 10}]
""",
)
def lapsed_waiver_left_open(subject: ControlPlaneSubject) -> Verdicts:
    for waiver in subject.snapshot.waivers:
        if waiver.state is not WaiverState.LAPSED:
            continue
        if waiver.left_open:
            message = f"{_named(waiver)} has lapsed with {waiver.expires_on}, and {waiver.left_open} of its violations are open"
            yield failed(waiver_identity(waiver), message, left_open=waiver.left_open, **_told(waiver))
        else:
            yield PASSED


@waiver_rule(
    "WVR005",
    "waiver-of-nothing",
    clause="10.2",
    severity=Severity.LOW,
    title="A waiver matches no open violation",
    why="It would excuse, unseen, whatever comes to match it: a new table, a violation that returns.",
    how_to_fix="End it with `platformkit waivers revoke`: what it was granted for is mended, or was never there.",
    violating="""
waivers: [{rule: RLS001, object: public.orders, from: -1, days: 30}]
""",
    clean="""
findings: [{rule: RLS001, object: public.orders}]
waivers: [{rule: RLS001, object: public.orders, from: -1, days: 30}]
""",
)
def waiver_of_nothing(subject: ControlPlaneSubject) -> Verdicts:
    for waiver in subject.snapshot.waivers:
        if waiver.state not in _TO_COME:
            continue
        if waiver.matching:
            yield PASSED
        else:
            yield failed(waiver_identity(waiver), f"{_named(waiver)} matches nothing that is open", **_told(waiver))


def _named(waiver: WaiverFacts) -> str:
    return f"the waiver of {waiver.rule} for {waiver.subject} on {waiver.target}"


def _told(waiver: WaiverFacts) -> dict[str, str]:
    return {
        "target": waiver.target,
        "rule": waiver.rule,
        "subject": waiver.subject,
        "granted_by": waiver.granted_by,
        "expires_on": waiver.expires_on.isoformat(),
    }
