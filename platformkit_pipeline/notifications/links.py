"""Where a person goes on reading: pages of the web interface, and the command where there is none. Pure.

Addresses are those of Dagster 1.13: `/runs/<id>`, and `/assets/<path>?view=partitions&partition=<key>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from platformkit_pipeline.model.event import Event

_PLANS, _ASSETS = "remediation/plans", {"repository": "compliance/repository_report", "connector": "compliance/connector_report"}
_PROJECT, _PROJECTS_ASSET = "supabase_project", "compliance/report"


@dataclass(frozen=True, slots=True)
class Link:
    """`url` is None where the settings name no address of the web interface; `text` is of use then."""

    name: str
    text: str
    url: str | None = None


def links_of(event: Event, web_url: str | None) -> tuple[Link, ...]:
    """The run, the target's report, and for a project its plan, as far as the event names them."""
    web = web_url.rstrip("/") if web_url else None
    run_id, found = event.payload.get("run_id"), []
    if web and isinstance(run_id, str) and run_id:
        found.append(Link("run", run_id, f"{web}/runs/{quote(run_id, safe='')}"))
    target: Any = event.payload.get("target")
    if not isinstance(target, Mapping) or not isinstance(target.get("name"), str):
        return tuple(found)
    kind, name = target.get("kind"), target["name"]
    asset = _PROJECTS_ASSET if kind == _PROJECT else _ASSETS.get(str(kind))
    if web and asset:
        found.append(Link("report", name, _partition(web, asset, name)))
    if kind == _PROJECT and event.type.startswith("finding."):
        found.append(Link("plan", f"platformkit plan --target {name}", _partition(web, _PLANS, name) if web else None))
    return tuple(found)


def _partition(web: str, asset: str, partition: str) -> str:
    return f"{web}/assets/{asset}?view=partitions&partition={quote(partition, safe='')}"
