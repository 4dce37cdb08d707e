"""The server process of a data directory: what its lock file says, whether that is true, and what a killed one leaves.

`postmaster.pid` outlives `kill -9`, and so does its pid: as a zombie that nobody has reaped, or as the number of some
other process. PostgreSQL itself only asks `kill(pid, 0)`; here /proc and the socket are asked as well.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.folders import ServerFolders
from platformkit_pipeline.sandbox.processes import is_postmaster_of, orphans_of

_PORT_LINE, _ADDRESS_LINE, _STATUS_LINE = 3, 5, 7
"""Of `postmaster.pid`, counted from 0; fixed by PostgreSQL (miscadmin.h, LOCK_FILE_LINE_*)."""
_ORPHAN_PATIENCE_SECONDS = 3.0
_STOP_SECONDS = 30.0

_log = get_logger("sandbox.postmaster")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A process that really is the server of a data directory. `port` is 0 until it is `ready`."""

    pid: int
    port: int
    listen_address: str
    ready: bool


def read_postmaster(folders: ServerFolders) -> Postmaster | None:
    """The running server of `folders`, or None. The lock file is written line by line while a server starts."""
    try:
        lines = folders.postmaster_file.read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if not is_postmaster_of(pid, folders.data):
        return None
    if len(lines) <= _STATUS_LINE or lines[_STATUS_LINE].strip() != "ready":
        return Postmaster(pid, port=0, listen_address="", ready=False)
    return Postmaster(pid, int(lines[_PORT_LINE]), lines[_ADDRESS_LINE].strip(), ready=True)


def answers(folders: ServerFolders, postmaster: Postmaster) -> bool:
    """Whether it accepts connections: the listening socket is closed the moment a postmaster dies."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        probe.connect(str(folders.socket(postmaster.port)))
        return True
    return False


def shut_down(folders: ServerFolders) -> None:
    """End the running server, if there is one: "fast", and "immediate" if that takes too long."""
    postmaster = read_postmaster(folders)
    if postmaster is None:
        return
    for wanted in (signal.SIGINT, signal.SIGQUIT):
        with contextlib.suppress(ProcessLookupError):
            os.kill(postmaster.pid, wanted)
        if holds_within(_STOP_SECONDS, lambda: not is_postmaster_of(postmaster.pid, folders.data)):
            _log.info("server stopped", pid=postmaster.pid)
            return
    raise SandboxError(f"The server in {folders.data} (pid {postmaster.pid}) does not stop. Look at {folders.server_log}.")


def remove_stale_locks(folders: ServerFolders) -> None:
    """Remove the lock files of a server that does not run, once no process works in its data directory any more.

    To be called with the launcher's lock held and after `read_postmaster` has found nothing.
    """
    stale = [path for path in (folders.postmaster_file, *folders.sockets.glob(".s.PGSQL.*")) if path.exists()]
    if not stale:
        return
    _end_orphans(folders)
    for path in stale:
        path.unlink(missing_ok=True)
    _log.warning("lock files of a killed server removed", folder=str(folders.data))


def _end_orphans(folders: ServerFolders) -> None:
    """Backends of a killed postmaster end by themselves once idle; a busy one is told to (its work is lost anyway)."""
    data = folders.data
    if holds_within(_ORPHAN_PATIENCE_SECONDS, lambda: not orphans_of(data)):
        return
    for pid in orphans_of(data):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
    if not holds_within(_STOP_SECONDS, lambda: not orphans_of(data)):
        raise SandboxError(f"Processes of a killed server still work in {data}: {orphans_of(data)}. End them, then try again.")


def holds_within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Poll `condition`; True as soon as it holds, False when it did not for `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
