"""What Dagster's processes print, kept as lines of our own form (clause 7.1), with secrets masked.

All that the webserver, the daemon, code servers and run workers write comes through one pipe each: JSON of Dagster's, JSON of
ours, plain lines of its loggers, tracebacks, and words of libraries that know of no logger.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from platformkit_pipeline.logs import LEVELS, get_logger, log_line

_log = get_logger("operations.service_log")

LIMIT_BYTES = 5_000_000
_LONGEST_LINE_BYTES = 64 * 1024
_SHORTEST_SECRET = 6
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PLAIN = re.compile(r"(?P<ts>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}) - (?P<logger>\S+) - (?P<level>[A-Z]+) - (?P<message>.*)", re.DOTALL)
_SHORT = re.compile(r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL): +(?P<message>.*)", re.DOTALL)
_RUN_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL", "EXCEPTION": "ERROR"}
_OURS = {"ts", "level", "component", "message", "metadata"}


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Passwords of connection strings in an environment, and values of variables named as secret, in every form they are written."""
    found: set[str] = set()
    for name, value in environment.items():
        if "://" in value:
            with contextlib.suppress(Exception):  # not a connection string: nothing to be learnt from it
                parts = conninfo_to_dict(re.sub(r"^postgresql\+\w+", "postgresql", value))
                found |= {str(parts[key]) for key in ("password", "sslpassword") if parts.get(key)}
        if re.search(r"TOKEN|SECRET|PASSWORD|WEBHOOK|_KEY$", name):
            found.add(value)
    forms = {form for s in found if len(s) >= _SHORTEST_SECRET for form in (s, json.dumps(s)[1:-1], quote(s, safe=""))}
    return tuple(sorted(forms, key=len, reverse=True))


def message_of(line: str) -> str:
    """The words of one line of such a file, for a person."""
    try:
        return str(json.loads(line)["message"])
    except (ValueError, TypeError, KeyError):
        return line


class LineReader:
    """Turns lines of one service into lines of ours. A line without a level, as in a traceback, has that of the line before."""

    def __init__(self, service: str, secrets: Iterable[str] = ()) -> None:
        self._service = service
        self._secrets = tuple(secrets)
        self._level = "INFO"

    def read(self, text: str, now: datetime) -> str | None:
        """One line of JSON; None for an empty line. `now` stands where the line has no time of its own."""
        clean = _COLOUR.sub("", text).rstrip()
        for secret in self._secrets:  # before anything is parsed; what only looks like one is masked in the values of the line
            clean = clean.replace(secret, "***")
        if not clean.strip():
            return None
        return json.dumps(self._document(clean, now), ensure_ascii=False)

    def _document(self, text: str, now: datetime) -> dict[str, Any]:
        with contextlib.suppress(ValueError, TypeError, OverflowError, RecursionError):  # anybody may print what only looks like a line
            if text.startswith("{"):
                return self._from_json(json.loads(text), now)
            if match := _PLAIN.fullmatch(text):
                at = datetime.strptime(match["ts"], "%Y-%m-%d %H:%M:%S %z")
                return self._line(at, match["level"], match["logger"], match["message"], {})
        if match := _SHORT.fullmatch(text):
            return self._line(now, match["level"], self._service, match["message"], {})
        return log_line(now, self._level, self._service, text, {"unstructured": True})

    def _from_json(self, given: Any, now: datetime) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise TypeError("a line of a log is an object")
        if given.keys() >= _OURS and given["level"] in LEVELS and isinstance(given["metadata"], dict):
            ids = {key: value for key, value in given.items() if key not in _OURS}
            at = datetime.fromisoformat(given["ts"])
            return log_line(at, given["level"], str(given["component"]), str(given["message"]), {**given["metadata"], **ids})
        rest = {key: value for key, value in given.items() if key not in ("event", "level", "logger", "timestamp")}
        at = datetime.fromisoformat(given["timestamp"]) if "timestamp" in given else now
        return self._line(at, str(given.get("level", "info")), given.get("logger", self._service), str(given.get("event", "")), rest)

    def _line(self, at: datetime, level: str, logger: str, message: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        named = _LEVELS.get(level.upper(), level.upper())
        self._level = named if named in LEVELS else "INFO"
        run = _RUN_ID.search(message)
        ids = {"run_id": run[0]} if run and ("run " in message or f" - {run[0]}" in message) else {}
        return log_line(at, self._level, self._service, message, {**fields, **ids, "logger": logger})


class ServiceLog:
    """The file that the output of one service goes to; one that has grown large is kept once and begun anew."""

    def __init__(self, service: str, path: Path, secrets: Iterable[str] = ()) -> None:
        self._reader = LineReader(service, secrets)
        self._path = path

    def keep(self, output: IO[bytes] | None) -> threading.Thread:
        """Read `output` to its end in a thread, which is started."""
        thread = threading.Thread(target=self._read, args=(output,), name=f"log of {self._path.stem}", daemon=True)
        thread.start()
        return thread

    def _read(self, output: IO[bytes] | None) -> None:
        if output is None:
            return
        file = _fresh(self._path)
        try:
            while line := output.readline(_LONGEST_LINE_BYTES):
                file = self._write(file, line)
        finally:
            file.close()
            output.close()

    def _write(self, file: IO[bytes], line: bytes) -> IO[bytes]:
        """A disk that is full loses lines; a reader that stopped would stop the service."""
        try:
            if told := self._reader.read(line.decode("utf-8", errors="replace"), datetime.now(UTC)):
                file.write(f"{told}\n".encode("utf-8", errors="backslashreplace"))
                file.flush()
            if file.tell() > LIMIT_BYTES:
                file.close()
                return _fresh(self._path)
        except OSError as error:
            _log.error("a line of a service is lost", path=os.fspath(self._path), reason=error)
        return file


def _fresh(path: Path) -> IO[bytes]:
    """Appends."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LIMIT_BYTES:
            path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
