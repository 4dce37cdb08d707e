"""The folders of one embedded server: where they are, and that nobody else can get into them.

Permissions of folders that existed before are never changed, and those of parents never at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.sandbox.accounts import RunMode, ServerAccount
from platformkit_pipeline.sandbox.binaries import Binaries
from platformkit_pipeline.sandbox.processes import run_tool

_SOCKET_PATH_LIMIT = 107
"""Bytes in `sun_path`, without the closing zero."""
_LONGEST_SOCKET_NAME = "/.s.PGSQL.65535.lock"
_SEPARATORS = frozenset(',"')
"""Where a socket lies is an item of a list, to the server and to libpq, and libpq knows no quotes."""
_SHORT_PARENT = Path("/tmp")  # noqa: S108  fixed, not TMPDIR: every process must come to the same path
_DROP_PARENT = Path("/var/tmp")  # noqa: S108  outlives a reboot; the folder below is made private

_WHEEL_PREFIX = "pginstall"
_UNFINISHED = "data.unfinished-"

_log = get_logger("sandbox.folders")


@dataclass(frozen=True, slots=True)
class ServerFolders:
    """`base` holds everything of one server: `data`, the launcher's files and, if the path will do, the socket.

    The data directory carries the major version in its path, because no other major can open it.
    """

    base: Path
    data: Path
    sockets: Path
    lock_file: Path
    port_file: Path

    def unfinished_data(self) -> list[Path]:
        """Folders in which an initdb was at work and may, orphaned by a killed launcher, still be."""
        return list(self.base.glob(f"{_UNFINISHED}*"))

    def new_unfinished_data(self) -> Path:
        """Where the next initdb works; renamed to `data` once complete, so that half a directory is never taken for a whole."""
        return Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.base))

    @property
    def server_log(self) -> Path:
        return self.data / "server.log"

    @property
    def postmaster_file(self) -> Path:
        return self.data / "postmaster.pid"

    def socket(self, port: int) -> Path:
        return self.sockets / f".s.PGSQL.{port}"


def folders_for(root: Path, major: int, account: ServerAccount) -> ServerFolders:
    """Paths for a server of `major` below `root`; makes nothing.

    An account that root drops to cannot be trusted to reach `root` (a private home, say), so its files go to /var/tmp.
    """
    base = root / f"pg{major}"
    if account.mode is RunMode.DROP:
        base = _DROP_PARENT / f"platformkit-{_digest(base, account.uid)}"
    sockets = base / "s"
    if len(os.fsencode(sockets)) + len(_LONGEST_SOCKET_NAME) > _SOCKET_PATH_LIMIT or not _SEPARATORS.isdisjoint(str(sockets)):
        sockets = _SHORT_PARENT / f"platformkit-{_digest(base, os.geteuid())}"
    return ServerFolders(base, base / "data", sockets, base / "launcher.lock", base / "port")


def _digest(path: Path, uid: int) -> str:
    return hashlib.sha256(f"{uid}:{path}".encode(errors="surrogateescape")).hexdigest()[:16]


def make_base(folders: ServerFolders, account: ServerAccount) -> None:
    """Make `base`, closed to everybody else; under DROP the account may pass through, not list or write."""
    if account.mode is RunMode.DROP:
        _make_private(folders.base, owner=os.geteuid(), group=account.gid, mode=0o710)
    else:
        _make_private(folders.base, owner=os.geteuid(), group=None, mode=0o700)


def make_sockets(folders: ServerFolders, account: ServerAccount) -> None:
    """Make the socket folder, 0700: it is what keeps other users from a server that trusts local connections."""
    group = account.gid if account.mode is RunMode.DROP else None
    _make_private(folders.sockets, owner=account.owner_uid, group=group, mode=0o700)


def _make_private(path: Path, *, owner: int, group: int | None, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        closed = not found.st_mode & 0o077 & ~mode
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or not closed:
            raise SandboxError(
                f"{path} exists, but is not a private folder of uid {owner} (mode {mode:04o}). "
                "Look at it: set its owner and mode if it is yours, remove it if somebody else made it."
            ) from None
        return
    if group is not None:
        os.chown(path, owner, group)
        path.chmod(mode)


def usable_bindir(binaries: Binaries, folders: ServerFolders, account: ServerAccount) -> Path:
    """The folder of programs that `account` can run: the original one, else a private copy beside the data."""
    if account.mode is not RunMode.DROP or _runs(binaries.bindir, account):
        return binaries.bindir
    if binaries.bindir.parent.name != _WHEEL_PREFIX:  # anything else may have the whole of /usr beside it
        raise SandboxError(
            f"The account {account} cannot run {binaries.bindir / 'postgres'}. Let it read that folder, or use the bundled binaries."
        )
    package = binaries.bindir.parents[1]
    target = folders.base / f"install-{binaries.version}"
    if not target.exists():
        _copy_package(package, target, account)
        _log.info("server binaries copied to where the account can reach them", account=account.name, folder=str(target))
    return target / package.name / binaries.bindir.relative_to(package)


def _runs(bindir: Path, account: ServerAccount) -> bool:
    try:
        return run_tool(account, [bindir / "postgres", "--version"], timeout=20).exit_code == 0
    except SandboxError:
        return False


def _copy_package(package: Path, target: Path, account: ServerAccount) -> None:
    """Copy a wheel's package and the libraries that lie beside it (`<package>.libs`, found by relative path)."""
    unfinished = target.with_name(target.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    for source in (package, package.with_name(package.name + ".libs")):
        if source.is_dir():
            shutil.copytree(source, unfinished / source.name, symlinks=True)
    for folder, _, files in os.walk(unfinished):
        account.take(Path(folder))
        for name in files:
            account.take(Path(folder, name))
    unfinished.rename(target)
