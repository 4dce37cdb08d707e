"""Scans a repository when its HEAD has moved, so that nobody waits for the night."""

from __future__ import annotations

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.read_settings import repository_path
from platformkit_pipeline.operations.watch_heads import Look, Remembered, look_at_heads
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.jobs import scan_repository
from platformkit_pipeline.orchestration.partitions import REPOSITORIES
from platformkit_pipeline.orchestration.resources import SettingsResource

COMMIT_TAG = "platformkit/commit"
_SECONDS_BETWEEN_TICKS = 30
_NAMED = 3


@dg.sensor(
    name="repository_head",
    job=scan_repository,
    minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Scans every repository whose HEAD is another commit than at the last tick; at most 25 a tick, the others at the next.",
)
def repository_head(context: dg.SensorEvaluationContext, settings: SettingsResource) -> dg.SensorResult:
    """One tick. What was seen stands in the cursor; repositories that have no partition yet wait for the registry."""
    try:
        listed = settings.read()
    except PlatformkitError as error:
        return dg.SensorResult(skip_reason=dg.SkipReason(f"nobody was looked at: {sentence_of(error)}"))
    registered = set(context.instance.get_dynamic_partitions(REPOSITORIES))
    ready = [repository for repository in listed.repositories if repository.name in registered and repository.path is not None]
    look = look_at_heads({r.name: repository_path(settings.file, r) for r in ready}, Remembered.from_json(context.cursor))
    requests = [
        # A key is dropped for ever and silently when it comes again, so it is that of the occasion, not of the commit.
        dg.RunRequest(run_key=head.occasion, partition_key=head.name, tags={COMMIT_TAG: head.commit or "none"})
        for head in look.changed
    ]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else dg.SkipReason(_sentence(look, len(listed.repositories) - len(ready))),
        cursor=look.remembered.to_json(),
    )


def _sentence(look: Look, not_ready: int) -> str:
    named = "; ".join(f"{name}: {why}" for name, why in list(look.unreadable.items())[:_NAMED])
    parts = [
        f"{len(look.unreadable)} could not be read ({named})" if look.unreadable else "",
        f"{look.left_over} were left for the next tick" if look.left_over else "",
        f"{not_ready} have no partition yet, or no path" if not_ready else "",
    ]
    return "no HEAD has moved" + "".join(f"; {part}" for part in parts if part)
