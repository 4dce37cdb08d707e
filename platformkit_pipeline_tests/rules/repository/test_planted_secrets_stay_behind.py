"""The secrets of the messy repository stand in no report, log, cache, plan, patch or proof."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.operations.propose_repository_plan import propose_repository_plan, write_repository_plan
from platformkit_pipeline.sandbox.github.serve import TOKEN, serve_github
from platformkit_pipeline.sandbox.sample_repository.messy import Messy, build_messy
from platformkit_pipeline_tests.cli.program import platformkit
from platformkit_pipeline_tests.rules.repository.planted import told_below, told_in

SHOP = Target(TargetKind.REPOSITORY, "acme/shop", Environment.PRODUCTION)
FORMS = ("table", "json", "sarif", "junit", "markdown")
PLACES = ("admin.ts", "alerts.json", "database.yml", "deploy.sh", "legacy.py", "server.pem")


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Messy:
    return build_messy(tmp_path_factory.mktemp("messy") / "shop")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all programs and plans of this module: each commit is observed once."""
    return tmp_path_factory.mktemp("home")


def scanned(messy: Messy, environment: Mapping[str, str], form: str) -> tuple[str, str]:
    """What a scan with GitHub prints and logs."""
    where = ("--repo", str(messy.builder.folder), "--name", SHOP.name)
    done = platformkit("scan", *where, "--github", SHOP.name, "--github-token-env", "A_TOKEN", "--format", form, env=environment)
    assert done.returncode == 1, done.stderr
    return done.stdout, done.stderr


def test_neither_a_report_nor_a_log_nor_the_cache_tells_a_secret(messy: Messy, home: Path) -> None:
    with serve_github() as github:
        github.repositories = {SHOP.name: messy.github}
        environment = {"PLATFORMKIT_HOME": str(home), "PLATFORMKIT_LOG_LEVEL": "DEBUG", "COLUMNS": "400"}
        environment |= {"A_TOKEN": TOKEN, ADDRESS_VARIABLE: github.address, "KF_RULE_CACHE_DIR": os.environ["KF_RULE_CACHE_DIR"]}
        for form in FORMS:
            printed, logged = scanned(messy, environment, form)
            assert all(f"{folder}/{place}" in printed for folder in ("deploy", "old") for place in PLACES), form
            assert "secret_scanning alerts" in printed, form
            assert (told_in(printed), told_in(logged)) == ([], []), form
            assert logged, "there is a log to look into"
    assert told_below(home) == {}


@pytest.mark.exhaustive
def test_neither_a_plan_nor_its_patches_nor_their_proofs_tell_a_secret(messy: Messy, home: Path, tmp_path: Path) -> None:
    cache = home / "cache" / "repositories"
    plan = propose_repository_plan(messy.builder.folder, target=SHOP, cache=cache)
    # A copy of a document that differs from another one would differ from it as well.
    assert {patch.rule for patch in plan.patches if patch.status is not ProofStatus.PROVEN} == {"DOC001"}
    assert {item.rule for item in plan.manual_items} >= {"SEC001", "SEC002", "SEC003", "SEC004"}
    written = write_repository_plan(plan, tmp_path / "patches")
    assert len(written) > len(plan.patches) / 2
    assert "MANUAL.md" in {file.name for file in written}
    assert told_in(repr(plan)) == []
    assert told_below(tmp_path / "patches") == {}
    assert told_below(cache) == {}
