from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from rich.text import Text

from platformkit_pipeline.cli.output import check_output, progress, render, write_text
from platformkit_pipeline.model.errors import ConfigurationError


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_the_old_one(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "report"
    with pytest.raises(ConfigurationError, match="cannot be written: No such file or directory"):
        write_text("new", missing)
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_keeps_pointing_where_it_did(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text("new", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_new_file_has_the_mode_of_the_user(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text("new", tmp_path / "report")
    finally:
        os.umask(before)
    assert (tmp_path / "report").stat().st_mode & 0o777 == 0o640


def test_a_pipe_takes_the_text_as_it_comes(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text("through", fifo)
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert fifo.is_fifo()


def test_no_output_is_a_good_output() -> None:
    check_output(None)


def test_text_is_rendered_without_colour_or_padding_when_nobody_looks() -> None:
    assert render(Text("red   ", style="bold red")) == "red\n"


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("working"):
        pass
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_in_a_terminal_and_wiped_away(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with pytest.raises(RuntimeError), progress("working"):
        raise RuntimeError
    assert capsys.readouterr() == ("", "working\r\x1b[K")
