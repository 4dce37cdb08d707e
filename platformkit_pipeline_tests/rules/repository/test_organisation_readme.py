"""The README of an organisation, and the mark that tells an edit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.repository.generated_readme import RenderedReadme, StampState, check_stamp, stamped
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.rules.repository.documents import observe_documents

Judge = Callable[[str, str], list[Result]]
TODAY = date(2026, 2, 1)
DIGEST = "0123456789abcdef"
DECLARED = "=== file .platformkit.yaml\norganisation_profile: true\n"


@given(st.text())
def test_a_stamped_text_is_intact_and_stamping_again_changes_nothing(text: str) -> None:
    once = stamped(text, DIGEST)
    assert (check_stamp(once).state, check_stamp(once).inventory_digest) == (StampState.INTACT, DIGEST)
    assert stamped(once, DIGEST) == once
    assert check_stamp(once.replace("\n", "\r\n")).state is StampState.INTACT or "\r" in text


@given(st.text(alphabet="ab \n", min_size=1), st.integers(min_value=0), st.sampled_from("xyz"))
def test_every_insertion_is_an_edit(text: str, place: int, letter: str) -> None:
    once = stamped(text, DIGEST)
    at = place % (once.index("<!--") + 1)
    assert check_stamp(once[:at] + letter + once[at:]).state is StampState.EDITED
    assert check_stamp(f"{once}{letter}").state is StampState.EDITED


@pytest.mark.parametrize("digest", ["", "XYZ", "0123456", "0" * 65, "ABCDEF0123", "0123456789 -->"])
def test_a_mark_holds_nothing_but_a_digest(digest: str) -> None:
    with pytest.raises(ValueError, match="is no digest"):
        stamped("text", digest)


def test_a_readme_without_a_mark_or_with_two_was_not_generated(judge: Judge) -> None:
    twice = stamped("# One\n", DIGEST) + stamped("# Two\n", DIGEST)
    for text in ("# By hand\n", twice):
        (result,) = judge("RDM001", f"{DECLARED}=== file profile/README.md\n{text}")
        assert (result.outcome, "was not generated" in result.message) == (Outcome.FAIL, True)


def test_a_declared_profile_without_a_readme_is_told(judge: Judge) -> None:
    (result,) = judge("RDM001", f"{DECLARED}=== remove README.md")
    assert (result.outcome, "is missing" in result.message) == (Outcome.FAIL, True)


def test_the_readme_at_the_root_counts_where_there_is_no_other(judge: Judge) -> None:
    (result,) = judge("RDM001", f"{DECLARED}=== file README.md\n{stamped('# Shops', DIGEST)}")
    assert result.outcome is Outcome.PASS


def test_other_repositories_have_nothing_to_judge(judge: Judge) -> None:
    assert [r.outcome for r in judge("RDM001", "=== file profile/README.md\n# Somebody's profile")] == []


def test_what_was_rendered_last_is_what_counts_and_a_file_that_nobody_reads_is_unknown(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "profile")
    builder.init()
    builder.write("profile/README.md", stamped("# Shops", DIGEST))
    builder.commit("Profile")
    rule = find_rule("RDM001")
    assert rule is not None
    with open_repository(builder.folder) as repository:
        snapshots = [observe_documents(repository, name) for name in (".github", "shop")]
    digest = check_stamp(stamped("# Shops", DIGEST)).text_digest
    assert digest is not None
    given = [
        RenderedReadme("profile/README.md", digest),
        RenderedReadme("profile/README.md", "0" * 64),
        RenderedReadme("README.md", digest),
    ]
    told = [[r.outcome for s in snapshots for r in evaluate_repository(s, [rule], TODAY, rendered_readme=one)] for one in given]
    assert told == [[Outcome.PASS, Outcome.UNKNOWN], [Outcome.FAIL, Outcome.UNKNOWN], [Outcome.UNKNOWN, Outcome.UNKNOWN]]


def test_a_repository_called_dot_github_holds_the_profile(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "profile")
    builder.init()
    builder.write("profile/README.md", "# By hand\n")
    builder.commit("Profile")
    with open_repository(builder.folder) as repository:
        for name, expected in (("acme/.github", True), (".github", True), ("acme/github", False)):
            readme = observe_documents(repository, name).organisation_readme
            assert (readme is not None) is expected
