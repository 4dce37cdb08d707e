"""The GraphQL documents of the gate, in the order in which it sends them.

Dagster calls its API unstable, so every document stands here, selects `__typename`, and is validated in a test against
the schema of the pinned version. `docs/dagster.md` prints them for use with curl.
"""

from __future__ import annotations

from typing import Final

WORKSPACE: Final = """
query Workspace {
  workspaceOrError {
    __typename
    ... on Workspace {
      locationEntries {
        name
        loadStatus
        locationOrLoadError {
          __typename
          ... on RepositoryLocation { repositories { name jobs { name } } }
          ... on PythonError { message }
        }
      }
    }
    ... on PythonError { message }
  }
}
"""

PARTITION_KEYS: Final = """
query PartitionKeys($assetKey: AssetKeyInput!) {
  assetNodeOrError(assetKey: $assetKey) {
    __typename
    ... on AssetNode { partitionKeys }
    ... on AssetNotFoundError { message }
  }
}
"""

ADD_PARTITION: Final = """
mutation AddPartition($repositorySelector: RepositorySelector!, $partitionsDefName: String!, $partitionKey: String!) {
  addDynamicPartition(repositorySelector: $repositorySelector, partitionsDefName: $partitionsDefName, partitionKey: $partitionKey) {
    __typename
    ... on AddDynamicPartitionSuccess { partitionKey }
    ... on DuplicateDynamicPartitionError { partitionName }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}
"""

LAUNCH: Final = """
mutation Launch($executionParams: ExecutionParams!) {
  launchRun(executionParams: $executionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on Error { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""

OUTCOME: Final = """
query Outcome($runId: ID!) {
  runOrError(runId: $runId) {
    __typename
    ... on Run {
      assetChecks { name assetKey { path } }
      assetMaterializations {
        partition
        assetKey { path }
        metadataEntries { __typename label ... on JsonMetadataEntry { jsonString } }
      }
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}
"""

STATUS: Final = """
query Status($runId: ID!) {
  runOrError(runId: $runId) {
    __typename
    ... on Run { status }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}
"""

FAILURES: Final = """
query Failures($runId: ID!, $afterCursor: String) {
  logsForRun(runId: $runId, afterCursor: $afterCursor, limit: 1000) {
    __typename
    ... on EventConnection {
      cursor
      hasMore
      events {
        __typename
        ... on ExecutionStepFailureEvent { stepKey error { message } failureMetadata { description } }
        ... on RunFailureEvent { message error { message } }
      }
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}
"""

CHECKS: Final = """
query Checks($assetKey: AssetKeyInput!, $checkName: String!, $partition: String, $limit: Int!) {
  assetCheckExecutions(assetKey: $assetKey, checkName: $checkName, partition: $partition, limit: $limit) {
    runId
    status
    partition
    evaluation { success severity description }
  }
}
"""

TERMINATE: Final = """
mutation Terminate($runId: String!) {
  terminateRun(runId: $runId) {
    __typename
    ... on TerminateRunSuccess { run { runId } }
    ... on TerminateRunFailure { message }
    ... on RunNotFoundError { message }
    ... on UnauthorizedError { message }
    ... on PythonError { message }
  }
}
"""

ALL: Final = {
    "Workspace": WORKSPACE,
    "PartitionKeys": PARTITION_KEYS,
    "AddPartition": ADD_PARTITION,
    "Launch": LAUNCH,
    "Status": STATUS,
    "Outcome": OUTCOME,
    "Checks": CHECKS,
    "Failures": FAILURES,
    "Terminate": TERMINATE,
}
