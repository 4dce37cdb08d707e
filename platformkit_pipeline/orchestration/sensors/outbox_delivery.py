"""Delivers the product's own events to the webhooks of the settings, a share with every tick."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from platformkit_pipeline.model.errors import PlatformkitError
from platformkit_pipeline.operations.deliver_for_a_while import Share, deliver_for_a_while
from platformkit_pipeline.operations.tend_delivery import tend_delivery
from platformkit_pipeline.orchestration.failures import sentence_of
from platformkit_pipeline.orchestration.resources import ControlPlaneResource, SettingsResource

_SECONDS_BETWEEN_TICKS = 30


@dg.sensor(
    name="outbox_delivery",
    minimum_interval_seconds=_SECONDS_BETWEEN_TICKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Delivers what waits in `ops.outbox` to the webhooks that the settings name, for at most half a minute a tick (clause 9.2). "
        "`platformkit connectors relay` does the same without a pause; both may run at once."
    ),
)
def outbox_delivery(
    context: dg.SensorEvaluationContext, settings: SettingsResource, control_plane: ControlPlaneResource
) -> dg.SensorResult:
    """One tick. It asks for no run: what it did is what it says. The cursor holds when the queue was measured last."""
    try:
        said = _delivered(settings, control_plane)
    except PlatformkitError as error:
        said = f"nothing was delivered: {sentence_of(error)}"
    tended = context.cursor
    try:
        tended = _tended(control_plane, tended)
    except PlatformkitError as error:
        said += f"; the queue was not measured: {sentence_of(error)}"
    return dg.SensorResult(skip_reason=dg.SkipReason(said), cursor=tended)


def _delivered(settings: SettingsResource, control_plane: ControlPlaneResource) -> str:
    notifications = settings.read().notifications
    if notifications.mattermost is None and notifications.n8n is None and notifications.github_issues is None:
        return "the settings name no webhook (notifications.mattermost, notifications.n8n) and no github_issues: events wait in ops.outbox"
    return _told(deliver_for_a_while(control_plane.dsn, notifications))


def _tended(control_plane: ControlPlaneResource, cursor: str | None) -> str:
    now = datetime.now(UTC)
    return tend_delivery(control_plane.dsn, _last(cursor, now), now).isoformat()


def _last(cursor: str | None, now: datetime) -> datetime | None:
    """None where the cursor holds no moment with its offset, and for one that a clock which was ahead has left."""
    try:
        last = datetime.fromisoformat(cursor or "")
    except ValueError:
        return None
    return last if last.tzinfo and last <= now else None


def _told(share: Share) -> str:
    sent = "; ".join(f"{name}: {t.delivered} delivered, {t.postponed} postponed, {t.dead} dead" for name, t in share.turns.items())
    sent += "".join(f"; {why}" for why in share.unusable.values())
    return f"{sent}; {share.left.pending} wait, {share.left.dead_letters} dead letters"
