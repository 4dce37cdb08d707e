"""What rules about the control plane judge, and how they are registered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from platformkit_pipeline.model.control_plane import ControlPlaneSnapshot, TargetFacts, WaiverFacts
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.target import CONTROL_PLANE
from platformkit_pipeline.rules.registry import Family, Scope, Source, rule

waiver_rule = partial(rule, scope=Scope.CONTROL_PLANE, source=Source.PLATFORM, family=Family.WAIVERS, requires=())
"""Registers a rule about waivers: a function from a `ControlPlaneSubject` to one verdict per waiver."""
operations_rule = partial(rule, scope=Scope.CONTROL_PLANE, source=Source.PLATFORM, family=Family.OPERATIONS, requires=())
"""Registers a rule about the nights of the platform, its audit log and its reviews."""


@dataclass(frozen=True, slots=True)
class ControlPlaneSubject:
    """The control plane as it was observed."""

    snapshot: ControlPlaneSnapshot

    @property
    def identity(self) -> ObjectIdentity:
        """The control plane as a whole."""
        return ObjectIdentity("control_plane", None, CONTROL_PLANE.name)

    @property
    def audit_identity(self) -> ObjectIdentity:
        return ObjectIdentity("audit_chain", "ops", "audit_log")

    def review_identity(self, year: int) -> ObjectIdentity:
        return ObjectIdentity("annual_review", None, str(year))


def waiver_identity(waiver: WaiverFacts) -> ObjectIdentity:
    return ObjectIdentity("waiver", None, waiver.waiver_id)


def target_identity(target: TargetFacts) -> ObjectIdentity:
    return ObjectIdentity("governed_target", target.kind, target.name)
