"""Git patches prove themselves, and wrong ones are refused by the obligation that is there for it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.observe import observe_repository
from platformkit_pipeline.introspection.repository.options import RepositoryOptions
from platformkit_pipeline.model.proof import Demanded, ProofStatus, Verdict
from platformkit_pipeline.model.repository.patch import FileObligation, FilePatch
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.propose_repository_plan import propose_repository_plan, write_repository_plan
from platformkit_pipeline.remediation.repository.plan import answered
from platformkit_pipeline.remediation.repository.proposal import Edit, RepositoryContext
from platformkit_pipeline.remediation.repository.proving import Judged, Trial, prove_patch
from platformkit_pipeline.remediation.repository.workshop import Workshop
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import Source, rules_about_repositories
from platformkit_pipeline.rules.repository_subject import file_identity
from platformkit_pipeline.sandbox.sample_repository.builder import START, RepositoryBuilder, build_well_kept
from platformkit_pipeline.sandbox.sample_repository.examples import TODAY

TARGET = Target(TargetKind.REPOSITORY, "shop")
MISSING = file_identity("GEMINI.md")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The well-kept repository without one of its agent documents."""
    build_well_kept(tmp_path / "shop")
    builder = RepositoryBuilder(tmp_path / "shop", start=START + timedelta(days=5))
    builder.remove("GEMINI.md")
    builder.commit("Remove a document")
    return tmp_path / "shop"


Writes = Mapping[str, bytes | None]


@contextmanager
def bench(shop: Path, edit: Callable[[Files], Writes]) -> Iterator[tuple[Trial, Callable[[Writes], FilePatch]]]:
    """A trial in which the remedy is `edit`, and a maker of patches for the missing document."""
    rules = [r for r in rules_about_repositories() if r.source is not Source.CHANGE]
    with open_repository(shop) as repository:
        workshop = Workshop(repository)

        def judge(commit: str) -> Judged:
            snapshot = observe_repository(repository, RepositoryOptions(name="shop", commit=commit))
            return Judged(commit, snapshot, evaluate_repository(snapshot, rules, TODAY))

        base = judge(repository.borrowed.commit or "")

        def again(_: FilePatch, patched: Judged) -> Edit:
            return Edit("again", edit(Files(patched.snapshot.files, repository.blobs)))

        def patch(writes: Writes) -> FilePatch:
            tree = workshop.tree_of(base.commit)
            existing = {f.path: f for f in base.snapshot.files}
            diff = workshop.diff(tree, workshop.tree_with(tree, writes, existing)).decode()
            return FilePatch("DOC001", MISSING, "0" * 32, "Wrong", diff, tuple(sorted(writes)))

        yield Trial(workshop, base, judge, again, lambda: base.commit, "digest"), patch


def right(files: Files) -> Writes:
    return {"GEMINI.md": files.data("CLAUDE.md")}


def failed(patch: FilePatch) -> dict[Demanded, str]:
    assert patch.proof is not None
    return {f.obligation: f.detail for f in patch.proof.findings if f.verdict is not Verdict.HELD}


def test_the_right_patch_keeps_all_obligations(shop: Path) -> None:
    with bench(shop, right) as (trial, patch):
        proven = prove_patch(patch(right(Files(trial.base.snapshot.files, trial.workshop.repository.blobs))), trial)
    assert failed(proven) == {}
    assert proven.status is ProofStatus.PROVEN
    assert proven.proof is not None
    assert [f.obligation for f in proven.proof.findings] == list(FileObligation)


def test_an_empty_document_does_not_make_the_finding_go(shop: Path) -> None:
    with bench(shop, lambda _: {"GEMINI.md": b""}) as (trial, patch):
        assert failed(prove_patch(patch({"GEMINI.md": b"\n"}), trial)).keys() >= {FileObligation.FINDING_GONE}


def test_a_patch_that_breaks_something_else_is_refused(shop: Path) -> None:
    def edit(files: Files) -> Writes:
        return {"GEMINI.md": files.data("CLAUDE.md"), "CODEX.md": None}

    with bench(shop, edit) as (trial, patch):
        objections = failed(prove_patch(patch(edit(Files(trial.base.snapshot.files, trial.workshop.repository.blobs))), trial))
    assert "DOC001 CODEX.md" in objections[FileObligation.NOTHING_NEW]


