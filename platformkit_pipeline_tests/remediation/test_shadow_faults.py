"""Shadow servers leave nothing behind: not when their process is killed, not when the disk is full, not when they die themselves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.model.snapshot import Relation, RelationKind, Server, Snapshot, Type
from platformkit_pipeline.remediation.shadows import ShadowServer
from platformkit_pipeline.sandbox.processes import command_of

SNAPSHOT = Snapshot(Server("18.0", 18_00_00, "nothing", "postgres", current_user_superuser=True))
PROCESS = """
import json, sys, time
from pathlib import Path
from platformkit_pipeline.model.snapshot import Server, Snapshot
from platformkit_pipeline.remediation.shadows import ShadowServer

with ShadowServer(parent=Path(sys.argv[1])) as shadows:
    shadows.template(Snapshot(Server("18.0", 180000, "nothing", "postgres", current_user_superuser=True)))
    shadows.fresh()
    print(json.dumps({"postmaster": shadows.postmaster}), flush=True)
    time.sleep(600)
"""
"""A process that holds a shadow until somebody ends it."""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process with a shadow server below `tmp_path`, and the pid of that server."""
    process = subprocess.Popen([sys.executable, "-c", PROCESS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    postmaster = json.loads(process.stdout.readline())["postmaster"]
    yield process, postmaster
    process.kill()
    process.wait()
    process.stdout.close()
    with ShadowServer(parent=tmp_path):
        pass


def folders(parent: Path) -> list[str]:
    return sorted(p.name for p in parent.iterdir() if p.is_dir())


def test_what_a_killed_process_leaves_is_removed_by_the_next(holder: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    process, postmaster = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(folders(tmp_path)) == 1
    assert command_of(postmaster) is not None
    with ShadowServer(parent=tmp_path):
        assert folders(tmp_path) == []
        assert command_of(postmaster) is None


def test_what_a_living_process_uses_is_left_alone(holder: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    _, postmaster = holder
    theirs = folders(tmp_path)
    with ShadowServer(parent=tmp_path) as shadows:
        shadows.template(SNAPSHOT)
        assert set(theirs) < set(folders(tmp_path))
    assert folders(tmp_path) == theirs
    assert command_of(postmaster) is not None


def test_a_process_killed_before_it_had_a_server_leaves_nothing_that_hinders(tmp_path: Path) -> None:
    (tmp_path / "1-abc").mkdir()
    (tmp_path / "2-def").mkdir()
    (tmp_path / "2-def" / "shadow.lock").touch()
    (tmp_path / "3-ghi").mkdir()
    (tmp_path / "3-ghi" / "shadow.lock").write_text('{"bindir": "/gone", "ver')
    with ShadowServer(parent=tmp_path):
        assert folders(tmp_path) == []


def test_an_error_leaves_neither_folder_nor_server(tmp_path: Path) -> None:
    seen: list[int | None] = []

    def use_and_fail() -> None:
        with ShadowServer(parent=tmp_path) as shadows:
            shadows.template(SNAPSHOT)
            seen.append(shadows.postmaster)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use_and_fail()
    assert folders(tmp_path) == []
    [postmaster] = seen
    assert postmaster is not None
    assert command_of(postmaster) is None


@pytest.mark.parametrize("moment", ["rebuilding the schema", "comparing it with the target"])
def test_server_killed_while_the_shadow_is_made_is_told_in_a_sentence(moment: str, tmp_path: Path, sample_platform: dict[str, Dsn]) -> None:
    target = observe(sample_platform["shop-production"])
    with ShadowServer(parent=tmp_path) as shadows:

        def kill(progress: str) -> None:
            if progress == moment:
                assert shadows.postmaster is not None
                os.kill(shadows.postmaster, signal.SIGKILL)

        with pytest.raises(SandboxError, match="server of the shadow"):
            shadows.template(target, progress=kill)
        assert shadows.template(target).faithful
    assert folders(tmp_path) == []


def test_server_killed_before_a_copy_is_started_again_and_has_what_it_had(tmp_path: Path, sample_platform: dict[str, Dsn]) -> None:
    target = observe(sample_platform["shop-production"])
    with ShadowServer(parent=tmp_path) as shadows:
        template = shadows.template(target)
        earlier = shadows.fresh()
        assert shadows.postmaster is not None
        os.kill(shadows.postmaster, signal.SIGKILL)
        assert catalog_fingerprint(observe(shadows.fresh())) == template.base_fingerprint
        assert catalog_fingerprint(observe(earlier)) == template.base_fingerprint
    assert folders(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Leave not a block."""
    with (disk / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            pass
    with (disk / "ballast").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            pass


def test_full_disk_while_the_shadow_is_made_is_told_in_a_sentence(small_disk: Path, sample_platform: dict[str, Dsn]) -> None:
    target = observe(sample_platform["shop-production"])
    with ShadowServer(parent=small_disk / "shadows") as shadows:

        def fill_it(progress: str) -> None:
            if progress == "rebuilding the schema":
                fill(small_disk)

        with pytest.raises(SandboxError, match=r"(?i)no space left|disk is full"):
            shadows.template(target, progress=fill_it)
        (small_disk / "ballast").unlink()
        assert shadows.template(target).faithful
    assert folders(small_disk / "shadows") == []


def test_full_disk_for_a_copy_is_told_in_a_sentence_and_the_next_one_succeeds(small_disk: Path) -> None:
    with ShadowServer(parent=small_disk / "shadows") as shadows:
        shadows.template(SNAPSHOT)
        fill(small_disk)
        with pytest.raises(SandboxError, match=r"(?i)no space left|disk is full"):
            shadows.fresh()
        (small_disk / "ballast").unlink()
        shadows.fresh()


def test_a_folder_that_cannot_be_written_to_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match="PLATFORMKIT_HOME"), ShadowServer(parent=tmp_path / "file" / "shadows"):
        pass


def test_a_message_of_the_server_about_an_object_carries_no_secret(tmp_path: Path) -> None:
    """A default that is refused is quoted by the server."""
    snapshot = Snapshot(
        SNAPSHOT.server,
        relations=(Relation("public", "seen", RelationKind.VIEW, "platformkit_shadow", definition="select nothing(password='hunter2x')"),),
        types=(
            Type("public", "kept", "domain", "platformkit_shadow", definition="text default nothing('postgresql://me:hunter2x@db/shop')"),
        ),
    )
    with ShadowServer(parent=tmp_path) as shadows:
        template = shadows.template(snapshot)
    assert {"view public.seen", "type public.kept"} <= template.unfaithful.keys()
    assert "hunter2x" not in str(template)
