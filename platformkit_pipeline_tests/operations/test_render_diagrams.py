from __future__ import annotations

from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.diagram_source import read_drawio, read_picture
from platformkit_pipeline.model.errors import ConfigurationError, SandboxError
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.operations.render_diagrams import check_diagrams, render_diagrams
from platformkit_pipeline.sandbox.browser import BROWSER_VARIABLE
from platformkit_pipeline_tests.browsers import needs_browser
from platformkit_pipeline_tests.pictures import as_desktop, as_editor, model, mxfile, png

ONE = mxfile(model())
TWO = mxfile(model("a"), model("b"), names=("Data flow", "Road"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty work tree, the working directory; what is drawn without being asked for fails, because there is no browser."""
    monkeypatch.chdir(tmp_path)
    return Path()


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BROWSER_VARIABLE, "/nowhere/chromium")


def write(path: str, content: str | bytes) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def codes(*paths: Path) -> list[tuple[str, Outcome]]:
    return [(finding.rule, finding.outcome) for finding in check_diagrams(paths)]


@pytest.mark.usefixtures("no_browser")
def test_pictures_that_are_current_are_left_alone_whoever_drew_them(folder: Path) -> None:
    write("docs/x.drawio", ONE)
    picture = write("docs/x.png", png(as_desktop(mxfile(model(), host="Electron"))))
    before = picture.read_bytes()
    done = render_diagrams([folder])
    assert (done.written, done.current) == ((), 1)
    assert picture.read_bytes() == before
    assert codes(folder) == []


@pytest.mark.usefixtures("no_browser")
def test_without_a_browser_nothing_is_written_and_the_check_answers(folder: Path) -> None:
    write("docs/x.drawio", ONE)
    with pytest.raises(SandboxError, match="there is no such program"):
        render_diagrams([folder])
    assert sorted(Path("docs").iterdir()) == [Path("docs/x.drawio")]
    assert codes(folder) == [("DGM001", Outcome.FAIL)]


@needs_browser
def test_a_missing_picture_is_drawn_and_doing_it_again_writes_nothing(folder: Path) -> None:
    write("docs/x.drawio", ONE)
    assert render_diagrams([folder]).written == (Path("docs/x.png"),)
    assert codes(folder) == []
    again = render_diagrams([folder])
    assert (again.written, again.current) == ((), 1)


@needs_browser
def test_a_picture_of_another_source_is_drawn_anew_under_its_own_name(folder: Path) -> None:
    source = write("docs/x.drawio", ONE)
    picture = write("docs/x.drawio.png", png(as_editor(mxfile(model("old")))))
    assert codes(folder) == [("DGM002", Outcome.FAIL)]
    assert render_diagrams([folder]).written == (picture,)
    read = read_picture(picture.read_bytes()).source
    assert read is not None
    assert read.digest == read_drawio(source.read_bytes()).digest
    assert list(Path("docs").glob(".*")) == []


@needs_browser
def test_a_picture_without_a_source_or_damaged_is_drawn_anew(folder: Path) -> None:
    write("a.drawio", ONE)
    write("a.png", png())
    write("b.drawio", ONE)
    write("b.png", png(as_editor(ONE))[:-20])
    assert codes(folder) == [("DGM003", Outcome.UNKNOWN), ("DGM003", Outcome.UNKNOWN)]
    assert render_diagrams([folder]).written == (Path("a.png"), Path("b.png"))
    assert codes(folder) == []


@needs_browser
def test_every_page_gets_a_picture_called_after_it(folder: Path) -> None:
    write("x.drawio", TWO)
    assert render_diagrams([folder]).written == (Path("x-data-flow.png"), Path("x-road.png"))
    assert Path("x-road.png").read_bytes() != Path("x-data-flow.png").read_bytes()
    assert codes(folder) == []


@needs_browser
def test_pages_of_one_name_are_told_apart_by_number(folder: Path) -> None:
    write("x.drawio", mxfile(model("a"), model("b"), names=("Road", "road!")))
    assert render_diagrams([folder]).written == (Path("x-1.png"), Path("x-2.png"))
    assert codes(folder) == []


@needs_browser
def test_force_draws_what_is_current_with_the_same_bytes(folder: Path) -> None:
    write("x.drawio", ONE)
    render_diagrams([folder])
    before = Path("x.png").read_bytes()
    assert render_diagrams([folder], force=True).written == (Path("x.png"),)
    assert Path("x.png").read_bytes() == before


@needs_browser
def test_only_what_was_named_is_drawn(folder: Path) -> None:
    one, _ = write("a/x.drawio", ONE), write("a/y.drawio", ONE)
    write("b/z.drawio", ONE)
    assert render_diagrams([one]).written == (Path("a/x.png"),)
    assert [code for code, _ in codes(Path("b"))] == ["DGM001"]
    assert codes(one) == []


@pytest.mark.usefixtures("no_browser")
def test_what_cannot_be_drawn_or_read_stops_everything_before_anything_is_written(folder: Path) -> None:
    write("a.drawio", ONE.replace("rounded=1", "shape=mxgraph.aws4.lambda"))
    with pytest.raises(ConfigurationError, match=r"a\.drawio: cell '2' \(Shop\): the shape mxgraph\.aws4\.lambda .* nothing was written"):
        render_diagrams([folder])
    write("a.drawio", "<mxfile")
    with pytest.raises(ConfigurationError, match=r"a\.drawio is no XML"):
        render_diagrams([folder])
    assert [code for code, _ in codes(folder)] == ["DGM002", "DGM001"]


def test_a_lone_picture_for_architecture_is_told(folder: Path) -> None:
    write("docs/architecture/x.png", png())
    assert codes(folder) == [("DGM004", Outcome.FAIL)]


def test_hidden_folders_packages_and_links_are_passed_over(folder: Path) -> None:
    for place in (".venv", ".git", "node_modules"):
        write(f"{place}/x.drawio", ONE)
    assert codes(folder) == []
    write("x.drawio", ONE)
    Path("x.png").symlink_to("/etc/passwd")
    (finding,) = check_diagrams([folder])
    assert finding.message == "x.png is a symbolic link, which is not followed"


@pytest.mark.parametrize("path", ["missing", "missing.drawio", "text.md"])
def test_a_path_that_is_no_diagram_is_wrong_input(folder: Path, path: str) -> None:
    write("text.md", "text")
    with pytest.raises(ConfigurationError, match="is neither a folder nor a"):
        check_diagrams([folder / path])
    with pytest.raises(ConfigurationError, match="is neither a folder nor a"):
        render_diagrams([folder / path])


@needs_browser
def test_a_picture_that_cannot_be_written_is_an_error_and_leaves_nothing_behind(folder: Path) -> None:
    write("x.drawio", ONE)
    Path("x.png").mkdir()
    with pytest.raises(ConfigurationError, match=r"x\.png: cannot be written: "):
        render_diagrams([folder])
    assert sorted(path.name for path in Path().iterdir()) == ["x.drawio", "x.png"]
