"""Filters of workflows: the cases of GitHub's cheat sheet, and patterns that are not read."""

from __future__ import annotations

import pytest

from platformkit_pipeline.model.repository.filter_patterns import Undecidable, lets_in


@pytest.mark.parametrize(
    ("patterns", "inside", "outside"),
    [
        (["feature/*"], ["feature/my-branch"], ["feature/a/b", "main"]),
        (["feature/**"], ["feature/beta-a/my-branch"], ["main"]),
        (["main"], ["main"], ["maintenance"]),
        (["*"], ["main", "releases"], ["all/the/branches"]),
        (["**"], ["all/the/branches", "main"], []),
        (["*feature"], ["mona-feature", "ver-10-feature"], ["feature/x"]),
        (["v2*"], ["v2", "v2.0"], ["v1"]),
        (["v[12].[0-9]+.[0-9]+"], ["v1.10.1", "v2.0.0"], ["v3.0.0"]),
        (["**.js"], ["a.js", "src/js/a.js"], ["a.jsx"]),
        (["docs/**"], ["docs/README.md", "docs/mona/octocat.txt"], ["doc"]),
        (["**/docs/**"], ["docs/hello.md", "dir/docs/my-file.txt"], ["docsx/a"]),
        (["*.jsx?"], ["page.js", "page.jsx"], ["page.jsxx"]),
        (["**", "!docs/**", "docs/api/**"], ["src/a", "docs/api/x"], ["docs/a"]),
        (["!main"], [], ["main", "other"]),
        ([], [], ["main"]),
    ],
)
def test_a_filter_lets_in_what_github_says(patterns: list[str], inside: list[str], outside: list[str]) -> None:
    assert [name for name in inside + outside if lets_in(patterns, name)] == inside


@pytest.mark.parametrize("pattern", ["a*b*c*d*e*f", "[z-a]", "a+++b"])
def test_a_pattern_that_is_not_read_is_undecided(pattern: str) -> None:
    with pytest.raises(Undecidable):
        lets_in([pattern], "x")
