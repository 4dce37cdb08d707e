"""Routes of the stand-in about what happens: commits, reports, alerts, pull requests, issues, files."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from platformkit_pipeline.sandbox.github.bodies import blob
from platformkit_pipeline.sandbox.github.calls import Call, Refused, Reply, not_found, route
from platformkit_pipeline.sandbox.github.rules import rules_of
from platformkit_pipeline.sandbox.github.state import MOMENT, Commit, Dispatch, Issue, PullRequest

_LONGEST_EVENT_TYPE = 100
_MOST_PROPERTIES = 10


@route("GET", "/commits", "contents")
def commits(call: Call) -> Reply:
    if not call.repository.commits:
        raise Refused(409, "Git Repository is empty.")
    return call.page([call.bodies.commit(commit) for commit in call.repository.commits])


def _commit(call: Call) -> Commit:
    known = [*call.repository.commits, *(pull.head for pull in call.repository.pulls)]
    wanted = call.names["commit"]
    if wanted == call.repository.default_branch and call.repository.commits:
        return call.repository.commits[0]
    for commit in known:
        if commit.sha == wanted:
            return commit
    raise Refused(422, f"No commit found for SHA: {wanted}")


@route("GET", "/commits/{commit}", "contents")
def commit(call: Call) -> Reply:
    return Reply(200, call.bodies.commit(_commit(call)))


@route("GET", "/commits/{commit}/check-runs", "checks")
def check_runs(call: Call) -> Reply:
    found = _commit(call)
    runs = [call.bodies.check_run(found, run) for run in found.check_runs]
    return call.page(runs, lambda page: {"total_count": len(runs), "check_runs": page})


@route("GET", "/commits/{commit}/status", "statuses")
def combined_status(call: Call) -> Reply:
    found = _commit(call)
    statuses = [call.bodies.status(found, context, state) for context, state in found.statuses.items()]
    return call.page(statuses, lambda page: call.bodies.combined_status(found, page))


@route("GET", "/commits/{commit}/statuses", "statuses")
def statuses(call: Call) -> Reply:
    found = _commit(call)
    return call.page([call.bodies.created_status(found, context, state) for context, state in found.statuses.items()])


@route("POST", "/statuses/{commit}", "statuses", "write")
def create_status(call: Call) -> Reply:
    found = _commit(call)
    state, context = call.body.get("state"), call.body.get("context", "default")
    if state not in ("error", "failure", "pending", "success"):
        raise Refused(422, "Validation Failed")
    found.statuses[context] = state
    return Reply(201, call.bodies.created_status(found, context, state))


@route("GET", "/secret-scanning/alerts", "secret_scanning_alerts")
def secret_scanning_alerts(call: Call) -> Reply:
    if call.repository.security.get("secret_scanning") != "enabled":
        raise Refused(404, "Secret scanning is disabled on this repository.")
    hidden = call.query.get("hide_secret") == "true"
    alerts = [
        {
            "number": number,
            "created_at": MOMENT,
            "url": f"{call.url}/{number}",
            "html_url": f"{call.url}/{number}",
            "locations_url": f"{call.url}/{number}/locations",
            "state": alert.state,
            "resolution": None,
            "secret_type": alert.secret_type,
            "secret_type_display_name": alert.secret_type.replace("_", " "),
            "push_protection_bypassed": False,
            "validity": "unknown",
            **({} if hidden else {"secret": alert.secret}),
        }
        for number, alert in enumerate(call.repository.secret_alerts, start=1)
    ]
    return call.page(_in_state(call, alerts))


@route("GET", "/code-scanning/alerts", "security_events")
def code_scanning_alerts(call: Call) -> Reply:
    if not call.repository.analysed:
        raise Refused(404, "no analysis found")
    alerts = [
        {
            "number": number,
            "created_at": MOMENT,
            "url": f"{call.url}/{number}",
            "html_url": f"{call.url}/{number}",
            "instances_url": f"{call.url}/{number}/instances",
            "state": alert.state,
            "dismissed_by": None,
            "dismissed_at": None,
            "dismissed_reason": None,
            "rule": {"id": alert.rule, "severity": alert.severity, "security_severity_level": alert.security_severity, "description": ""},
            "tool": {"name": "CodeQL", "version": None, "guid": None},
            "most_recent_instance": {"ref": f"refs/heads/{call.repository.default_branch}", "state": alert.state},
        }
        for number, alert in enumerate(call.repository.code_alerts, start=1)
    ]
    return call.page(_in_state(call, alerts))


@route("GET", "/dependabot/alerts", "vulnerability_alerts")
def dependabot_alerts(call: Call) -> Reply:
    if call.repository.archived:
        raise Refused(403, "Dependabot alerts are not available for archived repositories.")
    if not call.repository.vulnerability_alerts:
        raise Refused(403, "Dependabot alerts are disabled for this repository.")
    alerts = [_dependabot(call, number, alert.package, alert.severity, alert.state) for number, alert in _numbered(call)]
    return call.page(_in_state(call, alerts))


def _numbered(call: Call) -> list[tuple[int, Any]]:
    return list(enumerate(call.repository.dependency_alerts, start=1))


def _dependabot(call: Call, number: int, package: str, severity: str, state: str) -> dict[str, Any]:
    named = {"ecosystem": "pip", "name": package}
    vulnerability = {
        "package": named,
        "severity": severity,
        "vulnerable_version_range": "< 2",
        "first_patched_version": {"identifier": "2"},
    }
    advisory = {
        "ghsa_id": "GHSA-2222-3333-4444",
        "cve_id": None,
        "summary": "A fault",
        "description": "A fault",
        "vulnerabilities": [vulnerability],
        "severity": severity,
        "cwes": [],
        "identifiers": [{"type": "GHSA", "value": "GHSA-2222-3333-4444"}],
        "references": [],
        "published_at": MOMENT,
        "updated_at": MOMENT,
        "withdrawn_at": None,
        "cvss": {"vector_string": None, "score": 0},
    }
    return {
        "number": number,
        "state": state,
        "dependency": {"package": named, "manifest_path": "requirements.txt", "scope": "runtime"},
        "security_advisory": advisory,
        "security_vulnerability": vulnerability,
        "url": f"{call.url}/{number}",
        "html_url": f"{call.url}/{number}",
        "created_at": MOMENT,
        "updated_at": MOMENT,
        **dict.fromkeys(("dismissed_at", "dismissed_by", "dismissed_reason", "dismissed_comment", "fixed_at")),
    }


def _in_state(call: Call, items: list[dict[str, Any]], otherwise: str = "all") -> list[dict[str, Any]]:
    state = call.query.get("state", otherwise)
    return [item for item in items if state in ("all", item["state"])]


@route("GET", "/pulls", "pull_requests")
def pulls(call: Call) -> Reply:
    asked = [pull for pull in call.repository.pulls if call.query.get("base", pull.base) == pull.base]
    return call.page(_in_state(call, [call.bodies.pull(pull) for pull in reversed(asked)], "open"))


@route("POST", "/pulls", "pull_requests", "write")
def open_pull(call: Call) -> Reply:
    branch = call.body.get("head", "")
    head = call.repository.branches.get(branch)
    if head is None or not call.body.get("title"):
        raise Refused(422, "Validation Failed")
    new = PullRequest(
        call.repository.next_number(),
        Commit(f"Head of {branch}", head),
        call.body["title"],
        call.body.get("body", ""),
        call.body["base"],
        branch,
    )
    call.repository.pulls.append(new)
    return Reply(201, call.bodies.pull_in_full(new))


@route("GET", "/pulls/{number}", "pull_requests")
def pull(call: Call) -> Reply:
    for found in call.repository.pulls:
        if str(found.number) == call.names["number"]:
            return Reply(200, call.bodies.pull_in_full(found))
    raise not_found()


@route("GET", "/issues", "issues")
def issues(call: Call) -> Reply:
    labels = {label for label in call.query.get("labels", "").split(",") if label}
    asked = [issue for issue in reversed(call.repository.issues) if labels <= set(issue.labels)]
    return call.page(_in_state(call, [call.bodies.issue(issue) for issue in asked], "open"))


@route("POST", "/issues", "issues", "write")
def open_issue(call: Call) -> Reply:
    if not call.body.get("title"):
        raise Refused(422, "Validation Failed")
    new = Issue(call.repository.next_number(), call.body["title"], call.body.get("body", ""), labels=list(call.body.get("labels", [])))
    call.repository.issues.append(new)
    return Reply(201, call.bodies.issue(new))


@route("PATCH", "/issues/{number}", "issues", "write")
def change_issue(call: Call) -> Reply:
    for issue in call.repository.issues:
        if str(issue.number) == call.names["number"]:
            issue.title, issue.body = call.body.get("title", issue.title), call.body.get("body", issue.body)
            issue.state = call.body.get("state", issue.state)
            return Reply(200, call.bodies.issue(issue))
    raise not_found()


def _issue(call: Call) -> Issue:
    for issue in call.repository.issues:
        if str(issue.number) == call.names["number"]:
            return issue
    raise not_found()


@route("GET", "/issues/{number}/comments", "issues")
def comments(call: Call) -> Reply:
    issue = _issue(call)
    return call.page([call.bodies.comment(issue, index) for index in range(len(issue.comments))])


@route("POST", "/issues/{number}/comments", "issues", "write")
def comment(call: Call) -> Reply:
    issue = _issue(call)
    if not call.body.get("body"):
        raise Refused(422, "Validation Failed")
    issue.comments.append(call.body["body"])
    return Reply(201, call.bodies.comment(issue, len(issue.comments) - 1))


@route("GET", "/contents/{path+}", "contents")
def content(call: Call) -> Reply:
    path = call.names["path"]
    if path not in call.repository.files:
        raise not_found()
    return Reply(200, call.bodies.content(path, call.repository.files[path]))


@route("PUT", "/contents/{path+}", "contents", "write")
def write_content(call: Call) -> Reply:
    path = call.names["path"]
    before = call.repository.files.get(path)
    if call.body.get("branch", call.repository.default_branch) != call.repository.default_branch:
        raise Refused(404, f"Branch {call.body['branch']} not found")
    if _wants_pull_requests(call):
        raise Refused(409, "Could not update file: Changes must be made through a pull request.")
    if before is not None and call.body.get("sha") != blob(before):
        raise Refused(409, f"{path} does not match {call.body.get('sha')}")
    try:
        new = base64.b64decode(call.body["content"], validate=False)
    except (KeyError, TypeError, binascii.Error):
        raise Refused(422, "content is not valid Base64") from None
    call.repository.files[path] = new
    made = Commit(call.body.get("message", ""))
    call.repository.commits.insert(0, made)
    body = {"content": call.bodies.content(path, new, whole=False), "commit": {"sha": made.sha, "message": made.message}}
    return Reply(201 if before is None else 200, body)


def _wants_pull_requests(call: Call) -> bool:
    """Whether the default branch takes no commit of this token's own. Administrators pass where protection or ruleset lets them."""
    repository, administers = call.repository, call.token.may("administration", "write")
    protection = repository.protections.get(repository.default_branch)
    if protection is not None and protection.reviews is not None and (protection.enforce_admins or not administers):
        return True
    passed = {ruleset.identifier for ruleset in repository.rulesets if administers and ruleset.bypass_actors}
    return any(r["type"] == "pull_request" and r["ruleset_id"] not in passed for r in rules_of(repository, repository.default_branch))


@route("POST", "/dispatches", "contents", "write")
def create_dispatch(call: Call) -> Reply:
    event_type, payload = call.body.get("event_type"), call.body.get("client_payload", {})
    if not isinstance(event_type, str) or not 1 <= len(event_type) <= _LONGEST_EVENT_TYPE or not isinstance(payload, dict):
        raise Refused(422, "Invalid request.")
    if len(payload) > _MOST_PROPERTIES:
        raise Refused(422, "No more than 10 properties are allowed; 11 were supplied.")
    call.repository.dispatches.append(Dispatch(event_type, payload))
    return Reply(204)
