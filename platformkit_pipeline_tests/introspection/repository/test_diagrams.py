from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.diagrams import observe_diagrams
from platformkit_pipeline.introspection.repository.files import UnreadableError
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.observe import observe_repository
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.model.record_json import from_json, to_json
from platformkit_pipeline.model.repository.diagrams import Diagram
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.pictures import as_desktop, as_editor, chunk, model, mxfile, png

ONE = mxfile(model())
TWO = mxfile(model("a"), model("b"), names=("Data flow", "Road"))


class FilesInMemory:
    """Contents by path, read as those of a commit."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.contents = contents

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(sorted(self.contents))

    def data(self, path: str, limit: int) -> bytes:
        if len(self.contents[path]) > limit:
            raise UnreadableError("is too large")
        return self.contents[path]


def observed(contents: Mapping[str, bytes | str]) -> tuple[Diagram, ...]:
    return observe_diagrams(FilesInMemory({path: data.encode() if isinstance(data, str) else data for path, data in contents.items()}))


def names(diagram: Diagram) -> list[tuple[str, int | None]]:
    return [(image.path, image.page) for image in diagram.images]


@pytest.mark.parametrize("image", ["docs/x.png", "docs/x.drawio.png", "docs/x.PNG"])
def test_a_picture_belongs_to_the_source_that_it_is_called_after(image: str) -> None:
    (diagram,) = observed({"docs/x.drawio": ONE, image: png(as_editor(ONE))})
    assert names(diagram) == [(image, None)]
    assert diagram.is_current(diagram.images[0])
    assert (diagram.fault, diagram.pages_without_image) == (None, ())


def test_a_picture_in_another_folder_belongs_to_no_source() -> None:
    (diagram,) = observed({"docs/x.drawio": ONE, "images/x.png": png(as_editor(ONE))})
    assert not diagram.images


def test_pictures_of_pages_belong_by_name_or_number() -> None:
    (diagram,) = observed({"d/x.drawio": TWO, "d/x-data-flow.png": png(as_editor(TWO)), "d/x-2.png": png(as_editor(mxfile(model("b"))))})
    assert names(diagram) == [("d/x-2.png", 2), ("d/x-data-flow.png", 1)]
    assert all(diagram.is_current(image) for image in diagram.images)
    assert not diagram.pages_without_image


def test_a_page_without_a_picture_is_told() -> None:
    (diagram,) = observed({"d/x.drawio": TWO, "d/x-Road.png": png(as_editor(TWO))})
    assert [page.name for page in diagram.pages_without_image] == ["Data flow"]


def test_a_picture_of_a_page_that_carries_another_page_is_not_current() -> None:
    (diagram,) = observed({"d/x.drawio": TWO, "d/x-Road.png": png(as_editor(mxfile(model("a"))))})
    assert not diagram.is_current(diagram.images[0])


def test_a_picture_of_the_whole_has_to_carry_every_page() -> None:
    (diagram,) = observed({"d/x.drawio": TWO, "d/x.png": png(as_editor(mxfile(model("a"))))})
    assert not diagram.is_current(diagram.images[0])


def test_the_longer_name_takes_its_picture_first() -> None:
    first, second = observed({"d/x-road.drawio": ONE, "d/x.drawio": TWO, "d/x-road.png": png(as_editor(ONE))})
    assert names(first) == [("d/x-road.png", None)]
    assert names(second) == []


def test_every_picture_for_architecture_needs_a_source_and_elsewhere_those_that_are_diagrams() -> None:
    found = observed(
        {
            "docs/architecture/old/photo.png": png(),
            "docs/y.drawio": ONE,
            "docs/screenshot.png": png(),
            "docs/z.png": png(as_desktop(ONE)),
            "src/logo.png": png(),
        }
    )
    assert [(diagram.path, diagram.has_source) for diagram in found] == [
        ("docs/architecture/old/photo.png", False),
        ("docs/y.drawio", True),
        ("docs/z.png", False),
    ]


def test_what_cannot_be_read_is_told_with_its_reason() -> None:
    entity = '<!DOCTYPE x [<!ENTITY a "b">]>'
    broken, attacked = observed(
        {
            "a.drawio": ONE,
            "a.png": png(as_editor(ONE))[:-20],
            "b.drawio": entity + ONE,
            "b-Page-1.png": png(as_editor(ONE)),
        }
    )
    assert broken.images[0].fault == "is cut off within a chunk IDAT"
    assert attacked.fault is not None
    assert "declares a document type" in attacked.fault
    assert names(attacked) == [("b-Page-1.png", None)]


def test_a_picture_too_large_to_be_read_is_told() -> None:
    (diagram,) = observed({"a.drawio": ONE, "a.png": png(chunk(b"IDAT", bytes(32 * 1024 * 1024)))})
    assert diagram.images[0].fault == "is too large"


def test_records_are_stored_and_read_back_without_a_word_of_the_drawing() -> None:
    (diagram,) = observed({"a.drawio": mxfile(model("Confidential")), "a.png": png(as_editor(ONE))})
    stored = to_json(diagram)
    assert from_json(Diagram, stored) == diagram
    assert "Confidential" not in str(stored)


def test_diagrams_of_a_commit_are_observed_and_links_are_not_followed(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path)
    builder.init()
    builder.write("docs/x.drawio", ONE)
    (tmp_path / "docs" / "x.png").symlink_to("/etc/passwd")
    builder.write("docs/y.drawio", ONE)
    builder.write("docs/y.png", png(as_editor(ONE)))
    builder.commit("Draw")
    with open_repository(tmp_path) as repository:
        linked, drawn = observe_repository(repository, RepositoryOptions(name="shop")).diagrams
    assert linked.images[0].fault == "is a symbolic link, which is not followed"
    assert drawn.is_current(drawn.images[0])
