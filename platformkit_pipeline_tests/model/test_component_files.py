"""Which files are component code, by declaration and by convention."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.model.repository.components import Language, component_files
from platformkit_pipeline.model.repository.path_patterns import path_matcher


@pytest.mark.parametrize(
    ("patterns", "path", "named"),
    [
        (["*.py"], "src/a/b.py", True),
        (["/src/"], "src/a/b.py", True),
        (["/src/"], "lib/src/b.py", False),
        (["src/"], "lib/src/b.py", True),
        (["src"], "src", True),
        (["src"], "src/a/b.py", True),
        (["docs/*"], "docs/a.md", True),
        (["docs/*"], "docs/more/a.md", False),
        (["docs/**"], "docs/more/a.md", True),
        (["**/api"], "a/b/api/c.ts", True),
        (["a/**/z.py"], "a/z.py", True),
        (["a/**/z.py"], "a/b/c/z.py", True),
        (["apps/*/src/"], "apps/web/src/a.ts", True),
        (["apps/*/src/"], "apps/web/deep/src/a.ts", False),
        (["/src/", "!/src/cli/"], "src/cli/a.py", False),
        (["/src/", "!/src/cli/", "/src/cli/log.py"], "src/cli/log.py", True),
        (["!/src/"], "src/a.py", False),
        ([], "src/a.py", False),
        (["/", "!"], "a.py", False),
    ],
)
def test_a_pattern_names_what_codeowners_would(patterns: list[str], path: str, named: bool) -> None:
    assert path_matcher(patterns)(path) is named


@given(
    st.lists(st.sampled_from(["**", "*", "a", "a*a*a*a*a*b", "?"]), min_size=1, max_size=30), st.lists(st.sampled_from("aab"), max_size=60)
)
def test_no_pattern_is_slow(parts: list[str], segments: list[str]) -> None:
    assert path_matcher(["/".join(parts)])("/".join(segments or ["a"])) in (True, False)


def found(*paths: str, declared: tuple[str, ...] = (), packages: tuple[str, ...] = ()) -> list[str]:
    return list(component_files(paths, declared, packages))


def test_source_folders_and_declared_packages_are_component_code() -> None:
    paths = ("src/a.py", "app/page.tsx", "packages/ui/index.ts", "supabase/functions/f/index.ts", "shop/orders.py", "other/x.py", "main.py")
    assert found(*paths, packages=("shop",)) == [*paths[:5]]


def test_tests_scripts_examples_and_command_lines_are_none() -> None:
    paths = (
        "src/tests/a.py",
        "src/test_a.py",
        "src/a.test.ts",
        "src/a.d.ts",
        "src/cli/a.py",
        "src/cli.py",
        "src/scripts/a.py",
        "src/node_modules/a.js",
    )
    assert found(*paths, "src/examples/a.py", "src/vite.config.ts", "src/.hidden/a.py", "src/shop_tests/a.py") == []


def test_a_declaration_decides_but_for_tests() -> None:
    paths = ("main.py", "src/a.py", "tools/cli.py", "tools/tests/a.py", "tools/readme.md")
    assert found(*paths, declared=("/tools/", "/main.py")) == ["main.py", "tools/cli.py"]


def test_the_language_is_told_by_the_ending() -> None:
    assert component_files(["src/a.py", "src/b.mts", "src/c.rs"], (), ()) == {"src/a.py": Language.PYTHON, "src/b.mts": Language.JAVASCRIPT}
