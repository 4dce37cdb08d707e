"""The document that the service publishes about itself."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from platformkit_pipeline.introspection.github.exchange import same_host
from platformkit_pipeline.model.result import Outcome
from platformkit_pipeline.parity.api.callers import Callers, Refused
from platformkit_pipeline.parity.api.document import Live
from platformkit_pipeline.parity.api.exchange import Answer, Ask, Service, Unanswered
from platformkit_pipeline.parity.api.openapi_document import MAX_JSON_BYTES, OpenApi, UnusableDocument, read_openapi

_REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_NOT_SHOWN = (
    "the platform shows its document to secret keys only (since March 2026): name a variable with one in `live.key_env`; "
    "it is sent for this request alone"
)  # fmt: skip


class NoDocument(Exception):
    """There is none to compare with. FAIL: the service answered, and has none; UNKNOWN: that could not be seen."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


def read_live(service: Service, callers: Callers, live: Live) -> OpenApi:
    """Raises NoDocument."""
    try:
        headers = {"Accept": "application/openapi+json, application/json, */*;q=0.1", **callers.headers("anon", key_env=live.key_env)}
        answer = _followed(service, live.path, headers)
    except (Refused, Unanswered) as reason:
        raise NoDocument(Outcome.UNKNOWN, f"the live document was not read: {reason}") from None
    if answer.status != 200:
        raise _refusal(answer, live, own=callers.own)
    try:
        return read_openapi(answer.body, yaml="yaml" in answer.media)
    except UnusableDocument as reason:
        raise NoDocument(Outcome.FAIL, f"the live document at {live.path} {reason}") from None


def _followed(service: Service, path: str, headers: dict[str, str]) -> Answer:
    """The answer behind redirects within the service's own host and base."""
    for _ in range(_REDIRECTS + 1):
        answer = service.ask(Ask("GET", path, headers), largest=MAX_JSON_BYTES)
        if answer.status not in _MOVED:
            return answer
        try:
            target = urljoin(service.base_url + path, answer.headers.get("location", ""))
            base = urlsplit(service.base_url).path
            parts = urlsplit(target)
        except ValueError:
            raise Unanswered("the service redirects to an address that is none") from None
        if not same_host(service.base_url, target) or not parts.path.startswith(f"{base}/"):
            raise Unanswered("the service redirects to another host or out of the base URL, which is not followed")
        path = parts.path[len(base) :] + (f"?{parts.query}" if parts.query else "")
    raise Unanswered("the service redirects without end")


def _refusal(answer: Answer, live: Live, *, own: bool) -> NoDocument:
    where = f"the live document at {live.path} was answered with status {answer.status}"
    if answer.status in (401, 403):
        hint = f": {_NOT_SHOWN}" if own and live.key_env is None else ""
        return NoDocument(Outcome.UNKNOWN, where + hint)
    if answer.status in (404, 410):
        return NoDocument(Outcome.FAIL, f"{where}: the service publishes none there")
    return NoDocument(Outcome.UNKNOWN, where)
