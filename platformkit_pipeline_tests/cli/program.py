"""The program as its users start it: a process of its own, with an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONUTF8", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "COVERAGE_FILE")

UNMEASURED = {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
"""For a process of which coverage need not know, be it that another one does the same: it is a quarter faster."""


def environment_of(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Little of the surrounding environment, so that no variable of the machine decides a test."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **(given or {})}


def command_line(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "platformkit_pipeline.cli.main", *arguments]


def platformkit(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, patience_seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end; it is not attached to a terminal."""
    return subprocess.run(
        command_line(*arguments),
        env=environment_of(env),
        cwd=cwd or ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=patience_seconds,
        check=False,
    )
