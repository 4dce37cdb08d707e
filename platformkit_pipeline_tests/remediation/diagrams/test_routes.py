from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from platformkit_pipeline.remediation.diagrams.style import UnsupportedDrawing
from platformkit_pipeline_tests.remediation.diagrams.drawn import box, edge, way

ORTHOGONAL = "edgeStyle=orthogonalEdgeStyle;"


def test_a_straight_edge_runs_from_outline_to_outline() -> None:
    assert way(box("a"), box("b", x=300), edge("a", "b")) == ((100, 25), (300, 25))


def test_a_straight_edge_meets_an_ellipse_on_its_curve() -> None:
    start, end = way(box("a", width=100, height=100, style="ellipse"), box("b", x=300, y=300, width=100, height=100), edge("a", "b"))
    assert start == pytest.approx((50 + 50 / 2**0.5, 50 + 50 / 2**0.5), abs=1e-3)
    assert end == (300, 300)


def test_a_straight_edge_meets_a_rhombus_on_its_side() -> None:
    start, _ = way(box("a", width=100, height=100, style="rhombus"), box("b", x=300, y=300, width=100, height=100), edge("a", "b"))
    assert start == (75, 75)


def test_the_perimeter_of_the_style_counts_not_the_shape() -> None:
    cloud, named = "ellipse;shape=cloud", "shape=ellipse"
    far = box("b", x=300, y=300, width=100, height=100)
    assert way(box("a", width=100, height=100, style=cloud), far, edge("a", "b"))[0] != (100, 100)
    assert way(box("a", width=100, height=100, style=named), far, edge("a", "b"))[0] == (100, 100)


def test_a_straight_edge_goes_through_its_corners() -> None:
    found = way(box("a", height=100), box("b", x=300), edge("a", "b", points=((200, 200), (250, 25))))
    assert found == ((100, 100), (200, 200), (250, 25), (300, 25))


def test_shapes_in_line_are_joined_without_a_corner() -> None:
    assert way(box("a"), box("b", x=300), edge("a", "b", style=ORTHOGONAL)) == ((100, 25), (300, 25))
    assert way(box("a"), box("b", y=300), edge("a", "b", style=ORTHOGONAL)) == ((50, 50), (50, 300))
    assert way(box("a", x=300), box("b"), edge("a", "b", style=ORTHOGONAL)) == ((300, 25), (100, 25))


def test_a_step_is_in_the_middle_between_the_shapes() -> None:
    fixed = f"{ORTHOGONAL}exitX=1;exitY=0.5;entryX=0;entryY=0.5"
    assert way(box("a"), box("b", x=300, y=100), edge("a", "b", style=fixed)) == ((100, 25), (200, 25), (200, 125), (300, 125))


def test_a_way_between_points_on_far_sides_runs_around_both_shapes() -> None:
    fixed = f"{ORTHOGONAL}exitX=0;exitY=0.5;entryX=1;entryY=0.5"
    found = way(box("a"), box("b", x=300), edge("a", "b", style=fixed))
    assert found == ((0, 25), (-20, 25), (-20, -20), (420, -20), (420, 25), (400, 25))


def test_corners_of_the_source_are_kept() -> None:
    fixed = f"{ORTHOGONAL}exitX=0.5;exitY=1;entryX=0.5;entryY=1"
    found = way(box("a"), box("b", x=300), edge("a", "b", style=fixed, points=((50, 200), (350, 200))))
    assert found == ((50, 50), (50, 200), (350, 200), (350, 50))


def test_a_corner_in_line_with_a_shape_is_reached_straight() -> None:
    found = way(box("a"), box("b", x=300, y=300), edge("a", "b", style=ORTHOGONAL, points=((320, 10),)))
    assert found == ((100, 10), (320, 10), (320, 300))


def test_corners_count_from_the_group_that_the_edge_is_in() -> None:
    group = box("g", x=1000, y=1000, width=500, height=500, style="group")
    inner = (box("a", parent="g"), box("b", x=300, parent="g"))
    found = way(group, *inner, edge("a", "b", parent="g", points=((150, 25),)))
    assert found == ((1100, 1025), (1300, 1025))


def test_an_edge_may_end_at_a_point() -> None:
    inner = '<mxPoint x="300" y="25" as="targetPoint"/>'
    assert way(box("a"), edge("a", "", inner=inner)) == ((100, 25), (300, 25))
    assert way(box("a"), edge("a", "", style=ORTHOGONAL, inner=inner)) == ((100, 25), (300, 25))


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ((box("a"), edge("a", "")), "has no target"),
        ((box("a"), edge("a", "missing")), "its target 'missing' is no shape on the page"),
        ((box("a"), box("b", x=50), edge("a", "b", style=ORTHOGONAL)), "joins shapes that overlap"),
        ((box("a"), edge("a", "a")), "a loop"),
        ((box("a"), edge("a", "a", style=ORTHOGONAL)), "overlap"),
        (
            (box("a"), box("b", x=300), edge("a", "b", style="edgeStyle=entityRelationEdgeStyle")),
            "edgeStyle=entityRelationEdgeStyle is not drawn here",
        ),
        ((box("a"), box("b", x=300), edge("a", "b", style="curved=1")), "curved=1 is not drawn here"),
        ((box("a"), box("b"), edge("a", "b", style="exitX=0;exitY=0;entryX=0;entryY=0")), "has no length"),
    ],
)
def test_a_way_that_cannot_be_drawn_says_why(cells: tuple[str, ...], reason: str) -> None:
    with pytest.raises(UnsupportedDrawing, match=reason):
        way(*cells)


coordinates = st.integers(-300, 300)
sides = st.sampled_from(["", "0;{}Y=0.5", "1;{}Y=0.5", "0.5;{}Y=0", "0.5;{}Y=1", "0.25;{}Y=1"])


@given(coordinates, coordinates, st.integers(10, 120), st.integers(10, 120), sides, sides)
def test_every_way_at_right_angles_keeps_out_of_both_shapes(x: int, y: int, width: int, height: int, leaves: str, arrives: str) -> None:
    assume(not (-width - 1 <= x <= 101 and -height - 1 <= y <= 51))
    style = ORTHOGONAL + "".join(f"{which}X={side.format(which)};" for which, side in (("exit", leaves), ("entry", arrives)) if side)
    found = way(box("a"), box("b", x, y, width, height), edge("a", "b", style=style))
    assert len(found) >= 2
    for a, b in pairwise(found):
        assert (a.x == b.x) != (a.y == b.y)
        for left, top, wide, high in ((0, 0, 100, 50), (x, y, width, height)):
            (low_x, high_x), (low_y, high_y) = sorted((a.x, b.x)), sorted((a.y, b.y))
            assert not (low_x < left + wide and high_x > left and low_y < top + high and high_y > top)
    for (px, py), (left, top, wide, high) in ((found[0], (0, 0, 100, 50)), (found[-1], (x, y, width, height))):
        assert px in (left, left + wide) or py in (top, top + high)
