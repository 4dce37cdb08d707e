from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.introspection.repository import diagram_source
from platformkit_pipeline.introspection.repository.diagram_source import DiagramError, read_drawio, read_picture
from platformkit_pipeline_tests import pictures
from platformkit_pipeline_tests.pictures import as_editor, chunk, compressed, model, mxfile, png

SOURCE = mxfile(model())
ENCODINGS = (
    pictures.as_editor,
    pictures.as_old_desktop,
    pictures.as_desktop,
    pictures.as_international,
    pictures.as_compressed_international,
)


def digest(text: str) -> str:
    return read_drawio(text.encode()).digest


def embedded_digest(data: bytes) -> str:
    source = read_picture(data).source
    assert source is not None
    return source.digest


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gives_the_source_of_the_file(encoding: Callable[[str], bytes]) -> None:
    assert embedded_digest(png(encoding(SOURCE))) == digest(SOURCE)
    assert embedded_digest(png(encoding(mxfile(model("Store"))))) != digest(SOURCE)


def test_a_bare_model_is_the_page_of_a_file() -> None:
    assert embedded_digest(png(pictures.as_old_desktop(model()))) == digest(SOURCE)
    assert digest(model()) == digest(SOURCE)


def test_compressed_pages_are_the_same_as_plain_ones() -> None:
    assert digest(mxfile(compressed(model()))) == digest(SOURCE)
    assert digest(mxfile(compressed(model()), model("b"))) == digest(mxfile(model(), compressed(model("b"))))
    assert embedded_digest(png(as_editor(mxfile(compressed(model()))))) == digest(SOURCE)


def test_letters_beyond_ascii_survive_every_encoding() -> None:
    source = mxfile(model("Größe → 漢字 &amp; 100%"))
    assert {embedded_digest(png(encoding(source))) for encoding in ENCODINGS} == {
        digest(source),
        digest(mxfile(compressed(model("Größe → 漢字 &amp; 100%")))),
    }


@pytest.mark.parametrize(
    "noted",
    [
        mxfile(model(), host="Electron"),
        mxfile(model(), names=("Overview",)),
        SOURCE.replace('dx="800"', 'dx="1422"').replace('grid="1"', 'grid="0" pageScale="1.5" pageWidth="850"'),
        SOURCE.replace("etag=", "tags="),
        SOURCE.replace("><", ">\n  <"),
        SOURCE.replace('<mxCell id="2" value="Shop"', '<mxCell value="Shop" id="2"'),
        SOURCE.replace('grid="1"', 'grid="1" background="none" math="0" shadow="0"'),
        "<?xml version='1.0' encoding='UTF-8'?>\n<!-- drawn -->" + SOURCE,
    ],
)
def test_what_the_editor_notes_for_itself_is_no_difference(noted: str) -> None:
    assert noted != SOURCE
    assert digest(noted) == digest(SOURCE)


@pytest.mark.parametrize(
    "changed",
    [
        SOURCE.replace("Shop", "shop"),
        SOURCE.replace('width="120"', 'width="121"'),
        SOURCE.replace("rounded=1", "rounded=0"),
        SOURCE.replace('grid="1"', 'grid="1" background="#ff0000"'),
        SOURCE.replace('grid="1"', 'shadow="1"'),
        SOURCE.replace("</root>", '<mxCell id="3" parent="1"/></root>'),
        mxfile(model(), model()),
    ],
)
def test_what_changes_the_picture_is_a_difference(changed: str) -> None:
    assert changed != SOURCE
    assert digest(changed) != digest(SOURCE)


def test_pages_count_in_their_order() -> None:
    assert digest(mxfile(model("a"), model("b"))) != digest(mxfile(model("b"), model("a")))
    assert [page.name for page in read_drawio(mxfile(model(), model("b"), names=("One", "Two")).encode()).pages] == ["One", "Two"]


def test_the_order_of_attributes_and_of_texts_in_a_png_does_not_count_but_a_contradiction_does() -> None:
    assert embedded_digest(png(as_editor(SOURCE), pictures.as_desktop(SOURCE))) == digest(SOURCE)
    with pytest.raises(DiagramError, match="carries several sources that differ"):
        read_picture(png(as_editor(SOURCE), as_editor(mxfile(model("other")))))


def test_a_png_without_a_source_says_so() -> None:
    assert read_picture(png()).source is None
    assert read_picture(png(chunk(b"tEXt", b"Software\0paint"))).source is None
    assert not read_picture(png()).is_sealed


def test_what_follows_the_end_of_a_picture_is_no_part_of_it() -> None:
    assert read_picture(png() + as_editor(SOURCE)).source is None


