from __future__ import annotations

from contextlib import suppress
from html import escape
from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.remediation.diagrams.style import UnsupportedDrawing, read_style
from platformkit_pipeline_tests.remediation.diagrams.drawn import box, drawing, edge, vertices


def svg(*cells: str, page: str = "") -> str:
    """The drawing itself; that it is well-formed is part of every test."""
    html = drawing(*cells, page=page).html
    found = html[html.index("<svg") : html.index("</svg>") + len("</svg>")]
    expat.ParserCreate().Parse(found.replace("<br>", "<br/>").replace("<hr>", "<hr/>"), True)
    return found


def test_a_box_is_drawn_where_it_stands_with_its_colours() -> None:
    found = svg(box("a", 40, 30, style="fillColor=#dae8fc;strokeColor=#6c8ebf;strokeWidth=2", label="Shop"))
    assert '<rect x="40" y="30" width="100" height="50" fill="#dae8fc" stroke="#6c8ebf" stroke-width="2"/>' in found
    assert ">Shop</div>" in found


def test_the_picture_is_as_large_as_the_drawing_and_its_border() -> None:
    found = drawing(box("a", 40, 30), box("b", 240, 130))
    assert (found.width, found.height) == (322, 172)  # half a line's width on each side, rounded up
    assert 'viewBox="29 19 ' in found.html


def test_children_stand_in_the_coordinates_of_their_group() -> None:
    found = vertices(
        box("g", 100, 100, 400, 400, style="group"), box("h", 10, 10, 200, 200, parent="g", style="swimlane"), box("a", 5, 40, parent="h")
    )
    assert found["a"].box == (115, 150, 100, 50)


def test_the_same_page_gives_the_same_document() -> None:
    cells = (box("a", label="A"), box("b", 300, 100, label="B", style="ellipse"), edge("a", "b", label="calls"))
    assert drawing(*cells) == drawing(*cells)


def test_layers_and_cells_that_are_hidden_are_not_drawn_nor_the_edges_to_them() -> None:
    hidden = box("h", 300, label="Hidden", more='visible="0"')
    inside = box("i", 10, 10, label="Inside", parent="h")
    found = svg(box("a", label="Shown"), hidden, inside, edge("a", "i", label="Edge"))
    assert "Shown" in found
    assert not any(word in found for word in ("Hidden", "Inside", "Edge"))


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("rounded=1", 'rx="7.5"'),
        ("rounded=1;absoluteArcSize=1;arcSize=12", 'rx="6"'),
        ("ellipse", "<ellipse"),
        ("rhombus", '<polygon points="50,0 100,25 50,50 0,25"'),
        ("triangle", '<polygon points="0,0 100,25 0,50"'),
        ("shape=hexagon", '<polygon points="25,0 75,0 100,25 75,50 25,50 0,25"'),
        ("shape=parallelogram", '<polygon points="20,0 100,0 80,50 0,50"'),
        ("shape=cylinder3;size=10", "A 50 10"),
        ("ellipse;shape=cloud", " C "),
        ("shape=document", " Q "),
        ("line;strokeWidth=2", '<path d="M 0 25 L 100 25" fill="none" stroke="#000000" stroke-width="2"/>'),
        ("shape=note;size=10", "M 0 0 H 90 L 100 10"),
        ("shape=process", "M 10 0 V 50 M 90 0 V 50"),
        ("shape=umlActor", "<ellipse"),
        ("shape=note;size=10;darkOpacity=0.05", 'd="M 90 0 V 10 H 100 Z" fill="#000000" fill-opacity="0.05"'),
        ("swimlane;startSize=20", 'height="20"'),
        ("dashed=1", 'stroke-dasharray="3 3"'),
        ("dashed=1;dashPattern=8 8;strokeWidth=2", 'stroke-dasharray="16 16"'),
        ("opacity=50", '<g opacity="0.5">'),
        ("shadow=1", 'filter="url(#shadow)"'),
        ("fillColor=none", 'fill="none"'),
        ("fillColor=light-dark(#ffffff, rgb(1, 2, 3));strokeColor=light-dark(rgb(9, 9, 9), #000)", 'stroke="rgb(9, 9, 9)"'),
        ("text", 'fill="none" stroke="none"'),
    ],
)
def test_every_shape_and_paint_is_drawn(style: str, expected: str) -> None:
    assert expected in svg(box("a", style=style))


@pytest.mark.parametrize("arrow", ["classic", "classicThin", "block", "blockThin", "open", "openThin", "oval", "diamond", "diamondThin"])
def test_every_arrow_is_drawn_at_the_tip(arrow: str) -> None:
    found = svg(box("a"), box("b", 300), edge("a", "b", style=f"endArrow={arrow}"))
    assert ("300,25" in found) or 'cx="300" cy="25"' in found


