"""One API contract against the live service: one result per declared check (clause 4.3).

Checks: `document` (the service publishes one that can be read), `breaking-changes` with one result
`breaking-changes/<fingerprint>` per change, `request: <name>` per sample request, `generated`.
"""

from __future__ import annotations

from collections.abc import Iterator

from platformkit_pipeline.model.contract import CheckResult, Dimension
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.parity.api.breaking import Difference, Kind
from platformkit_pipeline.parity.api.callers import Callers
from platformkit_pipeline.parity.api.differences import compare
from platformkit_pipeline.parity.api.document import Allowance, ApiContract, BreakingChanges
from platformkit_pipeline.parity.api.exchange import Service
from platformkit_pipeline.parity.api.generated import judge_generated
from platformkit_pipeline.parity.api.live import NoDocument, read_live
from platformkit_pipeline.parity.api.openapi_document import OpenApi, UnusableDocument
from platformkit_pipeline.parity.api.operations import read_api
from platformkit_pipeline.parity.api.promise import Promise
from platformkit_pipeline.parity.api.promised import read_promised
from platformkit_pipeline.parity.api.sample_requests import Judged, judge_request
from platformkit_pipeline.parity.api.time_limit import TookTooLong, at_most
from platformkit_pipeline.parity.contract_files import Contract
from platformkit_pipeline.parity.surroundings import Surroundings

DOCUMENT = "document"
BREAKING_CHANGES = "breaking-changes"
GENERATED = "generated"
_DATA_API = "/rest/v1"
_SECONDS = 60.0
"""For the comparison of two documents: schemas that refer to one another may unfold without end."""


def run(contract: Contract, surroundings: Surroundings) -> Iterator[CheckResult]:
    """Raises ConfigurationError for a file that is no API contract."""
    told = contract.read_as(ApiContract)
    results = _Results(contract.name)
    promised = _promised(told, contract)
    base = _base_url(told, surroundings)
    if base is None:
        reason = "the project has no data_api in the settings, and the contract no base_url"
        yield from _untried(results, told, reason)
        return
    with Service(base) as service:
        callers = Callers(service, surroundings.data_api)
        if _has_documents(told):
            yield from _documents(results, told, service, callers, promised)
        promise = Promise(promised, read_api(promised)) if isinstance(promised, OpenApi) else promised
        for request in told.requests:
            surroundings.progress(f"api: {contract.name}: {request.name}")
            judged = judge_request(request, service, callers, promise, writes_allowed=surroundings.writes_allowed)
            yield results.judged(_check_of(request.name), request.severity, judged)
        if told.generated is not None:
            severity = told.generated.severity
            if isinstance(promise, Promise):
                judged = judge_generated(told.generated, service, callers, promise, writes_allowed=surroundings.writes_allowed)
                yield results.judged(GENERATED, severity, judged)
            else:
                yield results.unknown(GENERATED, severity, str(promise))


def _promised(told: ApiContract, contract: Contract) -> OpenApi | str | None:
    """The promised document, None where there is none, or why it cannot be used."""
    if told.openapi is None:
        return None
    try:
        return read_promised(told.openapi, contract.path)
    except UnusableDocument as reason:
        return f"the promised document cannot be used: {reason}"


def _base_url(told: ApiContract, surroundings: Surroundings) -> str | None:
    if told.base_url is not None:
        return told.base_url
    if surroundings.data_api is None:
        return None
    url = surroundings.data_api.url.rstrip("/")
    return url if url.endswith(_DATA_API) else url + _DATA_API


def _has_documents(told: ApiContract) -> bool:
    return told.openapi is not None or "live" in told.model_fields_set


def _check_of(request: str) -> str:
    return f"request: {request}"


def _untried(results: _Results, told: ApiContract, reason: str) -> Iterator[CheckResult]:
    if _has_documents(told):
        yield results.unknown(DOCUMENT, told.live.severity, reason)
    if told.openapi is not None and told.breaking_changes.enabled:
        yield results.unknown(BREAKING_CHANGES, Severity.HIGH, reason)
    for request in told.requests:
        yield results.unknown(_check_of(request.name), request.severity, reason)
    if told.generated is not None:
        yield results.unknown(GENERATED, told.generated.severity, reason)


def _documents(
    results: _Results, told: ApiContract, service: Service, callers: Callers, promised: OpenApi | str | None
) -> Iterator[CheckResult]:
    compared = told.openapi is not None and told.breaking_changes.enabled
    try:
        live = read_live(service, callers, told.live)
    except NoDocument as reason:
        yield results.plain(DOCUMENT, told.live.severity, reason.outcome, str(reason))
        if compared:
            yield results.unknown(BREAKING_CHANGES, Severity.HIGH, f"not compared: {reason}")
        return
    yield results.plain(DOCUMENT, told.live.severity, Outcome.PASS)
    if compared and isinstance(promised, OpenApi):
        try:
            with at_most(_SECONDS):
                found = list(_breaking(results, told.breaking_changes, promised, live))
        except TookTooLong:
            found = [results.unknown(BREAKING_CHANGES, Severity.HIGH, f"the schemas could not be compared within {_SECONDS:g} s")]
        yield from found
    elif compared:
        yield results.unknown(BREAKING_CHANGES, Severity.HIGH, str(promised))


def _breaking(results: _Results, settings: BreakingChanges, promised: OpenApi, live: OpenApi) -> Iterator[CheckResult]:
    compared = compare(promised, live)
    if compared.operations == 0:
        yield results.unknown(BREAKING_CHANGES, Severity.HIGH, "the promised document names no operation")
        return
    allowed: list[str] = []
    for difference in compared.differences:
        allowance = _allowance(settings, difference)
        if allowance is not None:
            allowed.append(f"{difference.kind.value} at {difference.where}: {allowance.reason}")
            continue
        severity = settings.severities.get(difference.kind, difference.severity)
        outcome = Outcome.UNKNOWN if difference.kind is Kind.UNDECIDED else Outcome.FAIL
        yield CheckResult(
            Dimension.API,
            results.contract,
            f"{BREAKING_CHANGES}/{difference.fingerprint}",
            severity,
            outcome,
            f"{difference.where}: {difference.message} ({difference.kind.value})",
            {"kind": difference.kind.value, "at": difference.where},
        )
    if compared.unchanged or len(allowed) == len(compared.differences):
        evidence = {"operations": compared.operations, "allowed": allowed}
        count = max(compared.unchanged, 1)
        yield CheckResult(Dimension.API, results.contract, BREAKING_CHANGES, Severity.HIGH, Outcome.PASS, "", evidence, count)


def _allowance(settings: BreakingChanges, difference: Difference) -> Allowance | None:
    return next((a for a in settings.allowed if a.kind is difference.kind and a.at == difference.where), None)


class _Results:
    """Results of one contract."""

    def __init__(self, contract: str) -> None:
        self.contract = contract

    def plain(self, check: str, severity: Severity, outcome: Outcome, message: str = "") -> CheckResult:
        return CheckResult(Dimension.API, self.contract, check, severity, outcome, message)

    def unknown(self, check: str, severity: Severity, reason: str) -> CheckResult:
        return self.plain(check, severity, Outcome.UNKNOWN, reason)

    def judged(self, check: str, severity: Severity, judged: Judged) -> CheckResult:
        return CheckResult(
            Dimension.API, self.contract, check, severity, judged.outcome, judged.message, judged.evidence, duration_seconds=judged.seconds
        )
