"""Ask many databases for the marker of their schema, side by side; one that is slow or dead keeps none of the others waiting."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from platformkit_pipeline.introspection.postgres.change_marker import change_marker
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.resolve_dsn import dsn_from_environment

_AT_ONCE = 8
SECONDS = 20.0
"""For one tick: no look is begun later."""
_LAST_LOOKS_SECONDS = 12.0
"""For looks that were begun. Looking up a host's name is the one thing in them that nothing bounds."""

_UNENDED = (None, "the look did not come to an end; does its host name resolve?")


@dataclass(frozen=True, slots=True)
class Looked:
    """`markers` has None for a look that failed, and nothing for those whose turn did not come; `failures` say why, in words without
    a secret."""

    markers: Mapping[str, str | None]
    failures: Mapping[str, str]


def look_at_schemas(variables: Mapping[str, str], *, seconds: float = SECONDS) -> Looked:
    """`variables` maps names to the environment variables with their connection strings, in the order of the looks.

    No look is begun later than `seconds` after the first. Raises nothing: what goes wrong with one is told of that one.
    """
    deadline = time.monotonic() + seconds
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="schema_change")
    try:
        looks = {name: pool.submit(_look, name, variable, deadline) for name, variable in variables.items()}
        wait(looks.values(), timeout=seconds + _LAST_LOOKS_SECONDS)
        results = {name: look.result() if look.done() else _UNENDED for name, look in looks.items() if look.running() or look.done()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return Looked(
        markers={name: marker for name, (marker, why) in results.items() if marker or why},
        failures={name: why for name, (_, why) in results.items() if why},
    )


def _look(name: str, variable: str, deadline: float) -> tuple[str | None, str]:
    """Marker, or why there is none; neither when it is too late to begin."""
    if time.monotonic() > deadline:
        return None, ""
    try:
        return change_marker(dsn_from_environment(variable, whose=name)), ""
    except PlatformkitError as error:
        return None, redact(str(error))
    except Exception as error:  # a fault of ours in one look must not hide the others
        return None, redact(" ".join(f"unexpected {type(error).__name__}: {error}".split()))
