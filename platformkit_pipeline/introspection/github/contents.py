"""One file of a repository's default branch, written through GitHub's API so that it holds what it should, by at most one commit."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from platformkit_pipeline.introspection.github.answers import AnotherShape, Answer, flag, record, text
from platformkit_pipeline.introspection.github.api import GithubApi
from platformkit_pipeline.introspection.github.refusals import Meaning
from platformkit_pipeline.model.errors import PlatformkitError

_CONTENTS = "/repos/{owner}/{repo}/contents/{path}"
_REPOSITORY = "/repos/{owner}/{repo}"
_BRANCH = "/repos/{owner}/{repo}/branches/{branch}"


class FileNotWritten(PlatformkitError):
    """The file does not hold what it should; the message says why, and nothing of ours was committed."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class FileState:
    """`written` is False where the file held it already. `branch` is the default one."""

    branch: str
    written: bool


def put_file(api: GithubApi, path: str, content: str, message: str) -> FileState:
    """Make `content` what `path` of the default branch holds. The same call again commits nothing, also after an answer that was lost.

    A branch that is protected is left alone, even where the token might pass: what is reviewed goes through review.
    Raises FileNotWritten, GithubUnavailable.
    """
    data = content.encode()
    branch = _default_branch(api)
    before = _blob(api, path, branch)
    if before == blob_name(data):
        return FileState(branch, written=False)
    _refuse_protected(api, branch)
    body = {"message": message, "content": base64.b64encode(data).decode(), "branch": branch, **({"sha": before} if before else {})}
    answer = api.send("PUT", _CONTENTS, body, path=path)
    # A lost answer was sent again, and the second one found the first one's commit: only reading anew tells.
    if not answer.given and _blob(api, path, branch) != blob_name(data):
        raise FileNotWritten(f"{api.owner_name}: {path} was not written: {answer.why}")
    return FileState(branch, written=True)


def blob_name(data: bytes) -> str:
    """Git's name of a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _default_branch(api: GithubApi) -> str:
    try:
        return text(record(_given(api.get(_REPOSITORY), api)).get("default_branch"))
    except AnotherShape:
        raise _another_shape(api) from None


def _refuse_protected(api: GithubApi, branch: str) -> None:
    try:
        protected = flag(record(_given(api.get(_BRANCH, branch=branch), api)), "protected")
    except AnotherShape:
        raise _another_shape(api) from None
    if protected:
        raise FileNotWritten(
            f"{api.owner_name}: the branch {branch} is protected, and is not written past its protection; bring the file by a pull request"
        )


def _blob(api: GithubApi, path: str, branch: str) -> str | None:
    """Name of the content that is there; None without a file."""
    answer = api.get(_CONTENTS, {"ref": branch}, path=path)
    if answer.refusal is Meaning.NOT_FOUND:  # the repository itself was seen
        return None
    try:
        return text(record(_given(answer, api)).get("sha"))
    except AnotherShape:
        raise _another_shape(api) from None


def _given(answer: Answer, api: GithubApi) -> object:
    if not answer.given:
        raise FileNotWritten(f"{api.owner_name}: {answer.why}")
    return answer.document


def _another_shape(api: GithubApi) -> FileNotWritten:
    return FileNotWritten(f"{api.owner_name}: GitHub's answer has another shape than expected")
