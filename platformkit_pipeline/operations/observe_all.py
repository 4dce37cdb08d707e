"""Everything that rules ask of a project: its database, and its logs where the owners give access to them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from platformkit_pipeline.introspection.postgres.observe import Meanwhile, observe
from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.target import ManagementApiAccess, ObservationOptions

if TYPE_CHECKING:
    from platformkit_pipeline.model.activity import Activity, EndpointLatency
    from platformkit_pipeline.model.snapshot import Snapshot

_log = get_logger("operations.observe_all")


def observe_all(dsn: Dsn, options: ObservationOptions, *, meanwhile: Meanwhile | None = None) -> Snapshot:
    """The database behind `dsn` in one read-only transaction, then the logs; `meanwhile` as in `observe`.

    Logs that cannot be read are a reason in the snapshot and no error. Raises TargetUnreachable, TargetBusy or another
    ObservationError for the database.
    """
    snapshot = observe(dsn, explain_analyze=options.explain_analyze, meanwhile=meanwhile)
    if options.management_api is None or snapshot.activity is None:
        return snapshot
    return replace(snapshot, activity=with_endpoints(snapshot.activity, options.management_api))


def with_endpoints(activity: Activity, access: ManagementApiAccess) -> Activity:
    """The counters with the latencies of the project's endpoints, or with the reason why there are none."""
    from platformkit_pipeline.introspection.supabase_platform import PlatformUnavailable, endpoint_latencies  # needs an HTTP client

    endpoints: tuple[EndpointLatency, ...] | None = None
    why: str | None = None
    try:
        endpoints = endpoint_latencies(access)
    except PlatformUnavailable as unavailable:
        why = str(unavailable)
        _log.warning("logs not observed", why=why)
    return replace(activity, endpoints=endpoints, endpoints_unavailable=why)
