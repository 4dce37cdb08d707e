"""The stand-in for GitHub is itself right: pages end, permissions refuse as GitHub does, writes change what is read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from platformkit_pipeline.sandbox.github.faults import Fault, slow, too_many_requests, truncated, upgrade
from platformkit_pipeline.sandbox.github.serve import TOKEN, Github, serve_github
from platformkit_pipeline.sandbox.github.state import (
    CLASSIC_READER,
    READER,
    STRANGER,
    CheckRun,
    Commit,
    Issue,
    Protection,
    Ruleset,
    SecretAlert,
)

SHOP = "/repos/acme/shop"


@pytest.fixture
def github() -> Iterator[Github]:
    with serve_github() as served:
        yield served


@pytest.fixture
def client(github: Github) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=github.address, headers={"Authorization": f"Bearer {TOKEN}"}) as opened:
        yield opened


def numbers(response: httpx.Response) -> list[int]:
    return [item["number"] for item in response.json()]


def test_pages_follow_each_other_and_end(github: Github, client: httpx.Client) -> None:
    github.repository.issues = [Issue(number, "Issue") for number in range(1, 8)]
    first = client.get(f"{SHOP}/issues", params={"per_page": 3})
    second = client.get(first.links["next"]["url"])
    third = client.get(second.links["next"]["url"])
    assert [numbers(page) for page in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]
    assert "next" not in third.links
    assert third.links["prev"]["url"] == second.url
    assert first.links["last"]["url"] == third.url
    assert numbers(client.get(f"{SHOP}/issues", params={"per_page": 3, "page": 4})) == []


def test_a_list_of_just_one_page_names_no_other(github: Github, client: httpx.Client) -> None:
    github.repository.issues = [Issue(number, "Issue") for number in range(1, 4)]
    assert client.get(f"{SHOP}/issues", params={"per_page": 3}).links == {}


def test_pages_hold_a_hundred_at_most(github: Github, client: httpx.Client) -> None:
    github.repository.issues = [Issue(number, "Issue") for number in range(1, 150)]
    assert len(client.get(f"{SHOP}/issues", params={"per_page": 500}).json()) == 100
    assert len(client.get(f"{SHOP}/issues").json()) == 30


def test_an_endless_list_repeats_itself_and_always_names_a_next_page(github: Github, client: httpx.Client) -> None:
    github.repository.issues = [Issue(1, "Issue")]
    github.endless = "/issues"
    page = client.get(f"{SHOP}/issues", params={"page": 99})
    assert (numbers(page), page.links["next"]["url"].endswith("page=100")) == ([1], True)


def test_what_is_unchanged_is_confirmed_and_costs_nothing(github: Github, client: httpx.Client) -> None:
    first = client.get(SHOP)
    left = github.remaining
    confirmed = client.get(SHOP, headers={"If-None-Match": first.headers["ETag"]})
    assert (confirmed.status_code, confirmed.content, github.remaining) == (304, b"", left)
    github.repository.archived = True
    changed = client.get(SHOP, headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.json()["archived"], github.remaining) == (200, True, left - 1)


@pytest.mark.parametrize("header", ["", "Bearer another", "Basic abc", TOKEN])
def test_other_tokens_are_not_accepted(client: httpx.Client, header: str) -> None:
    refused = client.get(SHOP, headers={"Authorization": header})
    assert (refused.status_code, refused.json()["message"]) == (401, "Bad credentials")


def test_a_fine_grained_token_is_told_what_it_lacks_and_a_classic_one_nothing(github: Github, client: httpx.Client) -> None:
    github.repository.protections["main"] = Protection()
    github.tokens[TOKEN] = READER
    refused = client.get(f"{SHOP}/branches/main/protection")
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by personal access token")
    assert refused.headers["X-Accepted-GitHub-Permissions"] == "administration=read"
    github.tokens[TOKEN] = CLASSIC_READER
    refused = client.get(f"{SHOP}/branches/main/protection")
    assert (refused.status_code, refused.json()["message"]) == (404, "Not Found")
    assert refused.headers["X-OAuth-Scopes"] == "repo:status, public_repo"


def test_a_private_repository_is_not_there_for_a_stranger(github: Github, client: httpx.Client) -> None:
    github.tokens[TOKEN] = STRANGER
    assert client.get(SHOP).status_code == 200
    github.repository.private = True
    assert (client.get(SHOP).status_code, client.get(SHOP).json()["message"]) == (404, "Not Found")


def test_who_may_only_read_writes_nothing(github: Github, client: httpx.Client) -> None:
    github.tokens[TOKEN] = READER
    for method, path in (("POST", "/issues"), ("PUT", "/branches/main/protection"), ("POST", "/rulesets"), ("PATCH", "")):
        assert client.request(method, SHOP + path, json={"title": "x"}).status_code == 403
    assert (github.repository.issues, github.repository.protections, github.repository.rulesets) == ([], {}, [])


def test_only_administrators_see_security_settings_and_bypass_actors(github: Github, client: httpx.Client) -> None:
    github.repository.rulesets = [Ruleset(7, "gate")]
    assert "security_and_analysis" in client.get(SHOP).json()
    assert client.get(f"{SHOP}/rulesets/7").json()["bypass_actors"] == []
    github.tokens[TOKEN] = READER
    assert "security_and_analysis" not in client.get(SHOP).json()
    assert "bypass_actors" not in client.get(f"{SHOP}/rulesets/7").json()


def test_protection_is_refused_in_half_and_kept_in_whole(github: Github, client: httpx.Client) -> None:
    path = f"{SHOP}/branches/main/protection"
    assert client.get(path).json()["message"] == "Branch not protected"
    assert client.get(f"{SHOP}/branches/none/protection").json()["message"] == "Branch not found"
    body: dict[str, Any] = {"required_status_checks": None, "enforce_admins": True, "restrictions": None}
    assert client.put(path, json=body).status_code == 422
    assert client.put(path, json={**body, "required_pull_request_reviews": None}).status_code == 200
    assert github.repository.protections == {"main": Protection(enforce_admins=True)}
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_required_checks_change_on_their_own(github: Github, client: httpx.Client) -> None:
    path = f"{SHOP}/branches/main/protection/required_status_checks"
    github.repository.protections["main"] = Protection(enforce_admins=True)
    assert client.patch(path, json={"contexts": ["lint"]}).json()["message"] == "Required status checks not enabled"
    github.repository.protections["main"].checks = []
    assert client.patch(path, json={"checks": [{"context": "lint", "app_id": -1}], "strict": True}).json()["contexts"] == ["lint"]
    assert github.repository.protections["main"] == Protection([("lint", None)], strict=True, enforce_admins=True)


def test_rulesets_are_made_changed_and_removed(github: Github, client: httpx.Client) -> None:
    body = {
        "name": "gate",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "rules": [{"type": "deletion"}],
    }
    made = client.post(f"{SHOP}/rulesets", json=body)
    assert made.status_code == 201
    path = f"{SHOP}/rulesets/{made.json()['id']}"
    assert client.post(f"{SHOP}/rulesets", json=body).status_code == 422
    assert [rule["type"] for rule in client.get(f"{SHOP}/rules/branches/main").json()] == ["deletion"]
    assert client.get(f"{SHOP}/rules/branches/other").json() == []
    client.put(path, json={"enforcement": "evaluate"})
    assert client.get(path).json()["rules"] == [{"type": "deletion"}]
    assert client.get(f"{SHOP}/rules/branches/main").json() == []
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_a_ruleset_without_conditions_binds_no_branch(client: httpx.Client) -> None:
    client.post(f"{SHOP}/rulesets", json={"name": "gate", "enforcement": "active", "rules": [{"type": "deletion"}]})
    assert client.get(f"{SHOP}/rules/branches/main").json() == []


def test_a_leaked_value_is_sent_unless_it_is_to_be_hidden(github: Github, client: httpx.Client) -> None:
    assert client.get(f"{SHOP}/secret-scanning/alerts").json()["message"] == "Secret scanning is disabled on this repository."
    client.patch(SHOP, json={"security_and_analysis": {"secret_scanning": {"status": "enabled"}}})
    github.repository.secret_alerts = [SecretAlert("made up")]
    assert client.get(f"{SHOP}/secret-scanning/alerts").json()[0]["secret"] == "made up"
    assert "secret" not in client.get(f"{SHOP}/secret-scanning/alerts", params={"hide_secret": "true"}).json()[0]


def test_vulnerability_alerts_open_the_list_of_alerts(client: httpx.Client) -> None:
    assert client.get(f"{SHOP}/vulnerability-alerts").json()["message"] == "Vulnerability alerts are disabled."
    assert client.get(f"{SHOP}/dependabot/alerts").json()["message"] == "Dependabot alerts are disabled for this repository."
    assert client.put(f"{SHOP}/vulnerability-alerts").status_code == 204
    assert (client.get(f"{SHOP}/vulnerability-alerts").status_code, client.get(f"{SHOP}/dependabot/alerts").json()) == (204, [])
    assert client.delete(f"{SHOP}/vulnerability-alerts").status_code == 204
    assert client.get(f"{SHOP}/vulnerability-alerts").status_code == 404


def test_issues_and_pull_requests_share_their_numbers(github: Github, client: httpx.Client) -> None:
    assert client.post(f"{SHOP}/issues", json={"title": "Fault"}).json()["number"] == 1
    github.repository.branches["change"] = "1" * 40
    pull = client.post(f"{SHOP}/pulls", json={"title": "Mend", "head": "change", "base": "main"})
    assert (pull.json()["number"], pull.json()["head"]["sha"]) == (2, "1" * 40)
    assert client.post(f"{SHOP}/pulls", json={"title": "Mend", "head": "none", "base": "main"}).status_code == 422
    client.patch(f"{SHOP}/issues/1", json={"state": "closed"})
    assert numbers(client.get(f"{SHOP}/issues")) == []
    assert numbers(client.get(f"{SHOP}/issues", params={"state": "all"})) == [1]


def test_a_file_is_written_over_only_by_who_read_it(github: Github, client: httpx.Client) -> None:
    body = {"message": "Add", "content": base64.b64encode(b"one").decode()}
    made = client.put(f"{SHOP}/contents/docs/a.md", json=body)
    assert made.status_code == 201
    assert client.put(f"{SHOP}/contents/docs/a.md", json=body).status_code == 409
    body |= {"sha": made.json()["content"]["sha"], "content": base64.b64encode(b"two").decode()}
    assert client.put(f"{SHOP}/contents/docs/a.md", json=body).status_code == 200
    assert github.repository.files == {"docs/a.md": b"two"}
    assert client.get(f"{SHOP}/commits").json()[0]["commit"]["message"] == "Add"


def test_statuses_and_check_runs_stand_on_their_commit(github: Github, client: httpx.Client) -> None:
    github.repository.commits = [Commit("Newer", check_runs=[CheckRun("lint")]), Commit("Older")]
    newer, older = (commit.sha for commit in github.repository.commits)
    client.post(f"{SHOP}/statuses/{older}", json={"state": "failure", "context": "ci"})
    assert client.get(f"{SHOP}/commits/{older}/status").json()["state"] == "failure"
    assert client.get(f"{SHOP}/commits/{newer}/check-runs").json()["total_count"] == 1
    assert client.get(f"{SHOP}/commits/main/check-runs").json()["total_count"] == 1
    assert client.get(f"{SHOP}/commits/{'0' * 40}/check-runs").status_code == 422
    github.repository.commits = []
    assert client.get(f"{SHOP}/commits").status_code == 409


def test_the_rate_limit_counts_down_and_ends(github: Github, client: httpx.Client) -> None:
    github.remaining = 1
    assert client.get(SHOP).headers["X-RateLimit-Remaining"] == "0"
    refused = client.get(SHOP)
    assert (refused.status_code, refused.headers["X-RateLimit-Reset"]) == (403, str(github.reset))


def test_faults_are_given_in_order_to_whom_they_are_meant_for(github: Github, client: httpx.Client) -> None:
    github.faults = [upgrade("/protection"), too_many_requests("9"), Fault(500, method="POST"), truncated("/shop")]
    assert client.get(SHOP).headers["Retry-After"] == "9"
    assert client.get(f"{SHOP}/branches/main/protection").json()["message"].startswith("Upgrade to GitHub Pro")
    cut, whole = client.get(SHOP), client.get(SHOP)
    assert (len(cut.content), cut.status_code) == (len(whole.content) // 2, 200)
    assert client.post(f"{SHOP}/issues", json={"title": "x"}).status_code == 500
    assert github.faults == []


def test_a_cut_answer_is_no_json_and_a_late_one_is_late(github: Github, client: httpx.Client) -> None:
    github.faults = [truncated(), slow(0.5)]
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        client.get(SHOP).json()
    with pytest.raises(httpx.ReadTimeout):
        client.get(SHOP, timeout=0.1)
    assert client.get(SHOP).status_code == 200


def test_unknown_paths_are_not_found(client: httpx.Client) -> None:
    for path in ("/", "/repos", "/repos/acme", "/repos/acme/shop/nothing", "/repos/acme/none", "/orgs/acme"):
        assert client.get(path).status_code == 404
