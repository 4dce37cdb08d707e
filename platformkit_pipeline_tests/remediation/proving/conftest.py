"""Proofs on plain copies of the target: what is tested here is the proof, not how a shadow is built."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.identity import ObjectIdentity
from platformkit_pipeline.model.patch import Patch, Plan
from platformkit_pipeline.model.proof import Demanded, Proof, Verdict
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.snapshot_inventory import identity_of
from platformkit_pipeline.model.target import Declarations, Target, TargetKind
from platformkit_pipeline.remediation.plan import build_plan
from platformkit_pipeline.remediation.proving.prover import Prover
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.sandbox.databases import drop_database, with_user
from platformkit_pipeline.sandbox.supabase import copy_supabase_database
from platformkit_pipeline_tests.rules.conftest import RULES, run_sql

TARGET = Target(TargetKind.SUPABASE_PROJECT, "shop")
_serial = itertools.count(1)


@dataclass
class Copies:
    """Shadows that are copies of the target itself, so that they are faithful whatever is in it."""

    admin: Dsn
    template: str
    made: list[str]

    def fresh(self) -> Dsn:
        name = f"{self.template}_copy_{next(_serial)}"
        self.made.append(name)
        return copy_supabase_database(self.admin, name, template=self.template, copy_files=True)

    def as_owner(self, dsn: Dsn) -> Dsn:
        return with_user(dsn, "postgres")

    def drop(self, dsn: Dsn) -> None:
        name = str(conninfo_to_dict(dsn.reveal())["dbname"])
        drop_database(self.admin, name)
        self.made.remove(name)


@dataclass
class Bench:
    """A target that keeps every rule but what a test plants, and provers for it."""

    target: Dsn
    admin: Dsn
    stack: ExitStack
    copies: Copies

    def prover(self, **changes: Any) -> Prover:
        snapshot: Snapshot = changes.pop("target", None) or observe(self.target)
        given: dict[str, Any] = {"declarations": Declarations(), "rules": RULES, "base_fingerprint": catalog_fingerprint(snapshot)}
        prover = Prover(self.copies, snapshot, **{**given, **changes})
        self.stack.enter_context(closing(prover))
        return prover

    def plan(self, declarations: Declarations | None = None) -> Plan:
        declared = declarations or Declarations()
        snapshot = observe(self.target)
        return build_plan(TARGET, "scan", catalog_fingerprint(snapshot), evaluate(snapshot, declared, RULES), snapshot, declared)

    def plant(self, sql: str, role: str = "postgres") -> None:
        run_sql(self.target, sql, role)

    def patch(self, **changes: Any) -> Patch:
        """The only patch of the plan, changed."""
        [patch] = self.plan().patches
        effects = {name: changes.pop(name) for name in ("statements", "objects", "access", "successors") if name in changes}
        return replace(patch, effects=replace(patch.effects, **effects), **changes)


@pytest.fixture
def bench(well_kept: Dsn, admin_dsn: Dsn) -> Iterator[Bench]:
    name = str(conninfo_to_dict(well_kept.reveal())["dbname"])
    copies = Copies(admin_dsn, name, [])
    with ExitStack() as stack:
        yield Bench(well_kept, admin_dsn, stack, copies)
    assert copies.made == [], "a prover drops what it made"


def refusing(proof: Proof) -> dict[Demanded, str]:
    """What failed, with its detail."""
    return {f.obligation: f.detail for f in proof.findings if f.verdict is Verdict.FAILED}


def finding_of(bench: Bench, rule: str, canonical: str) -> ObjectIdentity:
    """The object that a rule fails; where it fails none of that name, the object itself."""
    snapshot = observe(bench.target)
    for result in evaluate(snapshot, Declarations(), RULES):
        if (result.rule, result.object.canonical) == (rule, canonical):
            return result.object
    records = (*snapshot.relations, *snapshot.functions, *snapshot.constraints, *snapshot.policies)
    return next(identity for record in records if (identity := identity_of(record)).canonical == canonical)
