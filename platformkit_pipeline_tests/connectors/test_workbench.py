"""A bench leaves nothing behind, however the process that had it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from platformkit_pipeline.connectors.acceptance.workbench import open_workbench, server_of_its_own
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import create_database, database_exists, drop_database

KILLED = """
import os, signal
from platformkit_pipeline.connectors.acceptance.workbench import server_of_its_own
with server_of_its_own():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_whose_process_was_killed_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", KILLED], env=os.environ, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    (left,) = [folder for folder in (tmp_path / "benches").iterdir() if folder.is_dir()]
    with server_of_its_own():
        assert not left.exists()
    assert not [folder for folder in (tmp_path / "benches").iterdir() if folder.is_dir()]


def test_an_old_database_of_a_bench_is_dropped_and_a_young_one_is_not(admin_dsn: Dsn) -> None:
    now = int(time.time())
    old, young, other = f"platformkit_bench_{now - 90_000:x}_00000000", f"platformkit_bench_{now - 3_600:x}_00000000", "platformkit_bench_x"
    for name in (old, young, other):
        create_database(admin_dsn, name)
    with open_workbench(admin_dsn):
        pass
    assert [database_exists(admin_dsn, name) for name in (old, young, other)] == [False, True, True]
    for name in (young, other):
        drop_database(admin_dsn, name)
