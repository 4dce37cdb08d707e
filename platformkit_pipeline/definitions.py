"""The Dagster code location: what `workspace.yaml` loads. Everything is put together in `orchestration.build`."""

from __future__ import annotations

from platformkit_pipeline.orchestration.build import build_defs

defs = build_defs()
