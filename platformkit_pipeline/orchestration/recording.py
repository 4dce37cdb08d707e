"""Events of one target inside a run over many.

`MaterializeResult` speaks for every partition of a run, also for those that failed; these events name theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import dagster as dg

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.orchestration.metadata import Metadata

DATA_VERSION_TAG = "dagster/data_version"
CODE_VERSION_TAG = "dagster/code_version"
_INPUT_VERSION_TAG = "dagster/input_data_version"
_INPUT_POINTER_TAG = "dagster/input_event_pointer"
_NEVER_MATERIALIZED = ("INITIAL", "NULL")
"""What Dagster takes for version and pointer of an input that has none, such as an external asset."""

Event: TypeAlias = dg.AssetMaterialization | dg.AssetCheckEvaluation


@dataclass(frozen=True, slots=True)
class Selection:
    """What a run selected of the assets and checks that a step could bring up to date."""

    assets: frozenset[dg.AssetKey]
    checks: frozenset[dg.AssetCheckKey]

    def wants(self, *keys: dg.AssetKey) -> bool:
        """Whether any of the assets, or a check on one, is selected."""
        checked = {check.asset_key for check in self.checks}
        return any(key in self.assets or key in checked for key in keys)

    def admits(self, event: Event) -> bool:
        """Whether the event is about something selected."""
        match event:
            case dg.AssetMaterialization():
                return event.asset_key in self.assets
            case dg.AssetCheckEvaluation():
                return event.asset_check_key in self.checks


@dataclass(frozen=True, slots=True)
class Recorder:
    """Makes the events of one partition, with the provenance that lets Dagster tell whether an asset is in step."""

    partition_key: str
    specs: Mapping[dg.AssetKey, dg.AssetSpec]
    instance: dg.DagsterInstance
    _inputs: dict[dg.AssetKey, tuple[str, str]] = field(default_factory=dict)

    def materialized(self, key: dg.AssetKey, metadata: Metadata, *, data_version: str | None = None) -> dg.AssetMaterialization:
        """Equal `data_version`s say that nothing changed since the run before."""
        spec = self.specs[key]
        tags = {}
        for dep in spec.deps:
            name = dep.asset_key.to_user_string()
            tags[f"{_INPUT_VERSION_TAG}/{name}"], tags[f"{_INPUT_POINTER_TAG}/{name}"] = self._input(dep.asset_key)
        if spec.code_version:
            tags[CODE_VERSION_TAG] = spec.code_version
        if data_version:
            tags[DATA_VERSION_TAG] = data_version
        return dg.AssetMaterialization(key, partition=self.partition_key, metadata=metadata, tags=tags)

    def _input(self, key: dg.AssetKey) -> tuple[str, str]:
        """Data version and storage id of the input's latest materialization, which an earlier stage has just written."""
        if key not in self._inputs:
            wanted = dg.AssetRecordsFilter(key, asset_partitions=[self.partition_key])
            self._inputs[key] = _NEVER_MATERIALIZED
            for record in self.instance.fetch_materializations(wanted, limit=1).records:
                tags = (record.asset_materialization.tags if record.asset_materialization else None) or {}
                self._inputs[key] = (tags.get(DATA_VERSION_TAG, _NEVER_MATERIALIZED[0]), str(record.storage_id))
        return self._inputs[key]

    def checked(
        self, key: dg.AssetKey, name: str, *, passed: bool, severity: dg.AssetCheckSeverity, description: str, metadata: Metadata
    ) -> dg.AssetCheckEvaluation:
        """The verdict of a check on this target's partition."""
        return dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=name,
            passed=passed,
            severity=severity,
            description=description,
            metadata=metadata,
            partition=self.partition_key,
        )


def results_version(results: Iterable[Result]) -> str:
    """Names a set of results: same digest, same verdicts with the same words. 16 hex digits."""
    digest = hashlib.sha256()
    for line in sorted(
        f"{r.rule}\x1f{r.object.canonical}\x1f{r.outcome.value}\x1f{r.severity.value}\x1f{r.count}\x1f{r.message}\n" for r in results
    ):
        digest.update(line.encode("utf-8", errors="surrogatepass"))
    return digest.hexdigest()[:16]
