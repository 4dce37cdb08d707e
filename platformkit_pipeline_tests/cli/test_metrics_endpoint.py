"""`platformkit metrics --serve` as a process: it answers, and ends when it is told to."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from platformkit_pipeline.operations.local_platform import ensure_local_platform
from platformkit_pipeline_tests.cli.program import ROOT, UNMEASURED, command_line, environment_of


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a control plane of its own, whose server does not run."""
    made = tmp_path_factory.mktemp("metrics") / "home"
    ensure_local_platform(made, {}).release()
    assert servers_in(made) == []
    return made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_endpoint_that_is_told_to_end_lets_go_of_the_server_it_started(home: Path, number: signal.Signals) -> None:
    environment = environment_of({"PLATFORMKIT_HOME": str(home), **UNMEASURED})
    started = subprocess.Popen(command_line("metrics", "--serve", "0"), env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert started.stderr is not None
    try:
        address = next(found[0] for line in started.stderr if (found := re.search(r"http://\S+/metrics", line)))
        assert httpx.get(address, timeout=30).text.startswith("# HELP platformkit_")
        assert len(servers_in(home)) == 1
        started.send_signal(number)
        assert started.wait(timeout=60) == 0
    finally:
        started.kill()
        started.communicate()
    assert servers_in(home) == []


def servers_in(home: Path) -> list[Path]:
    return list(home.rglob("postmaster.pid"))