def test_an_arrow_that_is_not_filled_is_empty_inside() -> None:
    assert 'fill="#ffffff" stroke="#000000" stroke-width="1" stroke-linejoin="miter"' in svg(
        box("a"), box("b", 300), edge("a", "b", style="endArrow=block;endFill=0")
    )


def test_a_line_is_never_filled() -> None:
    found = svg(box("a"), box("b", 300, 300), edge("a", "b", style="fillColor=#ff0000;endArrow=none;rounded=1", points=((300, 25),)))
    assert "#ff0000" not in found


def test_corners_of_edges_are_round_unless_the_style_says_otherwise() -> None:
    cells = (box("a"), box("b", 300, 300))
    assert " Q " in svg(*cells, edge("a", "b", points=((300, 25),)))
    assert " Q " not in svg(*cells, edge("a", "b", style="rounded=0", points=((300, 25),)))


@pytest.mark.parametrize(
    ("style", "place"),
    [
        ("shape=cylinder3;size=10", 'x="2" y="2" width="96" height="46"'),
        ("shape=cylinder3;size=10;boundedLbl=1", 'x="2" y="22" width="96" height="23"'),
        ("shape=document;size=0.2;boundedLbl=1", 'x="2" y="2" width="96" height="36"'),
        ("shape=process;boundedLbl=1", 'x="12" y="2" width="76" height="46"'),
        ("swimlane;startSize=20", 'x="2" y="2" width="96" height="16"'),
        ("spacingLeft=8;spacingTop=3;spacing=0", 'x="8" y="3" width="92" height="47"'),
        ("verticalAlign=top", 'x="2" y="7" width="96" height="41"'),
        ("verticalAlign=bottom", 'x="2" y="2" width="96" height="45"'),
        ("labelPosition=right", 'x="102" y="2"'),
        ("verticalLabelPosition=bottom", 'x="2" y="52"'),
    ],
)
def test_a_label_stands_in_its_place(style: str, place: str) -> None:
    assert f"<foreignObject {place}" in svg(box("a", style=style, label="x"))


def test_labels_of_edges_stand_along_the_way() -> None:
    place = '<mxGeometry x="0.5" y="10" relative="1" as="geometry"/>'
    child = f'<mxCell id="l" value="later" style="edgeLabel" vertex="1" connectable="0" parent="a-b">{place}</mxCell>'
    found = svg(box("a"), box("b", 300), edge("a", "b", label="middle"), child)
    assert '<foreignObject x="199.5" y="24.5"' in found
    assert '<foreignObject x="249.5" y="14.5"' in found


def test_labels_keep_the_formatting_of_the_editor() -> None:
    html = '<b>Shop</b><br><font color="#ff0000" size="1">small &amp; red</font><div style="text-align: left;">left</div>'
    found = svg(box("a", style="html=1;whiteSpace=wrap;fontStyle=3", label=escape(html)))
    assert "<b>Shop</b><br>" in found
    assert '<span style="color:#ff0000;font-size:10px">small &amp; red</span>' in found
    assert '<div style="text-align:left">left</div>' in found
    assert "font-weight:bold;font-style:italic" in found


def test_a_label_that_is_no_html_is_shown_as_it_stands() -> None:
    assert "&lt;b&gt;a&lt;/b&gt;<br>b" in svg(box("a", label="&lt;b&gt;a&lt;/b&gt;&#10;b"))


def test_a_label_is_cut_off_at_its_shape_where_the_style_says_so() -> None:
    assert "overflow:hidden" in svg(box("a", style="text;overflow=hidden", label="+ total: numeric"))
    assert "overflow:hidden" not in svg(box("a", style="text", label="+ total: numeric"))


def test_what_is_left_open_in_a_label_is_closed_and_what_closes_nothing_is_left_out() -> None:
    assert "<div><b>x</b></div>" in svg(box("a", style="html=1", label=escape("<div><b>x</i>")))


def test_a_label_below_its_shape_has_room_in_the_picture() -> None:
    without = drawing(box("a", style="verticalLabelPosition=bottom;verticalAlign=top"))
    assert drawing(box("a", style="verticalLabelPosition=bottom;verticalAlign=top", label="below")).height > without.height


