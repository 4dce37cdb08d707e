"""Which files are component code (clause 7.1), as their owners declare it, else by the conventions of folders and names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from platformkit_pipeline.model.repository.path_patterns import path_matcher


class Language(StrEnum):
    PYTHON = "python"
    JAVASCRIPT = "javascript"
    """And TypeScript."""


_LANGUAGES = {
    **dict.fromkeys((".py",), Language.PYTHON),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), Language.JAVASCRIPT),
}
_SOURCE_FOLDERS = frozenset(
    {"src", "app", "lib", "server", "api", "backend", "services", "components", "connectors", "workers", "functions"}
)
_WORKSPACES = frozenset({"packages", "apps", "services", "libs", "crates", "modules"})
_EDGE_FUNCTIONS = "supabase/functions/"
_NOT_PRODUCT = frozenset(
    {
        *("test", "tests", "__tests__", "__mocks__", "testing", "testdata", "e2e", "cypress", "playwright", "fixtures", "conformance"),
        *("example", "examples", "sample", "samples", "demo", "demos", "docs", "doc", "documentation", "stories", "benchmarks", "bench"),
        *("node_modules", "vendor", "third_party", "site-packages", "dist", "build", "out", "coverage", "generated", "__generated__"),
        *("templates", "template", "tools"),
    }
)
_NOT_PRODUCT_STARTS = (".", "sample_", "sample-", "example_", "example-")
_NOT_COMPONENTS = frozenset({"scripts", "script", "bin", "cli", "commands", "migrations", "alembic"})
"""Programs that speak to a person, and what is run once."""
_PROGRAMS = frozenset({"__main__.py", "cli.py", "setup.py", "manage.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py"})
_TEST_ENDINGS = ("_test", "_tests", ".test", ".spec", ".stories", ".config", ".conf", ".min", ".d")


def is_product_path(path: str) -> bool:
    """False below folders of tests, examples, generated and foreign files, and below hidden ones."""
    *folders, name = path.split("/")
    foreign = (f in _NOT_PRODUCT or f.startswith(_NOT_PRODUCT_STARTS) or f.endswith(("_tests", "-tests")) for f in folders)
    return bool(name) and not any(foreign)


def component_files(paths: Iterable[str], declared: tuple[str, ...], packages: Iterable[str]) -> dict[str, Language]:
    """Component code by path. `declared` are the patterns of the owners; `packages` the folders of Python packages.

    Tests are no component code whatever is declared.
    """
    wanted = path_matcher(declared) if declared else _conventional(frozenset(packages))
    found = {}
    for path in paths:
        language = _LANGUAGES.get(path[path.rfind(".") :]) if "." in path else None
        if language is not None and wanted(path) and not _is_test(path):
            found[path] = language
    return found


def _is_test(path: str) -> bool:
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0]
    if name.startswith("test_") or name == "conftest.py" or stem.endswith(_TEST_ENDINGS):
        return True
    return any(folder in ("test", "tests", "__tests__", "__mocks__", "node_modules") for folder in folders)


def _conventional(packages: frozenset[str]) -> Callable[[str], bool]:
    def matches(path: str) -> bool:
        *folders, name = path.split("/")
        if not folders or name in _PROGRAMS or not is_product_path(path) or not _NOT_COMPONENTS.isdisjoint(folders):
            return False
        if folders[0] in _SOURCE_FOLDERS or path.startswith(_EDGE_FUNCTIONS):
            return True
        if folders[0] in _WORKSPACES and len(folders) > 1:
            return True
        return any("/".join(folders[: depth + 1]) in packages for depth in range(len(folders)))

    return matches
