"""What becomes of an error: one sentence on stderr without a secret in it, and the exit code of the contract."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote

import typer

from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import PlatformkitError

DEBUG_VARIABLE = "PLATFORMKIT_DEBUG"
EXIT_USAGE = 2
EXIT_UNEXPECTED = 70
"""EX_SOFTWARE of sysexits.h: a fault of this program, not of its user."""
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
"""128 + SIGPIPE: what a shell reports of any program whose reader went away."""
_SHORTEST_SECRET = 4
_INTERRUPTED_AGAIN_SECONDS = 0.05
_URL_PASSWORD = re.compile(r"[a-z][a-z0-9+.\-]*://[^\s:/@]*:(?P<secret>[^\s]+)@", re.IGNORECASE)
_KEYWORD_PASSWORD = re.compile(r"\b(?:password|sslpassword)\s*=\s*(?P<secret>'(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)


def exit_code_of(command: Callable[[], object], arguments: list[str]) -> int:
    """Run `command`, report what it raises on stderr, and return the exit code of the process."""
    try:
        code = command()
        sys.stdout.flush()
    except PlatformkitError as error:
        return _report(f"error: {error}", error.exit_code, arguments)
    except typer.TyperException as error:
        return _report(f"error: {error.format_message()}{_hint(error)}", EXIT_USAGE, arguments)
    except typer.Exit as leaving:
        return leaving.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except SystemExit as leaving:
        # Typer makes 1 of a broken pipe, which would read as "there are findings".
        if isinstance(leaving.__context__, BrokenPipeError):
            return _reader_gone()
        raise
    except Exception as error:
        return _report(_unexpected(error), EXIT_UNEXPECTED, arguments)
    return code if isinstance(code, int) else 0


def keep_interrupts() -> None:
    """Raise an interrupt again that came while something ran whose errors nobody hears, as finalizers and callbacks of weak references.

    The interpreter prints it and goes on, and a program that is asked to stop would not.
    """

    def heard(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            signal.signal(signal.SIGALRM, signal.default_int_handler)
            signal.setitimer(signal.ITIMER_REAL, _INTERRUPTED_AGAIN_SECONDS)  # by then the finalizer is left; a wait is left for it
        else:
            sys.__unraisablehook__(unraisable)

    sys.unraisablehook = heard


def _report(text: str, code: int, arguments: list[str]) -> int:
    try:
        print(redact(text, tuple(_secrets_of((*arguments, *os.environ.values())))), file=sys.stderr, flush=True)
    except BrokenPipeError:
        _reader_gone()
    return code


def _hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"\nTry '{context.command_path} --help'." if context is not None else ""


def _unexpected(error: Exception) -> str:
    if os.environ.get(DEBUG_VARIABLE, "") not in ("", "0"):
        return "".join(traceback.format_exception(error)).rstrip()
    summary = " ".join(f"{type(error).__name__}: {error}".split())
    return f"error: unexpected {summary}\nThis is a fault of platformkit; {DEBUG_VARIABLE}=1 shows where."


def _secrets_of(texts: Iterable[str]) -> Iterator[str]:
    """Passwords in connection strings that this process was given, so that they are masked even out of their context."""
    for text in texts:
        for pattern in (_URL_PASSWORD, _KEYWORD_PASSWORD):
            for match in pattern.finditer(text):
                for secret in {match["secret"], unquote(match["secret"]), match["secret"].strip("'")}:
                    if len(secret) >= _SHORTEST_SECRET:
                        yield secret
    password = os.environ.get("PGPASSWORD", "")
    if len(password) >= _SHORTEST_SECRET:
        yield password


def _reader_gone() -> int:
    """Give the interpreter somewhere to flush to when it ends, or it would complain."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            os.dup2(devnull, stream.fileno())
    os.close(devnull)
    return EXIT_BROKEN_PIPE
