"""Write a proven plan into a repository as Supabase migrations, for a pull request: the ordinary way to apply it (clause 8.2)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import MAXYEAR, UTC, datetime, timedelta
from pathlib import Path

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.proof import ProofStatus, Verdict
from platformkit_pipeline.remediation.migration_files import DOWN_FOLDER, UP_FOLDER, MigrationFile, migration_files, patches_in

FOLDER = "supabase"
_VERSION_DIGITS = 14


@dataclass(frozen=True, slots=True)
class Emitted:
    """Paths that were written, and how many patches had their file there already."""

    written: tuple[Path, ...]
    present: int


def emit_plan(plan: Plan, repository: Path, *, now: datetime | None = None) -> Emitted:
    """Write `supabase/migrations/` and `supabase/rollbacks/` of the offered patches into `repository`.

    A patch whose file is there already is left alone, so that doing it again writes nothing; versions follow the newest one that is
    there. Nothing that exists is overwritten; of several files all are written or none. Raises ConfigurationError for a plan that was
    never tried, a folder that is not there, and one that cannot be written.
    """
    if any(p.proof is None for p in plan.patches):
        raise ConfigurationError("the plan has no proofs: make it with `platformkit plan`, without --no-prove")
    if plan.proof is not None and plan.proof.proof.status is ProofStatus.REFUTED:
        why = next((f.detail for f in plan.proof.proof.objections if f.verdict is Verdict.FAILED), "")
        raise ConfigurationError(f"the plan's patches hold alone, but not together: {why}; mend one finding, then make a new plan")
    if not repository.is_dir():
        raise ConfigurationError(f"--emit {repository}: is no folder; give the root of the repository that holds supabase/migrations")
    root = repository / FOLDER
    there = {digest for text in _texts(root / UP_FOLDER) for digest in patches_in(text)}
    missing = tuple(p for p in plan.offered if p.digest not in there)
    files = migration_files(replace(plan, patches=missing, manual_items=()), _next_version(root / UP_FOLDER, now or datetime.now(UTC)))
    return Emitted(_write_all(root, files), len(plan.offered) - len(missing))


def _texts(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.sql")) if folder.is_dir() else ():
        if path.is_file():
            try:
                yield path.read_text(encoding="utf-8", errors="replace")
            except OSError as error:  # it may hold a patch of the plan
                raise ConfigurationError(f"--emit: {path}: {error.strerror or type(error).__name__}") from None


def _next_version(folder: Path, now: datetime) -> datetime:
    """Now, or a second after the newest migration that is there: the CLI applies versions in their order."""
    newest = now - timedelta(seconds=1)
    for path in folder.glob("*.sql") if folder.is_dir() else ():
        digits = path.name.split("_", 1)[0]
        if len(digits) == _VERSION_DIGITS and digits.isdecimal():
            try:
                newest = max(newest, datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC))
            except ValueError:  # fourteen digits that are no date
                continue
    if newest.year == MAXYEAR:
        raise ConfigurationError(f"--emit: {folder} has a migration of the year {newest.year}, after which no version can come")
    return newest + timedelta(seconds=1)


def _write_all(root: Path, files: tuple[MigrationFile, ...]) -> tuple[Path, ...]:
    """Undo first, so that no migration is ever there without its way back; taken away again when one cannot be written."""
    written: list[Path] = []
    try:
        for file in sorted(files, key=lambda f: (not f.path.startswith(DOWN_FOLDER), f.path)):
            path = root / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            unfinished.write_text(file.text, encoding="utf-8")
            try:
                os.link(unfinished, path)  # unlike a rename it refuses to replace what is there
            finally:
                unfinished.unlink()
            written.append(path)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise ConfigurationError(f"--emit: {error.filename2 or error.filename}: {error.strerror or type(error).__name__}") from None
    return tuple(sorted(written))
