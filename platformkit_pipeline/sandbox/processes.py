"""What the kernel knows about processes, and how the server's own programs are run.

Reads /proc (Linux): `kill(pid, 0)` succeeds on zombies and on reused numbers, so a pid alone proves nothing.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.accounts import ServerAccount

_PROC = Path("/proc")
_DEAD_STATES = "ZX"
_DETACH_SECONDS = 30.0
_INHERITED_VARIABLES = ("PATH", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class ToolResult:
    exit_code: int
    output: str


def command_of(pid: int) -> str | None:
    """Command line of a process that really runs; None when it is gone or a zombie."""
    try:
        state = (_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0]
        if state in _DEAD_STATES:
            return None
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (OSError, IndexError):
        return None


def is_postmaster_of(pid: int, data_directory: Path) -> bool:
    """Whether `pid` is a running server of exactly this data directory, not a zombie and not an alien process."""
    command = command_of(pid)
    return command is not None and "postgres" in command and f" {data_directory} " in f"{command} "


def orphans_of(data_directory: Path) -> list[int]:
    """Pids of server processes that work in `data_directory`: those of a killed postmaster may live on for a moment."""
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit() and _works_in(entry, data_directory)]


def _works_in(entry: Path, data_directory: Path) -> bool:
    try:
        # comm can be cut or changed; cwd is set by the server itself and is what tells two servers apart
        return (entry / "cwd").readlink() == data_directory and (entry / "comm").read_text().startswith("postgres")
    except OSError:
        return False  # gone meanwhile, a zombie, or somebody else's


def run_tool(account: ServerAccount, command: Sequence[str | Path], *, timeout: float) -> ToolResult:
    """Run a program to its end as `account` and return its exit code and output (both streams).

    The output goes through a file, never a pipe: a server started underneath inherits it, and a reader would hang for
    ever. The environment is made new, so that no PG* variable steers the server and no secret of ours reaches it.
    """
    environment = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
    environment |= {"LC_ALL": "C", "TZ": "UTC"}
    name = Path(command[0]).name
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        try:
            finished = subprocess.run(
                account.wrap([str(part) for part in command]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment,
                timeout=timeout,
                check=False,
                start_new_session=True,  # Ctrl-C in the terminal must not reach a server that others use
                user=account.drop_uid,
                group=account.drop_gid,
                extra_groups=account.drop_groups,
            )
        except subprocess.TimeoutExpired:
            raise SandboxError(f"{name} did not finish within {timeout:.0f} s. Look at the load of the machine, and try again.") from None
        except OSError as error:
            raise SandboxError(f"{name} could not be run as {account}: {error.strerror}.") from error
        output.seek(0)
        return ToolResult(finished.returncode, output.read())


def run_in_background(account: ServerAccount, command: Sequence[str | Path], *, log: Path) -> int:
    """Start a program that outlives us, its output appended to `log`; returns its pid.

    The shell in between makes it a child of init, not of ours that would have to reap it. pg_ctl does the same, but puts
    paths into a shell command with double quotes, where a `$` in a folder's name is expanded.
    """
    detach = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!'
    result = run_tool(account, ["sh", "-c", detach, "sh", log, *command], timeout=_DETACH_SECONDS)
    if result.exit_code or not result.output.strip().isdigit():
        raise SandboxError(f"{Path(command[0]).name} could not be started as {account}: {result.output.strip()[-300:]}")
    return int(result.output)
