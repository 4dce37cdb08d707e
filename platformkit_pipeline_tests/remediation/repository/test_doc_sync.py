"""Merged agent documents say the same, lose nothing, and guess nothing."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platformkit_pipeline.introspection.repository.document_drift import drift, tokens_of
from platformkit_pipeline.introspection.repository.markdown import sections_of
from platformkit_pipeline.model.repository.documents import AGENT_DOCUMENTS
from platformkit_pipeline.remediation.repository.doc_sync import conflicts_in, merged_documents

CLAUDE, GEMINI, CODEX = AGENT_DOCUMENTS
WORDS = st.lists(st.sampled_from(["build", "test", "ship", "wait", "never", "Claude Code", "GEMINI.md"]), min_size=1, max_size=4).map(
    " ".join
)
LINES = st.one_of(
    WORDS,
    st.builds("{} {}".format, st.sampled_from(["#", "##", "###"]), WORDS),
    WORDS.map("- {}".format),
    st.sampled_from(["", "", "---", "===", "```", "~~~", "<!-- open", "done -->", "> quote", "    code", "key: value"]),
)
DOCUMENTS = st.lists(LINES, max_size=14).map(lambda lines: "\n".join(lines) + "\n" if lines else "")
THREE = st.tuples(DOCUMENTS, DOCUMENTS, DOCUMENTS).map(lambda texts: dict(zip(AGENT_DOCUMENTS, texts, strict=True)))


def in_line(texts: dict[str, str]) -> bool:
    return all(drift(texts[a], texts[b]) == 0.0 for a, b in combinations(texts, 2))


def sayings(text: str) -> set[tuple[str, ...]]:
    """What the lines of a text say, headings by their title."""
    lines = [line for section in sections_of(text) for line in (section.heading, *section.body)]
    return {tuple(tokens_of(line)) for line in lines}


@settings(max_examples=300, deadline=None)
@given(THREE)
def test_after_a_merge_nothing_differs_nothing_is_lost_and_merging_again_changes_nothing(texts: dict[str, str]) -> None:
    merged = merged_documents(texts)
    assert in_line(merged)
    assert merged_documents(merged) == merged
    for path in texts:
        everything = said_by(merged[path])
        for text in texts.values():
            for said in sayings(text) - sayings(merged[path]):
                assert _holds(everything, said), f"{path} lost {said}"


def said_by(merged: str) -> list[str]:
    """All that a merged text says; in a mark for a person the end of a comment is written so that it ends none."""
    return tokens_of(merged.replace("- -", "--").replace("&gt;", ">"))


def _holds(everything: list[str], said: tuple[str, ...]) -> bool:
    return any(tuple(everything[i : i + len(said)]) == said for i in range(len(everything) - len(said) + 1))


def test_front_matter_of_one_document_stays_at_the_top_of_all() -> None:
    merged = merged_documents({CLAUDE: "", GEMINI: "---\ntitle: shop\n---\nBuild it.\n", CODEX: "# Build\n"})
    assert {text.partition("# Build")[0] for text in merged.values()} == {"---\ntitle: shop\n---\n\n"}


@settings(max_examples=100, deadline=None)
@given(THREE, DOCUMENTS)
def test_with_a_base_only_what_the_base_has_may_go(texts: dict[str, str], base: str) -> None:
    merged = merged_documents(texts, base)
    assert in_line(merged)
    assert merged == merged_documents(texts, base)
    for text in texts.values():
        for said in sayings(text) - sayings(merged[CLAUDE]) - sayings(base):
            assert _holds(said_by(merged[CLAUDE]), said)


@settings(max_examples=50, deadline=None)
@given(DOCUMENTS)
def test_documents_in_line_stay_as_they_are(text: str) -> None:
    texts = {CLAUDE: text, GEMINI: text, CODEX: text}
    assert merged_documents(texts) == texts


def test_each_document_keeps_the_name_of_its_own_assistant() -> None:
    texts = {CLAUDE: "# Claude Code\n\nOne.\n", GEMINI: "# Gemini Code Assist\n\nOne.\n", CODEX: "# Codex\n\nOne.\n\n## Two\n\nTwo.\n"}
    assert merged_documents(texts) == {
        CLAUDE: "# Claude Code\n\nOne.\n\n## Two\n\nTwo.\n",
        GEMINI: "# Gemini Code Assist\n\nOne.\n\n## Two\n\nTwo.\n",
        CODEX: texts[CODEX],
    }


def test_what_one_adds_to_a_section_comes_to_all() -> None:
    texts = {CLAUDE: "# A\n\n- one\n- two\n", GEMINI: "# A\n\n- one\n- two\n- three\n", CODEX: "# A\n\n- one\n- two\n"}
    assert set(merged_documents(texts).values()) == {texts[GEMINI]}


def test_a_contradiction_is_marked_and_not_decided() -> None:
    texts = {CLAUDE: "# A\n\nRun the tests.\n", GEMINI: "# A\n\nSkip it all.\n", CODEX: "# A\n\nSkip it all.\n"}
    merged = merged_documents(texts)
    assert set(merged.values()) == {
        "# A\n\n<!-- doc-sync: conflict: GEMINI.md and CODEX.md say -->\nSkip it all.\n"
        "<!-- doc-sync: or, as CLAUDE.md says -->\nRun the tests.\n"
        "<!-- doc-sync: end of conflict; keep what is right and delete these marks -->\n"
    }
    assert conflicts_in(merged[CLAUDE]) == 1


def test_with_the_last_common_state_a_change_on_one_side_is_taken() -> None:
    base = "# A\n\nRun the tests.\n"
    texts = {CLAUDE: base, GEMINI: "# A\n\nRun all tests.\n", CODEX: base}
    assert set(merged_documents(texts, base).values()) == {texts[GEMINI]}


def test_with_the_last_common_state_a_removed_section_goes_unless_somebody_changed_it() -> None:
    base = "# A\n\nFirst words.\n\n# B\n\nSecond thing altogether.\n"
    removed = "# A\n\nFirst words.\n"
    assert set(merged_documents({CLAUDE: base, GEMINI: removed, CODEX: base}, base).values()) == {removed}
    changed = base.replace("altogether", "entirely")
    merged = merged_documents({CLAUDE: base, GEMINI: removed, CODEX: changed}, base)
    assert in_line(merged)
    assert conflicts_in(merged[GEMINI]) == 1
    assert "entirely" in merged[GEMINI]


@pytest.mark.parametrize("missing", AGENT_DOCUMENTS)
def test_a_missing_document_gets_what_the_others_say(missing: str) -> None:
    text = "# A\n\nOne.\n\n# B\n\nTwo.\n"
    texts = dict.fromkeys(AGENT_DOCUMENTS, text) | {missing: ""}
    assert merged_documents(texts) == dict.fromkeys(AGENT_DOCUMENTS, text)


def test_code_is_never_torn_apart() -> None:
    block = "```sh\nmake check\n# no heading\n```"
    texts = {CLAUDE: f"# A\n\n{block}\n", GEMINI: f"# A\n\n{block.replace('check', 'test')}\n", CODEX: "# A\n\n```\nnever closed\n"}
    merged = merged_documents(texts)
    assert in_line(merged)
    assert block in merged[CODEX]
    assert "```\nnever closed\n```\n" in merged[CODEX]
