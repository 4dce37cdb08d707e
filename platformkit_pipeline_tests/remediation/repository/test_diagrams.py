from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.diagram_source import read_drawio, read_picture
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.repository.patch import RepositoryPlan
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.propose_repository_plan import propose_repository_plan, write_repository_plan
from platformkit_pipeline.sandbox.browser import BROWSER_VARIABLE
from platformkit_pipeline.sandbox.sample_repository.builder import START, RepositoryBuilder, build_well_kept
from platformkit_pipeline_tests.browsers import needs_browser
from platformkit_pipeline_tests.pictures import as_desktop, as_editor, model, mxfile, png

SOURCE = mxfile(model())


@pytest.fixture
def shop(tmp_path: Path) -> RepositoryBuilder:
    """The well-kept repository, to be changed."""
    build_well_kept(tmp_path / "shop")
    return RepositoryBuilder(tmp_path / "shop", start=START + timedelta(days=5))


def planned(shop: RepositoryBuilder) -> RepositoryPlan:
    shop.commit("Change diagrams")
    return propose_repository_plan(shop.folder, target=Target(TargetKind.REPOSITORY, "shop"))


def diagrams(plan: RepositoryPlan) -> list[tuple[str, tuple[str, ...], ProofStatus]]:
    return [(p.rule, p.paths, p.status) for p in plan.patches if p.rule.startswith("DGM")]


@needs_browser
def test_missing_and_outdated_pictures_are_drawn_by_patches_that_git_takes(shop: RepositoryBuilder, tmp_path: Path) -> None:
    shop.write("docs/a.drawio", SOURCE)
    shop.write("docs/b.drawio", SOURCE)
    shop.write("docs/b.png", png(as_editor(mxfile(model("old")))))
    plan = planned(shop)
    assert diagrams(plan) == [("DGM002", ("docs/b.png",), ProofStatus.PROVEN), ("DGM001", ("docs/a.png",), ProofStatus.PROVEN)]
    written = write_repository_plan(plan, tmp_path / "patches")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *author, "am", "--quiet", *map(str, written)], cwd=shop.folder, check=True, capture_output=True)
    for picture in ("a.png", "b.png"):
        read = read_picture((shop.folder / "docs" / picture).read_bytes()).source
        assert read is not None
        assert read.digest == read_drawio(SOURCE.encode()).digest
    assert diagrams(planned(shop)) == []


@pytest.mark.parametrize("picture", ["docs/architecture/x.png", "docs/architecture/x.drawio.png"])
def test_the_source_that_a_lone_picture_carries_is_added(shop: RepositoryBuilder, picture: str) -> None:
    shop.write(picture, png(as_desktop(SOURCE)))
    plan = planned(shop)
    assert diagrams(plan) == [("DGM004", ("docs/architecture/x.drawio",), ProofStatus.PROVEN)]


def test_a_lone_picture_without_a_source_is_for_a_person(shop: RepositoryBuilder) -> None:
    shop.write("docs/architecture/x.png", png())
    plan = planned(shop)
    assert diagrams(plan) == []
    assert [item.reason for item in plan.manual_items if item.rule == "DGM004"] == [
        "the picture carries no source, so nothing but a person can say what it was drawn from"
    ]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (SOURCE.replace("rounded=1", "shape=mxgraph.aws4.lambda"), "the shape mxgraph.aws4.lambda is not drawn here"),
        ("<mxfile", "docs/a.drawio is no XML"),
        (SOURCE, "there is no such program"),
    ],
)
def test_what_cannot_be_drawn_here_is_for_a_person_with_the_reason(
    shop: RepositoryBuilder, source: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BROWSER_VARIABLE, "/nowhere/chromium")
    shop.write("docs/a.drawio", source.replace("Shop", "Never drawn"))
    plan = planned(shop)
    assert diagrams(plan) == []
    (item,) = (item for item in plan.manual_items if item.rule == "DGM001")
    assert reason in item.reason
