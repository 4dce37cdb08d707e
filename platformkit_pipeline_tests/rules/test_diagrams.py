from __future__ import annotations

from datetime import date

from platformkit_pipeline.model.repository.diagrams import Diagram, DiagramImage, DiagramPage
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.tree import Head
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import Family, rules_of

PAGE, OTHER = DiagramPage("Road", "aa"), DiagramPage("House", "bb")


def verdicts(*diagrams: Diagram) -> dict[str, list[tuple[Outcome, str]]]:
    """Outcome and message by code, passes without a message."""
    snapshot = RepositorySnapshot(head=Head(commit="0" * 40, branch="main"), diagrams=diagrams)
    found: dict[str, list[tuple[Outcome, str]]] = {}
    for result in evaluate_repository(snapshot, rules_of(Family.DIAGRAMS), date(2026, 1, 5)):
        found.setdefault(result.rule, []).append((result.outcome, result.message if result.outcome is not Outcome.PASS else ""))
    return found


def test_a_diagram_with_its_picture_passes_every_rule() -> None:
    found = verdicts(Diagram("x.drawio", pages=(PAGE,), images=(DiagramImage("x.png", embedded=("aa",)),)))
    assert found == {code: [(Outcome.PASS, "")] for code in ("DGM001", "DGM002", "DGM003", "DGM004")}


def test_a_diagram_without_a_picture_fails_with_the_name_of_the_picture() -> None:
    assert verdicts(Diagram("docs/x.drawio", pages=(PAGE,)))["DGM001"] == [(Outcome.FAIL, "docs/x.drawio has no picture x.png beside it")]


def test_a_page_without_a_picture_fails_by_name() -> None:
    diagram = Diagram("x.drawio", pages=(PAGE, OTHER), images=(DiagramImage("x-road.png", page=1, embedded=("aa", "bb")),))
    assert verdicts(diagram)["DGM001"] == [(Outcome.FAIL, "x.drawio has pages that no picture shows: House")]


def test_a_picture_of_another_source_fails_and_names_the_pages() -> None:
    diagram = Diagram("x.drawio", pages=(PAGE, OTHER), images=(DiagramImage("x.png", embedded=("aa", "cc")),))
    message = "x.png was drawn from another source than x.drawio; not in the picture as they are: House"
    assert verdicts(diagram)["DGM002"] == [(Outcome.FAIL, message)]


def test_a_picture_that_was_painted_over_fails_though_its_source_is_right() -> None:
    diagram = Diagram("x.drawio", pages=(PAGE,), images=(DiagramImage("x.png", embedded=("aa",), altered=True),))
    assert verdicts(diagram)["DGM002"] == [(Outcome.FAIL, "the pixels of x.png were changed after it was rendered")]


def test_a_picture_without_a_source_is_unknown_and_neither_current_nor_drifted() -> None:
    found = verdicts(Diagram("x.drawio", pages=(PAGE,), images=(DiagramImage("x.png"),)))
    assert found["DGM003"] == [(Outcome.UNKNOWN, "x.png carries no source, so that it cannot be compared with x.drawio")]
    assert "DGM002" not in found


def test_a_picture_that_cannot_be_read_is_unknown_with_the_reason() -> None:
    found = verdicts(Diagram("x.drawio", pages=(PAGE,), images=(DiagramImage("x.png", fault="is no PNG file"),)))
    assert found["DGM003"] == [(Outcome.UNKNOWN, "x.png is no PNG file")]


def test_a_source_that_cannot_be_read_is_unknown_with_the_reason() -> None:
    found = verdicts(Diagram("x.drawio", images=(DiagramImage("x.png", embedded=("aa",)),), fault="is no XML"))
    assert found["DGM002"] == [(Outcome.UNKNOWN, "x.drawio is no XML; its pictures cannot be compared with it")]
    assert found["DGM001"] == [(Outcome.PASS, "")]


def test_a_lone_picture_fails_and_says_whether_the_source_can_be_taken_from_it() -> None:
    lone = Diagram("x.png", has_source=False, images=(DiagramImage("x.png", embedded=("aa",)),))
    blank = Diagram("y.png", has_source=False, images=(DiagramImage("y.png"),))
    found = verdicts(lone, blank)
    assert found == {
        "DGM004": [
            (
                Outcome.FAIL,
                "beside x.png there is no .drawio file of that name; the picture carries the source, which can be taken from it",
            ),
            (Outcome.FAIL, "beside y.png there is no .drawio file of that name"),
        ]
    }


def test_a_repository_without_diagrams_has_nothing_to_judge() -> None:
    assert verdicts() == {}
