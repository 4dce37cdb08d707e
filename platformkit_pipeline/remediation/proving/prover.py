"""Try patches on shadows of their target, each alone and all together, and write down what held.

One shadow serves many patches: a patch whose undo is exact leaves it as it was; after any other a fresh copy is taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import psycopg

from platformkit_pipeline.cycle_collector import collector_paused
from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint, object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.patch import Patch
from platformkit_pipeline.model.proof import Finding, Obligation, Proof, Verdict
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.remediation.proving import obligations as judge
from platformkit_pipeline.remediation.proving.access import Access, Privileges, closure, privileges, trials
from platformkit_pipeline.remediation.proving.execution import StatementFailedError, Timeouts, run_patch
from platformkit_pipeline.remediation.proving.states import State, changed_objects, in_place_of, judged, same_schema
from platformkit_pipeline.remediation.proving.touched import relations_by_identity, touched_relations
from platformkit_pipeline.rules.database.catalog import Catalog, Name
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Rule, ruleset_digest

log = get_logger("remediation.proving")


class Shadows(Protocol):
    """Copies of one shadow of the target, each as it was built."""

    def fresh(self) -> Dsn:
        """A new copy, as its superuser."""

    def as_owner(self, dsn: Dsn) -> Dsn:
        """The same copy with the login that patches are applied as."""

    def drop(self, dsn: Dsn) -> None: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """What there was to see of one way through all patches of a trial."""

    findings: tuple[Finding, ...]
    after: State | None = None


@dataclass(slots=True)
class Prover:
    """Proves patches for one observation of one target.

    `unfaithful` lists what the shadow could not show as it is in the target: canonical identity → why.
    """

    shadows: Shadows
    target: Snapshot
    declarations: Declarations
    rules: Sequence[Rule]
    base_fingerprint: str
    """Of the plan; it has to be that of `target`."""
    unfaithful: Mapping[str, str] = field(default_factory=dict)
    timeouts: Timeouts = field(default_factory=Timeouts)
    _version: str = ""
    _copy: Dsn | None = None
    _eye: tuple[Dsn, psycopg.Connection] | None = None
    """A connection to the copy that is looked at, kept because looking is most of the work."""
    _base: State | None = None
    _before: Privileges | None = None
    _target_fails: frozenset[tuple[str, str]] | None = None
    _relations: dict[str, Name] | None = None
    _of_target: dict[str, Name] | None = None

    def prove(self, patch: Patch) -> Proof:
        """All ten obligations for one patch, applied to the target as it is. Raises ObservationError when the shadow is lost."""
        return self._proof((patch,))

    def prove_together(self, patches: Sequence[Patch]) -> tuple[Proof, State | None]:
        """The same for all patches in their order: applied one after the other, repeated and undone as a whole.

        Also returns what the shadow was when all were applied; None when it did not come to that.
        """
        attempt = self._attempt(patches)
        return self._written(attempt), attempt.after

    def first_to_fail_together(self, patches: Sequence[Patch]) -> tuple[Patch, Finding] | None:
        """The first patch that does not hold on top of those before it, and why; None when each one does."""
        shadow = self._shadow()
        self._copy = None  # it is not undone
        state = self.base
        done: list[Patch] = []
        try:
            for patch in patches:
                done.append(patch)
                try:
                    self._run(shadow, patch.up, transactional=patch.transactional)
                except StatementFailedError as error:
                    return patch, judge.failed(Obligation.APPLIES, f"after the patches before it: {error}")
                state = judged(self._seen(shadow), self.target, self.declarations, self.rules)
                for finding in (judge.finding_gone(done, state), judge.nothing_new(done, self.base, state)):
                    if finding.verdict is not Verdict.HELD:
                        return patch, Finding(finding.obligation, finding.verdict, f"after the patches before it: {finding.detail}")
            return None
        finally:
            self._drop(shadow)

    @property
    def base(self) -> State:
        """What the shadow is before any patch."""
        if self._base is None:
            seen = self._seen(self._shadow())
            self._version = seen.server.version
            self._base = judged(seen, self.target, self.declarations, self.rules)
        return self._base

    def judged_otherwise(self) -> frozenset[tuple[str, str]]:
        """(rule, object) of findings that only one of target and shadow has."""
        of_target = {(r.rule, r.object.canonical) for r in evaluate(self.target, self.declarations, self.rules) if r.is_finding}
        return frozenset(of_target ^ {(r.rule, r.object.canonical) for r in self.base.results if r.is_finding})

    def sibling(self) -> Prover:
        """A prover with a copy of its own, that knows what this one knows: for half of the work, in another process."""
        return replace(self, _copy=self.shadows.fresh(), _eye=None, _base=self.base, _before=self._privileges_before(self._shadow()))

    def close(self) -> None:
        """Drop the copy that is in use."""
        if self._copy is not None:
            self._drop(self._copy)
            self._copy = None

    # -- one trial ------------------------------------------------------------------------------------------------------
    def _proof(self, patches: Sequence[Patch]) -> Proof:
        return self._written(self._attempt(patches))

    def _written(self, attempt: Attempt) -> Proof:
        return Proof(
            findings=tuple(sorted(attempt.findings, key=lambda f: f.obligation)),
            base_fingerprint=self.base.fingerprint,
            patched_fingerprint=attempt.after.fingerprint if attempt.after else "",
            ruleset_digest=ruleset_digest(self.rules),
            server_version=self._version,
        )

    @collector_paused()
    def _attempt(self, patches: Sequence[Patch]) -> Attempt:
        base = self.base
        beforehand = [
            self._base_unchanged(),
            judge.finding_present(patches, base, self._failing_in_target()),
            judge.allowed_statements(patches),
        ]
        declared = {name for p in patches for name in (*p.effects.objects, p.object.canonical)}
        if any(f.verdict is not Verdict.HELD for f in beforehand):
            return Attempt(tuple(judge.doubted(beforehand, self._unfaithful_among(declared))))
        tried, after = self._try(patches, base)
        touched = declared if after is None else declared | changed_objects(base.objects, after.objects)
        return Attempt(tuple(judge.doubted([*beforehand, *tried], self._unfaithful_among(touched))), after)

    def _try(self, patches: Sequence[Patch], base: State) -> tuple[list[Finding], State | None]:
        """Obligations 3 to 9. The copy is given back unless it is exactly what it was."""
        shadow = self._shadow()
        self._copy = None
        try:
            self._apply(shadow, patches)
        except StatementFailedError as error:
            self._end(shadow, restored=False)
            return [judge.failed(Obligation.APPLIES, str(error))], None
        after = judged(self._seen(shadow), self.target, self.declarations, self.rules)
        changed = changed_objects(base.objects, after.objects)
        names = touched_relations(changed, self._relations_of_base(), base.snapshot, after.snapshot)
        found = [
            judge.held(Obligation.APPLIES),
            judge.finding_gone(patches, after),
            judge.nothing_new(patches, base, after),
            judge.inside_scope(patches, base, after),
        ]
        patched = Catalog(after.snapshot, self.declarations)
        access_after = Access(privileges(shadow, after.snapshot), trials(shadow, patched, names))
        found.append(self._repeated(shadow, patches, after))
        undone = self._undone(shadow, patches, base)
        found.append(undone)
        self._end(shadow, restored=undone.verdict is Verdict.HELD)
        unpatched = self._shadow()
        unpatched_catalog = Catalog(base.snapshot, self.declarations)
        access_before = Access(self._privileges_before(unpatched), trials(unpatched, unpatched_catalog, names))
        found.append(judge.access_kept(patches, access_before, access_after, _affected_by(patched), (unpatched_catalog, patched)))
        return found, after

    def _repeated(self, shadow: Dsn, patches: Sequence[Patch], after: State) -> Finding:
        """(7)"""
        try:
            self._apply(shadow, patches)
        except StatementFailedError as error:
            return judge.failed(Obligation.REPEATABLE, f"the second time: {error}")
        again = in_place_of(self._seen(shadow), self.target)
        if same_schema(after.snapshot, again):
            return judge.held(Obligation.REPEATABLE)
        return judge.failed(Obligation.REPEATABLE, "the second time changes the catalogue again")

    def _undone(self, shadow: Dsn, patches: Sequence[Patch], base: State) -> Finding:
        """(8)"""
        try:
            for patch in reversed(patches):
                self._run(shadow, patch.down, transactional=patch.transactional)
        except StatementFailedError as error:
            return judge.failed(Obligation.UNDO, f"the undo fails: {error}")
        restored = in_place_of(self._seen(shadow), self.target)
        if same_schema(base.snapshot, restored):
            return judge.held(Obligation.UNDO)
        return judge.failed(Obligation.UNDO, judge.left_by_undo(base.objects, object_fingerprints(restored)))

    def _base_unchanged(self) -> Finding:
        """(10), as far as the observation goes; whoever applies the patch looks again."""
        if catalog_fingerprint(self.target) == self.base_fingerprint:
            return judge.held(Obligation.BASE_UNCHANGED)
        return judge.failed(Obligation.BASE_UNCHANGED, "the target has changed since the plan was made: make a new plan")

    # -- parts ------------------------------------------------------------------------------------------------------------
    def _apply(self, shadow: Dsn, patches: Sequence[Patch]) -> None:
        for patch in patches:
            self._run(shadow, patch.up, transactional=patch.transactional)

    def _run(self, shadow: Dsn, statements: Sequence[str], *, transactional: bool) -> None:
        run_patch(self.shadows.as_owner(shadow), statements, transactional=transactional, timeouts=self.timeouts)

    def _shadow(self) -> Dsn:
        if self._copy is None:
            self._copy = self.shadows.fresh()
        return self._copy

    def _end(self, shadow: Dsn, *, restored: bool) -> None:
        """Keep a copy that is as it was for the next trial."""
        if restored and self._copy is None:
            self._copy = shadow
        else:
            self._drop(shadow)

    def _drop(self, shadow: Dsn) -> None:
        if self._eye is not None and self._eye[0] == shadow:
            self._eye[1].close()
            self._eye = None
        self.shadows.drop(shadow)

    def _seen(self, shadow: Dsn) -> Snapshot:
        if self._eye is None or self._eye[0] != shadow or self._eye[1].closed:
            if self._eye is not None:
                self._eye[1].close()
            self._eye = (shadow, connect(shadow))
        return observe(shadow, counters=False, kept=self._eye[1])

    def _privileges_before(self, shadow: Dsn) -> Privileges:
        if self._before is None:
            self._before = privileges(shadow, self.base.snapshot)
        return self._before

    def _failing_in_target(self) -> frozenset[tuple[str, str]]:
        if self._target_fails is None:
            self._target_fails = judge.failing_keys(evaluate(self.target, self.declarations, self.rules))
        return self._target_fails

    def _unfaithful_among(self, touched: Collection[str]) -> dict[str, str]:
        """What of `touched` is not as in the target; anything on a relation counts for the whole relation."""
        if not self.unfaithful:
            return {}
        relations = {self._relation_of(name) for name in touched} - {None}
        return {
            name: why
            for name, why in self.unfaithful.items()
            if name in touched or ((relation := self._relation_of(name)) is not None and relation in relations)
        }

    def _relation_of(self, canonical: str) -> Name | None:
        if self._of_target is None:
            self._of_target = {**relations_by_identity(self.target), **self._relations_of_base()}
        return self._of_target.get(canonical)

    def _relations_of_base(self) -> dict[str, Name]:
        if self._relations is None:
            self._relations = relations_by_identity(self.base.snapshot)
        return self._relations


def _affected_by(catalog: Catalog) -> judge.Closure:
    """From a relation to itself and the views that read it."""
    names = {identity_of(r).canonical: (r.schema, r.name) for r in catalog.snapshot.relations}

    def affected(declared: str) -> Collection[str]:
        if declared not in names:
            return (declared,)
        views = closure(catalog, [names[declared]])
        return [declared, *(identity_of(catalog.relations[view]).canonical for view in views if view in catalog.relations)]

    return affected
