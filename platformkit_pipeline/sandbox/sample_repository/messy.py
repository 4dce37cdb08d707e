"""Two sample repositories that between them break every rule, and what GitHub tells of them.

One alone cannot: a file that is missing has no faults, and a switch that is off has nothing to say. So `messy` has a CODEOWNERS
with faults (CIC025, CIC027), protection that demands checks which somebody may bypass and one that never reports (CIC022, CIC023),
no tests, and open alerts (SEC008, CIC040). `messy_too` has no CODEOWNERS (CIC024), no protection (CIC020), tests that may reach
too little (CIC004) and are not required (CIC021), and neither scanning for secrets nor alerts (SEC006, CIC039).

Planted in the tree of `messy`, and with other values in its history, are the six classes of secrets of clause 2.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

from platformkit_pipeline.sandbox.github.state import Repository
from platformkit_pipeline.sandbox.sample_repository.builder import START, RepositoryBuilder, build_well_kept
from platformkit_pipeline.sandbox.sample_repository.examples import play
from platformkit_pipeline.sandbox.sample_repository.github import lay_onto, well_kept_github

_AFTER = START + timedelta(days=10)
"""When the history of the well-kept repository, from which they come, has ended."""


@dataclass(frozen=True, slots=True)
class Messy:
    """The commit to judge is HEAD, `base` the one that it is compared with where a change is judged, `today` the day.

    `recorded_exceptions` are the documents that a control plane names, None where none is asked.
    """

    builder: RepositoryBuilder
    base: str | None
    today: date
    recorded_exceptions: tuple[str, ...] | None
    github: Repository


def build_messy(folder: Path) -> Messy:
    """Breaks all rules but those that `build_messy_too` breaks."""
    return _built(folder, "messy")


def build_messy_too(folder: Path) -> Messy:
    """Breaks the rules that exclude others."""
    return _built(folder, "messy_too")


def _built(folder: Path, name: str) -> Messy:
    build_well_kept(folder)
    builder = RepositoryBuilder(folder, start=_AFTER)
    steps = files("platformkit_pipeline.sandbox.sample_repository") / "messy_steps" / f"{name}.txt"
    played = play(steps.read_text(encoding="utf-8"), builder)
    return Messy(builder, played.base, played.today, played.recorded_exceptions, _settings(played.github))


def _settings(changes: Sequence[str]) -> Repository:
    repository = well_kept_github()
    for change in changes:
        lay_onto(repository, change)
    return repository
