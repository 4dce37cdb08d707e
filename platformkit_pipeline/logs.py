"""Structured logs (clause 7.1): one JSON object per line on stderr, `{ts, level, component, message, metadata}` and ids.

Every room logs through `get_logger(component)`. Ids (`project_id`, `scan_id`, `run_id`) are bound once with
`bind_ids` and then stand on every line of that context. Secrets are masked in all values before a line is written.
structlog is loaded with the first line that is written: most commands write none, and it takes a tenth of a second.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TextIO

from platformkit_pipeline.model.dsn import Dsn, redact

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_TOP_LEVEL_IDS = ("project_id", "scan_id", "run_id", "target")
_NUMERIC = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR, "FATAL": logging.CRITICAL}
_NAMES = {"warning": "WARN", "exception": "ERROR", "critical": "FATAL"}
_METHODS = {"DEBUG": "debug", "INFO": "info", "WARN": "warning", "ERROR": "error", "FATAL": "critical"}

_expected: Counter[str] = Counter()
"""Components whose warnings somebody makes happen now, in whatever thread."""
_ids: ContextVar[Mapping[str, str]] = ContextVar("platformkit_ids", default=MappingProxyType({}))


@dataclass
class _Chosen:
    """What `configure_logging` was told; nothing until it is called."""

    level: str | None = None
    stream: TextIO | None = None
    applied: bool = False


_chosen = _Chosen()


def _masked(value: Any) -> Any:
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {str(k): _masked(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(v) for v in value]
        case None | bool() | int() | float():
            return value
        case Dsn():
            return str(value)
        case BaseException():
            return redact(f"{type(value).__name__}: {value}")
        case _:
            return redact(str(value))


def _shape(_logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Bring an event into the constitution's form; whatever is not a standard field goes to `metadata`."""
    event.pop("exc_info", None)  # a traceback can carry a DSN; errors are logged as one sentence
    component, message = event.pop("component", "platformkit"), event.pop("event", "")
    return log_line(datetime.now(UTC), _NAMES.get(method, method.upper()), component, message, {**event, **_known_ids(event)})


def _known_ids(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of the line itself, else of its context: an id that is None is not known."""
    return {**_ids.get(), **{key: event[key] for key in _TOP_LEVEL_IDS if event.get(key) is not None}}


def log_line(at: datetime, level: str, component: str, message: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A line in the constitution's form (`docs/contracts/log-line.schema.json`), masked. Ids of `fields` go to the top, the rest below."""
    rest = dict(fields)
    line = {
        "ts": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "component": component,
        "message": _masked(message),
    }
    ids = {key: rest.pop(key, None) for key in _TOP_LEVEL_IDS}
    line |= {key: str(_masked(value)) for key, value in ids.items() if value is not None}
    line["metadata"] = _masked(rest)
    return line


def configure_logging(level: str | None = None, stream: TextIO | None = None) -> None:
    """Set level (default: `PLATFORMKIT_LOG_LEVEL`, else WARN) and stream (default stderr). May be called again.

    Raises ValueError for a level that is not one of LEVELS.
    """
    wanted = _checked(level or _level_of_environment())
    _chosen.level, _chosen.stream, _chosen.applied = wanted, stream, False


def _level_of_environment() -> str:
    return os.environ.get("PLATFORMKIT_LOG_LEVEL") or "WARN"


def _checked(level: str) -> str:
    if level.upper() not in _NUMERIC:
        raise ValueError(f"log level {level.upper()!r} is not one of {', '.join(LEVELS)}")
    return level.upper()


def _write(component: str, level: str, message: str, fields: Mapping[str, Any]) -> None:
    wanted = _chosen.level or _checked(_level_of_environment())
    if _NUMERIC[level] < _NUMERIC[wanted] or (level == wanted == "WARN" and _expected[component] > 0):
        return
    import structlog

    if not _chosen.applied or not structlog.is_configured():
        structlog.configure(
            processors=[_shape, structlog.processors.JSONRenderer()],
            wrapper_class=structlog.make_filtering_bound_logger(_NUMERIC[wanted]),
            logger_factory=structlog.PrintLoggerFactory(file=(None if _chosen.applied else _chosen.stream) or sys.stderr),
            cache_logger_on_first_use=False,
        )
        _chosen.applied = True
    getattr(structlog.get_logger(component=component), _METHODS[level])(message, **fields)


@dataclass(frozen=True, slots=True)
class Logger:
    """Writes the lines of one component, if their level is wanted. `fields` are values beside the message."""

    component: str

    def debug(self, message: str, **fields: Any) -> None:
        _write(self.component, "DEBUG", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        _write(self.component, "INFO", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        _write(self.component, "WARN", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        _write(self.component, "ERROR", message, fields)


def get_logger(component: str) -> Logger:
    """Logger of one component, named after its room and module, e.g. `introspection.postgres`."""
    return Logger(component)


@contextmanager
def warnings_expected(component: str) -> Iterator[None]:
    """Leave out the warnings of a component, in all threads, while the block provokes them. Whoever wants INFO or DEBUG gets them."""
    _expected[component] += 1
    try:
        yield
    finally:
        _expected[component] -= 1


@contextmanager
def bind_ids(**ids: str) -> Iterator[None]:
    """Put ids on every line that is logged inside the block."""
    token = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)
