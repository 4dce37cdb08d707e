from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.diagram_source import read_drawio, read_picture
from platformkit_pipeline.model.repository.png import Chunk, read_chunks, write_chunks
from platformkit_pipeline.remediation.diagrams import render as rendering
from platformkit_pipeline.remediation.diagrams.render import render
from platformkit_pipeline.remediation.diagrams.style import UnsupportedDrawing
from platformkit_pipeline_tests.browsers import needs_browser
from platformkit_pipeline_tests.pictures import compressed, model, mxfile
from platformkit_pipeline_tests.remediation.diagrams.drawn import box, edge, file_of

SHOP = file_of(
    box("a", 20, 20, label="Größe &amp; Farbe", style="rounded=1;html=1;whiteSpace=wrap;fillColor=#ff0000;strokeColor=none"),
    box("b", 220, 120, label="Store", style="shape=cylinder3"),
    edge("a", "b", label="writes", style="edgeStyle=orthogonalEdgeStyle"),
)


def rows(picture: bytes) -> tuple[list[bytes], int]:
    """Pixel rows of a PNG of eight bits per channel, and its bytes per pixel."""
    chunks = read_chunks(picture)
    header = chunks[0].data
    width, channels = int.from_bytes(header[:4]), {2: 3, 6: 4}[header[9]]
    data = zlib.decompress(b"".join(chunk.data for chunk in chunks if chunk.kind == "IDAT"))
    stride = width * channels
    found: list[bytes] = []
    above = bytes(stride)
    for start in range(0, len(data), stride + 1):
        above = _unfiltered(data[start], bytearray(data[start + 1 : start + 1 + stride]), above, channels)
        found.append(above)
    return found, channels


def _unfiltered(kind: int, row: bytearray, above: bytes, step: int) -> bytes:
    for i, value in enumerate(row):
        left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
        guess = left + above[i] - corner
        paeth = min((left, above[i], corner), key=lambda near: abs(guess - near))
        row[i] = (value + (0, left, above[i], (left + above[i]) // 2, paeth)[kind]) & 255
    return bytes(row)


@needs_browser
def test_two_renders_are_the_same_bytes_and_carry_the_source() -> None:
    picture = render(SHOP)
    assert picture == render(SHOP)
    read = read_picture(picture)
    assert read.source is not None
    assert read.source.digest == read_drawio(SHOP).digest
    assert read.is_sealed
    assert not read.is_altered


@needs_browser
def test_the_picture_shows_the_drawing() -> None:
    found, channels = rows(render(SHOP))
    # The red box begins 10 px from the border, twice enlarged; its colour is pure away from label and corners.
    inside, outside = (2 * 20) * channels, 2 * channels
    assert found[2 * 50][inside : inside + 3] == b"\xff\x00\x00"
    assert found[2 * 50][outside : outside + 3] == b"\xff\xff\xff"
    dark = sum(1 for row in found for i in range(0, len(row), channels) if max(row[i : i + 3]) < 60)
    assert dark > 500  # letters and lines


@needs_browser
def test_nothing_but_picture_source_and_seal_is_in_the_file() -> None:
    assert [chunk.kind for chunk in read_chunks(render(SHOP))] == ["IHDR", "tEXt", "tEXt", "IDAT", "IEND"]


@needs_browser
def test_painting_over_a_picture_breaks_its_seal() -> None:
    chunks = read_chunks(render(SHOP))
    painted = write_chunks(tuple(Chunk("IDAT", zlib.compress(zlib.decompress(c.data)[::-1])) if c.kind == "IDAT" else c for c in chunks))
    assert read_picture(painted).is_altered


@needs_browser
def test_each_page_has_its_picture_and_all_carry_the_whole_source() -> None:
    source = mxfile(model("first"), compressed(model("second"))).encode()
    first, second = render(source), render(source, 2)
    assert first != second
    assert {read.digest for picture in (first, second) if (read := read_picture(picture).source)} == {read_drawio(source).digest}


@needs_browser
def test_a_source_with_a_byte_order_mark_is_carried_as_well() -> None:
    source = b"\xef\xbb\xbf" + SHOP
    read = read_picture(render(source)).source
    assert read is not None
    assert read.digest == read_drawio(SHOP).digest


@pytest.mark.parametrize(
    ("source", "page", "reason"),
    [
        (b"<mxfile", 1, "the diagram is no XML"),
        (SHOP, 2, "has 1 pages, and page 2 was asked for"),
        (SHOP, 0, "page 0 was asked for"),
        (file_of(box("a", style="shape=isometric")), 1, "the shape isometric is not drawn here"),
    ],
)
def test_what_cannot_be_drawn_never_reaches_the_browser(source: bytes, page: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "screenshot", lambda *_, **__: pytest.fail("a browser was asked"))
    with pytest.raises(UnsupportedDrawing, match=reason):
        render(source, page)


def test_our_own_diagram_can_be_drawn_and_its_picture_is_current() -> None:
    folder = Path(__file__).resolve().parents[3] / "docs" / "architecture"
    source = read_drawio((folder / "platformkit.drawio").read_bytes())
    picture = read_picture((folder / "platformkit.png").read_bytes())
    assert picture.source is not None
    assert picture.source.digest == source.digest
    assert picture.is_sealed
    assert not picture.is_altered
