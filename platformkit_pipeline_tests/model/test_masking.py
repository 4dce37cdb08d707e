"""Found secrets are taken out of every text of every record."""

from __future__ import annotations

from platformkit_pipeline.model.repository.documents import AgentDocument
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.masking import Masker
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.repository.tree import Head, Tag, TreeFile
from platformkit_pipeline.model.snapshot import Unobserved

VALUE, LONGER = "winter-tiger-9", "winter-tiger-99"


def snapshot(text: str) -> RepositorySnapshot:
    return RepositorySnapshot(
        Head("c" * 40, f"branch-{text}"),
        files=(TreeFile(f"docs/{text}.md", "100644", "a" * 40, 7),),
        tags=(Tag(text, "c" * 40),),
        agent_documents=(AgentDocument("CLAUDE.md", fault=f"holds {text} twice: {text}"),),
        unobserved=(Unobserved(RepositoryFacet.CHANGE, f"because of {text}"),),
    )


def test_every_text_of_a_record_is_masked_however_deep_it_lies() -> None:
    masked = Masker({VALUE: "[secret:x]"}).masked(snapshot(VALUE))
    assert masked == snapshot("[secret:x]")
    assert masked.unobserved[0].what is RepositoryFacet.CHANGE


def test_a_record_without_a_secret_is_returned_as_it_is() -> None:
    clean = snapshot("nothing")
    assert Masker({VALUE: "[secret:x]"}).masked(clean) is clean
    assert Masker({}).masked(clean) is clean


def test_the_longer_of_two_secrets_wins_and_very_short_ones_are_left_alone() -> None:
    masker = Masker({VALUE: "[a]", LONGER: "[b]", "abc": "[c]"})
    assert masker.mask(f"{LONGER} {VALUE} abc") == "[b] [a] abc"


def test_a_key_of_many_lines_is_masked_line_by_line() -> None:
    lines = ["A" * 20 + "b" * 44, "C" * 30 + "d" * 34]
    assert Masker({"\n".join(lines): "[key]"}).mask(f"first {lines[0]} and {lines[1]}") == "first [key] and [key]"


def test_a_masker_shows_nothing_of_what_it_holds() -> None:
    assert VALUE not in repr(Masker({VALUE: "[a]"}))
