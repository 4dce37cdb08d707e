"""Contents of git objects, one question after the other to a single `git cat-file --batch`."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from platformkit_pipeline.introspection.repository.git_process import TIMEOUT_SECONDS, git_command, git_environment
from platformkit_pipeline.introspection.repository.object_ids import object_id
from platformkit_pipeline.model.errors import ObservationError

_CHUNK = 1 << 20
_WINDOW = 500
"""Questions at once: their text fits into a pipe, so that neither side waits for the other."""


class BlobReader:
    """Answers for one bare repository of ours. Ask for what is known to be small: a content is read whole."""

    def __init__(self, folder: Path, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._folder, self._timeout = folder, timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process; asking again starts another one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
            self._buffer.clear()

    def read(self, object_id: str) -> bytes | None:
        """The content; None when the clone does not have the object, or something else by its name.

        Raises ObservationError when git does not answer.
        """
        self._ask((object_id,))
        return self._answer()

    def read_many(self, object_ids: Sequence[str]) -> Generator[tuple[str, bytes | None], None, None]:
        """Each id with its content, much faster than one by one. Nothing else may be asked until the last one was taken."""
        complete = False
        try:
            for start in range(0, len(object_ids), _WINDOW):
                window = object_ids[start : start + _WINDOW]
                self._ask(window)
                for object_id in window:
                    yield object_id, self._answer()
            complete = True
        finally:
            if not complete:  # answers that nobody took would be taken for those to the next question
                self.close()

    def _ask(self, object_ids: Sequence[str]) -> None:
        process = self._started()
        if process.stdin is None:
            raise AssertionError("the input of cat-file is gone")
        try:
            process.stdin.write("".join(f"{object_id}\n" for object_id in object_ids).encode("ascii"))
            process.stdin.flush()
        except OSError:
            self.close()
            raise ObservationError("git cat-file ended before it answered; is the repository damaged? `git fsck` tells") from None

    def _answer(self) -> bytes | None:
        process = self._started()
        header = self._line(process).decode("ascii").split()
        if len(header) != 3:  # "<id> missing"
            return None
        identity, kind, size = header
        content = self._exactly(process, int(size) + 1)[:-1]
        # git does not look when it reads, and ids are what we remember clean contents by.
        return content if object_id(content, kind=kind, digits=len(identity)) == identity else None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                git_command("cat-file", "--batch"),
                cwd=self._folder,
                env=git_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            self._more(process)
        return self._taken(end + 1)

    def _exactly(self, process: subprocess.Popen[bytes], count: int) -> bytes:
        while len(self._buffer) < count:
            self._more(process)
        return self._taken(count)

    def _taken(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _more(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            raise AssertionError("the output of cat-file is gone")
        handle = process.stdout.fileno()
        ready, _, _ = select.select([handle], [], [], self._timeout)  # a loose object may be a pipe that nobody fills
        chunk = os.read(handle, _CHUNK) if ready else b""
        if not chunk:
            self.close()
            raise ObservationError("git cat-file gave no answer; is the repository damaged? `git fsck` tells")
        self._buffer += chunk
