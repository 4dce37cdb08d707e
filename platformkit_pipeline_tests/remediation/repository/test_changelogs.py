"""Patches that add a changelog or enter a release prove themselves, and what only people can tell is left to them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.repository.patch import RepositoryPlan
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.propose_repository_plan import propose_repository_plan
from platformkit_pipeline.sandbox.sample_repository.builder import START, RepositoryBuilder, build_well_kept

TARGET = Target(TargetKind.REPOSITORY, "shop")
UNRELEASED = "## [Unreleased]\n\n### Added\n\n- Orders can be split.\n"


@pytest.fixture
def shop(tmp_path: Path) -> RepositoryBuilder:
    build_well_kept(tmp_path / "shop")
    return RepositoryBuilder(tmp_path / "shop", start=START)


def release(shop: RepositoryBuilder, version: str, unreleased: str = UNRELEASED, end: str = "\n") -> None:
    """Raise the version of the manifest without an entry for it."""
    manifest = (shop.folder / "pyproject.toml").read_text()
    shop.write("pyproject.toml", manifest.replace('"1.2.0"', f'"{version}"'))
    changelog = (shop.folder / "CHANGELOG.md").read_text()
    shop.write("CHANGELOG.md", changelog.replace("## [1.2.0]", f"{unreleased}\n## [1.2.0]").replace("\n", end))
    shop.commit("Raise the version")


def plan(shop: RepositoryBuilder) -> RepositoryPlan:
    return propose_repository_plan(shop.folder, target=TARGET)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_is_unreleased_becomes_the_entry_of_the_version(shop: RepositoryBuilder, end: str) -> None:
    release(shop, "1.3.0", end=end)
    (patch,) = plan(shop).patches
    assert patch.proof is not None
    assert patch.proof.status is ProofStatus.PROVEN, patch.proof.findings
    added = sorted(line.strip() for line in patch.diff.splitlines() if line.startswith("+") and not line.startswith("+++"))
    assert added[0] == "+"
    assert re.fullmatch(r"\+## \[1\.3\.0\] - \d{4}-\d\d-\d\d", added[1])
    assert len(added) == 2
    assert not any(line.startswith("-") and not line.startswith("---") for line in patch.diff.splitlines())


def test_a_changelog_is_added_with_a_place_for_what_comes(shop: RepositoryBuilder) -> None:
    shop.remove("CHANGELOG.md")
    shop.commit("Remove the changelog")
    (patch,) = [patch for patch in plan(shop).patches if patch.rule == "VER002"]
    assert patch.proof is not None
    assert patch.proof.status is ProofStatus.PROVEN, patch.proof.findings
    assert "+## [Unreleased]\n" in patch.diff


@pytest.mark.parametrize(
    ("version", "unreleased", "reason"),
    [
        ("1.3.0", "", "nothing under Unreleased"),
        ("1.2.1", UNRELEASED, "call for 1.3.0"),
        ("1.1.9", UNRELEASED, "none that follows"),
        ("1.3.0", UNRELEASED.replace("[Unreleased]", "Unreleased (soon)"), "a form that is not known"),
    ],
)
def test_what_only_people_can_tell_is_left_to_them(shop: RepositoryBuilder, version: str, unreleased: str, reason: str) -> None:
    release(shop, version, unreleased)
    made = plan(shop)
    assert made.patches == ()
    assert [(item.rule, reason in item.reason) for item in made.manual_items] == [("VER003", True)]


def test_a_changelog_without_sections_is_left_to_people(shop: RepositoryBuilder) -> None:
    shop.write("CHANGELOG.md", "We changed things.\n")
    shop.commit("Rewrite the changelog")
    made = plan(shop)
    assert made.patches == ()
    assert "VER002" in {item.rule for item in made.manual_items}
