"""Documents as GitHub writes them: repositories, users, commits, reports, alerts, pull requests and issues."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from platformkit_pipeline.sandbox.github.state import MOMENT, CheckRun, Commit, Issue, PullRequest, Repository, Token, sha

# fmt: off
_REPOSITORY_LINKS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits", "compare", "contents", "contributors",
    "deployments", "downloads", "events", "forks", "git_commits", "git_refs", "git_tags", "issue_comment", "issue_events", "issues",
    "keys", "labels", "languages", "merges", "milestones", "notifications", "pulls", "releases", "stargazers", "statuses",
    "subscribers", "subscription", "tags", "teams", "trees", "hooks",
)
# fmt: on
_USER_LINKS = ("followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events")


class Bodies:
    """Documents about one repository, with addresses of the stand-in."""

    def __init__(self, address: str, repository: Repository) -> None:
        self._address = address
        self._repository = repository
        self.url = f"{address}/repos/{repository.full_name}"
        self._html = f"{address}/{repository.full_name}"

    def user(self, login: str, kind: str = "User") -> dict[str, Any]:
        links = {f"{name}_url": f"{self._address}/users/{login}/{name}" for name in _USER_LINKS}
        return {
            "login": login,
            "id": number(login),
            "node_id": f"U_{login}",
            "avatar_url": f"{self._address}/avatars/{login}",
            "gravatar_id": "",
            "url": f"{self._address}/users/{login}",
            "html_url": f"{self._address}/{login}",
            "type": kind,
            "site_admin": False,
            **links,
        }

    def app(self, identifier: int) -> dict[str, Any]:
        slug = f"app-{identifier}"
        return {
            "id": identifier,
            "slug": slug,
            "node_id": f"A_{identifier}",
            "owner": self.user("github", "Organization"),
            "name": slug,
            "description": None,
            "external_url": self._address,
            "html_url": f"{self._address}/apps/{slug}",
            "created_at": MOMENT,
            "updated_at": MOMENT,
            "permissions": {"checks": "write", "metadata": "read"},
            "events": ["push"],
        }

    def minimal_repository(self) -> dict[str, Any]:
        repository = self._repository
        return {
            "id": number(repository.full_name),
            "node_id": f"R_{repository.name}",
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": self.user(repository.owner, "Organization"),
            "private": repository.private,
            "html_url": self._html,
            "description": None,
            "fork": False,
            "url": self.url,
            **{f"{name}_url": f"{self.url}/{name}" for name in _REPOSITORY_LINKS},
        }

    def repository(self, token: Token) -> dict[str, Any]:
        """As `GET /repos/{owner}/{repo}` gives it; administrators see the block security_and_analysis."""
        repository, administers = self._repository, token.may("administration", "read")
        counts = ("forks_count", "stargazers_count", "watchers_count", "size", "open_issues_count", "subscribers_count", "network_count")
        body = {
            **self.minimal_repository(),
            "visibility": "private" if repository.private else "public",
            "default_branch": repository.default_branch,
            "archived": repository.archived,
            "disabled": False,
            **{f"{name}_url": f"{self._html}.git" for name in ("git", "ssh", "clone", "svn")},
            "mirror_url": None,
            "homepage": None,
            "language": None,
            "license": None,
            **dict.fromkeys((*counts, "forks", "open_issues", "watchers"), 0),
            **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_pages", "has_discussions"), False),
            **dict.fromkeys(("pushed_at", "created_at", "updated_at"), MOMENT),
            "permissions": {
                "admin": administers,
                "maintain": administers,
                "push": token.may("contents", "write"),
                "triage": administers,
                "pull": True,
            },
        }
        if administers:
            body["security_and_analysis"] = {feature: {"status": status} for feature, status in repository.security.items()}
        return body

    def commit(self, commit: Commit) -> dict[str, Any]:
        who = {"name": "A Person", "email": "person@example.test", "date": MOMENT}
        url = f"{self.url}/commits/{commit.sha}"
        return {
            "url": url,
            "sha": commit.sha,
            "node_id": f"C_{commit.sha}",
            "html_url": f"{self._html}/commit/{commit.sha}",
            "comments_url": f"{url}/comments",
            "commit": {
                "url": f"{self.url}/git/commits/{commit.sha}",
                "author": who,
                "committer": who,
                "message": commit.message,
                "comment_count": 0,
                "tree": {"sha": sha(f"tree of {commit.sha}"), "url": f"{self.url}/git/trees/{sha(f'tree of {commit.sha}')}"},
            },
            "author": self.user("person"),
            "committer": self.user("person"),
            "parents": [],
        }

    def check_run(self, commit: Commit, run: CheckRun) -> dict[str, Any]:
        identifier = number(f"{commit.sha} {run.name} {run.app}")
        url = f"{self.url}/check-runs/{identifier}"
        return {
            "id": identifier,
            "head_sha": commit.sha,
            "node_id": f"CR_{identifier}",
            "external_id": "",
            "url": url,
            "html_url": None,
            "details_url": None,
            "status": "in_progress" if run.conclusion is None else "completed",
            "conclusion": run.conclusion,
            "started_at": MOMENT,
            "completed_at": None if run.conclusion is None else MOMENT,
            "output": {"title": None, "summary": None, "text": None, "annotations_count": 0, "annotations_url": f"{url}/annotations"},
            "name": run.name,
            "check_suite": {"id": number(commit.sha)},
            "app": self.app(run.app),
            "pull_requests": [],
        }

    def status(self, commit: Commit, context: str, state: str) -> dict[str, Any]:
        return {
            "description": None,
            "id": number(f"{commit.sha} {context}"),
            "node_id": f"S_{number(context)}",
            "state": state,
            "context": context,
            "target_url": None,
            "avatar_url": None,
            "url": f"{self.url}/statuses/{commit.sha}",
            "created_at": MOMENT,
            "updated_at": MOMENT,
        }

    def created_status(self, commit: Commit, context: str, state: str) -> dict[str, Any]:
        return {**self.status(commit, context, state), "creator": self.user("person")}

    def combined_status(self, commit: Commit, page: list[dict[str, Any]]) -> dict[str, Any]:
        states = set(commit.statuses.values())
        return {
            "state": "failure" if states & {"failure", "error"} else "pending" if "pending" in states or not states else "success",
            "statuses": page,
            "sha": commit.sha,
            "total_count": len(commit.statuses),
            "repository": self.minimal_repository(),
            "commit_url": f"{self.url}/commits/{commit.sha}",
            "url": f"{self.url}/commits/{commit.sha}/status",
        }

    def pull(self, pull: PullRequest) -> dict[str, Any]:
        """As lists give it; `pull_in_full` adds what a single one says."""
        url = f"{self.url}/pulls/{pull.number}"
        issue = f"{self.url}/issues/{pull.number}"
        links = {
            "url": url,
            "html_url": f"{self._html}/pull/{pull.number}",
            "diff_url": f"{self._html}/pull/{pull.number}.diff",
            "patch_url": f"{self._html}/pull/{pull.number}.patch",
            "issue_url": issue,
            "commits_url": f"{url}/commits",
            "review_comments_url": f"{url}/comments",
            "review_comment_url": f"{self.url}/pulls/comments{{/number}}",
            "comments_url": f"{issue}/comments",
            "statuses_url": f"{self.url}/statuses/{pull.head.sha}",
        }
        names = ("comments", "commits", "statuses", "html", "issue", "review_comments", "review_comment")
        return {
            **links,
            "id": number(url),
            "node_id": f"PR_{pull.number}",
            "number": pull.number,
            "state": pull.state,
            "locked": False,
            "title": pull.title,
            "user": self.user("person"),
            "body": pull.body,
            "labels": [],
            "milestone": None,
            "created_at": MOMENT,
            "updated_at": pull.merged_at or MOMENT,
            "closed_at": pull.merged_at if pull.merged_at else MOMENT if pull.state == "closed" else None,
            "merged_at": pull.merged_at,
            "draft": False,
            "head": self._end(pull.branch, pull.head.sha),
            "base": self._end(pull.base, sha(pull.base)),
            "_links": {**{name: {"href": links[f"{name}_url"]} for name in names}, "self": {"href": url}},
            "author_association": "MEMBER",
            "auto_merge": None,
        }

    def pull_in_full(self, pull: PullRequest) -> dict[str, Any]:
        counts = ("comments", "review_comments", "commits", "additions", "deletions", "changed_files")
        return {
            **self.pull(pull),
            **dict.fromkeys(counts, 0),
            "merged": pull.merged_at is not None,
            "mergeable": None,
            "mergeable_state": "unknown",
            "merged_by": None,
            "maintainer_can_modify": False,
        }

    def _end(self, branch: str, head: str) -> dict[str, Any]:
        return {
            "label": f"{self._repository.owner}:{branch}",
            "ref": branch,
            "sha": head,
            "user": self.user(self._repository.owner, "Organization"),
            "repo": self.repository(Token()),
        }

    def issue(self, issue: Issue) -> dict[str, Any]:
        url = f"{self.url}/issues/{issue.number}"
        return {
            "id": number(url),
            "node_id": f"I_{issue.number}",
            "url": url,
            "repository_url": self.url,
            "labels_url": f"{url}/labels",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": f"{self._html}/issues/{issue.number}",
            "number": issue.number,
            "state": issue.state,
            "title": issue.title,
            "body": issue.body,
            "user": self.user("person"),
            "labels": list(issue.labels),
            "milestone": None,
            "locked": False,
            "assignee": None,
            "comments": len(issue.comments),
            "closed_at": MOMENT if issue.state == "closed" else None,
            "created_at": MOMENT,
            "updated_at": MOMENT,
            "author_association": "MEMBER",
        }

    def comment(self, issue: Issue, index: int) -> dict[str, Any]:
        url = f"{self.url}/issues/comments/{issue.number * 1000 + index}"
        return {
            "id": issue.number * 1000 + index,
            "node_id": f"IC_{issue.number}_{index}",
            "url": url,
            "html_url": f"{self._html}/issues/{issue.number}#issuecomment-{index}",
            "issue_url": f"{self.url}/issues/{issue.number}",
            "body": issue.comments[index],
            "user": self.user("person"),
            "created_at": MOMENT,
            "updated_at": MOMENT,
            "author_association": "MEMBER",
        }

    def content(self, path: str, content: bytes, *, whole: bool = True) -> dict[str, Any]:
        url = f"{self.url}/contents/{path}"
        body = {
            "type": "file",
            "size": len(content),
            "name": path.rpartition("/")[2],
            "path": path,
            "sha": blob(content),
            "url": url,
            "git_url": None,
            "html_url": None,
            "download_url": None,
            "_links": {"git": None, "html": None, "self": url},
        }
        return body | ({"encoding": "base64", "content": base64.encodebytes(content).decode()} if whole else {})


def number(text: str) -> int:
    """A number for a thing that has only a name; the same one each time."""
    return int(sha(text)[:7], 16)


def blob(content: bytes) -> str:
    """Git's name of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
