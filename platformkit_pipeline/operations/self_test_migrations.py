"""Put the rules about migrations to the test: their examples become folders, which are read and judged like any other.

An example is the text of one migration. Lines begin further files:

    -- file: <name>              a migration; `(latin-1)` behind the name: saved in that encoding
    -- applied: <name>           one that the merge base has already; with a later `-- file:` of that name, one that was edited
    -- rollback: <name>          the file in `rollbacks/` that takes it back

Every migration of an example sets its timeouts, as all should; it is not written out, except by the rules that ask for that.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from platformkit_pipeline.introspection.repository.migrations import read_migrations
from platformkit_pipeline.model.migration import ROLLBACK_FOLDER, Change, ChangedMigrations
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.operations.lint_migrations import LintOptions, subject_of
from platformkit_pipeline.rules.evaluate_migrations import evaluate_migrations
from platformkit_pipeline.rules.registry import Rule, rules_about_files

_MARKER = re.compile(r"^-- (?P<what>file|applied|rollback): (?P<name>\S+)(?P<latin> \(latin-1\))?[ \t]*$\n?", re.MULTILINE)
_TIMEOUTS = b"set lock_timeout = '2s'; set statement_timeout = '30s';\n"
_ABOUT_TIMEOUTS = frozenset({"require-lock-timeout", "require-statement-timeout"})
_ONLY = "20240101000000_example.sql"
_BASE = "0" * 40


def complaints_about(rule: Rule) -> Iterator[str]:
    """What is wrong with a rule's examples; nothing when the violating one makes it fire, and only it, and the clean one nothing."""
    written_out = rule.name in _ABOUT_TIMEOUTS
    violating = judged_example(rule.violating, timeouts=not written_out)
    firing = {r.rule for r in violating if r.is_finding}
    if rule.code not in firing:
        yield f"violating: {rule.code} finds nothing"
    yield from (f"violating: {code} does not fire, though also_fires names it" for code in rule.also_fires if code not in firing)
    yield from (f"violating: {_told(r)}" for r in violating if r.is_finding and r.rule not in (rule.code, *rule.also_fires))
    yield from (f"clean: {_told(r)}" for r in judged_example(rule.clean, timeouts=not written_out) if r.is_finding)


def judged_example(example: str, *, timeouts: bool = True) -> tuple[Result, ...]:
    """What the whole book of rules about files says about an example."""
    with tempfile.TemporaryDirectory(prefix="platformkit-example-") as place:
        folder = Path(place) / "migrations"
        changes = _written(example, folder, _TIMEOUTS if timeouts else b"")
        options = LintOptions()
        return evaluate_migrations(subject_of(read_migrations(folder), changes, options), rules_about_files())


def _written(example: str, folder: Path, before: bytes) -> ChangedMigrations | None:
    """Write the files of an example; the change that it shows, where some of them were applied already."""
    rollbacks = folder.parent / ROLLBACK_FOLDER
    folder.mkdir()
    rollbacks.mkdir()
    applied: dict[str, bytes] = {}
    now: dict[str, bytes] = {}
    for what, name, data in _parts(example):
        match what:
            case "rollback":
                (rollbacks / name).write_bytes(data)
            case "applied":
                applied[name] = now[name] = data
            case _:
                now[name] = data
    for name, data in now.items():
        (folder / name).write_bytes(before + data)
    if not applied:
        return None
    changes = {n: Change.EDITED if n in applied else Change.ADDED for n, data in now.items() if applied.get(n) != data}
    return ChangedMigrations(_BASE, MappingProxyType(changes))


def _parts(example: str) -> Iterator[tuple[str, str, bytes]]:
    markers = list(_MARKER.finditer(example))
    if not markers:
        yield "file", _ONLY, example.encode()
    ends = [*(following.start() for following in markers[1:]), len(example)]
    for marker, end in zip(markers, ends, strict=bool(markers)):
        text = example[marker.end() : end]
        yield marker["what"], marker["name"], text.encode("latin-1" if marker["latin"] else "utf-8")


def _told(result: Result) -> str:
    return f"{result.rule} {result.outcome.value} {result.object.name}:{result.evidence.get('line', 1)}: {result.message}"
