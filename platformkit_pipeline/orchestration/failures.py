"""What becomes of an error in a run: one sentence without a secret and without a chained traceback.

Dagster stores the whole chain of an exception in its event log. A driver's error in that chain could quote a connection
string, so every exception ends here and a `Failure` of our own words goes on.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import NoReturn

import dagster as dg

from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.orchestration.metadata import table

_NAMED_IN_SENTENCE = 20


def sentence_of(error: Exception) -> str:
    """What a person reads. An error that is not one of ours is named by its class and is a fault of this program."""
    if isinstance(error, PlatformkitError):
        return redact(str(error))
    return redact(" ".join(f"unexpected {type(error).__name__}: {error}".split()))


def origin_of(error: Exception) -> str:
    """Where an unexpected error came from: source lines only, no values of variables, secrets masked."""
    return redact("".join(traceback.format_exception(error)))


def fail_run(failures: Mapping[str, str], attempted: int) -> NoReturn:
    """End the step, naming the targets that failed. `failures` maps target to sentence and is not empty."""
    raise dg.Failure(
        description=_description(failures, attempted),
        metadata={"failed_targets": table({"target": "string", "why": "string"}, list(failures.items())), "failed": len(failures)},
        allow_retries=False,
    ) from None


def _description(failures: Mapping[str, str], attempted: int) -> str:
    if attempted == 1:
        return next(iter(failures.values()))
    lines = [f"{target}: {why}" for target, why in list(failures.items())[:_NAMED_IN_SENTENCE]]
    if len(failures) > _NAMED_IN_SENTENCE:
        lines.append(f"and {len(failures) - _NAMED_IN_SENTENCE} more")
    return f"{len(failures)} of {attempted} targets failed\n" + "\n".join(lines)
