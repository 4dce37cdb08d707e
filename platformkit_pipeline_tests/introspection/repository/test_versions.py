"""Where a repository says its version, what its manifests declare, and its changelogs: from real commits."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from platformkit_pipeline.introspection.repository import observe
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.inventory import inventory_of, snapshot_of
from platformkit_pipeline.model.repository.manifests import Ecosystem
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.introspection.repository import observing

pytestmark = pytest.mark.usefixtures("without_secret_search")


def observed(builder: RepositoryBuilder, files: Mapping[str, str | bytes]) -> RepositorySnapshot:
    """Nothing of it is lost when it is stored."""
    snapshot = observing.observed(builder, files)
    assert snapshot_of(inventory_of(snapshot), snapshot.unobserved) == snapshot
    return snapshot


PROJECT = '[project]\nname = "shop"\n'
DYNAMIC = f'{PROJECT}dynamic = ["version"]\n'


@pytest.mark.parametrize(
    ("files", "path", "version", "line"),
    [
        ({"pyproject.toml": f'{PROJECT}version = "1.2.0"\n'}, "pyproject.toml", "1.2.0", 3),
        ({"pyproject.toml": '[tool.poetry]\nname = "shop"\nversion = "1.2.0"\n'}, "pyproject.toml", "1.2.0", 3),
        (
            {"pyproject.toml": f'{DYNAMIC}[tool.hatch.version]\npath = "shop/about.py"\n', "shop/about.py": '# x\n__version__ = "1.2.0"\n'},
            "shop/about.py",
            "1.2.0",
            2,
        ),
        (
            {
                "pyproject.toml": f'{DYNAMIC}[tool.setuptools.dynamic]\nversion = {{attr = "shop.__version__"}}\n',
                "src/shop/__init__.py": '__version__: str = "1.2.0"\n',
            },
            "src/shop/__init__.py",
            "1.2.0",
            1,
        ),
        (
            {"pyproject.toml": f'{DYNAMIC}[tool.setuptools.dynamic]\nversion = {{file = "RELEASE"}}\n', "RELEASE": "1.2.0\n"},
            "RELEASE",
            "1.2.0",
            1,
        ),
        ({"package.json": '{\n  "name": "shop",\n  "version": "1.2.0"\n}\n'}, "package.json", "1.2.0", 3),
        ({"Cargo.toml": '[package]\nname = "shop"\nversion = "1.2.0"\n'}, "Cargo.toml", "1.2.0", 3),
        ({"Cargo.toml": '[workspace.package]\nversion = "1.2.0"\n'}, "Cargo.toml", "1.2.0", 2),
        ({"VERSION": "1.2.0\n"}, "VERSION", "1.2.0", 1),
        ({"Chart.yaml": "name: shop\nversion: 1.2.0\nappVersion: 7\n"}, "Chart.yaml", "1.2.0", 2),
    ],
)
def test_a_version_is_found_where_it_is_said(builder: RepositoryBuilder, files: dict[str, str], path: str, version: str, line: int) -> None:
    (source,) = observed(builder, files).versions
    assert (source.path, source.version, source.line, source.module, source.fault) == (path, version, line, "", None)


def test_the_package_says_its_version_as_well(builder: RepositoryBuilder) -> None:
    files = {"pyproject.toml": f'{PROJECT}version = "1.2.0"\n', "src/shop/__init__.py": '__version__ = "1.2.1"\n'}
    assert [(s.path, s.version) for s in observed(builder, files).versions] == [
        ("pyproject.toml", "1.2.0"),
        ("src/shop/__init__.py", "1.2.1"),
    ]


@pytest.mark.parametrize(
    "more",
    [
        '[tool.hatch.version]\nsource = "vcs"\n',
        '[build-system]\nrequires = ["setuptools", "setuptools-scm>=8"]\n',
        '[tool.pdm.version]\nsource = "scm"\n',
    ],
)
def test_a_version_that_the_build_takes_from_tags_is_told_as_such(builder: RepositoryBuilder, more: str) -> None:
    (source,) = observed(builder, {"pyproject.toml": DYNAMIC + more}).versions
    assert (source.version, source.from_tags, source.fault) == (None, True, None)


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"pyproject.toml": DYNAMIC}, "computed"),
        ({"pyproject.toml": f'{DYNAMIC}[tool.hatch.version]\npath = "a.py"\n', "a.py": "__version__ = compute()\n"}, "assigns no version"),
        ({"pyproject.toml": "[project\n"}, "is no TOML"),
        ({"pyproject.toml": b"\xff\xfe"}, "is no UTF-8 text"),
        ({"package.json": "[" * 100_000}, "is no JSON"),
        ({"package.json": "[]"}, "holds no JSON object"),
        ({"package.json": '{"version": ' + "9" * 10_000 + "}"}, "is no JSON"),
        ({"Chart.yaml": "version: [\n"}, "is no YAML"),
        ({"Cargo.toml": "a=" + "[" * 5_000}, "is no TOML"),
    ],
)
def test_a_version_that_cannot_be_read_is_told_with_the_reason(
    builder: RepositoryBuilder, files: dict[str, str | bytes], fault: str
) -> None:
    (source,) = observed(builder, files).versions
    assert source.version is None
    assert fault in (source.fault or "")


def test_what_is_not_released_and_what_is_not_ours_has_no_version(builder: RepositoryBuilder) -> None:
    files = {
        "package.json": '{"private": true, "version": "1.0.0", "workspaces": ["packages/*"]}',
        "packages/a/package.json": '{"version": "0.0.0", "private": true}',
        "packages/b/package.json": '{"version": "3.1.0"}',
        "packages/b/node_modules/c/package.json": '{"version": "9.9.9"}',
        "tests/fixtures/package.json": '{"version": "9.9.9"}',
        "examples/VERSION": "9.9.9\n",
        "docs/VERSION": "9.9.9\n",
        "VERSION": "this file\nexplains versions\n",
    }
    assert [(s.path, s.version, s.module) for s in observed(builder, files).versions] == [
        ("packages/b/package.json", "3.1.0", "packages/b")
    ]


def test_one_changelog_of_a_folder_counts(builder: RepositoryBuilder) -> None:
    files = {
        "Changes.md": "## 1.0.0\n",
        "CHANGELOG.md": "## 1.2.0\n",
        "packages/a/changelog.md": "## 3.0.0\n",
        "tests/CHANGELOG.md": "## 9.0.0\n",
    }
    found = observed(builder, files).changelogs
    assert [(c.path, c.releases[0].version) for c in found] == [("CHANGELOG.md", "1.2.0"), ("packages/a/changelog.md", "3.0.0")]


def test_a_changelog_that_is_no_text_says_so(builder: RepositoryBuilder) -> None:
    (changelog,) = observed(builder, {"CHANGELOG.md": b"\xff\xfe\x00"}).changelogs
    assert "is no UTF-8 text" in (changelog.fault or "")


def test_dependencies_are_those_that_run(builder: RepositoryBuilder) -> None:
    pyproject = f"""{PROJECT}version = "1.0.0"