def test_a_patch_that_touches_what_it_does_not_declare_is_refused(shop: Path) -> None:
    with bench(shop, right) as (trial, patch):
        files = Files(trial.base.snapshot.files, trial.workshop.repository.blobs)
        made = patch({**right(files), "README.md": b"# Shop, taken over\n"})
        smuggled = FilePatch(made.rule, made.object, made.finding_fingerprint, made.title, made.diff, ("GEMINI.md",))
        assert failed(prove_patch(smuggled, trial)) == {FileObligation.SCOPE: "changed as well: README.md"}


def test_a_remedy_that_goes_on_changing_is_refused(shop: Path) -> None:
    def edit(files: Files) -> Writes:
        before = files.data("GEMINI.md") if "GEMINI.md" in files else files.data("CLAUDE.md")
        return {"GEMINI.md": before + b"once more\n"}

    with bench(shop, edit) as (trial, patch):
        writes = edit(Files(trial.base.snapshot.files, trial.workshop.repository.blobs))
        assert failed(prove_patch(patch(writes), trial)).keys() >= {FileObligation.REPEATABLE}


def test_a_patch_that_does_not_apply_is_refused(shop: Path) -> None:
    with bench(shop, right) as (trial, _):
        diff = "diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-# Something else\n+# Shop\n"
        patch = FilePatch("DOC001", MISSING, "0" * 32, "Wrong", diff, ("README.md",))
        objections = failed(prove_patch(patch, trial))
    assert list(objections) == [FileObligation.APPLIES]
    assert "patch does not apply" in objections[FileObligation.APPLIES]


def test_a_patch_whose_finding_is_not_there_is_refused(shop: Path) -> None:
    with bench(shop, right) as (trial, patch):
        made = patch({"GEMINI.md": b"text\n"})
        stranger = FilePatch(made.rule, file_identity("CLAUDE.md"), made.finding_fingerprint, made.title, made.diff, made.paths)
        assert failed(prove_patch(stranger, trial)).keys() >= {FileObligation.FINDING_PRESENT}


def test_a_commit_that_moved_on_makes_a_patch_stale(shop: Path) -> None:
    with bench(shop, right) as (trial, patch):
        moved = Trial(trial.workshop, trial.base, trial.judge, trial.again, lambda: "f" * 40, trial.ruleset_digest)
        made = patch(right(Files(trial.base.snapshot.files, trial.workshop.repository.blobs)))
        assert failed(prove_patch(made, moved)) == {FileObligation.BASE_UNCHANGED: "HEAD is ffffffffffff by now"}


def test_links_are_not_patched(shop: Path) -> None:
    (shop / "README.md").unlink()
    (shop / "README.md").symlink_to("/etc/hostname")
    RepositoryBuilder(shop, start=START + timedelta(days=9)).commit("Link")
    with bench(shop, right) as (trial, patch):
        made = patch({"GEMINI.md": b"text\n", "README.md": b"/etc/passwd"})
        assert "README.md" in failed(prove_patch(made, trial))[FileObligation.DECLARED_KINDS]


def test_the_plan_is_written_as_patches_that_git_takes_and_the_repository_is_clean_afterwards(shop: Path, tmp_path: Path) -> None:
    plan = propose_repository_plan(shop, target=TARGET, cache=tmp_path / "cache")
    assert [(p.rule, p.status) for p in plan.patches] == [("DOC001", ProofStatus.PROVEN)]
    assert plan.together is not None
    assert plan.together.status is ProofStatus.PROVEN
    written = write_repository_plan(plan, tmp_path / "patches")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *author, "am", "--quiet", *map(str, written)], cwd=shop, check=True, capture_output=True)
    after = propose_repository_plan(shop, target=TARGET, cache=tmp_path / "cache")
    assert (after.patches, after.manual_items) == ((), ())
    assert after.together is None


def test_a_finding_without_a_remedy_is_for_a_person(shop: Path) -> None:
    with bench(shop, right) as (trial, _):
        result = next(r for r in trial.base.results if r.is_finding and r.object == MISSING)
        files = Files(trial.base.snapshot.files, trial.workshop.repository.blobs)
        answer = answered(result, RepositoryContext(files, trial.base.snapshot, TODAY, "shop"), remedies={})
    assert not isinstance(answer, Edit)
    assert "CLAUDE.md" in answer.steps[0]
