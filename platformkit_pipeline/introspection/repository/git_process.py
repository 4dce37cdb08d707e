"""git, called so that it only reads: no hook, filter, file-system monitor, external diff or network, whatever a repository says."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from platformkit_pipeline.model.errors import PlatformkitError

TIMEOUT_SECONDS = 60
MAX_BYTES = 256 * 1024 * 1024
_CHUNK = 1 << 16
_LONGEST_COMPLAINT = 4096
_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "-c", "core.pager=cat", "-c", "diff.external="),
    *("-c", "protocol.allow=never", "-c", "core.untrackedCache=false", "-c", "core.attributesFile=/dev/null"),
    *("-c", "core.bigFileThreshold=16m"),  # what is larger is neither compared nor held in memory
)
_MISSING = "git is not on PATH; install it, e.g. with `apt-get install git`"


class GitFailed(PlatformkitError):
    """git is missing, refused or did not answer; the message says which. Callers say what that means to the person."""


def git_command(*arguments: str) -> list[str]:
    """The command line for a subcommand and its arguments."""
    return ["git", "--no-pager", "--no-replace-objects", *_SAFE, *arguments]


def git_environment() -> dict[str, str]:
    """Our own environment without anything that would lead git elsewhere. The user's own configuration stays: `safe.directory`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return environment | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_LITERAL_PATHSPECS": "1",
        "LC_ALL": "C",
        "TZ": "UTC",
    }


def git(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    timeout: float = TIMEOUT_SECONDS,
    max_bytes: int = MAX_BYTES,
    max_records: int | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> bytes:
    """Output of one git command, run in `folder`; one that only reads, unless the folder is ours. `environment` is added.

    `max_records` bounds the zero bytes in it. Raises GitFailed with what git said, or that it said too much or nothing in time.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as complaints:
        given.write(stdin)
        given.seek(0)
        try:
            process = subprocess.Popen(
                git_command(*arguments),
                cwd=folder,
                env={**git_environment(), **environment},
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
        except FileNotFoundError:
            raise GitFailed(_MISSING) from None
        try:
            answer = _bounded(process, arguments[0], timeout, max_bytes, max_records)
        finally:
            process.kill()
            process.communicate()
        if process.returncode == 0:
            return answer
        complaints.seek(0)
        said = " ".join(complaints.read(_LONGEST_COMPLAINT).decode(errors="replace").split())[:300]
        raise GitFailed(f"git {arguments[0]} failed: {said or f'exit code {process.returncode}'}")


def _bounded(process: subprocess.Popen[bytes], what: str, timeout: float, max_bytes: int, max_records: int | None) -> bytes:
    """Everything that git prints, until it ends or one of the limits is reached."""
    if process.stdout is None:
        raise AssertionError("git has no output")
    handle, deadline = process.stdout.fileno(), time.monotonic() + timeout
    chunks: list[bytes] = []
    size = records = 0
    while True:
        ready, _, _ = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise GitFailed(f"git {what} did not answer within {timeout:.0f} seconds")
        chunk = os.read(handle, _CHUNK)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise GitFailed(f"git {what} has more than {max_bytes} bytes to tell")
        if max_records is not None:
            records += chunk.count(b"\0")
            if records > max_records:
                raise GitFailed(f"git {what} has more than {max_records} things to tell, and more are not read")
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git {what} did not end within {timeout:.0f} seconds") from None
    return b"".join(chunks)