def test_labels_of_objects_are_drawn() -> None:
    inner = box("", style="").replace('id="" value="" ', "")
    assert ">Owner</div>" in svg(f'<object label="Owner" id="o" team="x">{inner}</object>')


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (box("a", style="shape=mxgraph.aws4.lambda"), r"cell 'a': the shape mxgraph.aws4.lambda is not drawn here; drawn are cloud"),
        (box("a", style="image;image=data:x"), "the style image is not drawn here"),
        (box("a", style="shape=cylinder"), "the shape cylinder is not drawn here"),
        (box("a", style="label"), "the style label is not drawn here"),
        (box("a", style="gradientColor=#fff"), "gradientColor=#fff is not drawn here"),
        (box("a", style="sketch=1"), "sketch=1"),
        (box("a", style="rotation=30"), "rotation=30"),
        (box("a", style="direction=south"), "direction=south"),
        (box("a", style="swimlane;horizontal=0"), "horizontal=0"),
        (box("a", style="fillColor=url(#x)"), "is not a colour"),
        (box("a", style='strokeColor=red"/>&lt;script>'.replace('"', "&quot;")), "is not a colour|is not drawn"),
        (box("a", style="fontFamily=x'}", label="x"), "is not a name of fonts"),
        (box("a", style="strokeWidth=nan"), "no number"),
        (box("a", width=1e9), "no number"),
        (box("a", x="inf"), "no number"),  # type: ignore[arg-type]  # a wrong value is what is tested
        (box("a", width=-5), "size is negative"),
        (box("a", width=9000), "more than 6000 on a side"),
        (box("a", style="align=justify", label="x"), "align=justify"),
        (box("a", parent="nowhere"), "its parent 'nowhere' is not on the page"),
        (box("a", parent="b") + box("b", parent="a"), "nested in a circle"),
        (box("a") + box("a"), "two cells of that id"),
        (box("a", more='collapsed="1"'), "collapsed groups are not drawn"),
        (box("a", style="html=1", label=escape('<img src="x">')), "<img> in a label is not drawn"),
        (box("a", style="html=1", label=escape("<script>alert(1)</script>")), "<script> in a label"),
        (box("a", style="html=1", label=escape('<span style="background: url(x)">')), "background: url"),
        (box("a", style="html=1", label=escape('<span style="color: var(--x)">')), r"color: var"),
        (box("a", style="html=1", label=escape('<span style="position: fixed">')), "position: fixed"),
        (box("a") + box("b", 300) + edge("a", "b", style="shape=flexArrow"), "edges in the shape flexArrow are not drawn here"),
        (box("a", style="overflow=fill", label="x"), "overflow=fill is not drawn here"),
        (box("a") + box("b", 300) + edge("a", "b", style="endArrow=ERmany"), "endArrow=ERmany is not drawn here"),
        (f'<object label="%team%" placeholders="1" id="o">{box("x")}</object>', "placeholders"),
        ('<mxText id="t"/>', "<mxText> is no cell"),
        ("", "there is nothing on the page"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(cell: str, reason: str) -> None:
    with pytest.raises(UnsupportedDrawing, match=reason):
        drawing(cell)


def test_deep_nesting_and_great_numbers_are_refused_and_deep_hidden_ones_pass() -> None:
    chain = [box("c0"), *(box(f"c{n}", parent=f"c{n - 1}") for n in range(1, 3000))]
    with pytest.raises(UnsupportedDrawing, match="nested deeper than 40"):
        drawing(*chain)
    chain[0] = box("c0", more='visible="0"')
    assert "shown" in svg(box("a", label="shown"), *chain)
    with pytest.raises(UnsupportedDrawing, match="more than 5000 are not drawn"):
        drawing(*(box(f"c{n}") for n in range(5001)))


def test_formulas_are_refused_and_the_background_is_drawn() -> None:
    with pytest.raises(UnsupportedDrawing, match="formulas"):
        drawing(box("a"), page='math="1"')
    assert "background:#123456" in drawing(box("a"), page='background="#123456"').html
    assert "background:#ffffff" in drawing(box("a"), page='background="none"').html


pieces = st.sampled_from(
    [
        "rounded",
        "ellipse",
        "text",
        "fillColor",
        "=",
        "=1",
        ";",
        "#ff0000",
        '"',
        "<b",
        ">",
        "&",
        "fontColor=",
        "url(",
        "--",
        "shape=",
        "cloud",
    ]
)
styles = st.lists(pieces, max_size=8).map("".join)
labels = st.lists(
    st.sampled_from(
        [
            "<b>",
            "</b>",
            "<br>",
            "<script>",
            "<i",
            ">",
            '"',
            "'",
            "&amp;",
            "&",
            "text",
            "<!--",
            "-->",
            "<![CDATA[",
            "</div>",
            "<div style='color:red",
            "]]>",
        ]
    ),
    max_size=8,
).map("".join)


@given(styles, labels, st.sampled_from(["", "html=1;"]))
def test_any_style_and_label_is_refused_or_drawn_as_well_formed_markup(style: str, label: str, html: str) -> None:
    try:
        drawn = svg(box("a", style=escape(html + style), label=escape(label)))
    except UnsupportedDrawing as error:
        assert "cell 'a'" in str(error)  # noqa: PT017 - either answer is right
    else:
        assert "<script" not in drawn
        assert "url(" not in drawn


@given(styles)
def test_a_style_that_is_understood_holds_every_value_that_it_names(text: str) -> None:
    with suppress(UnsupportedDrawing):
        style = read_style(text, "cell")
        named = dict(part.strip().split("=", 1) for part in text.split(";") if "=" in part)
        assert style.values.items() >= named.items()
