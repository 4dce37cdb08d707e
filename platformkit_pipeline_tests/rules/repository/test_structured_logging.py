"""Rules about logs, on records that say one thing each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from platformkit_pipeline.model.repository.components import Language
from platformkit_pipeline.model.repository.declarations import RepositoryDeclarations
from platformkit_pipeline.model.repository.log_statements import PrintingFile
from platformkit_pipeline.model.repository.manifests import Ecosystem, Manifest
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.tree import Head, TreeFile
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import find_rule


def judged(
    code: str,
    paths: Sequence[str],
    *,
    manifests: Sequence[Manifest] = (),
    printing: Sequence[PrintingFile] = (),
    declared: RepositoryDeclarations | None = None,
) -> list[Result]:
    snapshot = RepositorySnapshot(
        Head("0" * 40, "main"),
        declarations=declared or RepositoryDeclarations(),
        files=tuple(TreeFile(path, "100644", "0" * 40, 1) for path in sorted(paths)),
        manifests=tuple(manifests),
        printing_files=tuple(printing),
    )
    rule = find_rule(code)
    assert rule is not None
    return list(evaluate_repository(snapshot, [rule], date(2026, 2, 1)))


def findings(results: Sequence[Result]) -> list[tuple[str, Outcome]]:
    return [(str(result.object), result.outcome) for result in results if result.is_finding]


def python(path: str, *dependencies: str, fault: str | None = None) -> Manifest:
    return Manifest(path, Ecosystem.PYTHON, dependencies, fault=fault)


def node(path: str, *dependencies: str) -> Manifest:
    return Manifest(path, Ecosystem.NODE, dependencies)


def test_a_file_is_one_finding_and_the_others_pass() -> None:
    printing = [PrintingFile("src/a.py", Language.PYTHON, 2, (3, 7)), PrintingFile("src/b.ts", Language.JAVASCRIPT, fault="is too large")]
    results = judged("LOG001", ["src/a.py", "src/b.ts", "src/c.py", "src/d.py"], printing=printing)
    assert findings(results) == [("src/a.py", Outcome.FAIL), ("src/b.ts", Outcome.UNKNOWN)]
    assert [r.count for r in results if r.outcome is Outcome.PASS] == [2]
    assert results[0].message == "src/a.py uses print in lines 3, 7"
    assert (results[0].evidence["line"], results[0].evidence["lines"]) == (3, [3, 7])


def test_a_declaration_that_names_no_file_is_unknown() -> None:
    declared = RepositoryDeclarations(component_paths=("/source/",))
    assert findings(judged("LOG001", ["src/a.py"], declared=declared)) == [("components", Outcome.UNKNOWN)]
    assert findings(judged("LOG001", ["source/a.rs"], declared=declared)) == []


def test_the_nearest_manifest_or_one_above_names_the_logger() -> None:
    paths = ["packages/a/index.ts", "packages/b/index.ts"]
    workspace = node("package.json", "pino")
    assert findings(judged("LOG002", paths, manifests=[workspace, node("packages/a/package.json"), node("packages/b/package.json")])) == []
    own = [node("package.json"), node("packages/a/package.json", "pino"), node("packages/b/package.json", "winston")]
    results = judged("LOG002", paths, manifests=own)
    assert findings(results) == [("packages/b/package.json", Outcome.FAIL)]
    assert results[0].message == (
        "packages/b/package.json does not name pino among its dependencies; it has winston, which the constitution does not name"
    )


def test_requirements_belong_to_the_folder_above() -> None:
    assert findings(judged("LOG002", ["src/a.py"], manifests=[python("requirements/base.txt", "structlog")])) == []
    assert findings(judged("LOG002", ["src/a.py"], manifests=[python("requirements/base.txt", "loguru")])) == [
        ("requirements/base.txt", Outcome.FAIL)
    ]


def test_each_language_has_its_own_logger() -> None:
    manifests = [python("pyproject.toml", "structlog"), node("package.json", "react")]
    assert findings(judged("LOG002", ["src/a.py", "src/a.ts"], manifests=manifests)) == [("package.json", Outcome.FAIL)]
    assert findings(judged("LOG002", ["src/a.py"], manifests=manifests)) == []
    assert findings(judged("LOG002", ["README.md"], manifests=manifests)) == []


def test_edge_functions_are_judged_by_what_they_import() -> None:
    functions = Manifest("supabase/functions", Ecosystem.DENO, ("pino",))
    path = ["supabase/functions/notify/index.ts"]
    assert findings(judged("LOG002", path, manifests=[functions])) == []
    assert findings(judged("LOG002", path, manifests=[Manifest("supabase/functions", Ecosystem.DENO, ("zod",))])) == [
        ("supabase/functions", Outcome.FAIL)
    ]


def test_code_of_clients_needs_no_logger_of_servers() -> None:
    declared = RepositoryDeclarations(client_paths=("/src/web/",))
    assert findings(judged("LOG002", ["src/web/a.ts"], manifests=[node("package.json")], declared=declared)) == []


def test_what_no_manifest_says_is_unknown() -> None:
    assert findings(judged("LOG002", ["src/a.py"])) == [("logger of python", Outcome.UNKNOWN)]
    broken = python("pyproject.toml", fault="is no TOML that can be read")
    assert findings(judged("LOG002", ["src/a.py"], manifests=[broken])) == [("pyproject.toml", Outcome.UNKNOWN)]
    assert findings(judged("LOG002", ["src/a.py"], manifests=[broken, python("requirements.txt", "structlog")])) == []
