"""git, called so that it only reads: no hook, filter, file-system monitor, external diff or network, whatever a repository says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from platformkit_pipeline.model.errors import PlatformkitError

TIMEOUT_SECONDS = 60
_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "-c", "core.pager=cat", "-c", "diff.external="),
    *("-c", "protocol.allow=never", "-c", "core.untrackedCache=false", "-c", "core.attributesFile=/dev/null"),
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


def git(folder: Path, *arguments: str, stdin: bytes | None = None, timeout: float = TIMEOUT_SECONDS) -> bytes:
    """Output of one git command that only reads, run in `folder`. Raises GitFailed with what git said."""
    try:
        command, environment = git_command(*arguments), git_environment()
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=timeout, check=False, input=stdin or b"")
    except FileNotFoundError:
        raise GitFailed(_MISSING) from None
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git {arguments[0]} did not answer within {timeout:.0f} seconds") from None
    if done.returncode == 0:
        return done.stdout
    said = " ".join(done.stderr.decode(errors="replace").split())[:300]
    raise GitFailed(f"git {arguments[0]} failed: {said or f'exit code {done.returncode}'}")
