"""Which targets the rules of an amendment can tell about (clause 13): rules that judge scans, by the kind of target that they judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType

from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.rules.registry import Scope, Source, all_rules

_KINDS = {Scope.PROJECT: TargetKind.SUPABASE_PROJECT, Scope.REPOSITORY: TargetKind.REPOSITORY, Scope.CONNECTOR: TargetKind.CONNECTOR}
_NOT_IN_SCANS = (Source.FILES, Source.REPLAY, Source.CHANGE, Source.PROBE)
"""Judged by commands of their own, or only where somebody asks: a nightly scan does not tell."""


@cache
def scanned_rules() -> Mapping[str, TargetKind | None]:
    """Every rule of the book with the kind of target whose nightly scans judge it; None where none does."""
    return MappingProxyType({rule.code: None if rule.source in _NOT_IN_SCANS else _KINDS.get(rule.scope) for rule in all_rules()})


def rules_for_kind(codes: Sequence[str], kind: TargetKind) -> frozenset[str]:
    """Those of `codes` that scans of such targets judge."""
    return frozenset(code for code in codes if scanned_rules().get(code) is kind)


def kinds_bound_by(codes: Sequence[str]) -> tuple[TargetKind, ...]:
    """Kinds of targets that an amendment with these rules is about; all of them where no scan tells."""
    told = {kind for code in codes if (kind := scanned_rules().get(code)) is not None}
    return tuple(kind for kind in _KINDS.values() if not told or kind in told)
