"""`platformkit scan --repo` on a repository with secrets: they are told in every format, and their values in none."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from platformkit_pipeline.sandbox.sample_repository.builder import START, RepositoryBuilder, build_well_kept
from platformkit_pipeline.sandbox.sample_repository.secrets import letters, made_up_kinds, made_up_secret
from platformkit_pipeline_tests.cli.conftest import Program

FORMATS = ("table", "json", "sarif", "junit", "markdown")
PUBLIC = ("anon_key", "supabase_publishable_key", "local_stack_key")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RepositoryBuilder:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path / "home"))
    build_well_kept(tmp_path / "shop")
    return RepositoryBuilder(tmp_path / "shop", start=START + timedelta(days=5))


def test_values_are_in_no_format_no_cache_and_no_message(program: Program, shop: RepositoryBuilder, tmp_path: Path) -> None:
    kinds = [kind for kind in made_up_kinds() if kind not in PUBLIC]
    for kind in kinds:
        name = "API_KEY" if kind != "password" else "PASSWORD"
        shop.write(f"web/{kind}.sh", f"{name}='{made_up_secret(kind)}'\n")
        shop.write(f"old/{kind}.sh", f"# old\n{name}='{made_up_secret(kind)}'\n")
    shop.commit("Plant " + made_up_secret("supabase_secret_key"))
    shop.remove("old")
    shop.write(f"docs/{made_up_secret('supabase_access_token')}.py", f"x = 1  # noqa: {made_up_secret('api_key')}\n")
    shop.write("CODEX.md", f"# {made_up_secret('supabase_access_token')}\n")
    shop.commit("Hide")
    values = [made_up_secret(kind) for kind in kinds] + [letters("password", 16), letters("mattermost", 26)]
    values += made_up_secret("private_key").splitlines()[1:-1]
    for form in FORMATS:
        done = program("scan", "--repo", str(shop.folder), "--format", form)
        assert done.code == 1, done.stderr
        assert "SEC001" in done.stdout
        assert "web/service_role_key.sh" in done.stdout.replace("\n", "") or form == "table"
        assert [value for value in values if value in done.stdout + done.stderr] == []
    kept = b"".join(file.read_bytes() for file in tmp_path.joinpath("home").rglob("*") if file.is_file())
    assert kept
    assert [value for value in values if value.encode() in kept] == []


def test_with_a_base_a_secret_that_a_branch_hid_again_is_told_as_what_it_brought(program: Program, shop: RepositoryBuilder) -> None:
    shop.write("before.sh", f"TOKEN={made_up_secret('supabase_secret_key')}\n")
    base = shop.commit("Before")
    shop.write("a.sh", f"TOKEN={made_up_secret('supabase_access_token')}\n")
    shop.commit("Bring")
    shop.remove("a.sh")
    shop.commit("Hide")
    done = program("scan", "--repo", str(shop.folder), "--select", "SEC00", "--format", "json", "--base", base)
    findings = [(f["rule"], f["object"]["name"]) for f in json.loads(done.stdout)["findings"] if f["outcome"] == "FAIL"]
    assert findings == [("SEC002", "a.sh")]


def test_without_kingfisher_a_scan_ends_with_unknowns_and_is_not_remembered(
    program: Program, shop: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as missing:
        missing.setattr("platformkit_pipeline.introspection.repository.kingfisher.find_program", lambda _: None)
        done = program("scan", "--repo", str(shop.folder), "--select", "SEC001", "--format", "json")
        [finding] = json.loads(done.stdout)["findings"]
        assert (finding["outcome"], "is not installed" in finding["message"]) == ("UNKNOWN", True)
    done = program("scan", "--repo", str(shop.folder), "--select", "SEC001", "--format", "json")
    assert json.loads(done.stdout)["findings"] == []