dependencies = ["Structlog[dev]>=25 ; python_version > '3'", "psycopg @ https://example.com/x.whl"]
[project.optional-dependencies]
web = ["fastapi"]
dev = ["pytest"]
[dependency-groups]
lint = ["ruff"]
"""
    files = {
        "pyproject.toml": pyproject,
        "requirements.txt": "# comment\n-r other.txt\nDjango==5.2 \\\n  --hash=sha256:00\n./local\n",
        "requirements/dev.txt": "pytest\n",
        "requirements-test.txt": "pytest\n",
        "requirements/base.in": "httpx\n",
        "api/setup.cfg": "[options]\ninstall_requires =\n  flask>=3\n  structlog\n",
        "web/package.json": '{"dependencies": {"pino": "9"}, "devDependencies": {"vitest": "3"}, "peerDependencies": {"react": "19"}}',
        "Cargo.toml": '[dependencies]\ntracing = "0.1"\n[dev-dependencies]\ninsta = "1"\n',
        "go.mod": "module x\n\nrequire (\n\tgithub.com/rs/zerolog v1.33.0\n)\n",
        "supabase/functions/notify/deno.json": '{"imports": {"pino": "npm:pino@9", "a": "./a.ts"}, /* why */ }',
        "supabase/functions/notify/index.ts": (
            'import { z } from "npm:zod@3/mini";\nimport x from "https://esm.sh/@supabase/supabase-js@2";\nimport "./a.ts";\n'
        ),
        "tests/package.json": '{"dependencies": {"left-pad": "1"}}',
    }
    found = {m.path: (m.ecosystem, m.dependencies, m.fault) for m in observed(builder, files).manifests}
    assert found == {
        "pyproject.toml": (Ecosystem.PYTHON, ("fastapi", "psycopg", "structlog"), None),
        "requirements.txt": (Ecosystem.PYTHON, ("django",), None),
        "requirements/base.in": (Ecosystem.PYTHON, ("httpx",), None),
        "api/setup.cfg": (Ecosystem.PYTHON, ("flask", "structlog"), None),
        "web/package.json": (Ecosystem.NODE, ("pino", "react"), None),
        "Cargo.toml": (Ecosystem.RUST, ("tracing",), None),
        "go.mod": (Ecosystem.GO, ("github.com/rs/zerolog",), None),
        "supabase/functions/notify/deno.json": (Ecosystem.DENO, ("pino",), None),
        "supabase/functions": (Ecosystem.DENO, ("@supabase/supabase-js", "zod"), None),
    }


def test_packages_are_those_that_the_manifest_names_or_that_carry_its_name(builder: RepositoryBuilder) -> None:
    files = {
        "pyproject.toml": f'{PROJECT}version = "1.0.0"\n[tool.hatch.build.targets.wheel]\npackages = ["lib/extra", "missing"]\n',
        "shop/__init__.py": "",
        "lib/extra/__init__.py": "",
        "elsewhere/__init__.py": "",
    }
    assert observed(builder, files).manifests[0].packages == ("lib/extra", "shop")


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("deno.json", "{" + "/*" * 500_000),
        ("deno.json", '{"' + '\\"' * 500_000),
        ("deno.json", "{" + "," * 500_000 + " " * 500_000),
        ("go.mod", "\n" * 1_000_000 + "x"),
        ("pyproject.toml", "\n" * 500_000 + "[project]\nversion='1'" + "\n" * 500_000),
        ("package.json", "\n" * 900_000 + '{"version": "1.0.0"}'),
        ("requirements.txt", "a" * 1_900_000),
        ("requirements.txt", "a[" + "b," * 900_000),
        ("setup.cfg", "[options]\ninstall_requires=\n" + " a\n" * 300_000),
        ("supabase/functions/a/index.ts", "import" + " " * 1_900_000 + "x"),
        ("supabase/functions/a/index.ts", "import(" * 270_000),
        ("VERSION", "1" * 60_000),
        ("CHANGELOG.md", "## 1.0.0\n" * 200_000),
    ],
)
def test_hostile_manifests_end(builder: RepositoryBuilder, path: str, content: str) -> None:
    snapshot = observed(builder, {path: content})
    assert path in {file.path for file in snapshot.files}


def test_more_than_can_be_read_is_unknown(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "MAX_MANIFESTS", 2)
    monkeypatch.setattr(observe, "MAX_SOURCES", 2)
    snapshot = observed(builder, {f"packages/{name}/package.json": '{"version": "1.0.0"}' for name in "ab"})
    assert not snapshot.observed(RepositoryFacet.MANIFESTS)
    assert not snapshot.observed(RepositoryFacet.VERSIONS)
