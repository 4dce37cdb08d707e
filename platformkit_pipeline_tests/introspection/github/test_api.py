"""The client against everything that goes wrong between it and GitHub: limits, pages, ETags, cut and late answers, redirects."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from platformkit_pipeline.introspection.github.answers import GithubUnavailable, StoredAnswer
from platformkit_pipeline.introspection.github.api import ADDRESS_VARIABLE, GithubApi
from platformkit_pipeline.introspection.github.exchange import API_VERSION, Patience, same_host
from platformkit_pipeline.introspection.github.observe import observe_github
from platformkit_pipeline.introspection.github.refusals import Meaning
from platformkit_pipeline.model.repository.github import GithubFacet
from platformkit_pipeline.model.target import GithubAccess
from platformkit_pipeline.sandbox.github.faults import (
    Fault,
    bad_credentials,
    primary_limit,
    secondary_limit,
    server_error,
    slow,
    too_many_requests,
    truncated,
)
from platformkit_pipeline.sandbox.github.serve import TOKEN
from platformkit_pipeline.sandbox.github.state import REVOKED, Commit, Issue, Repository
from platformkit_pipeline_tests.introspection.github.conftest import ACCESS, NOON, Observer, why

ISSUES = "/repos/{owner}/{repo}/issues"


def test_every_request_names_the_version_and_who_asks(observer: Observer) -> None:
    observer.observe()
    for asked in observer.github.asked:
        assert asked.headers["x-github-api-version"] == API_VERSION
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert asked.headers["user-agent"].startswith("platformkit/")
        assert asked.method == "GET"


def test_pages_are_followed_to_the_end(observer: Observer) -> None:
    observer.repository.issues = [Issue(number, f"Issue {number}") for number in range(1, 12)]
    observer.github.page_size = 4
    with observer.api() as api:
        pages = api.pages(ISSUES)
    assert (pages.complete, pages.refusal) == (True, None)
    assert sorted(item["number"] for item in pages.items) == list(range(1, 12))
    assert len(observer.github.asked) == 3


def test_pages_without_end_are_left_after_their_bound(observer: Observer) -> None:
    observer.repository.issues = [Issue(1, "Issue")]
    observer.github.endless = "/issues"
    with observer.api() as api:
        pages = api.pages(ISSUES)
    assert pages.complete is False
    assert len(observer.github.asked) == Patience().pages


def test_pages_in_a_circle_are_left_at_once(observer: Observer) -> None:
    again = f'<{observer.github.address}/repos/acme/shop/issues?per_page=100>; rel="next"'
    observer.github.faults = [Fault(200, headers={"Link": again}, body='[{"number": 1}]')]
    with observer.api() as api:
        pages = api.pages(ISSUES)
    assert (pages.complete, len(pages.items), len(observer.github.asked)) == (False, 1, 1)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "https://evil.example.test/x", "file:///etc/passwd", "//evil.example.test/x"])
def test_a_next_page_on_another_host_is_not_asked_for(observer: Observer, address: str) -> None:
    observer.github.faults = [Fault(200, headers={"Link": f'<{address}>; rel="next"'}, body="[]")]
    with observer.api() as api:
        pages = api.pages(ISSUES)
    assert len(observer.github.asked) == 1
    assert pages.refusal is None


def test_a_page_of_another_form_is_no_list(observer: Observer) -> None:
    for body in ('{"message": "hello"}', "[1, 2]", "null"):
        observer.github.faults = [Fault(200, body=body)]
        with observer.api() as api:
            pages = api.pages(ISSUES)
        assert pages.refusal is Meaning.NO_ANSWER
        assert "another shape" in pages.why


def test_a_second_observation_of_an_unchanged_repository_costs_no_rate_limit(observer: Observer) -> None:
    observer.repository.security["secret_scanning"] = "enabled"
    observer.repository.vulnerability_alerts = observer.repository.analysed = True
    store: dict[str, StoredAnswer] = {}
    first = observer.observe(store=store)
    questions, left = len(observer.github.asked), observer.github.remaining
    assert observer.observe(store=store) == first
    refused_first = [a for a in observer.github.asked[:questions] if a.path.endswith(("/protection", "/vulnerability-alerts"))]
    assert len(observer.github.asked) == 2 * questions
    assert left - observer.github.remaining == len(refused_first)


def test_a_change_is_seen_in_spite_of_stored_answers(observer: Observer) -> None:
    store: dict[str, StoredAnswer] = {}
    assert observer.observe(store=store).archived is False
    observer.repository.archived = True
    assert observer.observe(store=store).archived is True


def test_pages_are_followed_from_stored_answers_as_well(observer: Observer) -> None:
    observer.repository.issues = [Issue(number, f"Issue {number}") for number in range(1, 12)]
    observer.github.page_size = 4
    store: dict[str, StoredAnswer] = {}
    for _ in range(2):
        with GithubApi(ACCESS, observer.environment(), observer.pauses, observer.patience, store) as api:
            assert len(api.pages(ISSUES).items) == 11
    assert observer.github.limit - observer.github.remaining == 3


def test_the_store_forgets_what_is_not_asked_any_more_and_nothing_of_others(observer: Observer) -> None:
    store: dict[str, StoredAnswer] = {}
    observer.github.repositories["acme/shop2"] = Repository("acme", "shop2")
    observer.observe(access=GithubAccess("acme/shop2", ACCESS.token_env), store=store)
    others = dict(store)
    for number in range(8):
        observer.repository.commits.insert(0, Commit(f"Commit {number}"))
        observer.observe(store=store)
    own = {key: answer for key, answer in store.items() if key not in others}
    assert {key: store[key] for key in others} == others
    assert sum("/check-runs" in key for key in own) == 5


def test_a_damaged_store_is_asked_past(observer: Observer) -> None:
    store: dict[str, StoredAnswer] = {}
    first = observer.observe(store=store)
    for key, answer in store.items():
        store[key] = replace(answer, body=answer.body[: len(answer.body) // 2])
    assert observer.observe(store=store) == first


def test_a_confirmation_that_nobody_asked_for_is_no_answer(observer: Observer) -> None:
    observer.github.faults = [Fault(304, body="") for _ in range(2)]
    with pytest.raises(GithubUnavailable, match="acme/shop"):
        observer.observe()


def test_a_busy_api_is_asked_again_after_the_pause_it_asks_for(observer: Observer) -> None:
    observer.github.faults = [
        too_many_requests("7"),
        primary_limit(int(NOON.timestamp()) + 20),
        server_error(503),
        too_many_requests("Fri, 20 Nov 2026 12:00:05 GMT"),
        secondary_limit(),
    ]
    observer.patience = replace(observer.patience, attempts=6)
    observer.observe()
    assert observer.slept == [7.0, 21.0, 16.0, 5.0, 60.0]


def test_errors_of_the_server_are_asked_again_with_growing_pauses(observer: Observer) -> None:
    observer.github.faults = [server_error(502), server_error(500), server_error(504)]
    observer.observe()
    assert observer.slept == [1.0, 4.0, 16.0]


def test_one_broken_question_hides_nothing_else(observer: Observer) -> None:
    observer.github.faults = [server_error(500, "/dependabot/alerts", times=9)]
    settings = observer.observe()
    assert "GitHub answered 500; scan again later" in why(settings, GithubFacet.DEPENDABOT_ALERTS)
    assert settings.actions is not None
    assert observer.slept == [1.0, 4.0, 16.0]


def test_nobody_waits_for_an_hour_and_the_rest_is_not_even_asked(observer: Observer) -> None:
    observer.github.faults = [primary_limit(int(NOON.timestamp()) + 3600, "/rules/branches")]
    settings = observer.observe()
    reason = r"GitHub refuses more requests until 2026-11-20T13:00:01Z \(rate limit\); scan again then"
    assert re.search(reason, why(settings, GithubFacet.RULESETS))
    assert re.search(reason, why(settings, GithubFacet.ACTIONS))
    assert why(settings, GithubFacet.CLASSIC_PROTECTION) == ""
    assert observer.slept == []
    assert len(observer.github.asked) == 3


def test_an_exhausted_limit_at_the_start_ends_the_observation(observer: Observer) -> None:
    observer.github.remaining = 0
    observer.github.reset = int(NOON.timestamp()) + 1800
    with pytest.raises(GithubUnavailable, match="until 2026-11-20T12:30:01Z"):
        observer.observe()


def test_all_pauses_together_are_bounded(observer: Observer) -> None:
    observer.github.faults = [too_many_requests("50", path) for path in ("/shop", "/protection", "/rules", "/rulesets") for _ in range(2)]
    settings = observer.observe()
    assert sum(observer.slept) == 300.0
    assert "rate limit" in why(settings, GithubFacet.ACTIONS)


def test_a_cut_answer_is_asked_for_again(observer: Observer) -> None:
    whole = observer.observe()
    observer.github.faults = [truncated(), truncated("/rules/branches", times=2)]
    assert observer.observe() == whole
    assert len(observer.slept) == 3


def test_an_answer_that_is_always_cut_is_none(observer: Observer) -> None:
    observer.github.faults = [truncated(times=9)]
    with pytest.raises(GithubUnavailable, match=r"acme/shop: GitHub sent something that is no JSON; scan again later"):
        observer.observe()


def test_a_late_answer_is_not_waited_for(observer: Observer) -> None:
    observer.patience = Patience(attempts=2, read=0.2)
    observer.github.faults = [slow(1.0, times=2)]
    with pytest.raises(GithubUnavailable, match=r"no answer from GitHub \(ReadTimeout\)"):
        observer.observe()
    assert observer.slept == [1.0]


def test_a_server_that_went_silent_is_not_asked_the_other_questions(observer: Observer) -> None:
    observer.patience = Patience(attempts=2, read=0.2)
    observer.github.faults = [slow(1.0, "/protection", times=2)]
    settings = observer.observe()
    assert "ReadTimeout" in why(settings, GithubFacet.CLASSIC_PROTECTION)
    assert "ReadTimeout" in why(settings, GithubFacet.ACTIONS)
    assert len(observer.github.asked) == 3


def test_an_answer_without_end_is_left(observer: Observer) -> None:
    observer.patience = replace(observer.patience, largest_answer=2000, attempts=1)
    with pytest.raises(GithubUnavailable, match="sent more than was asked for"):
        observer.observe()


def test_an_answer_that_drips_is_left(observer: Observer) -> None:
    observer.patience = replace(observer.patience, answer=0.3, read=5.0, attempts=1)
    with dripping() as address, pytest.raises(GithubUnavailable, match="took too long"):
        observe_github(
            ACCESS,
            environment=observer.environment() | {ADDRESS_VARIABLE: address},
            pauses=observer.pauses,
            patience=observer.patience,
        )


@contextmanager
def dripping() -> Iterator[str]:
    """A server that sends a byte at a time, for long."""

    class Drip(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(200):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    if server.stopped.wait(0.05):  # type: ignore[attr-defined]  # the server carries its state
                        return
            except OSError:
                return

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is written to standard error."""

    from threading import Event

    server = ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    server.daemon_threads = True
    server.stopped = Event()  # type: ignore[attr-defined]  # the server carries its state
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.stopped.set()  # type: ignore[attr-defined]  # the server carries its state
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_repository_that_moved_is_followed_on_the_same_host(observer: Observer) -> None:
    observer.github.moved["acme/store"] = f"{observer.github.address}/repos/acme/shop"
    settings = observer.observe(access=GithubAccess("acme/store", ACCESS.token_env))
    assert settings.name == "acme/shop"
    assert settings.unobserved