BOMB = zlib.compress(b"<" * (diagram_source.MAX_SOURCE_BYTES + 2))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no PNG file"),
        (b"GIF89a", "is no PNG file"),
        (png()[:-12], "the closing IEND chunk is missing"),
        (png(as_editor(SOURCE))[:120], "is cut off within a chunk tEXt"),
        (png(as_editor(SOURCE)).replace(b"Shop", b"Stop"), "checksum of a chunk tEXt is wrong"),
        (png(b"\0\0\0\x04\x00\x01\x02\x03abcd\0\0\0\0"), "there is no chunk"),
        (pictures.SIGNATURE + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "does not begin with an IHDR chunk"),
        (png(chunk(b"zTXt", b"mxfile\0\0" + BOMB)), "its text mxfile inflates to more than"),
        (png(chunk(b"iTXt", b"mxfile\0\1\0\0\0" + BOMB)), "its text mxfile inflates to more than"),
        (png(chunk(b"zTXt", b"mxfile\0\0" + zlib.compress(SOURCE.encode())[:-8])), "its text mxfile is cut off"),
        (png(chunk(b"zTXt", b"mxfile\0\0\xff\xff\xff")), "cannot be decompressed"),
        (png(chunk(b"zTXt", b"mxfile\0\7abc")), "compressed in an unknown way"),
        (png(chunk(b"iTXt", b"mxfile\0\1\0")), "a chunk iTXt is incomplete"),
        (png(chunk(b"tEXt", b"mxfile")), "has no keyword"),
        (png(as_editor("<mxfile><diagram")), "carries a source that is no XML"),
        (png(as_editor("<svg/>")), "its outermost element is svg"),
    ],
)
def test_a_picture_that_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(DiagramError, match=reason):
        read_picture(data)


ENTITIES = "<!DOCTYPE mxfile [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
OUTSIDE = '<!DOCTYPE mxfile SYSTEM "file:///etc/passwd">'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no XML"),
        ("not a diagram", "is no XML"),
        ("\xff\xfe\xfa", "is no XML"),
        ("<?xml version='1.0' encoding='nonsense'?><mxfile/>", "is no XML"),
        ("<mxfile></mxfile>", "has no page"),
        ("<mxlibrary>[]</mxlibrary>", "its outermost element is mxlibrary"),
        ("<mxfile><diagram/></mxfile>", "has nothing on page 1"),
        ("<mxfile><diagram>%%%</diagram></mxfile>", "page 1 is neither plain nor compressed"),
        ("<mxfile><diagram>AAAA</diagram></mxfile>", "page 1"),
        (mxfile(model(), compressed("<svg/>")), "page 2 holds no mxGraphModel"),
        (mxfile(compressed("<mxGraphModel>")), "page 1 is no XML"),
        (mxfile("<mxGraphModel/>"), "page 1 has no root of cells"),
        (mxfile(*["<mxGraphModel><root/></mxGraphModel>"] * 201), "more than 200 pages"),
        (mxfile("<mxGraphModel><root>" + "<a>" * 80 + "</a>" * 80 + "</root></mxGraphModel>"), "nested deeper than"),
        (mxfile("<mxGraphModel><root>" + "<a/>" * 200_000 + "</root></mxGraphModel>"), "more than 200000 elements"),
        (f"{ENTITIES}{mxfile(model('&b;'))}", "declares a document type"),
        (OUTSIDE + SOURCE, "declares a document type"),
        (mxfile(compressed(ENTITIES + model("&b;"))), "declares a document type"),
        (
            mxfile(base64.b64encode(pictures.raw_deflated(b" " * (diagram_source.MAX_SOURCE_BYTES + 2))).decode()),
            "page 1 inflates to more than",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text: str, reason: str) -> None:
    with pytest.raises(DiagramError, match=reason):
        read_drawio(text.encode("latin-1"))


def test_many_pages_share_one_bound() -> None:
    page = compressed(model("x" * 6_000_000))
    with pytest.raises(DiagramError, match="page 3 inflates to more than"):
        read_drawio(mxfile(page, page, page).encode())


def test_an_entity_attack_in_a_picture_is_refused() -> None:
    with pytest.raises(DiagramError, match="carries a source that is not read: it declares a document type"):
        read_picture(png(as_editor(ENTITIES + mxfile(model("&b;")))))


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
def test_damage_is_an_error_with_a_reason_or_no_damage_at_all(junk: bytes, place: int, value: int) -> None:
    whole = png(as_editor(SOURCE))
    broken = bytearray(whole)
    broken[place % len(whole)] = value
    for data in (
        bytes(broken),
        whole[:place],
        pictures.SIGNATURE + junk,
        png(chunk(b"tEXt", b"mxfile\0" + junk)),
        png(chunk(b"zTXt", b"mxfile\0\0" + junk)),
    ):
        with suppress(DiagramError):
            source = read_picture(data).source
            assert source is None or source.digest == digest(SOURCE)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_source_or_an_error_with_a_reason(junk: bytes) -> None:
    with pytest.raises(DiagramError, match="is "):
        read_drawio(junk)
