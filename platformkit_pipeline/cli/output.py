"""Where output goes: machine-clean stdout or a file that is replaced whole, and remarks on stderr."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH_WITHOUT_TERMINAL = 120
WIDTH_OF_A_LIST = 10_000


class ListFormat(StrEnum):
    """Formats of the commands that list things."""

    TABLE = "table"
    JSON = "json"


def write_text(text: str, output: Path | None) -> None:
    """Write a document to `output`, or to stdout as UTF-8 whatever the locale.

    A file is replaced whole or not at all. Raises ConfigurationError when it cannot be written.
    """
    data = text.encode("utf-8", errors="backslashreplace")
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        _replace(output, data)
    except OSError as error:
        raise ConfigurationError(f"--output {output}: cannot be written: {error.strerror or type(error).__name__}") from None


@contextmanager
def stdout_on_stderr() -> Iterator[None]:
    """What foreign code prints goes to stderr as long as the block lasts, also what it writes past Python: stdout is for the report."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def check_output(output: Path | None) -> None:
    """Refuse an output that could not be written in the end, before the work is done. Raises ConfigurationError."""
    if output is None:
        return
    if output.is_dir():
        raise ConfigurationError(f"--output {output}: is a folder")
    if not output.parent.is_dir():
        raise ConfigurationError(f"--output {output}: the folder {output.parent} does not exist")


def render(renderable: RenderableType, *, plain: bool = False, unbroken: bool = False) -> str:
    """What a person sees, as text. Colour only for a terminal and without NO_COLOR; `plain` for a file.

    `unbroken` keeps each row on one line where no terminal limits it, for lists that are searched line by line.
    """
    from rich.console import Console

    terminal = sys.stdout.isatty() and not plain
    width = None if terminal or os.environ.get("COLUMNS", "").isdecimal() else WIDTH_WITHOUT_TERMINAL
    if unbroken and not terminal:
        width = WIDTH_OF_A_LIST
    console = Console(
        width=width,
        force_terminal=terminal,
        no_color=True if not terminal or os.environ.get("NO_COLOR") else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as capture:
        console.print(renderable)
    # Cells are padded to the width of their column; nobody needs the blanks at the end of a line.
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def warn(sentence: str) -> None:
    """A remark for a person, on stderr."""
    print(f"warning: {sentence}", file=sys.stderr)


@contextmanager
def progress(sentence: str) -> Iterator[None]:
    """Show what is going on while it goes on, on stderr and only when that is a terminal."""
    shown = sys.stderr.isatty()
    if shown:
        print(sentence, end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """One line on stderr, written anew at every step and gone at the end; nothing where that is no terminal."""
    shown = sys.stderr.isatty()

    def show(step: str) -> None:
        if shown:
            print(f"\r\033[K{step}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        show("")


def _replace(output: Path, data: bytes) -> None:
    if output.exists() and not output.is_file():  # a device or a pipe takes the bytes as they come
        output.write_bytes(data)
        return
    target = output.resolve()  # a symbolic link keeps pointing where it did
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