def test_a_redirect_to_another_host_gets_no_token(observer: Observer) -> None:
    with dripping() as elsewhere:
        observer.github.moved["acme/store"] = f"{elsewhere}/repos/acme/shop"
        with pytest.raises(GithubUnavailable, match="points to another host, where the token is not sent"):
            observer.observe(access=GithubAccess("acme/store", ACCESS.token_env))


def test_redirects_in_a_circle_are_left(observer: Observer) -> None:
    observer.github.moved["acme/store"] = f"{observer.github.address}/repos/acme/store"
    observer.patience = replace(observer.patience, attempts=1)
    with pytest.raises(GithubUnavailable, match="without end"):
        observer.observe(access=GithubAccess("acme/store", ACCESS.token_env))


def test_the_same_host_is_the_same_scheme_name_and_port() -> None:
    assert same_host("https://api.example.test/a", "https://api.example.test/b?c")
    for other in ("http://api.example.test/a", "https://example.test/a", "https://api.example.test:444/a", "https://x@api.example.test/"):
        assert not same_host("https://api.example.test/a", other)


def test_a_token_that_is_not_accepted_is_one_clear_error(observer: Observer) -> None:
    with pytest.raises(GithubUnavailable, match=r"does not accept the token in SHOP_GITHUB_TOKEN \(401\): .*make a new one"):
        observer.observe(REVOKED)
    observer.github.tokens.clear()
    with pytest.raises(GithubUnavailable, match="401"):
        observer.observe()


