"""Put the rules about repositories to the test: their examples are played on a copy of the well-kept repository and judged.

What such a copy cannot answer (nobody asked GitHub, nobody named a base) is UNKNOWN for rules that are not tested, which is
right and no news.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.github_settings import ask_github, with_github
from platformkit_pipeline.introspection.repository.observe import observe_repository
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.introspection.repository.secrets import search_ahead
from platformkit_pipeline.model.repository.github import GithubSettings
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.target import GithubAccess
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import Rule, Source, rules_about_repositories
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github
from platformkit_pipeline.sandbox.sample_repository.builder import START, RepositoryBuilder, build_well_kept
from platformkit_pipeline.sandbox.sample_repository.examples import Played, play, steps_of
from platformkit_pipeline.sandbox.sample_repository.github import lay_onto, well_kept_github

_TOKEN_VARIABLE = "TOKEN_OF_THE_STAND_IN"  # noqa: S105 - the name of a variable
_AFTER = START + timedelta(days=10)
"""Examples begin when the history of the well-kept repository has ended."""


@dataclass(frozen=True, slots=True)
class RepositoryBench:
    """A folder with the well-kept repository to copy from."""

    folder: Path

    @classmethod
    @contextmanager
    def set_up(cls) -> Iterator[RepositoryBench]:
        with tempfile.TemporaryDirectory(prefix="platformkit-repositories-") as place:
            build_well_kept(Path(place) / "well_kept")
            search_ahead(_contents(rules_about_repositories()))
            yield cls(Path(place))

    @contextmanager
    def played(self, example: str) -> Iterator[tuple[Path, Played]]:
        """A copy of the well-kept repository with the example carried out; gone when the block ends."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            copy = Path(place) / "shop"
            shutil.copytree(self.folder / "well_kept", copy, symlinks=True)
            yield copy, play(example, RepositoryBuilder(copy, start=_AFTER))


def _contents(rules: Sequence[Rule]) -> Iterator[bytes]:
    """Of the files that the examples write."""
    for rule in rules:
        for example in (rule.violating, rule.clean):
            yield from (step.content.encode() for step in steps_of(example) if step.verb == "file" and "{{" not in step.content)


def complaints_about_repository_rule(rule: Rule, bench: RepositoryBench) -> Iterator[str]:
    """What is wrong with a rule's examples; nothing when the violating one breaks it, and only it, and the clean one nothing."""
    violating = judged_example(bench, rule, rule.violating)
    if not any(r.rule == rule.code and _is_broken(r) for r in violating):
        yield f"violating: {rule.code} does not fail anything"
    firing = {r.rule for r in violating if r.is_finding}
    yield from (f"violating: {code} does not fire, though also_fires names it" for code in rule.also_fires if code not in firing)
    yield from (f"violating: {_told(r)}" for r in violating if r.is_finding and r.rule not in (rule.code, *rule.also_fires))
    yield from (f"clean: {_told(r)}" for r in judged_example(bench, rule, rule.clean) if r.is_finding)


def judged_example(bench: RepositoryBench, rule: Rule, example: str) -> tuple[Result, ...]:
    """What the whole book of rules about repositories says about an example, without what it gives no answer to."""
    book = rules_about_repositories()
    with bench.played(example) as (path, played):
        snapshot = _observed(path, played)
        if played.github or rule.source is Source.GITHUB:
            snapshot = with_github(snapshot, _told_by_github(played.github))
        results = evaluate_repository(snapshot, book, played.today, recorded_exceptions=played.recorded_exceptions)
    sources = {r.code: r.source for r in book}
    return tuple(r for r in results if r.rule == rule.code or sources[r.rule] is Source.CLONE or r.outcome is not Outcome.UNKNOWN)


def _observed(path: Path, played: Played) -> RepositorySnapshot:
    with open_repository(path) as repository:
        return observe_repository(repository, RepositoryOptions(name="shop", base=played.base))


def _told_by_github(changes: Sequence[str]) -> GithubSettings | str:
    """What an observation over HTTP tells of a stand-in that holds the well-kept settings, with the changes laid onto them."""
    repository = well_kept_github()
    for change in changes:
        lay_onto(repository, change)
    with serve_github() as github:
        github.repositories = {repository.full_name: repository}
        environment = {_TOKEN_VARIABLE: TOKEN, ADDRESS_VARIABLE: github.address}
        return ask_github(GithubAccess(repository.full_name, _TOKEN_VARIABLE), environment=environment)


def _is_broken(result: Result) -> bool:
    return result.is_finding and not result.message.startswith("not judged")


def _told(result: Result) -> str:
    return f"{result.rule} {result.outcome.value} {result.object.canonical}: {result.message}"
