"""Statements that print, found by ruff and ast-grep on copies, whatever the repository says about them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository import log_statements
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.log_statements import PrintingFile
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.introspection.repository.observing import observed

pytestmark = pytest.mark.usefixtures("without_secret_search")


def printing(builder: RepositoryBuilder, files: Mapping[str, str | bytes]) -> dict[str, PrintingFile]:
    snapshot = observed(builder, files)
    assert snapshot.observed(RepositoryFacet.LOG_STATEMENTS)
    return {found.path: found for found in snapshot.printing_files}


def test_prints_of_python_are_found_with_their_lines(builder: RepositoryBuilder) -> None:
    text = (
        'import pprint\nimport sys\nprint("a")\npprint.pprint(1)\n'
        'print("b", file=sys.stderr)\nprint("c", file=open("f"))\nfootprint = 1\n"print(1)"\n'
    )
    (found,) = printing(builder, {"src/a.py": text, "src/clean.py": "# print(1)\nsprint = 1\n"}).values()
    assert (found.path, found.count, found.lines, found.fault) == ("src/a.py", 3, (3, 4, 5), None)


@pytest.mark.parametrize("ending", ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"])
def test_every_use_of_console_is_found(builder: RepositoryBuilder, ending: str) -> None:
    text = (
        "console.log(1);\nfetch(x).catch(console.error);\nglobalThis.console.warn(2);\nconsole?.info(3);\nconsole['log'](4);\n"
        "// console.log(5)\nconst s = 'console.log(6)';\nmy.console.log(7);\nconsoles.log(8);\n"
    )
    (found,) = printing(builder, {f"src/a.{ending}": text}).values()
    assert (found.count, found.lines, found.fault) == (5, (1, 2, 3, 4, 5), None)


def test_suppressions_and_configuration_of_the_repository_change_nothing(builder: RepositoryBuilder) -> None:
    files = {
        "src/a.py": "# ruff: noqa\nprint(1)  # noqa: T201\n",
        "src/b.ts": "// ast-grep-ignore\nconsole.log(1);\nconsole.log(2); // ast-grep-ignore: console-typescript\n",
        "ruff.toml": 'exclude = ["*"]\n',
        "pyproject.toml": '[tool.ruff]\nexclude = ["src"]\n[tool.ruff.lint.per-file-ignores]\n"*" = ["T20"]\n',
        "sgconfig.yml": "ruleDirs: [none]\n",
        ".gitignore": "src/\n",
        ".ignore": "*\n",
    }
    assert {path: found.lines for path, found in printing(builder, files).items()} == {"src/a.py": (2,), "src/b.ts": (2, 3)}


def test_names_of_files_are_no_arguments_and_no_patterns(builder: RepositoryBuilder) -> None:
    names = ("--exit-zero.py", "a b'\"$(touch x).py", "ä\n.py", "*.py", "000000.py")
    assert set(printing(builder, {f"src/{name}": "print(1)\n" for name in names})) == {f"src/{name}" for name in names}


@pytest.mark.parametrize(
    ("path", "content", "fault"),
    [
        ("src/a.py", 'print "old"\n', "cannot be parsed: line 1"),
        ("src/a.py", b"print('\xff')\n", "is no UTF-8 text"),
        ("src/a.py", "print(1)\n" * 2001, "holds the word 2001 times"),
        ("src/a.ts", "console.log(1);\n" * 2001, "holds the word 2001 times"),
        ("src/a.py", "print(1)\n" + "#" * 3_000_000, "is too large"),
    ],
)
def test_a_file_that_cannot_be_examined_is_told_with_the_reason(
    builder: RepositoryBuilder, path: str, content: str | bytes, fault: str
) -> None:
    found = printing(builder, {path: content, "src/fine.py": "x = 1\n"})[path]
    assert (found.count, found.lines) == (0, ())
    assert fault in (found.fault or "")


def test_many_lines_are_counted_and_few_kept(builder: RepositoryBuilder) -> None:
    (found,) = printing(builder, {"src/a.py": "print(1)\n" * 200}).values()
    assert (found.count, found.lines) == (200, tuple(range(1, 51)))


def test_new_syntax_is_understood(builder: RepositoryBuilder) -> None:
    text = (
        "type Ids[T] = list[T]\n\n\ndef f[T](x: T) -> T:\n    try:\n"
        "        print(f\"{x!r:>{'10'}}\")\n    except* ValueError:\n        pass\n    return x\n"
    )
    assert printing(builder, {"src/a.py": text})["src/a.py"].lines == (6,)


def test_links_are_not_followed(builder: RepositoryBuilder, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("print(1)\n")
    builder.write("src/b.py", "x = 1\n")
    (builder.folder / "src" / "a.py").symlink_to(outside)
    assert printing(builder, {}) == {}


def test_a_tool_that_is_missing_leaves_the_facet_unobserved(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_statements, "find_program", lambda name: None)
    snapshot = observed(builder, {"src/a.py": "print(1)\n"})
    assert "ruff: is not installed" in snapshot.why_unobserved(RepositoryFacet.LOG_STATEMENTS)
    assert "ast-grep" not in snapshot.why_unobserved(RepositoryFacet.LOG_STATEMENTS)


def test_a_tool_is_not_needed_where_the_word_does_not_occur(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_statements, "find_program", lambda name: None)
    assert observed(builder, {"src/a.py": "x = 1\n"}).observed(RepositoryFacet.LOG_STATEMENTS)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 3", "ended with 3"),
        ("echo hello", "another form"),
        ("echo 999999.py:1:1: T201 x", "was not asked about"),
    ],
)
def test_a_tool_that_answers_otherwise_is_not_believed(
    builder: RepositoryBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    program = tmp_path / "tool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(log_statements, "find_program", lambda name: str(program))
    snapshot = observed(builder, {"src/a.py": "print(1)\n"})
    assert why in snapshot.why_unobserved(RepositoryFacet.LOG_STATEMENTS)
    assert snapshot.printing_files == ()
