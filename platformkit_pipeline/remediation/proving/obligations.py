"""The judgements of a proof: from what was seen before and after to what held. Pure; trying things out is the prover's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from platformkit_pipeline.model.patch import AccessChange, AccessDirection, Patch
from platformkit_pipeline.model.proof import Finding, Obligation, Verdict
from platformkit_pipeline.model.result import Outcome, Result, Severity
from platformkit_pipeline.remediation.proving.access import ROLES, UNTRIED, Access, Cell, differences, rank
from platformkit_pipeline.remediation.proving.openings import openings, rewritten, untriable
from platformkit_pipeline.remediation.proving.states import Key, State, changed_objects, new_findings
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sqltext.parser import SqlSyntaxError
from platformkit_pipeline.sqltext.statement_kinds import statement_kinds

_NAMED_AT_MOST = 5
"""Objects or cells that one sentence names."""

Closure = Callable[[str], Collection[str]]
"""From a relation to the relations whose access follows from it: itself, and the views that read it."""


def held(obligation: Obligation) -> Finding:
    return Finding(obligation, Verdict.HELD)


def failed(obligation: Obligation, detail: str) -> Finding:
    return Finding(obligation, Verdict.FAILED, detail)


def unknown(obligation: Obligation, detail: str) -> Finding:
    return Finding(obligation, Verdict.UNKNOWN, detail)


def key_of(patch: Patch) -> Key:
    return (patch.rule, patch.object.canonical)


def finding_present(patches: Sequence[Patch], base: State, target: Collection[Key]) -> Finding:
    """(1) `target` holds the failing results of the target itself."""
    for patch in patches:
        key = key_of(patch)
        found = base.finding(key)
        if found is not None and found.outcome is Outcome.FAIL:
            continue
        if key in target:
            return unknown(
                Obligation.FINDING_PRESENT, f"the target has {' '.join(key)}, its shadow has not: something could not be rebuilt"
            )
        return failed(Obligation.FINDING_PRESENT, f"there is no failing {' '.join(key)}")
    return held(Obligation.FINDING_PRESENT)


def allowed_statements(patches: Sequence[Patch]) -> Finding:
    """(2) of `up` and `down`; read from the parse tree."""
    for patch in patches:
        for statement in (*patch.up, *patch.down):
            try:
                kinds = statement_kinds(statement)
            except SqlSyntaxError as error:
                return failed(Obligation.STATEMENT_KINDS, f"{patch.rule} has a statement that does not parse: {error}")
            for kind in kinds:
                if kind not in patch.effects.statements:
                    return failed(Obligation.STATEMENT_KINDS, f"{kind} is none of the kinds that patches of {patch.rule} may use")
    return held(Obligation.STATEMENT_KINDS)


def finding_gone(patches: Sequence[Patch], after: State) -> Finding:
    """(4)"""
    for patch in patches:
        if (left := after.finding(key_of(patch))) is not None:
            return failed(Obligation.FINDING_GONE, f"{left.rule} {left.object.canonical} is still {left.outcome.value}: {left.message}")
    return held(Obligation.FINDING_GONE)


def nothing_new(patches: Sequence[Patch], before: State, after: State) -> Finding:
    """(5)"""
    allowed = {code for patch in patches for code in patch.effects.successors}
    mended = min((_severity(before, p) for p in patches), key=lambda s: s.rank)
    for result in new_findings(before, after):
        what = f"{result.rule} {result.object.canonical} ({result.severity.value}, {result.outcome.value})"
        if result.rule not in allowed:
            return failed(Obligation.NOTHING_NEW, f"new finding {what}: {result.message}")
        if result.severity.rank < mended.rank:
            return failed(Obligation.NOTHING_NEW, f"new finding {what} is more severe than what was mended")
    return held(Obligation.NOTHING_NEW)


def _severity(before: State, patch: Patch) -> Severity:
    found = before.finding(key_of(patch))
    rule = find_rule(patch.rule)
    return found.severity if found else rule.severity if rule else Severity.INFO


def inside_scope(patches: Sequence[Patch], before: State, after: State) -> Finding:
    """(6)"""
    declared = {name for patch in patches for name in patch.effects.objects}
    outside = sorted(changed_objects(before.objects, after.objects) - declared)
    if outside:
        return failed(Obligation.SCOPE, f"changes outside the declared scope: {_some(outside)}")
    return held(Obligation.SCOPE)


def left_by_undo(before: Mapping[str, str], restored: Mapping[str, str]) -> str:
    """(8) when it is not exact."""
    return f"the undo leaves differences: {_some(sorted(changed_objects(before, restored)))}"


def access_kept(
    patches: Sequence[Patch], before: Access, after: Access, affected: Closure, catalogs: tuple[Catalog, Catalog] | None = None
) -> Finding:
    """(9) `affected` extends what is declared for a relation to the views that read it; `catalogs` are those before and after."""
    declared = [change for patch in patches for change in patch.effects.access]
    by_object: dict[str, list[AccessChange]] = {}
    for change in declared:
        for name in affected(change.object):
            by_object.setdefault(name, []).append(change)
    undeclared, broken = [], []
    for cell, old, new in differences(before, after):
        if any(answer is not None and answer.startswith(UNTRIED) for answer in (old, new)):
            continue
        if new is not None and new.startswith("error") and not (old or "").startswith("error"):
            broken.append(f"{cell} now fails ({new})")
        elif not any(_covers(change, cell, old, new) for change in by_object.get(cell.object, ())):
            undeclared.append(f"{cell}: {_told(old)} before, {_told(new)} after")
    if catalogs is not None:
        told = {cell for cell, _, _ in differences(before, after)}
        undeclared += _undeclared_records(by_object, told, _written_policies(patches), *catalogs)
    untried = {
        f"{cell.object} ({cell.row or 'nothing could be tried'}): {answer}"
        for trials in (before.trials, after.trials)
        for cell, answer in trials.items()
        if answer.startswith(UNTRIED)
    }
    if broken or undeclared:
        return failed(Obligation.ACCESS, _some(broken + undeclared))
    if untried:
        return unknown(Obligation.ACCESS, f"rows could not be made up for {_some(sorted(untried))}")
    if catalogs is not None and (alone := untriable(*catalogs)):
        return unknown(Obligation.ACCESS, f"there is none of the roles {', '.join(ROLES)}, so that nobody could try {_some(alone)}")
    return held(Obligation.ACCESS)


def _undeclared_records(
    declared: Mapping[str, Sequence[AccessChange]], told: Collection[Cell], written: Collection[str], before: Catalog, after: Catalog
) -> Iterator[str]:
    """What grants and policies say of all roles, where it is not `told` by what the server answers for three of them."""
    for found in sorted(openings(before, after), key=lambda o: (o.cell, o.why)):
        old, new = (None, "yes") if found.gained else ("yes", None)
        if found.cell not in told and not any(_covers(change, found.cell, old, new) for change in declared.get(found.cell.object, ())):
            yield f"{found.cell.operation} on {found.cell.object}: {found.why}"
    for table, policy in sorted(rewritten(before.snapshot, after.snapshot)):
        if policy in written and table not in declared:
            yield f"{policy} asks for something else than before"


def _written_policies(patches: Sequence[Patch]) -> frozenset[str]:
    """What patches write anew. Conditions also change their text when what they name is moved, and mean the same."""
    writing = [p for p in patches if not {"ALTER POLICY", "CREATE POLICY"}.isdisjoint(p.effects.statements)]
    following = {name for p in patches if p not in writing for name in p.effects.objects}
    return frozenset(name for p in writing for name in p.effects.objects) - following


def _covers(change: AccessChange, cell: Cell, old: str | None, new: str | None) -> bool:
    if cell.role not in change.roles or cell.verb not in change.operations:
        return False
    return change.direction is AccessDirection.EITHER or rank(new) <= rank(old)


def _told(answer: str | None) -> str:
    if answer is None:
        return "no"
    return f"{answer} rows" if answer.isdecimal() else answer


def _some(items: Sequence[str]) -> str:
    more = len(items) - _NAMED_AT_MOST
    return "; ".join(items[:_NAMED_AT_MOST]) + (f"; and {more} more" if more > 0 else "")


def doubted(findings: Iterable[Finding], unfaithful: Mapping[str, str]) -> list[Finding]:
    """What was tried on something that is not as in the target tells nothing: neither that it holds nor that it fails.

    Statement kinds and the base are not tried on the shadow.
    """
    if not unfaithful:
        return list(findings)
    name, why = min(unfaithful.items())
    reason = f"the shadow is not as the target there: {name} ({why})" + (f" and {len(unfaithful) - 1} more" if len(unfaithful) > 1 else "")
    certain = (Obligation.STATEMENT_KINDS, Obligation.BASE_UNCHANGED)
    return [
        f if f.obligation in certain else Finding(f.obligation, Verdict.UNKNOWN, f"{reason}; {f.detail}" if f.detail else reason)
        for f in findings
    ]


def failing_keys(results: Iterable[Result]) -> frozenset[Key]:
    """The failing results, by rule and object."""
    return frozenset((r.rule, r.object.canonical) for r in results if r.outcome is Outcome.FAIL)