def test_a_token_that_is_revoked_on_the_way_ends_the_observation(observer: Observer) -> None:
    observer.github.faults = [bad_credentials("/actions/permissions")]
    with pytest.raises(GithubUnavailable, match="401"):
        observer.observe()


@pytest.mark.parametrize(
    ("environment", "name", "sentence"),
    [
        ({"SHOP_GITHUB_TOKEN": " "}, "acme/shop", "SHOP_GITHUB_TOKEN is not set"),
        ({"SHOP_GITHUB_TOKEN": "a\nb"}, "acme/shop", "holds no access token"),
        ({ADDRESS_VARIABLE: "http://github.example.test"}, "acme/shop", "must be an https address"),
        ({ADDRESS_VARIABLE: "http://127.0.0.1.example.test"}, "acme/shop", "must be an https address"),
        ({}, "acme", "owner/name"),
        ({}, "acme/shop/x", "owner/name"),
        ({}, "acme/..", "owner/name"),
        ({}, "../shop", "owner/name"),
        ({}, "acme/shop?x", "owner/name"),
        ({}, "acme/sh op", "owner/name"),
    ],
)
def test_nothing_is_sent_without_a_token_a_name_or_in_the_clear(
    observer: Observer, environment: dict[str, str], name: str, sentence: str
) -> None:
    with pytest.raises(GithubUnavailable, match=sentence):
        observe_github(GithubAccess(name, ACCESS.token_env), environment=observer.environment() | environment)
    assert observer.github.asked == []


