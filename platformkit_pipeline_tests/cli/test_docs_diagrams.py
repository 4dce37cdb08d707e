from __future__ import annotations

from pathlib import Path

import pytest

from platformkit_pipeline_tests.browsers import needs_browser
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.cli.program import ROOT
from platformkit_pipeline_tests.pictures import as_editor, model, mxfile, png

ONE = mxfile(model())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.drawio").write_text(ONE, encoding="utf-8")
    return tmp_path


def test_a_current_picture_passes_without_a_word_and_without_a_browser(
    program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATFORMKIT_CHROMIUM", "/nowhere/chromium")
    (folder / "x.png").write_bytes(png(as_editor(ONE)))
    done = program("docs", "diagrams", "--check")
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


def test_drift_is_told_and_ends_with_one(program: Program, folder: Path) -> None:
    (folder / "x.png").write_bytes(png(as_editor(mxfile(model("old")))))
    done = program("docs", "diagrams", "--check")
    assert (done.code, done.stdout) == (1, "DGM002 FAIL: x.png was drawn from another source than x.drawio\n")
    assert "`platformkit docs diagrams` draws" in done.stderr


def test_a_picture_that_cannot_be_compared_ends_with_three(program: Program, folder: Path) -> None:
    (folder / "x.png").write_bytes(png())
    done = program("docs", "diagrams", "--check", "x.drawio")
    assert (done.code, done.stdout) == (3, "DGM003 UNKNOWN: x.png carries no source, so that it cannot be compared with x.drawio\n")


def test_a_machine_without_a_browser_is_told_what_to_do(program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_CHROMIUM", "/nowhere/chromium")
    done = program("docs", "diagrams")
    assert done.code == 2
    assert "PLATFORMKIT_CHROMIUM=/nowhere/chromium: there is no such program" in done.stderr
    assert not (folder / "x.png").exists()


@needs_browser
def test_what_is_drawn_is_listed(program: Program, folder: Path) -> None:
    done = program("docs", "diagrams")
    assert (done.code, done.stdout) == (0, "x.png\n")
    assert program("docs", "diagrams").stdout == ""
    assert program("docs", "diagrams", "--check").code == 0


def test_the_diagrams_of_this_repository_are_current(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (ROOT / "docs" / "architecture" / "platformkit.drawio").is_file()
    done = program("docs", "diagrams", "--check")
    assert (done.code, done.stdout, done.stderr) == (0, "", "")
