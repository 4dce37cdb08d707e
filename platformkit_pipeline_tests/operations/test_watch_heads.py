"""Which HEADs moved: real repositories, and what is remembered carried from look to look as text."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from platformkit_pipeline.operations.watch_heads import Limits, Look, Remembered, look_at_heads
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder


class Watch:
    """Looks again and again, remembering only the text."""

    def __init__(self, paths: dict[str, Path], **limits: float) -> None:
        self.paths = paths
        self.text: str | None = None
        self.limits = Limits(**limits)  # type: ignore[arg-type]  # the fields that the case names
        self.ticks: Iterator[float] = itertools.repeat(0.0)

    def look(self) -> Look:
        look = look_at_heads(self.paths, Remembered.from_json(self.text), self.limits, lambda: next(self.ticks))
        self.text = look.remembered.to_json()
        return look

    def names(self) -> list[str]:
        return [head.name for head in self.look().changed]


@pytest.fixture
def build(tmp_path: Path) -> Callable[[str], RepositoryBuilder]:
    """Makes a repository with one commit."""

    def made(name: str) -> RepositoryBuilder:
        builder = RepositoryBuilder(tmp_path / name)
        builder.init()
        builder.commit("one")
        return builder

    return made


def test_a_repository_is_reported_when_it_is_new_and_then_when_its_head_moves(build: Callable[[str], RepositoryBuilder]) -> None:
    a, b = build("a"), build("b")
    watch = Watch({"a": a.folder, "b": b.folder})
    assert [(head.name, head.commit) for head in watch.look().changed] == [("a", a.head()), ("b", b.head())]
    assert watch.names() == []
    moved = b.commit("two")
    assert [(head.name, head.commit) for head in watch.look().changed] == [("b", moved)]
    assert watch.names() == []


def test_a_head_that_goes_back_and_forth_is_reported_each_time_on_an_occasion_of_its_own(
    build: Callable[[str], RepositoryBuilder],
) -> None:
    a = build("a")
    watch = Watch({"a": a.folder})
    first = a.head()
    second = a.commit("two")
    seen = []
    for commit in (first, second, first, second):
        a._git("reset", "--quiet", "--hard", commit)
        (head,) = watch.look().changed
        assert head.commit == commit
        seen.append(head.occasion)
    assert len(set(seen)) == 4


def test_the_same_look_again_reports_the_same_occasion(build: Callable[[str], RepositoryBuilder]) -> None:
    """Whoever dies before keeping what was remembered asks for the same thing, not for another one."""
    watch = Watch({"a": build("a").folder})
    watch.text = Remembered().to_json()
    before = watch.text
    first = watch.look().changed
    watch.text = before
    assert watch.look().changed == first


@pytest.mark.parametrize("text", [None, "", "{}", "[1]", "not JSON", '{"heads": 3, "reports": 1, "after": "", "origin": ""}'])
def test_what_was_forgotten_is_reported_again_on_another_occasion(build: Callable[[str], RepositoryBuilder], text: str | None) -> None:
    watch = Watch({"a": build("a").folder})
    (before,) = watch.look().changed
    watch.text = text
    (after,) = watch.look().changed
    assert (after.commit, after.occasion == before.occasion) == (before.commit, False)


def test_one_that_cannot_be_read_is_named_and_stops_no_other(build: Callable[[str], RepositoryBuilder], tmp_path: Path) -> None:
    a, b, c = build("a"), build("b"), build("c")
    watch = Watch({"a": a.folder, "b": b.folder, "c": c.folder, "gone": tmp_path / "gone"})
    head = b.folder / ".git" / "HEAD"
    kept = head.read_text()
    head.write_text("nonsense")
    look = watch.look()
    assert [found.name for found in look.changed] == ["a", "c"]
    assert look.unreadable.keys() == {"b", "gone"}
    assert "there is no such folder" in look.unreadable["gone"]
    head.write_text(kept)
    assert watch.names() == ["b"]
    head.unlink()
    assert watch.look().unreadable.keys() == {"b", "gone"}
    head.write_text(kept)
    assert watch.names() == [], "it was reported before, and has not moved"


def test_a_repository_without_a_commit_is_reported_once_and_again_with_its_first(tmp_path: Path) -> None:
    empty = RepositoryBuilder(tmp_path / "empty")
    empty.init()
    watch = Watch({"empty": empty.folder})
    assert [head.commit for head in watch.look().changed] == [None]
    assert watch.names() == []
    commit = empty.commit("one")
    assert [head.commit for head in watch.look().changed] == [commit]


def test_one_look_reports_so_many_and_the_next_goes_on_there(build: Callable[[str], RepositoryBuilder]) -> None:
    folders = {name: build(name).folder for name in "abcde"}
    watch = Watch(folders, changes=2)
    assert [watch.names() for _ in range(4)] == [["a", "b"], ["c", "d"], ["e"], []]


def test_a_look_that_takes_too_long_ends_and_the_next_goes_on_there(build: Callable[[str], RepositoryBuilder]) -> None:
    watch = Watch({name: build(name).folder for name in "abc"}, seconds=1)
    watch.ticks = iter([0, 0.5, 2])
    look = watch.look()
    assert ([head.name for head in look.changed], look.left_over) == (["a"], 2)
    watch.ticks = itertools.repeat(0.0)
    assert watch.names() == ["b", "c"]


def test_one_that_is_no_longer_listed_is_forgotten(build: Callable[[str], RepositoryBuilder]) -> None:
    a = build("a")
    watch = Watch({"a": a.folder})
    watch.look()
    watch.paths = {}
    assert watch.look().remembered.heads == {}
    watch.paths = {"a": a.folder}
    assert watch.names() == ["a"]
