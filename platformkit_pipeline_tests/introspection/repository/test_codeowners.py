"""CODEOWNERS as GitHub reads it, and its patterns compared with git's own reading of the same ones."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

import pytest

from platformkit_pipeline.model.repository.codeowners import Codeowners
from platformkit_pipeline.model.repository.path_patterns import matches
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.introspection.repository.observing import observed

pytestmark = pytest.mark.usefixtures("without_secret_search")

PATHS = (
    *(
        "README.md",
        "docs/a.md",
        "docs/deep/b.md",
        "apps/docs/c.md",
        "src/app.py",
        "src/app.js",
        "build/logs/x.log",
        "build/logs/deep/y.log",
    ),
    *("deep/build/logs/z.log", "logs", "a b/c.txt", "src/logs/q.txt", ".github/CODEOWNERS", ".github/workflows/ci.yml", "x.py/y", "srcs/z"),
)
PATTERNS = (
    *("*", "*.md", "/docs/", "docs/", "/docs", "docs", "/build/logs/", "build/logs/", "**/logs", "**/logs/", "/src/**", "src/**/q.txt"),
    *(
        "/src/*.py",
        "*.py",
        "app.?s",
        "/**/c.md",
        "/.github/",
        ".github/workflows",
        "a*/*.txt",
        "*a*b*c*d*",
        "/d*/d*/*.m*",
        "s*/*/q*t*",
        "/src",
    ),
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_means_what_it_means_to_git(pattern: str, builder: RepositoryBuilder) -> None:
    builder.write(".gitignore", f"{pattern}\n")
    done = subprocess.run(
        ["git", "check-ignore", "--stdin", "--no-index"],
        cwd=builder.folder,
        input="\n".join(PATHS),
        text=True,
        capture_output=True,
        check=False,
    )
    ours = [path for path in PATHS if matches(pattern, path)]
    assert ours == [line.strip('"') for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("path", "is_matched"),
    [("docs/a.md", True), ("docs/deep/b.md", False), ("apps/docs/c.md", False)],
)
def test_a_star_at_the_end_stops_at_the_files_of_the_folder(path: str, is_matched: bool) -> None:
    assert matches("docs/*", path) is is_matched


def test_a_pattern_that_was_made_to_take_long_does_not() -> None:
    assert not matches("/" + "*a" * 200, "a" * 4_000 + "b")
    assert not matches("/" + "**/a/" * 60 + "b", "/".join("a" * 500))


def owners(builder: RepositoryBuilder, files: Mapping[str, str | bytes]) -> Codeowners:
    found = observed(builder, files).codeowners
    assert found is not None
    return found


def unowned(found: Codeowners) -> dict[str, tuple[str, ...]]:
    return {c.pattern: c.examples for c in found.coverage if c.unowned}


TREE = {".github/workflows/ci.yml": "on: push\n", "spec/shop/spec.md": "x", "supabase/migrations/1_a.sql": "x", "src/a.py": "x"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* @acme/all\n", {}),
        ("/.github/ @a\n", {"/spec/", "/supabase/migrations/"}),
        ("* @a\n/spec/\n", {"/spec/"}),
        ("/spec/\n* @a\n", {}),
        ("* @a\n/spec/ @b\n/spec/shop/spec.md\n", {"/spec/"}),
        ("*.md @a\n/.github @b\nsupabase/ c@example.com\n", set()),
        ("spec/* @a\n", {"/.github/", "/spec/", "/supabase/migrations/"}),
        ("* @a # everything\n", set()),
        ("# * @a\n", {"/.github/", "/spec/", "/supabase/migrations/"}),
    ],
)
def test_the_last_line_that_matches_counts(builder: RepositoryBuilder, text: str, expected: set[str]) -> None:
    assert set(unowned(owners(builder, {**TREE, ".github/CODEOWNERS": text}))) == set(expected)


def test_declared_paths_are_critical_as_well(builder: RepositoryBuilder) -> None:
    found = owners(builder, {**TREE, "CODEOWNERS": "* @a\n/src/\n", ".platformkit.yaml": "paths: {critical: ['/src/*.py']}\n"})
    assert unowned(found) == {"/src/*.py": ("src/a.py",)}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/a acme/team", "acme/team is no owner"),
        ("/a @", "@ is no owner"),
        ("/a @acme/team/sub", "is no owner"),
        ("!/a @a", "no negation"),
        ("/[ab] @a", "brackets"),
        ("\\#a @a", "cannot escape"),
        ("[Section] @a", "brackets"),
    ],
)
def test_a_line_that_github_leaves_out_is_told(builder: RepositoryBuilder, line: str, message: str) -> None:
    found = owners(builder, {**TREE, "CODEOWNERS": f"* @a\n{line}\n"})
    assert [(fault.line, message in fault.message) for fault in found.faults] == [(2, True)]
    assert found.entries == 1


def test_the_first_place_counts_and_the_others_are_told(builder: RepositoryBuilder) -> None:
    found = owners(builder, {**TREE, "docs/CODEOWNERS": "* @a\n", "CODEOWNERS": "/spec/ @b\n"})
    assert (found.path, found.others, found.owners) == ("CODEOWNERS", ("docs/CODEOWNERS",), ("@b",))


def test_a_file_that_cannot_be_read_is_told(builder: RepositoryBuilder) -> None:
    assert "UTF-8" in owners(builder, {**TREE, "CODEOWNERS": b"* @\xff\n"}).unreadable
    assert "too large" in owners(builder, {".github/CODEOWNERS": "# x\n" * 1_000_000}).unreadable
