"""Ask a running instance whether a target may be deployed: launch its scan, wait, read the decision of that very run.

GraphQL over plain HTTP, so that it works from any machine that reaches the web interface; needs neither Dagster nor the
control plane. The documents stand in `gate_documents`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

import httpx

from platformkit_pipeline.logs import get_logger
from platformkit_pipeline.model.dsn import redact
from platformkit_pipeline.model.errors import ConfigurationError, ObservationError
from platformkit_pipeline.model.merge_decision import GATE as MERGE_GATE
from platformkit_pipeline.model.merge_decision import MergeDecision, merge_decision_from_json
from platformkit_pipeline.model.target import TargetKind
from platformkit_pipeline.operations import gate_documents
from platformkit_pipeline.operations.decide_gate import GateDecision, decision_from_json
from platformkit_pipeline.operations.gate_roads import PROJECTS, ROADS, VERDICT, Road, the_road_to

REPOSITORY = "__repository__"
LAUNCHED_BY_TAG = "platformkit/launched_by"

_REQUEST_SECONDS = 30.0
_POLL_SECONDS = 0.5
_FINAL = frozenset(("SUCCESS", "FAILURE", "CANCELED"))
_STOP_ATTEMPTS = 10
_SECONDS_BETWEEN_STOPS = 1.0
_LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
_WRONG_ADDRESS = frozenset((404, 405))
_MISSED_POLLS = 10
"""How often in a row a status may stay unanswered: a web server that restarts does not end the run."""
_REPETITIONS = 3
"""Of a request that ended in a fault of the server: once its database was restarted, the first ones meet dead connections."""
_FAULT_OF_THE_SERVER = 500
_UNANSWERED = (httpx.TransportError, httpx.HTTPStatusError, httpx.DecodingError)
_ANOTHER_SHAPE = (KeyError, IndexError, TypeError, AttributeError)

_P = ParamSpec("_P")
_T = TypeVar("_T")
Progress = Callable[[str, float], None]
"""Called with what is waited for and the seconds since the beginning."""

_log = get_logger("operations.gate_client")


class InstanceUnavailable(ObservationError):
    """The instance cannot be reached, is not ready, or answers something that this version does not understand."""


class RunFailed(ObservationError):
    """The run was launched and did not come to a decision. The message has the reason that the run gave."""


class GateTimeout(ObservationError):
    """The run did not end in time; it was told to stop."""


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """A check of the run on one rule family. `severity` is ERROR or WARN and counts when it did not pass."""

    asset: str
    name: str
    passed: bool
    severity: str
    description: str


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """The decision of one run, with the checks that the same run evaluated. `run_url` opens the run in the web interface."""

    decision: GateDecision | MergeDecision
    run_id: str
    run_url: str
    checks: tuple[CheckVerdict, ...]


def ask_gate(
    url: str,
    target: str,
    *,
    timeout_seconds: float,
    kind: TargetKind | None = None,
    token: str | None = None,
    tags: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    roads: Sequence[Road] = ROADS,
) -> GateAnswer:
    """Run `target` on the instance behind `url` and return what the gate at the end of its road decided, by default the deploy gate.
    `kind` tells a project and a repository of one name apart.

    Raises ConfigurationError for a URL that is not one of this product and for a name that needs a kind, UnknownTarget for
    one that the instance does not have (nothing was launched), InstanceUnavailable, RunFailed and GateTimeout (the run was
    told to stop).
    """
    with Instance(url, timeout_seconds=timeout_seconds, token=token, progress=progress) as instance:
        location = instance.wait_until_loaded()
        known = {road: instance.partition_keys(road) for road in roads if kind in (None, road.kind)}
        road = the_road_to(target, known, url)
        run_id = instance.launch(location, road, target, tags or {})
        with instance.stopping_if_interrupted(run_id):
            instance.wait_for(run_id)
        return instance.answer(run_id, road, target)


def base_url(url: str) -> str:
    """`url` without what stands behind the host. Raises ConfigurationError when it is not an http(s) URL; a login is refused."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{redact(url)!r} is not a URL such as http://127.0.0.1:3000")
    if parts.username or parts.password:
        raise ConfigurationError("the URL must not carry a login; a token for a proxy in front is read from the variable of --token-env")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _reads_an_answer(method: Callable[_P, _T]) -> Callable[_P, _T]:
    """An answer of another shape than the documents ask for is no answer: whatever it is that answers, it is not this version."""

    @wraps(method)
    def reading(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return method(*args, **kwargs)
        except _ANOTHER_SHAPE:
            raise InstanceUnavailable("the instance answers in another form than expected: are both sides of the same version?") from None

    return reading


class Instance:
    """One running Dagster instance that serves this product, until a deadline."""

    def __init__(self, url: str, *, timeout_seconds: float, token: str | None = None, progress: Progress | None = None) -> None:
        self._url = base_url(url)
        self._started = time.monotonic()
        self._deadline = self._started + timeout_seconds
        self._timeout_seconds = timeout_seconds
        self._progress = progress or (lambda _state, _seconds: None)
        loopback = (urlsplit(self._url).hostname or "") in _LOOPBACK
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # A proxy that the environment names is never the way to this machine.
        self._http = httpx.Client(base_url=self._url, timeout=_REQUEST_SECONDS, headers=headers, trust_env=not loopback)

    def __enter__(self) -> Instance:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    # ---------------------------------------------------------------- before the launch

    def wait_until_loaded(self, *, patient: bool = False) -> str:
        """Name of the code location that has the job, once it is loaded.

        With `patient` a server that does not answer yet is waited for as well. Raises InstanceUnavailable when the code
        location failed to load or the deadline passes, ConfigurationError when no location has the job.
        """
        while True:
            try:
                name = self._loaded_location()
            except InstanceUnavailable as error:
                if not patient or self._late() or isinstance(error, _LocationFailed):
                    raise
                name = None
            if name is not None:
                return name
            if self._late():
                raise InstanceUnavailable(f"{self._url}: the code location was not loaded within {self._timeout_seconds:.0f} s")
            self._pause("loading")

    @_reads_an_answer
    def _loaded_location(self) -> str | None:
        workspace = self._ask(gate_documents.WORKSPACE, {})["workspaceOrError"]
        if workspace["__typename"] != "Workspace":
            raise InstanceUnavailable(f"{self._url}: {_first_line(workspace.get('message'))}")
        loading, failed = False, ""
        for entry in workspace["locationEntries"]:
            location = entry["locationOrLoadError"] or {}
            if entry["loadStatus"] != "LOADED":
                loading = True
            elif location.get("__typename") == "PythonError":
                failed = f"code location {entry['name']} failed to load: {_first_line(location['message'])}"
            elif any(job["name"] == PROJECTS.job for repository in location.get("repositories", ()) for job in repository["jobs"]):
                return str(entry["name"])
        if loading:
            return None
        if failed:
            raise _LocationFailed(f"{self._url}: {failed}")
        raise ConfigurationError(f"{self._url} is a Dagster instance without the job {PROJECTS.job}: is it the right one?")

    @_reads_an_answer
    def partition_keys(self, road: Road) -> tuple[str, ...]:
        """All targets of a kind that the instance knows. Launching does not check them, so whoever launches must."""
        node = self._ask(gate_documents.PARTITION_KEYS, {"assetKey": {"path": list(road.gate_asset)}})["assetNodeOrError"]
        if node["__typename"] != "AssetNode":
            raise ConfigurationError(f"{self._url} has no asset {'/'.join(road.gate_asset)}: is it the right instance?")
        return tuple(node["partitionKeys"])

    @_reads_an_answer
    def add_partition(self, location: str, road: Road, key: str) -> None:
        """Register a target without waiting for the sensor; one that is there already is fine."""
        variables = {
            "repositorySelector": {"repositoryName": REPOSITORY, "repositoryLocationName": location},
            "partitionsDefName": road.partitions,
            "partitionKey": key,
        }
        added = self._ask(gate_documents.ADD_PARTITION, variables)["addDynamicPartition"]
        if added["__typename"] not in ("AddDynamicPartitionSuccess", "DuplicateDynamicPartitionError"):
            raise InstanceUnavailable(f"{self._url}: target {key} could not be registered: {_first_line(added.get('message'))}")

    # ---------------------------------------------------------------- the run

    @_reads_an_answer
    def launch(self, location: str, road: Road, target: str, tags: Mapping[str, str]) -> str:
        """Start the scan of one target; returns the id of the run."""
        wanted = {**tags, "dagster/partition": target, LAUNCHED_BY_TAG: "gate"}
        execution = {
            "selector": {"repositoryName": REPOSITORY, "repositoryLocationName": location, "jobName": road.job},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in wanted.items()]},
        }
        launched = self._ask(gate_documents.LAUNCH, {"executionParams": execution})["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            reasons = [launched.get("message"), *(error["message"] for error in launched.get("errors", ()))]
            raise InstanceUnavailable(
                f"{self._url} refused the run: {_first_line('; '.join(filter(None, reasons)) or launched['__typename'])}"
            )
        run_id = str(launched["run"]["runId"])
        _log.info("run launched", target=target, run_id=run_id)
        return run_id

    def wait_for(self, run_id: str) -> None:
        """Return when the run succeeded. Raises RunFailed with the run's reason, and GateTimeout after telling it to stop."""
        status, missed = "unknown", 0
        while True:
            try:
                status, missed = self._status(run_id), 0
            except InstanceUnavailable:
                missed += 1
                if missed > _MISSED_POLLS:
                    raise
            if status in _FINAL:
                break
            if self._late():
                self.terminate(run_id)
                raise GateTimeout(
                    f"run {run_id} was still {status} after {self._timeout_seconds:.0f} s and was told to stop; {self._link(run_id)}"
                )
            self._pause(status.lower())
        if status != "SUCCESS":
            reason = "it was cancelled" if status == "CANCELED" else self._reason(run_id)
            raise RunFailed(f"run {run_id} came to no decision: {reason}; {self._link(run_id)}")

    def terminate(self, run_id: str) -> None:
        """Tell the run to stop, again while it starts up and cannot hear it yet. A run that has ended meanwhile is fine."""
        for _ in range(_STOP_ATTEMPTS):
            self._ask(gate_documents.TERMINATE, {"runId": run_id})
            if self._status(run_id) in (*_FINAL, "CANCELING"):
                return
            time.sleep(_SECONDS_BETWEEN_STOPS)

    @contextmanager
    def stopping_if_interrupted(self, run_id: str) -> Iterator[None]:
        """Nobody waits for the run any more when the person or the CI job that started it goes away."""
        try:
            yield
        except KeyboardInterrupt:
            self.terminate(run_id)
            raise

    @_reads_an_answer
    def answer(self, run_id: str, road: Road, target: str) -> GateAnswer:
        """The decision that the run materialized for `target`, with its checks. Raises InstanceUnavailable without one."""
        run = self._run(gate_documents.OUTCOME, run_id)
        for event in run["assetMaterializations"]:
            if tuple(event["assetKey"]["path"]) == road.gate_asset and event["partition"] == target:
                for entry in event["metadataEntries"]:
                    if entry["label"] == "decision" and entry["__typename"] == "JsonMetadataEntry":
                        decision = _decision(entry["jsonString"])
                        checks = self._checks(run_id, target, run["assetChecks"], of_contracts=isinstance(decision, MergeDecision))
                        return GateAnswer(decision, run_id, f"{self._url}/runs/{run_id}", tuple(checks))
        raise RunFailed(f"run {run_id} succeeded without a decision for {target}; {self._link(run_id)}")

    # ---------------------------------------------------------------- details

    def _checks(self, run_id: str, target: str, handles: Sequence[Mapping[str, Any]], *, of_contracts: bool) -> Iterator[CheckVerdict]:
        """Of contracts the verdict over each declared kind: the decision has every single check, and other projects declare other ones."""
        for handle in handles:
            if of_contracts and handle["name"] != VERDICT:
                continue
            found = self._check(run_id, target, handle)
            if found is not None:
                yield found
            elif not of_contracts:
                asset = "/".join(handle["assetKey"]["path"])
                yield CheckVerdict(asset, handle["name"], passed=False, severity="ERROR", description="The run did not evaluate it.")

    def _check(self, run_id: str, target: str, handle: Mapping[str, Any]) -> CheckVerdict | None:
        """None where the run did not evaluate it."""
        variables = {"assetKey": {"path": handle["assetKey"]["path"]}, "checkName": handle["name"], "partition": target, "limit": 10}
        executions = self._ask(gate_documents.CHECKS, variables)["assetCheckExecutions"]
        found = next((e["evaluation"] for e in executions if e["runId"] == run_id and e["evaluation"]), None)
        if found is None:
            return None
        asset = "/".join(handle["assetKey"]["path"])
        return CheckVerdict(asset, handle["name"], bool(found["success"]), found["severity"], found["description"] or "")

    @_reads_an_answer
    def _reason(self, run_id: str) -> str:
        """The first step failure in words; else whatever the run said when it ended."""
        cursor, fallback = None, "the run gave no reason"
        while True:
            page = self._ask(gate_documents.FAILURES, {"runId": run_id, "afterCursor": cursor})["logsForRun"]
            for event in page.get("events", ()):
                if event["__typename"] == "ExecutionStepFailureEvent":
                    described = (event["failureMetadata"] or {}).get("description")
                    return redact(str(described or _first_line((event["error"] or {}).get("message")))).strip()
                if event["__typename"] == "RunFailureEvent":
                    fallback = _first_line(event["message"])
            if not page.get("hasMore"):
                return fallback
            cursor = page["cursor"]

    @_reads_an_answer
    def _status(self, run_id: str) -> str:
        return str(self._run(gate_documents.STATUS, run_id)["status"])

    @_reads_an_answer
    def _run(self, document: str, run_id: str) -> Mapping[str, Any]:
        run: Mapping[str, Any] = self._ask(document, {"runId": run_id})["runOrError"]
        if run["__typename"] != "Run":
            raise InstanceUnavailable(f"{self._url}: run {run_id}: {_first_line(run.get('message'))}")
        return run

    def _ask(self, document: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            response = self._post({"query": document, "variables": variables}, _REPETITIONS if document != gate_documents.LAUNCH else 0)
            if response.status_code in _WRONG_ADDRESS:
                raise ConfigurationError(f"{self._url} has no GraphQL: is it the address of a Dagster web interface?")
            response.raise_for_status()
        except _UNANSWERED as error:
            raise InstanceUnavailable(f"{self._url} does not answer: {_why(error)}; is `platformkit up` running there?") from None
        try:
            answered = response.json()
            data, errors = answered.get("data"), answered.get("errors")
        except (ValueError, AttributeError, RecursionError):
            raise ConfigurationError(f"{self._url} does not speak GraphQL: is it the address of a Dagster web interface?") from None
        if errors or not isinstance(data, dict):
            raise InstanceUnavailable(f"{self._url} refused a query: {_first_line(_message_of(errors))}")
        return data

    def _post(self, body: Mapping[str, Any], repetitions: int) -> httpx.Response:
        """A launch must not be repeated: nobody knows how far it came."""
        response = self._http.post("/graphql", json=body)
        while response.status_code >= _FAULT_OF_THE_SERVER and repetitions > 0 and not self._late():
            repetitions -= 1
            time.sleep(_POLL_SECONDS)
            response = self._http.post("/graphql", json=body)
        return response

    def _late(self) -> bool:
        return time.monotonic() > self._deadline

    def _pause(self, state: str) -> None:
        self._progress(state, time.monotonic() - self._started)
        time.sleep(_POLL_SECONDS)

    def _link(self, run_id: str) -> str:
        return f"see {self._url}/runs/{run_id}"


class _LocationFailed(InstanceUnavailable):
    """Waiting longer does not help."""


def _decision(text: str) -> GateDecision | MergeDecision:
    try:
        value = json.loads(text)
        of_contracts = value["gate"] == MERGE_GATE and "parity_id" in value
        return merge_decision_from_json(value) if of_contracts else decision_from_json(value)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InstanceUnavailable("the instance answered a decision in another form: are both sides of the same version?") from None


def _why(error: httpx.RequestError | httpx.HTTPStatusError) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP status {error.response.status_code}"
    return redact(str(error)) or type(error).__name__


def _message_of(errors: object) -> object:
    """That of the first error, where it has the form that GraphQL prescribes."""
    first = errors[0] if isinstance(errors, list) and errors else None
    return first.get("message") if isinstance(first, dict) else None


def _first_line(message: object) -> str:
    text = redact(str(message or "no reason given")).strip()
    return text.splitlines()[0] if text else "no reason given"
