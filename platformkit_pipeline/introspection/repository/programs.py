"""Where the programs of others are that were installed with this one."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path


def find_program(name: str) -> str | None:
    """The one beside this program, else the one on PATH, else None."""
    beside = Path(sysconfig.get_path("scripts")) / name
    return str(beside) if beside.is_file() else shutil.which(name)


class ProgramFailed(Exception):
    """Why a program gave no answer, as the rest of a sentence about it."""


def answer_of(command: Sequence[str], folder: Path, *, codes: Sequence[int], timeout: float) -> bytes:
    """What a program prints that is run in `folder`. Raises ProgramFailed, also for any exit code but `codes`."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"did not answer within {timeout} seconds") from None
    if done.returncode not in codes:
        said = " ".join(done.stderr.decode(errors="replace").split())[:300]
        raise ProgramFailed(f"ended with {done.returncode}: {said or 'no message'}")
    return done.stdout
