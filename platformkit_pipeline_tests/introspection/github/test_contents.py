"""A file of a repository on the stand-in: written by at most one commit, never past a branch's protection."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.github.contents import FileNotWritten, FileState, put_file
from platformkit_pipeline.sandbox.github.faults import Fault
from platformkit_pipeline.sandbox.github.serve import TOKEN
from platformkit_pipeline.sandbox.github.state import READER, Protection, Reviews, Ruleset
from platformkit_pipeline_tests.introspection.github.conftest import Observer

PATH = "profile/README.md"
TEXT = "# Shops – all of them\n"


def put(observer: Observer, text: str = TEXT) -> FileState:
    with observer.api() as api:
        return put_file(api, PATH, text, "Render it")


def commits(observer: Observer) -> int:
    return sum(commit.message == "Render it" for commit in observer.repository.commits)


def writes(observer: Observer) -> int:
    return sum(asked.method == "PUT" for asked in observer.github.asked)


def test_it_is_written_where_it_differs_and_only_there(observer: Observer) -> None:
    observer.repository.files["other.md"] = b"untouched"
    assert [put(observer).written, put(observer).written, put(observer, "# Another\n").written] == [True, False, True]
    assert observer.repository.files == {"other.md": b"untouched", PATH: b"# Another\n"}
    assert (commits(observer), writes(observer)) == (2, 2)


def test_a_lost_answer_does_not_commit_twice(observer: Observer) -> None:
    observer.repository.files[PATH] = b"# Old\n"
    observer.github.faults = [Fault(502, method="PUT", takes_effect=True)]
    assert put(observer).written
    assert (commits(observer), writes(observer), observer.repository.files[PATH]) == (1, 2, TEXT.encode())
    observer.github.faults = [Fault(502, method="PUT", times=10)]
    with pytest.raises(FileNotWritten, match="GitHub answered 502"):
        put(observer, "# Never\n")
    assert (commits(observer), observer.repository.files[PATH]) == (1, TEXT.encode())


def test_what_somebody_else_writes_meanwhile_is_not_overwritten(observer: Observer) -> None:
    observer.repository.files[PATH] = b"# Old\n"
    observer.github.faults = [Fault(409, f"{PATH} does not match", method="PUT")]
    with pytest.raises(FileNotWritten, match=r"acme/shop: profile/README\.md was not written: .*409"):
        put(observer)
    assert (commits(observer), observer.repository.files[PATH]) == (0, b"# Old\n")


@pytest.mark.parametrize("by", ["classic", "ruleset"])
def test_a_protected_branch_is_left_alone_by_an_administrator_too(observer: Observer, by: str) -> None:
    if by == "classic":
        observer.repository.protections["main"] = Protection(reviews=Reviews())
    else:
        observer.repository.rulesets.append(Ruleset(7, "gate", rules=[{"type": "pull_request", "parameters": {}}]))
    with pytest.raises(FileNotWritten, match="the branch main is protected"):
        put(observer)
    assert (writes(observer), observer.repository.files) == (0, {})


def test_a_token_that_may_only_read_is_told_so(observer: Observer) -> None:
    observer.github.tokens[TOKEN] = READER
    with pytest.raises(FileNotWritten, match="the token lacks the permission"):
        put(observer)
    assert observer.repository.files == {}
