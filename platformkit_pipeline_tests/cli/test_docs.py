from __future__ import annotations

import json
from pathlib import Path

import pytest

from platformkit_pipeline.parity.contract_schemas import contract_schemas
from platformkit_pipeline.reporting.constitution_book import constitution_markdown
from platformkit_pipeline.reporting.rule_book import rules_markdown
from platformkit_pipeline.rules.registry import all_rules
from platformkit_pipeline.sandbox.sample_repository.builder import build_well_kept
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.cli.program import ROOT


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with up-to-date generated documents, as the root of a checkout has them; the working directory."""
    (tmp_path / "docs" / "contracts").mkdir(parents=True)
    for name, text in contract_schemas():
        (tmp_path / "docs" / "contracts" / name).write_text(text, encoding="utf-8")
    (tmp_path / "docs" / "rules.md").write_text(rules_markdown(all_rules()), encoding="utf-8")
    (tmp_path / "docs" / "constitution.md").write_text(constitution_markdown(all_rules()), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_rule_book_goes_to_stdout(program: Program) -> None:
    done = program("docs", "rules")
    assert (done.code, done.stdout) == (0, rules_markdown(all_rules()))


def test_the_rule_book_goes_to_a_file(program: Program, tmp_path: Path) -> None:
    output = tmp_path / "rules.md"
    assert program("docs", "rules", "--output", str(output)).stdout == ""
    assert output.read_text(encoding="utf-8") == rules_markdown(all_rules())


@pytest.mark.parametrize("arguments", [("docs", "--check"), ("docs", "rules", "--check")])
def test_what_is_up_to_date_passes(program: Program, checkout: Path, arguments: tuple[str, ...]) -> None:
    assert program(*arguments) == program(*arguments)
    done = program(*arguments)
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "arguments", [("docs", "--check"), ("docs", "rules", "--check"), ("docs", "rules", "--check", "--output", "docs/rules.md")]
)
def test_what_was_changed_by_hand_is_shown(program: Program, checkout: Path, arguments: tuple[str, ...]) -> None:
    book = checkout / "docs" / "rules.md"
    changed = book.read_text(encoding="utf-8").replace("# Rule book", "# My rule book")
    book.write_text(changed, encoding="utf-8")
    done = program(*arguments)
    assert done.code == 1
    assert "-# My rule book\n+# Rule book\n" in done.stdout
    assert "platformkit docs rules --output docs/rules.md" in done.stderr
    assert book.read_text(encoding="utf-8") == changed


def test_a_missing_rule_book_is_wrong_input(program: Program, checkout: Path) -> None:
    (checkout / "docs" / "rules.md").unlink()
    done = program("docs", "--check")
    assert done.code == 2
    assert "docs/rules.md: cannot be read" in done.stderr


def test_it_has_to_be_said_which_document(program: Program) -> None:
    done = program("docs")
    assert done.code == 2
    assert "platformkit docs rules" in done.stderr


def test_the_rule_book_in_the_tree_is_what_the_rules_say() -> None:
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == rules_markdown(all_rules())


def test_release_notes_and_the_next_version_come_from_the_committed_changelog(program: Program, tmp_path: Path) -> None:
    builder = build_well_kept(tmp_path / "shop")
    repo = ("--repo", str(builder.folder))
    assert program("docs", "release-notes", *repo).stdout == "### Added\n\n- Orders can be cancelled.\n"
    assert program("docs", "release-notes", "v1.1.1", *repo).stdout == "### Fixed\n\n- Totals are rounded once.\n"
    assert program("docs", "release-notes", "--next-version", *repo).code == 2
    builder.write("CHANGELOG.md", "## Unreleased\n\n### Removed\n\n- One\n\n## 1.2.0\n")
    builder.commit("Remove one")
    file = tmp_path / "next.txt"
    assert program("docs", "release-notes", "--next-version", *repo, "--output", str(file)).stdout == ""
    assert file.read_text() == "2.0.0\n"
    for wrong in (("9.9.9",), ("1.2.0", "--next-version")):
        assert program("docs", "release-notes", *wrong, *repo).code == 2


def test_schemas_of_contract_files_are_written_and_checked(program: Program, checkout: Path) -> None:
    folder = checkout / "docs" / "contracts"
    schema = folder / "data.schema.json"
    written = schema.read_text(encoding="utf-8")
    schema.write_text(written.replace("DataContract", "Contract"), encoding="utf-8")
    for arguments in (("docs", "--check"), ("docs", "contracts", "--check")):
        done = program(*arguments)
        assert done.code == 1
        assert "`platformkit docs contracts --output docs/contracts` writes it anew" in done.stderr
    done = program("docs", "contracts")
    assert (done.code, "docs/contracts/data.schema.json" in done.stdout.splitlines()) == (0, True)
    assert schema.read_text(encoding="utf-8") == written
    schema.unlink()
    assert program("docs", "contracts", "--check").code == 2


def test_the_clauses_are_written_for_people_and_machines_and_compared(program: Program, checkout: Path) -> None:
    assert program("docs", "constitution").stdout == constitution_markdown(all_rules())
    answered = json.loads(program("docs", "constitution", "--format", "json").stdout)
    assert [clause["clause"] for clause in answered["clauses"]][:2] == ["1.1", "1.2"]
    assert program("docs", "constitution", "--check", "--format", "json").code == 2
    book = checkout / "docs" / "constitution.md"
    book.write_text(book.read_text(encoding="utf-8").replace("RLS001", "RLS999"), encoding="utf-8")
    assert [program("docs", *arguments).code for arguments in (("--check",), ("constitution", "--check"))] == [1, 1]