def test_an_address_where_nobody_listens_is_no_answer(observer: Observer) -> None:
    environment = observer.environment() | {ADDRESS_VARIABLE: "http://127.0.0.1:9"}
    with pytest.raises(GithubUnavailable, match=r"no answer from GitHub \(ConnectError\)"):
        observe_github(ACCESS, environment=environment, pauses=observer.pauses)


@pytest.mark.parametrize(
    "fault",
    [
        bad_credentials(),
        server_error(500, times=9),
        truncated(times=9),
        Fault(302, headers={"Location": "https://elsewhere.example.test/"}),
        Fault(403, "echo", body=f'{{"message": "you sent {TOKEN}"}}'),
        Fault(422, "echo", body=f'{{"message": "you sent {TOKEN}"}}'),
    ],
    ids=["401", "500", "cut", "redirect", "echo 403", "echo 422"],
)
def test_the_token_stands_in_no_error_log_or_repr(observer: Observer, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    observer.github.faults = [fault]
    with pytest.raises(GithubUnavailable) as caught:
        observer.observe()
    error = caught.value
    told = "".join(traceback.format_exception(error)) + f"{error!r} {error.__cause__!r} {error.__context__!r}"
    assert TOKEN not in told
    assert TOKEN not in caplog.text
    assert "127.0.0.1" in caplog.text, "the client under it logs what it does, so that the assertion means something"
    with observer.api() as api:
        assert TOKEN not in f"{api!r} {api.__dict__!r}"


def test_the_token_stands_in_no_record_and_no_stored_answer(observer: Observer, capsys: pytest.CaptureFixture[str]) -> None:
    observer.github.faults = [server_error(500)]
    store: dict[str, StoredAnswer] = {}
    assert TOKEN not in f"{observer.observe(store=store)!r}"
    assert store
    assert TOKEN not in f"{store!r}"
    assert TOKEN not in "".join(capsys.readouterr())
