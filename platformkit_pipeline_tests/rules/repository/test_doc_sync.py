"""Agent documents, compared in real repositories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.repository.inventory import inventory_of, snapshot_of
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.propose_repository_plan import propose_repository_plan
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.rules.repository.documents import observe_documents

Judge = Callable[[str, str], list[Result]]
LONG = "\n".join(f"- Rule number {n} is kept by everybody who works here." for n in range(40))


def test_the_well_kept_documents_are_in_line(judge: Judge) -> None:
    results = judge("DOC002", "")
    assert [(result.outcome, result.count) for result in results] == [(Outcome.PASS, 3)]


def test_drift_just_below_a_tenth_passes_and_just_above_it_fails(judge: Judge) -> None:
    words = [f"w{n}" for n in range(100)]
    text = "=== file {}\n" + " ".join(words)
    base = "\n".join(text.format(path) for path in ("CLAUDE.md", "GEMINI.md"))
    for changed, outcome in ((10, set()), (11, {Outcome.FAIL})):
        other = [f"other{n}" for n in range(changed)] + words[changed:]
        results = judge("DOC002", f"{base}\n=== file CODEX.md\n{' '.join(other)}")
        assert {r.outcome for r in results if r.is_finding} == outcome
        assert sum(r.is_finding for r in results) == (2 if outcome else 0)


def test_the_finding_names_the_sections_and_the_figure(judge: Judge) -> None:
    results = judge("DOC002", f"=== file CODEX.md\n# Working on shop\n\n## Only here\n\n{LONG}\n")
    finding = next(r for r in results if r.is_finding)
    assert finding.evidence["drift_percent"] > 80
    assert {"heading": "Only here", "similarity": 0.0, "only_in": "CODEX.md"} in finding.evidence["sections"]
    assert '"Only here" is only in CODEX.md' in finding.message


@pytest.fixture
def repository(tmp_path: Path) -> RepositoryBuilder:
    builder = RepositoryBuilder(tmp_path / "shop")
    builder.init()
    return builder


def observed(builder: RepositoryBuilder) -> RepositorySnapshot:
    builder.commit("Documents")
    with open_repository(builder.folder) as opened:
        return observe_documents(opened, "shop")


def test_a_link_to_one_of_the_three_says_what_that_one_says(repository: RepositoryBuilder) -> None:
    repository.write("CLAUDE.md", "# Work\n")
    (repository.folder / "GEMINI.md").symlink_to("./CLAUDE.md")
    (repository.folder / "CODEX.md").symlink_to("GEMINI.md")
    snapshot = observed(repository)
    assert [(d.path, d.link_to, d.fault) for d in snapshot.agent_documents] == [
        ("CLAUDE.md", None, None),
        ("CODEX.md", "CLAUDE.md", None),
        ("GEMINI.md", "CLAUDE.md", None),
    ]
    assert [pair.drift for pair in snapshot.agent_document_pairs] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/etc/passwd", "not followed"),
        ("docs/AGENTS.md", "not followed"),
        ("GEMINI.md", "is missing"),
        ("CODEX.md", "leads back to itself"),
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(repository: RepositoryBuilder, target: str, reason: str) -> None:
    repository.write("CLAUDE.md", "# Work\n")
    repository.write("docs/AGENTS.md", "# Work\n")
    (repository.folder / "CODEX.md").symlink_to(target)
    snapshot = observed(repository)
    assert reason in (next(d for d in snapshot.agent_documents if d.path == "CODEX.md").fault or "")
    assert snapshot.agent_document_pairs == ()


def test_hostile_documents_are_answered_honestly(repository: RepositoryBuilder) -> None:
    repository.write("CLAUDE.md", "a b " * 500_000)
    repository.write("GEMINI.md", b"\xff\xfe bytes")
    repository.write("CODEX.md", "".join(f"{'  ' * n}- level {n}\n" for n in range(400)) + "# \t" + " " * 200_000)
    faults = {d.path: d.fault for d in observed(repository).agent_documents}
    assert "too long to be compared" in (faults["CLAUDE.md"] or "")
    assert "is no UTF-8 text" in (faults["GEMINI.md"] or "")
    assert faults["CODEX.md"] is None


def test_a_thousand_headings_are_compared_and_at_most_fifty_are_kept(repository: RepositoryBuilder) -> None:
    for path, word in (("CLAUDE.md", "alpha"), ("GEMINI.md", "beta"), ("CODEX.md", "gamma")):
        repository.write(path, "".join(f"## Heading {n}\r\n\r\n{word} {word} {n}\r\n\r\n" for n in range(1000)))
    snapshot = observed(repository)
    assert [(len(p.sections), p.differing) for p in snapshot.agent_document_pairs] == [(50, 1000)] * 3
    assert all(0.2 < p.drift < 0.6 for p in snapshot.agent_document_pairs)


def test_a_heading_that_could_be_a_secret_is_not_kept(repository: RepositoryBuilder) -> None:
    secret = "sb" + "x" * 40
    repository.write("CLAUDE.md", f"# Token {secret}\n\n{LONG}")
    repository.write("CODEX.md", "# Other\n\nwords")
    snapshot = observed(repository)
    assert {section.heading for pair in snapshot.agent_document_pairs for section in pair.sections} == {"Other", "Token […]"}
    assert not any(secret in stored.payload for stored in inventory_of(snapshot))


def test_what_was_observed_comes_back_from_the_store(repository: RepositoryBuilder) -> None:
    repository.write("CLAUDE.md", f"# A\n\n{LONG}")
    repository.write("CODEX.md", "# B\n\nwords")
    snapshot = observed(repository)
    assert snapshot_of(inventory_of(snapshot), snapshot.unobserved) == snapshot


def test_the_proposed_merge_proves_itself(repository: RepositoryBuilder, tmp_path: Path) -> None:
    for path in ("CLAUDE.md", "GEMINI.md"):
        repository.write(path, f"# Work\n\n## Rules\n\n{LONG}\n")
    repository.write("CODEX.md", "# Work\r\n\r\n## Rules\r\n\r\n- Only Codex was told this.\r\n")
    repository.commit("Documents")
    plan = propose_repository_plan(repository.folder, target=Target(TargetKind.REPOSITORY, "shop"), cache=tmp_path / "cache")
    patches = [patch for patch in plan.patches if patch.rule == "DOC002"]
    assert patches
    assert {patch.status for patch in patches} == {ProofStatus.PROVEN}
    assert "Only Codex was told this." in patches[0].diff
