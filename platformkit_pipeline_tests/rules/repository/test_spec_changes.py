"""What a branch brings, and whether it is significant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.change import observe_change
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.repository.change import Change, ChangedPath, How
from platformkit_pipeline.model.repository.inventory import inventory_of, snapshot_of
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder

Judge = Callable[[str, str], list[Result]]
Observe = Callable[[str], RepositorySnapshot]


def code(lines: int) -> str:
    return "\n".join(f"value_{n} = {n}" for n in range(lines))


def outcomes(results: list[Result]) -> list[Outcome]:
    return [result.outcome for result in results]


def test_without_a_base_nobody_knows(judge: Judge) -> None:
    (result,) = judge("SPC004", "")
    assert (result.outcome, "nobody named the base" in result.message) == (Outcome.UNKNOWN, True)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (f"=== file src/shop/a.py\n{code(200)}", Outcome.PASS),
        (f"=== file src/shop/a.py\n{code(201)}", Outcome.FAIL),
        (f"=== file src/shop/a.py\n{code(201)}\n=== file spec/shop/notes.md\nwords", Outcome.PASS),
        (f"=== file src/shop/a.py\n{code(201)}\n=== remove spec/shop/plan.md", Outcome.FAIL),
        (f"=== file tests/test_a.py\n{code(500)}\n=== file docs/a.py\n{code(500)}\n=== file .github/x.py\n{code(500)}", Outcome.PASS),
        ("\n".join(f"=== file src/shop/m{n}.py\nx = 1" for n in range(10)), Outcome.PASS),
        ("\n".join(f"=== file src/shop/m{n}.py\nx = 1" for n in range(11)), Outcome.FAIL),
        ("=== file worker/main.py\nx = 1", Outcome.FAIL),
        ("=== file docs/x.md\nx", Outcome.PASS),
        ("=== file CHANGELOG.md\n# Changelog\n\n## [1.2.1] - 2026-01-09\n\n### Fixed\n\n- A fault.", Outcome.PASS),
        ("=== file CHANGELOG.md\n# Changelog\n\n## [1.3.0] - 2026-01-09\n\n### Fixed\n\n- A fault.", Outcome.FAIL),
        ("=== file CHANGELOG.md\n# Changelog\n\n## [2.0.0] - 2026-01-09\n\n### Fixed\n\n- A fault.", Outcome.FAIL),
        ("=== file CHANGELOG.md\n# Changelog\n\n## [Unreleased]\n\n### Changed\n\n- Orders.", Outcome.FAIL),
        ("=== file CHANGELOG.md\n# Changelog\n\n## [1.2.1] - 2026-01-09\n\n### Added\n\n- Orders can be cancelled.", Outcome.PASS),
    ],
)
def test_a_significant_change_needs_a_word_in_the_spec(judge: Judge, change: str, outcome: Outcome) -> None:
    assert outcomes(judge("SPC004", f"=== base\n{change}")) == [outcome]


def test_what_was_there_before_the_base_is_no_part_of_the_change(judge: Judge) -> None:
    assert outcomes(judge("SPC004", f"=== file src/shop/a.py\n{code(500)}\n=== base\n=== file README.md\n# Shop")) == [Outcome.PASS]


def test_a_change_comes_back_from_the_store(observe: Observe) -> None:
    snapshot = observe("=== base\n=== file src/shop/a.py\nx = 1\n=== remove README.md\n=== file worker/a.py\ny = 1")
    assert snapshot.change is not None
    assert snapshot.change.paths == (
        ChangedPath("README.md", How.DELETED, 0, 3),
        ChangedPath("src/shop/a.py", How.ADDED, 1, 0),
        ChangedPath("worker/a.py", How.ADDED, 1, 0),
    )
    assert (snapshot.change.new_folders, snapshot.change.version_before, snapshot.change.version_after) == (("worker",), "1.2.0", "1.2.0")
    assert snapshot_of(inventory_of(snapshot), snapshot.unobserved) == snapshot


def change_of(builder: RepositoryBuilder, base: str) -> Change:
    with open_repository(builder.folder) as repository:
        commit = repository.borrowed.commit
        assert commit is not None
        return observe_change(repository, base, commit, repository.files(commit))


def test_a_moved_file_adds_nothing_and_a_binary_one_is_not_counted(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "shop")
    builder.init()
    builder.write("src/a.py", code(300))
    builder.write("old name\t.py", "x = 1\n")
    base = builder.commit("First")
    builder.remove("src/a.py")
    builder.write("src/b.py", code(300))
    builder.write("old name\t.py", "x = 2\n")
    builder.write("picture.py", b"\0\1\2")
    builder.write("large.py", "x = 1\n" * 3_000_000)
    builder.commit("Move")
    found = {path.path: (path.how, path.lines_added, path.lines_removed) for path in change_of(builder, base).paths}
    assert found == {
        "large.py": (How.ADDED, None, None),
        "old name\t.py": (How.EDITED, 1, 1),
        "picture.py": (How.ADDED, None, None),
        "src/a.py": (How.DELETED, 0, 0),
        "src/b.py": (How.ADDED, 0, 0),
    }


def test_attributes_and_drivers_of_the_repository_are_not_obeyed(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "shop")
    builder.init()
    builder.write(".gitattributes", "*.py diff=evil binary filter=evil\n")
    builder.write("a.py", "x = 1\n")
    base = builder.commit("First")
    with (builder.folder / ".git" / "config").open("a") as config:
        config.write(f'[diff "evil"]\n\ttextconv = touch {tmp_path}/run;cat\n\tcommand = touch {tmp_path}/run\n')
    builder.write("a.py", "x = 1\ny = 2\n")
    builder.commit("Second")
    change_of(builder, base)
    assert not (tmp_path / "run").exists()
