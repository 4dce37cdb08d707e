"""`platformkit new` as its users start it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.cli.program import ROOT


def test_a_project_and_a_table_are_written_once(program: Program, tmp_path: Path) -> None:
    made = program("new", "project", "shop", "--dir", str(tmp_path))
    assert (made.code, made.stderr) == (0, "")
    assert [line.rpartition("/")[2].partition("_")[2] or line.rpartition("/")[2] for line in made.stdout.splitlines()] == [
        "secure_baseline.sql",
        "secure_baseline.sql",
        "platformkit.yaml",
    ]
    table = ("new", "table", "customers", "--column", "name:text:not_null", "--column", "born:date", "--critical", "--dir", str(tmp_path))
    assert len(program(*table).stdout.splitlines()) == 2
    again = program(*table)
    assert (again.code, again.stdout) == (0, "nothing to do: the files are there, with this content\n")
    migration = next((tmp_path / "supabase" / "migrations").glob("*_create_customers.sql")).read_text()
    assert "  name text not null,\n  born date,\n" in migration


def test_wrong_input_is_a_sentence_and_exit_code_2(program: Program, tmp_path: Path) -> None:
    program("new", "project", "shop", "--dir", str(tmp_path))
    for arguments in (("select",), ("fine", "--column", "a:nothing"), ("fine", "--references", "orders"), ("fine", "--target", "nobody")):
        done = program("new", "table", *arguments, "--dir", str(tmp_path))
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")
        assert len(done.stderr.splitlines()) == 1
    assert not list((tmp_path / "supabase" / "migrations").glob("*_create_*"))


def test_names_come_from_the_settings_of_a_target(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "platformkit.yaml").write_text(
        "projects:\n"
        "  - {name: shop, environment: development, database: {dsn_env: SHOP_URL}, tenancy: {column: org_id, claim: org},\n"
        "     audit_columns: {updated_at: changed_at}}\n"
    )
    assert program("new", "project", "shop", "--target", "shop").code == 0
    assert program("new", "table", "customers", "--target", "shop").code == 0
    text = next((tmp_path / "supabase" / "migrations").glob("*_create_customers.sql")).read_text()
    assert "using (org_id = ((select auth.jwt()) ->> 'org')::uuid)" in text
    assert "changed_at timestamptz not null default now()" in text
    assert program("new", "table", "customers").code == 2


def test_the_example_of_the_documentation_does_what_it_says(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "scaffold.md").read_text()
    calls = [shlex.split(line.removeprefix("$ platformkit ")) for line in page.splitlines() if line.startswith("$ platformkit ")]
    answers = [program(*call) for call in calls]
    assert [answer.code for answer in answers] == [0] * len(calls)
    assert answers[-1].stdout in page
    assert sorted(path.name[15:] for path in (tmp_path / "supabase" / "migrations").iterdir()) == [
        *("create_countries.sql", "create_customers.sql", "create_invoices.sql", "create_jobs.sql", "secure_baseline.sql")
    ]


def test_a_repository_is_written_once_and_says_what_is_left_to_do(program: Program, tmp_path: Path) -> None:
    call = ("new", "repository", str(tmp_path / "shop"), "--name", "shop", "--with", "python,database", "--with", "connector")
    made = program(*call)
    assert (made.code, made.stderr) == (0, "")
    assert f"wrote {tmp_path}/shop/.github/workflows/required-checks.yml" in made.stdout.splitlines()
    assert "to pin: supabase/setup-cli in .github/workflows/required-checks.yml" in made.stdout.splitlines()
    assert "to do: name owners in .github/CODEOWNERS, or give --owner" in made.stdout.splitlines()
    again = program(*call)
    assert again.stdout.splitlines()[0] == "nothing to do: the files are there, with this content"
    digests = tmp_path / "digests.yml"
    digests.write_text("supabase/setup-cli: " + "ab" * 20 + " v1.6.0\n")
    pinned = program(*call, "--action-digests", str(digests))
    assert f"pinned {tmp_path}/shop/.github/workflows/required-checks.yml" in pinned.stdout.splitlines()
    assert "supabase/setup-cli" not in pinned.stdout
    refused = program("new", "repository", str(tmp_path / "shop"), "--name", "other")
    assert (refused.code, refused.stdout) == (2, "")
    assert "other content" in refused.stderr
