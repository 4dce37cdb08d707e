"""Events of one target inside a run over many.

`MaterializeResult` speaks for every partition of a run, also for those that failed; these events name theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.orchestration.metadata import Metadata

DATA_VERSION_TAG = "dagster/data_version"
CODE_VERSION_TAG = "dagster/code_version"


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes what happened to one target into the event log; keys that the run did not select are left out."""

    context: dg.AssetExecutionContext
    partition_key: str

    def wants(self, *keys: dg.AssetKey) -> bool:
        """Whether any of the assets, or a check on one, is selected."""
        checked = {check.asset_key for check in self.context.selected_asset_check_keys}
        return any(key in self.context.selected_asset_keys or key in checked for key in keys)

    def materialized(self, key: dg.AssetKey, metadata: Metadata, *, data_version: str | None = None) -> None:
        """Equal `data_version`s say that nothing changed since the run before."""
        if key not in self.context.selected_asset_keys:
            return
        tags = {CODE_VERSION_TAG: code_version} if (code_version := self.context.assets_def.code_versions_by_key.get(key)) else {}
        if data_version:
            tags[DATA_VERSION_TAG] = data_version
        self.context.log_event(dg.AssetMaterialization(key, partition=self.partition_key, metadata=metadata, tags=tags))

    def checked(
        self, key: dg.AssetKey, name: str, *, passed: bool, severity: dg.AssetCheckSeverity, description: str, metadata: Metadata
    ) -> None:
        """The verdict of a check on this target's partition."""
        if dg.AssetCheckKey(key, name) not in self.context.selected_asset_check_keys:
            return
        evaluation = dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=name,
            passed=passed,
            severity=severity,
            description=description,
            metadata=metadata,
            partition=self.partition_key,
        )
        self.context.log_event(evaluation)


def results_version(results: Iterable[Result]) -> str:
    """Names a set of results: same digest, same verdicts with the same words. 16 hex digits."""
    digest = hashlib.sha256()
    for line in sorted(f"{r.rule}\x1f{r.object.canonical}\x1f{r.outcome.value}\x1f{r.severity.value}\x1f{r.message}\n" for r in results):
        digest.update(line.encode("utf-8", errors="surrogatepass"))
    return digest.hexdigest()[:16]
