"""One call of a connector in a process of its own, which ends after it: what a connector knows afterwards stands in its database.

A new object is no restart: what a class or a module remembers survives it, and a real restart does not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from platformkit_pipeline.connectors.acceptance.check import CannotTell
from platformkit_pipeline.connectors.acceptance.trial import Trial
from platformkit_pipeline.connectors.class_path import ClassNotFound, class_of
from platformkit_pipeline.connectors.delivery.wire import document_of, event_of
from platformkit_pipeline.connectors.interface import Bench, Connector
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.event import Event

_SECONDS = 60.0
"""A process has to start, and to import whatever the connector imports."""
_NOT_FOUND = 3


def done_elsewhere(trial: Trial, bench: Bench, method: str, event: Event) -> bool:
    """Let another process call `publish` or `receive` with the event. False when no other process could make this connector.

    So it is for a class that no import leads to, such as one within a function, and for options that are no JSON. Raises CannotTell
    when the other process does not end well.
    """
    found = trial.connector_class
    order = {
        "sys_path": sys.path,
        "class_path": f"{found.__module__}:{found.__qualname__}",
        "options": trial.options,
        "bench": {
            "dsn": bench.dsn.reveal(),
            "schema": bench.schema,
            "url": bench.url,
            "time_scale": bench.time_scale,
            "token": bench.token,
        },
        "method": method,
        "event": document_of(event),
    }
    try:
        text = json.dumps(order)
    except (TypeError, ValueError):
        return False
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=text,
            text=True,
            timeout=_SECONDS,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise CannotTell(f"{method}() did not end within {_SECONDS:g} s in a process of its own") from None
    if done.returncode not in (0, _NOT_FOUND):
        raise CannotTell(f"{method}() ended with exit code {done.returncode} in a process of its own, and not in this one")
    return done.returncode == 0


def _main(order: dict[str, Any]) -> int:
    sys.path[:] = order["sys_path"]
    try:
        found = class_of(order["class_path"])
    except ClassNotFound:
        return _NOT_FOUND
    if not isinstance(found, type) or not issubclass(found, Connector):
        return _NOT_FOUND
    dsn = Dsn(order["bench"].pop("dsn"), "the bench")
    connector = found.on_bench(Bench(dsn, **order["bench"]), order["options"])
    event = event_of(json.dumps(order["event"]))
    if order["method"] == "publish":
        connector.publish([event])
    else:
        connector.receive(event)
    connector.close()
    return 0


if __name__ == "__main__":
    sys.exit(_main(json.load(sys.stdin)))
