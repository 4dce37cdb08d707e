"""Two people let one target through one gate that says no, for at most a day: stored, audited and told to everybody (clauses 4.2, 11.1)."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from platformkit_pipeline.control_plane import gate_overrides, targets
from platformkit_pipeline.control_plane.connection import Connection, control_plane_errors
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError, UnknownTarget
from platformkit_pipeline.model.gate_override import LONGEST_OVERRIDE_HOURS, GateOverride
from platformkit_pipeline.model.person import same_person
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.acting_person import acting_person
from platformkit_pipeline.operations.announce import announce
from platformkit_pipeline.operations.decide_gate import deploy_gate_of
from platformkit_pipeline.operations.secret_words import holds_a_secret
from platformkit_pipeline.operations.stored_snapshot import target_id_of

_LONGEST_REASON = 500
_ONE_AT_A_TIME = "select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('platformkit.gate_overrides', %s))"


def grant_override(
    connection: Connection, target: Target, *, reason: str, requested_by: str, approved_by: str, hours: int, now: datetime
) -> GateOverride:
    """Let `target` through its deploy gate (a connector: its registration) from `now` for `hours`, and alert. The same again is a no-op.

    Raises ConfigurationError for a reason that is blank or holds a secret, for one person in both roles, for a time beyond the limit,
    and while another override is in force; ControlPlaneError for a target that is not registered.
    """
    said = " ".join(reason.split())
    if not said or len(said) > _LONGEST_REASON or holds_a_secret(said):
        raise ConfigurationError(f"say why, in at most {_LONGEST_REASON} characters and without a secret: --reason TEXT")
    if not 1 <= hours <= LONGEST_OVERRIDE_HOURS:
        raise ConfigurationError(f"an override lasts 1 to {LONGEST_OVERRIDE_HOURS} hours, not {hours}; what takes longer is an exception")
    first, second = acting_person(requested_by), acting_person(approved_by)
    if same_person(first, second):
        raise ConfigurationError(f"{first} cannot approve what {first} asks for: --approved-by names another person")
    gate, ends_at = deploy_gate_of(target.kind), now + timedelta(hours=hours)
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        connection.execute(_ONE_AT_A_TIME, (target_id,))
        standing = gate_overrides.in_force(connection, target_id, gate, now)
        if standing is not None:
            lasts = standing.ends_at - standing.starts_at
            if (standing.reason, standing.requested_by, standing.approved_by, lasts) == (said, first, second, timedelta(hours=hours)):
                return standing
            raise ConfigurationError(
                f"{target.name} is let through until {standing.ends_at:%Y-%m-%d %H:%M} UTC already, by {standing.requested_by}: "
                "`platformkit override end` ends that first"
            )
        named = f"platformkit:override/{gate}/{target.kind.value}/{target.name}/{now.isoformat()}/{first}/{second}/{said}"
        override = GateOverride(str(uuid.uuid5(uuid.NAMESPACE_URL, named)), gate, said, first, second, now, ends_at)
        if not gate_overrides.store(connection, target_id, override):
            raise ConfigurationError(f"this override of {target.name} was ended: what is ended stays so")
        announce(connection, [_alert(target, override)], [], now)
    return override


def end_override(connection: Connection, target: Target, *, by: str, reason: str, now: datetime) -> GateOverride | None:
    """End the override of `target` that is in force; None when none is. Raises ConfigurationError for a blank reason or name."""
    said, person = " ".join(reason.split()), acting_person(by)
    if not said or holds_a_secret(said):
        raise ConfigurationError("say why it is over, without a secret: --reason TEXT")
    with control_plane_errors(), connection.transaction():
        target_id = target_id_of(connection, target)
        connection.execute(_ONE_AT_A_TIME, (target_id,))
        standing = gate_overrides.in_force(connection, target_id, deploy_gate_of(target.kind), now)
        if standing is not None:
            gate_overrides.end(connection, standing.override_id, now=now, by=person, reason=said)
    return standing


def list_overrides(connection: Connection, target: Target) -> tuple[GateOverride, ...]:
    """All that there ever were of `target`, latest first. Raises ControlPlaneError."""
    with control_plane_errors(), connection.transaction():
        return gate_overrides.listed(connection, target_id_of(connection, target))


def registered_target(connection: Connection, name: str, kind: TargetKind | None = None) -> Target:
    """The active target of that name. Raises UnknownTarget, and ConfigurationError when several kinds have one and `kind` is None."""
    with control_plane_errors(), connection.transaction():
        active = targets.list_active(connection)
    found = [stored.target for stored in active if stored.target.name == name and kind in (None, stored.target.kind)]
    if not found:
        raise UnknownTarget(f"the control plane has no target {redact(name)!r}: `platformkit targets` lists those of the settings")
    if len(found) > 1:
        raise ConfigurationError(f"{name} is the name of several targets: say which with --kind")
    return found[0]


def _alert(target: Target, override: GateOverride) -> Alert:
    headline = (
        f"the {override.gate} gate of {target.name} is overridden until {override.ends_at:%Y-%m-%d %H:%M} UTC by {override.requested_by}, "
        f"approved by {override.approved_by}"
    )
    payload = {
        "gate": override.gate,
        "override_id": override.override_id,
        "reason": override.reason,
        "requested_by": override.requested_by,
        "approved_by": override.approved_by,
        "ends_at": override.ends_at.isoformat(),
    }
    return Alert(AlertKind.GATE_OVERRIDDEN, override.override_id, Severity.HIGH, headline, target, payload, lasting=False)
