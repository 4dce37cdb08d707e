"""The drift figure of two documents: bounded, symmetric, indifferent to where a section stands and to the assistants' names."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platformkit_pipeline.introspection.repository.document_drift import Vocabulary, drift, pairings
from platformkit_pipeline.introspection.repository.markdown import sections_of

WORDS = st.lists(st.sampled_from(["build", "test", "ship", "wait", "never", "always", "`make`", "CLAUDE.md"]), max_size=8).map(" ".join)
LINES = st.one_of(
    WORDS,
    st.builds("{} {}".format, st.sampled_from(["#", "##", "###"]), WORDS),
    st.sampled_from(["", "---", "===", "```", "~~~", "<!-- x", "-->", "- item", "> quote", "    code", "| a | b |", "#"]),
)
DOCUMENTS = st.one_of(st.lists(LINES, max_size=25).map("\n".join), st.text(max_size=60))


@given(DOCUMENTS)
def test_sections_hold_every_character(text: str) -> None:
    assert "\n".join(line for section in sections_of(text) for line in section.lines) == text


@given(DOCUMENTS, DOCUMENTS)
def test_drift_is_symmetric_and_between_0_and_1(a: str, b: str) -> None:
    assert drift(a, b) == pytest.approx(drift(b, a), abs=1e-12)
    assert 0.0 <= drift(a, b) <= 1.0


@given(DOCUMENTS)
def test_a_document_does_not_drift_from_itself(text: str) -> None:
    assert drift(text, text) == 0.0


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1), st.lists(st.sampled_from(["x", "y", "z"]), min_size=1))
def test_documents_without_a_word_in_common_drift_wholly(a: list[str], b: list[str]) -> None:
    assert drift(f"# {a[0]}\n{' '.join(a)}", f"# {b[0]}\n{' '.join(b)}") == 1.0


@given(st.lists(st.tuples(WORDS, WORDS), max_size=6, unique_by=lambda section: section[0]), st.randoms(use_true_random=False))
def test_a_moved_section_is_no_drift(sections: list[tuple[str, str]], order: random.Random) -> None:
    moved = list(sections)
    order.shuffle(moved)
    assert drift(*("\n".join(f"## {title}\n\n{body}\n" for title, body in each) for each in (sections, moved))) == 0.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("# Claude Code\n\nRead CLAUDE.md.", "# Gemini Code Assist\n\nRead GEMINI.md."),
        ("Anthropic's Claude writes", "OpenAI Codex writes"),
        ("Title\n=====\n\ntext", "## Title ##\ntext\r\n"),
        ("one  two\tthree", "one\ntwo three"),
    ],
)
def test_names_of_assistants_and_layout_are_no_drift(one: str, other: str) -> None:
    assert drift(one, other) == 0.0


def test_a_changed_sign_is_drift() -> None:
    assert 0.0 < drift("coverage >= 80", "coverage <= 80") < 1.0


def test_a_renamed_heading_is_found_by_what_stands_below_it() -> None:
    body = "Run the suite before you commit, and read what it says about coverage."
    vocabulary = Vocabulary()
    paired = pairings(vocabulary.parts(f"## Testing\n{body}"), vocabulary.parts(f"## How to test\n{body}"))
    assert [(p.first is not None, p.second is not None) for p in paired] == [(True, True)]
    assert 0.5 < paired[0].similarity < 1.0


def test_a_heading_in_code_or_a_comment_is_none() -> None:
    text = "# One\n```sh\n# no heading\n```\n<!--\n# nor this\n-->\n- ```\n  # nor this\n  ```\nTwo\n---\n- item\n---\n"
    assert [section.heading for section in sections_of(text)] == ["One", "Two"]


def test_front_matter_is_a_section_of_its_own() -> None:
    assert [s.heading for s in sections_of("---\n# a comment\nname: x\n---\n# One\n")] == ["(front matter)", "One"]
