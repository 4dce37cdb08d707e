"""A bare repository of our own that borrows the objects of another one.

git reads the configuration, hooks and attributes of the repository it is run in. Ours has none but our own, so nothing that the
observed repository says is obeyed: it gives objects and the names of commits, which are read here without git's help.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from platformkit_pipeline.model.errors import ConfigurationError, ObservationError

_ID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_NAME = re.compile(r"refs/[^\x00-\x20~^:?*\[\\\x7f]+\Z")
_SMALL = 4096
_MAX_PACKED_REFS = 64 * 1024 * 1024
_MAX_REFS = 200_000
_SHA256_LENGTH = 64
UNBORN = "refs/heads/unborn"


@dataclass(frozen=True, slots=True)
class Borrowed:
    """`folder` is the bare repository; `branch` what HEAD points at, `commit` what that amounts to (None: nothing yet)."""

    folder: Path
    branch: str | None
    commit: str | None
    object_format: str
    shallow: bool


@contextmanager
def borrowed(path: Path) -> Iterator[Borrowed]:
    """The repository at `path`, a checkout, a linked work tree or a bare one. It is not written to.

    Raises ConfigurationError when there is none, ObservationError when it is of a kind that cannot be read.
    """
    own, common = _git_folders(path)
    references = dict(_references(common))
    branch, commit = _head(own, references)
    object_format = "sha256" if any(len(i) == _SHA256_LENGTH for i in (commit or "", *references.values())) else "sha1"
    folder = Path(tempfile.mkdtemp(prefix="platformkit-git-"))
    try:
        shallow = _prepare(folder, common, references, commit, object_format)
        yield Borrowed(folder, branch, commit, object_format, shallow)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _git_folders(path: Path) -> tuple[Path, Path]:
    """The folder with HEAD, and the one with objects and references; they differ for a linked work tree."""
    if not path.is_dir():
        raise ConfigurationError(f"{path}: there is no such folder; name the folder of a git repository")
    inside = path / ".git"
    if inside.is_file():
        text = _read_small(inside)
        if not text.startswith("gitdir:"):
            raise ConfigurationError(f"{path}: its .git is no folder, and names none")
        own = (path / text.removeprefix("gitdir:").strip()).resolve()
    else:
        own = (inside if inside.is_dir() else path).resolve()
    common = own
    if (own / "commondir").is_file():
        common = (own / _read_small(own / "commondir").strip()).resolve()
    if (common / "reftable").is_dir():
        raise ObservationError(f"{path}: keeps its references in a reftable, which cannot be read; `git refs migrate --ref-format=files`")
    if not (common / "objects").is_dir() or not (own / "HEAD").exists():
        raise ConfigurationError(f"{path}: is no git repository; name the folder that holds .git, or a bare repository")
    return own, common


def head_commit(path: Path) -> str | None:
    """The commit that HEAD of the repository at `path` amounts to, None before the first one.

    For those who ask often: a few small files are read, no object, and no process is started. Raises as `borrowed` does.
    """
    own, common = _git_folders(path)
    name, commit = _head_line(own)
    if name is None:
        return commit
    loose = common / name
    if not _leads_astray(common, loose) and loose.is_file() and _ID.match(identity := _read_small(loose).strip()):
        return identity
    return next((identity for packed, identity in _packed(common) if packed == name), None)


def _leads_astray(common: Path, file: Path) -> bool:
    """Whether a link stands on the way to a reference: it could name any file."""
    return any(part.is_symlink() for part in (file, *file.parents) if part.is_relative_to(common) and part != common)


def _references(common: Path) -> Iterator[tuple[str, str]]:
    """Name and object of every reference; loose ones come last, because they win."""
    return itertools.islice(itertools.chain(_packed(common), _loose(common)), _MAX_REFS)


def _packed(common: Path) -> Iterator[tuple[str, str]]:
    packed = common / "packed-refs"
    if not packed.is_file() or packed.stat().st_size > _MAX_PACKED_REFS:
        return
    with packed.open(encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            identity, _, name = line.rstrip("\n").partition(" ")
            if _ID.match(identity) and _is_name(name):
                yield name, identity


def _loose(common: Path) -> Iterator[tuple[str, str]]:
    for folder, _, names in os.walk(common / "refs"):
        for name in names:
            file = Path(folder) / name
            reference = file.relative_to(common).as_posix()
            if not _is_name(reference) or file.is_symlink() or not file.is_file():
                continue
            identity = _read_small(file).strip()
            if _ID.match(identity):
                yield reference, identity


def _is_name(name: str) -> bool:
    return bool(_NAME.match(name)) and ".." not in name and not name.endswith((".lock", "/", ".")) and "@{" not in name and "//" not in name


def _head(own: Path, references: dict[str, str]) -> tuple[str | None, str | None]:
    """Branch and commit of HEAD. Bytes of a branch that are no UTF-8 stand as `\\xNN`, as in a path."""
    name, commit = _head_line(own)
    if name is None:
        return None, commit
    branch = name.removeprefix("refs/heads/").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return branch, references.get(name)


def _head_line(own: Path) -> tuple[str | None, str | None]:
    """What HEAD says: the name of a reference, or a commit."""
    text = _read_small(own / "HEAD").strip()
    if _ID.match(text):
        return None, text
    name = text.removeprefix("ref:").strip()
    if not text.startswith("ref:") or not _is_name(name):
        raise ObservationError("HEAD of the repository names neither a branch nor a commit")
    return name, None


def _read_small(file: Path) -> str:
    """Text of a file that git itself wrote; what is larger, or no regular file, was not written by git."""
    try:
        if not file.is_file() or file.stat().st_size > _SMALL:
            raise ObservationError(f"{file.name} of the repository is not as git writes it")
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise ObservationError(f"{file.name} of the repository cannot be read: {error.strerror or type(error).__name__}") from None


def _prepare(folder: Path, common: Path, references: dict[str, str], commit: str | None, object_format: str) -> bool:
    """Lay the bare repository out as `git init --bare` would. Returns whether the history is cut short."""
    objects = str((common / "objects").resolve())
    if "\n" in objects or objects.startswith('"'):
        raise ObservationError("the repository's path holds a line break or begins with a quotation mark, and git cannot borrow from it")
    lent = common / "objects" / "info" / "alternates"
    if lent.exists() and not lent.is_file():  # git would wait for a pipe
        raise ObservationError("objects/info/alternates of the repository is not as git writes it")
    (folder / "objects" / "info").mkdir(parents=True)
    (folder / "objects" / "pack").mkdir()
    (folder / "refs").mkdir()
    (folder / "objects" / "info" / "alternates").write_text(objects + "\n", encoding="utf-8", errors="surrogateescape")
    extension = "[extensions]\n\tobjectformat = sha256\n" if object_format == "sha256" else ""
    version = 1 if extension else 0
    (folder / "config").write_text(f"[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extension}", encoding="utf-8")
    (folder / "HEAD").write_text(f"{commit}\n" if commit else f"ref: {UNBORN}\n", encoding="utf-8")
    lines = [f"{identity} {name}\n" for name, identity in sorted(references.items())]
    (folder / "packed-refs").write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
    cut = common / "shallow"
    if not cut.is_file() or not cut.stat().st_size:
        return False
    ends = [line for line in cut.read_text(encoding="ascii", errors="replace").splitlines() if _ID.match(line)]
    (folder / "shallow").write_text("".join(f"{end}\n" for end in ends), encoding="ascii")
    return True
