"""As whom the server runs: PostgreSQL refuses root, so root needs a user namespace or another account.

A namespace leaves nothing behind and keeps files root's; default container profiles forbid it. Dropping to an account
works there, but that account cannot enter a private home, so data and binaries go to a folder of their own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from platformkit_pipeline.model.errors import SandboxError

ROOT_MODE_VARIABLE = "PLATFORMKIT_PG_ROOT_MODE"
_NAMESPACE_ACCOUNT = "daemon"
"""Any name that exists everywhere: initdb looks the uid up. Outside the namespace it is still root."""
_DROP_ACCOUNTS = ("postgres", "nobody")


class RunMode(StrEnum):
    USER = "user"
    NAMESPACE = "userns"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The account of the server process; `uid` and `gid` are the ones it believes to have."""

    mode: RunMode
    name: str
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.name} ({self.mode})"

    def wrap(self, command: list[str]) -> list[str]:
        """The command line that runs `command` as this account."""
        if self.mode is not RunMode.NAMESPACE:
            return command
        return ["unshare", "--user", f"--map-user={self.uid}", f"--map-group={self.gid}", "--", *command]

    @property
    def drop_uid(self) -> int | None:
        return self.uid if self.mode is RunMode.DROP else None

    @property
    def drop_gid(self) -> int | None:
        return self.gid if self.mode is RunMode.DROP else None

    @property
    def drop_groups(self) -> list[int] | None:
        return [] if self.mode is RunMode.DROP else None

    def take(self, path: Path) -> None:
        """Give a file that we made to the account."""
        if self.mode is RunMode.DROP:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    @property
    def owner_uid(self) -> int:
        """Owner, as seen from here, of the files that the server makes."""
        return self.uid if self.mode is RunMode.DROP else os.geteuid()


def choose_account(root: Path, bindir: Path) -> ServerAccount:
    """As whom to run a server with data under `root` and programs in `bindir`.

    `PLATFORMKIT_PG_ROOT_MODE` (userns or drop) forces the way for root; it says nothing to other users.
    """
    if os.geteuid() != 0:
        return ServerAccount(RunMode.USER, _name_of(os.geteuid()), os.geteuid(), os.getegid())
    forced = os.environ.get(ROOT_MODE_VARIABLE) or None
    if forced not in (None, RunMode.NAMESPACE.value, RunMode.DROP.value):
        raise SandboxError(f"{ROOT_MODE_VARIABLE}={forced} is not known: use {RunMode.NAMESPACE} or {RunMode.DROP}, or unset it.")
    if forced != RunMode.DROP.value:
        account = _namespace(root, bindir)
        if account is not None:
            return account
        if forced:
            raise SandboxError(
                f"{ROOT_MODE_VARIABLE}={forced}, but no user namespace that can reach {root} can be made here. "
                "Allow user namespaces, or unset the variable."
            )
    return _drop()


def _namespace(root: Path, bindir: Path) -> ServerAccount | None:
    """None when namespaces are forbidden, or when a folder on the way belongs to somebody else and is closed.

    Inside, root has no power over foreign files: below another user's private home only dropping works.
    """
    if shutil.which("unshare") is None:
        return None
    try:
        entry = pwd.getpwnam(_NAMESPACE_ACCOUNT)
    except KeyError:
        return None
    account = ServerAccount(RunMode.NAMESPACE, entry.pw_name, entry.pw_uid, entry.pw_gid)
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    check = account.wrap(["sh", "-c", 'test -x "$1" && test -x "$2"', "sh", str(existing), str(bindir / "postgres")])
    return account if subprocess.run(check, capture_output=True, check=False).returncode == 0 else None


def _drop() -> ServerAccount:
    for name in _DROP_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerAccount(RunMode.DROP, name, entry.pw_uid, entry.pw_gid)
    raise SandboxError(
        "PostgreSQL does not run as root, and here there is neither a user namespace nor an account "
        f"({' or '.join(_DROP_ACCOUNTS)}) to drop to. Run as an ordinary user, or create one of these accounts."
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
