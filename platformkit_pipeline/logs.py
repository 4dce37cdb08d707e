"""Structured logs (clause 7.1): one JSON object per line on stderr, `{ts, level, component, message, metadata}` and ids.

Every room logs through `get_logger(component)`. Ids (`project_id`, `scan_id`, `run_id`) are bound once with
`bind_ids` and then stand on every line of that context. Secrets are masked in all values before a line is written.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import structlog

from platformkit_pipeline.model.dsn import Dsn, redact

LEVELS = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_TOP_LEVEL_IDS = ("project_id", "scan_id", "run_id", "target")
_NUMERIC = {"DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING, "ERROR": logging.ERROR, "FATAL": logging.CRITICAL}
_NAMES = {"warning": "WARN", "exception": "ERROR", "critical": "FATAL"}


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
    line: dict[str, Any] = {
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": _NAMES.get(method, method.upper()),
        "component": event.pop("component", "platformkit"),
        "message": _masked(event.pop("event", "")),
    }
    for key in _TOP_LEVEL_IDS:
        if key in event:
            line[key] = _masked(event.pop(key))
    line["metadata"] = _masked(event)
    return line


def configure_logging(level: str | None = None, stream: TextIO | None = None) -> None:
    """Set level (default: `PLATFORMKIT_LOG_LEVEL`, else WARN) and stream (default stderr). May be called again.

    Raises ValueError for a level that is not one of LEVELS.
    """
    wanted = (level or os.environ.get("PLATFORMKIT_LOG_LEVEL") or "WARN").upper()
    if wanted not in _NUMERIC:
        raise ValueError(f"log level {wanted!r} is not one of {', '.join(LEVELS)}")
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _shape, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(_NUMERIC[wanted]),
        logger_factory=structlog.PrintLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_logger(component: str) -> structlog.typing.FilteringBoundLogger:
    """Logger of one component, named after its room and module, e.g. `introspection.postgres`."""
    if not structlog.is_configured():
        configure_logging()  # before anybody chose: never structlog's own default, which writes to stdout
    return cast(structlog.typing.FilteringBoundLogger, structlog.get_logger(component=component))


@contextmanager
def bind_ids(**ids: str) -> Iterator[None]:
    """Put ids on every line that is logged inside the block."""
    with structlog.contextvars.bound_contextvars(**ids):
        yield
