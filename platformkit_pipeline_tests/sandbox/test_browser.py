from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.model.repository.png import read_chunks
from platformkit_pipeline.sandbox import browser
from platformkit_pipeline.sandbox.browser import BROWSER_VARIABLE, find_browser, screenshot
from platformkit_pipeline_tests.browsers import needs_browser

PAGE = "<!doctype html><body style='margin:0;background:{colour}'>{more}</body>"


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_a_browser_is_found_under_its_usual_names(tmp_path: Path) -> None:
    chrome = program(tmp_path, "google-chrome", "")
    assert find_browser({"PATH": str(tmp_path)}) == chrome
    chromium = program(tmp_path, "chromium", "")
    assert find_browser({"PATH": str(tmp_path)}) == chromium


def test_the_named_browser_comes_first_and_has_to_be_there(tmp_path: Path) -> None:
    program(tmp_path, "chromium", "")
    mine = program(tmp_path, "mine", "")
    assert find_browser({"PATH": str(tmp_path), BROWSER_VARIABLE: str(mine)}) == mine
    with pytest.raises(SandboxError, match="PLATFORMKIT_CHROMIUM=/nowhere/chrome: there is no such program"):
        find_browser({"PATH": str(tmp_path), BROWSER_VARIABLE: "/nowhere/chrome"})


def test_a_machine_without_a_browser_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="apt-get install chromium"):
        find_browser({"PATH": str(tmp_path)})


def test_a_program_that_ends_at_once_is_an_error_with_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BROWSER_VARIABLE, str(program(tmp_path, "broken", "echo 'no usable sandbox' >&2; exit 1")))
    with pytest.raises(SandboxError, match="broken ended before it drew anything: no usable sandbox"):
        screenshot(PAGE, 10, 10)


def test_a_program_that_answers_nothing_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setenv(BROWSER_VARIABLE, str(program(tmp_path, "mute", f"echo $$ >{tmp_path}/pid; sleep 600")))
    with pytest.raises(SandboxError, match="did not answer within"):
        screenshot(PAGE, 10, 10)
    process = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and Path(f"/proc/{process}").exists():
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_an_answer_that_refuses_is_an_error_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = r"""printf '{"id":1,"error":{"message":"not today"}}\0' >&4; sleep 600"""
    monkeypatch.setenv(BROWSER_VARIABLE, str(program(tmp_path, "unwilling", answer)))
    with pytest.raises(SandboxError, match=r"refused Target\.createTarget: not today"):
        screenshot(PAGE, 10, 10)


@needs_browser
def test_a_picture_has_the_size_that_was_asked_for_and_shows_the_page() -> None:
    red, blue = (screenshot(PAGE.format(colour=colour, more=""), 37, 23) for colour in ("#ff0000", "#0000ff"))
    header = read_chunks(red)[0].data
    assert (int.from_bytes(header[:4]), int.from_bytes(header[4:8])) == (74, 46)
    assert red != blue


@needs_browser
def test_scripts_of_a_page_do_not_run() -> None:
    change = "document.body.style.background = 'blue'"
    script = f'<script>{change}</script><img src="data:," onerror="{change}" hidden>'
    plain = screenshot(PAGE.format(colour="#ff0000", more=""), 20, 20)
    assert screenshot(PAGE.format(colour="#ff0000", more=script), 20, 20) == plain
