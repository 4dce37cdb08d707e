"""The repository check finds what it is there for, and accepts what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import check_repository

HOST = ".".join(("files", "pythonhosted", "org"))
LOCKED = "alpha==1.0 \\\n    --hash=sha256:00\n"


def test_lock_with_names_versions_and_hashes_is_accepted() -> None:
    text = LOCKED + "beta==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n"
    assert list(check_repository.faults_of_lock("runtime.txt", text)) == []


@pytest.mark.parametrize(
    "line", [f"--index-url https://{HOST}/x", "--extra-index-url=local", "-f wheels", "alpha @ https://example.org/a.whl --hash=sha256:00"]
)
def test_lock_that_says_where_packages_come_from_is_refused(line: str) -> None:
    faults = list(check_repository.faults_of_lock("runtime.txt", LOCKED + line + "\n"))
    assert faults[0] == "runtime.txt:3: a lock file must not say where packages come from"


def test_requirement_without_hash_is_refused() -> None:
    assert list(check_repository.faults_of_lock("dev.txt", LOCKED + "beta==2.0\n")) == ["dev.txt: beta has no hash"]


def test_file_that_names_a_registry_host_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_repository, "ROOT", tmp_path)
    (tmp_path / "notes.md").write_text(f"one\nsee {HOST}\n", encoding="utf-8")
    (tmp_path / "clean.md").write_text("pypi is a registry\n", encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    faults = list(check_repository.faults_of_files(["notes.md", "clean.md", "picture.png", "gone.md"]))
    assert faults == ["notes.md:2: names the host of a package registry"]


@pytest.mark.parametrize(
    "licence", ["GPL-3.0-or-later", "AGPL-3.0-only", "GPLv2", "License :: OSI Approved :: GNU General Public License v3 (GPLv3)"]
)
def test_gpl_alone_is_refused(licence: str) -> None:
    assert check_repository.is_copyleft(licence)


@pytest.mark.parametrize(
    "licence",
    ["MIT", "LGPL-3.0-only", "GNU Library or Lesser General Public License (LGPL)", "Artistic-2.0 OR GPL-2.0-or-later", "BSD-3-Clause"],
)
def test_other_licences_and_alternatives_to_the_gpl_are_accepted(licence: str) -> None:
    assert not check_repository.is_copyleft(licence)


def test_locked_package_that_is_not_installed_is_reported_only_where_its_marker_holds() -> None:
    text = "no-such-package==1 --hash=sha256:00\nno-such-other==1 ; sys_platform == 'win32' --hash=sha256:00\n"
    assert list(check_repository.faults_of_licences(text)) == ["no-such-package is locked but not installed"]
