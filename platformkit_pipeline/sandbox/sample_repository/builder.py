"""Build a git repository commit by commit. The same steps give the same commit ids on every machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path

from platformkit_pipeline.model.errors import SandboxError

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_STEP = timedelta(days=1)
_AUTHOR = ("Sample Author", "author@example.com")
BRANCH = "main"
_TIMEOUT_SECONDS = 60


class RepositoryBuilder:
    """Writes files and commits in `folder`, which is made when it is not there. Each commit is a day after the one before."""

    def __init__(self, folder: Path, *, start: datetime = START) -> None:
        self.folder = folder
        self._moment = start

    def init(self) -> None:
        """Make the empty repository."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--template=", f"--initial-branch={BRANCH}", ".")

    def write(self, path: str, content: str | bytes) -> None:
        """Write a file of the work tree; text as UTF-8."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that it holds. Raises FileNotFoundError: an example must not miss its mark."""
        file = self.folder / path
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink()

    def commit(self, message: str) -> str:
        """Commit everything in the work tree, also when nothing changed; returns the id."""
        self._git("add", "--all", "--force", ".")
        self._git("commit", "--quiet", "--allow-empty", "--no-verify", "--no-gpg-sign", "--message", message)
        self._moment += _STEP
        return self.head()

    def tag(self, name: str) -> None:
        """An annotated tag on the latest commit."""
        self._git("tag", "--annotate", "--no-sign", "--message", name, name)

    def has_changes(self) -> bool:
        """Whether a commit would hold anything."""
        return bool(self._git("status", "--porcelain", "--untracked-files=all", "--ignored=matching"))

    def head(self) -> str:
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        name, mail = _AUTHOR
        moment = self._moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment |= {
            **{"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": moment},
            **{"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": mail, "GIT_COMMITTER_DATE": moment},
            **{"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
        }
        command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false", "-c", "commit.gpgSign=false", *arguments]
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, timeout=_TIMEOUT_SECONDS, check=False, text=True
            )
        except FileNotFoundError:
            raise SandboxError("git is not on PATH; install it, e.g. with `apt-get install git`") from None
        if done.returncode:
            raise SandboxError(f"git {arguments[0]} failed: {done.stderr.strip()[:300]}")
        return done.stdout


def build_well_kept(folder: Path) -> RepositoryBuilder:
    """A small shop that keeps every rule: a history of releases, each with its tag."""
    builder = RepositoryBuilder(folder)
    builder.init()
    with as_file(files("platformkit_pipeline.sandbox.sample_repository") / "well_kept") as source:
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    latest = {path: (folder / path).read_text(encoding="utf-8") for path in ("pyproject.toml", "CHANGELOG.md")}
    builder.write("pyproject.toml", latest["pyproject.toml"].replace("1.2.0", "1.1.1"))
    title, _, releases = latest["CHANGELOG.md"].partition("## [1.2.0]")
    builder.write("CHANGELOG.md", title + releases[releases.index("## [1.1.1]") :])
    builder.commit("Shop 1.1.1")
    builder.tag("v1.1.1")
    for path, text in latest.items():
        builder.write(path, text)
    builder.commit("Shop 1.2.0")
    builder.tag("v1.2.0")
    return builder
