"""Amendments, told from histories that real commits made."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.amendments import content_digest, version_of
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.rules.evaluate_repository import evaluate_repository
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.rules.repository.documents import observe_documents

Judge = Callable[[str, str], list[Result]]
CONSTITUTION = "spec/shop/constitution.md"
AMENDMENTS = "spec/shop/constitution-amendments"
PLAN = """# Change

- Constitution version: 1.0.0 → {version}
- Approved by: Platform Architect Kim Larsen, 2026-01-05; Security Owner Sam Ortiz, 2026-01-06

## Migration of existing projects
{plan}
"""


def constitution(text: str, version: str | None = "1.0.0") -> str:
    head = f"**Version:** {version}\n**Last Updated:** 2026-01-27\n" if version else ""
    return f"# Constitution\n\n{head}\n## Rules\n\n{text}\n\n**Version History:**\n\n* v1.0.0: first\n"


def amendment(version: str = "1.1.0", plan: str = "Everybody adds the column.") -> str:
    return PLAN.format(version=version, plan=plan)


@pytest.fixture
def shop(tmp_path: Path) -> RepositoryBuilder:
    """The constitution in its first version; the first commit is of 2026-01-05, each further one of a day later."""
    builder = RepositoryBuilder(tmp_path / "shop")
    builder.init()
    builder.write(CONSTITUTION, constitution("One."))
    builder.commit("First version")
    return builder


def amended(folder: Path, code: str = "AMD001", today: date = date(2026, 2, 1)) -> list[tuple[Outcome, str]]:
    rule = find_rule(code)
    assert rule is not None
    with open_repository(folder) as repository:
        snapshot = observe_documents(repository, "shop")
    return [(r.outcome, r.message) for r in evaluate_repository(snapshot, [rule], today)]


def outcomes(folder: Path, code: str = "AMD001", today: date = date(2026, 2, 1)) -> list[Outcome]:
    return [outcome for outcome, _ in amended(folder, code, today)]


def test_the_first_version_needs_no_amendment(shop: RepositoryBuilder) -> None:
    assert outcomes(shop.folder) == [Outcome.PASS]


def test_drafts_before_the_first_version_need_none(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "draft")
    builder.init()
    for text, version in (("Draft.", None), ("Another draft.", None), ("One.", "1.0.0")):
        builder.write(CONSTITUTION, constitution(text, version))
        builder.commit("Draft")
    assert outcomes(builder.folder) == [Outcome.PASS]


def test_version_dates_and_history_are_book_keeping(shop: RepositoryBuilder) -> None:
    text = constitution("One.").replace("2026-01-27", "2026-02-01").replace("* v1.0.0: first", "* v1.0.0: the first one")
    shop.write(CONSTITUTION, text)
    shop.commit("Book-keeping")
    assert outcomes(shop.folder) == [Outcome.PASS]


def test_a_new_version_needs_an_amendment_that_names_it(shop: RepositoryBuilder) -> None:
    shop.write(CONSTITUTION, constitution("Two.", "1.1.0"))
    shop.commit("Change")
    ((outcome, message),) = amended(shop.folder)
    assert outcome is Outcome.FAIL
    assert "became version 1.1.0 on 2026-01-06" in message
    shop.write(f"{AMENDMENTS}/2026-01-01-two.md", amendment("1.2.0"))
    shop.commit("An amendment of another version")
    assert outcomes(shop.folder) == [Outcome.FAIL]
    shop.write(f"{AMENDMENTS}/2025-01-01-two.md", amendment("1.1.0"))
    shop.commit("The amendment, however old")
    assert outcomes(shop.folder) == [Outcome.PASS]


def test_a_change_under_the_same_version_needs_another_version_or_a_recent_amendment(shop: RepositoryBuilder) -> None:
    shop.write(CONSTITUTION, constitution("Silently another."))
    shop.commit("Change")
    ((outcome, message),) = amended(shop.folder)
    assert outcome is Outcome.FAIL
    assert "without another version" in message
    shop.write(f"{AMENDMENTS}/2025-10-07-too-old.md", "# Old\n")
    shop.commit("91 days before")
    assert outcomes(shop.folder) == [Outcome.FAIL]
    shop.write(f"{AMENDMENTS}/2025-10-08-in-reach.md", "# In reach\n")
    shop.commit("90 days before")
    assert outcomes(shop.folder) == [Outcome.PASS]


def test_an_amendment_covers_all_that_led_to_its_version(shop: RepositoryBuilder) -> None:
    shop.write(CONSTITUTION, constitution("A part."))
    shop.commit("A part")
    shop.write(CONSTITUTION, constitution("All.", "2.0.0"))
    shop.write(f"{AMENDMENTS}/2025-01-01-all.md", amendment("2.0.0"))
    shop.commit("All")
    assert outcomes(shop.folder) == [Outcome.PASS]


def test_a_merge_is_one_change_of_the_day_on_which_it_was_merged(shop: RepositoryBuilder) -> None:
    def git(*arguments: str) -> None:
        author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *author, *arguments], cwd=shop.folder, check=True, capture_output=True)

    git("switch", "-q", "-c", "branch")
    for text in ("One try.", "Two."):
        shop.write(CONSTITUTION, constitution(text, "1.1.0"))
        shop.commit("Try")
    git("switch", "-q", "main")
    shop.write("README.md", "# Shop\n")
    shop.commit("Meanwhile")
    git("merge", "-q", "--no-ff", "branch", "-m", "Merge")
    with open_repository(shop.folder) as repository:
        (found,) = observe_documents(repository, "shop").constitutions
    assert [(change.version, change.raised) for change in found.changes] == [("1.1.0", True)]


def test_a_shallow_clone_tells_what_it_sees_and_that_it_does_not_see_the_rest(shop: RepositoryBuilder, tmp_path: Path) -> None:
    for text, version in (("Two.", "1.1.0"), ("Three.", "1.2.0")):
        shop.write(CONSTITUTION, constitution(text, version))
        shop.commit(text)
    command = ["git", "clone", "-q", "--depth=2", f"file://{shop.folder}", str(tmp_path / "shallow")]
    subprocess.run(command, check=True, capture_output=True)
    found = amended(tmp_path / "shallow")
    assert sorted(outcome for outcome, _ in found) == [Outcome.FAIL, Outcome.UNKNOWN]
    assert any("became version 1.2.0" in message for _, message in found)
    assert any("the clone is shallow" in message for _, message in found)


@pytest.mark.parametrize(
    ("plan", "today", "outcome"),
    [
        ("Somebody does it.", date(2026, 4, 6), Outcome.PASS),
        ("Somebody does it.", date(2026, 4, 7), Outcome.FAIL),
        ("- [x] one\n- [ ] two", date(2026, 4, 7), Outcome.FAIL),
        ("- [x] one\n- [X] two", date(2026, 4, 7), Outcome.PASS),
        ("Somebody did it.\n\n**Migration status:** done", date(2026, 4, 7), Outcome.PASS),
        ("Somebody does it.\n\n**Migration status:** not done yet", date(2026, 4, 7), Outcome.FAIL),
        ("Somebody does it.\n\nDeadline: 2026-03-01", date(2026, 3, 2), Outcome.FAIL),
        ("Somebody does it.\n\nDeadline: 2026-12-01", date(2026, 4, 7), Outcome.FAIL),
    ],
)
def test_existing_projects_have_90_days_from_the_later_approval(shop: RepositoryBuilder, plan: str, today: date, outcome: Outcome) -> None:
    shop.write(f"{AMENDMENTS}/2026-01-05-x.md", amendment(plan=plan))
    shop.commit("Amendment")
    assert outcomes(shop.folder, "AMD003", today) == [outcome]


@pytest.mark.parametrize("plan", ["", "TBD", "<!-- who does what -->", "<which projects, who, by when>"])
def test_an_amendment_without_a_plan_is_told(shop: RepositoryBuilder, plan: str) -> None:
    shop.write(f"{AMENDMENTS}/2026-01-05-x.md", amendment(plan=plan))
    shop.commit("Amendment")
    assert outcomes(shop.folder, "AMD002") == [Outcome.FAIL]


def test_the_readme_of_the_folder_is_no_amendment(shop: RepositoryBuilder) -> None:
    shop.write(f"{AMENDMENTS}/README.md", "# How to amend\n")
    shop.commit("Explain")
    for code in ("AMD002", "AMD003", "AMD004"):
        assert Outcome.FAIL not in outcomes(shop.folder, code)


def test_a_path_is_taken_as_it_is_written(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "odd")
    builder.init()
    for name in ("sh*p", "shop"):
        builder.write(f"spec/{name}/constitution.md", constitution("One."))
    builder.commit("First")
    builder.write("spec/shop/constitution.md", constitution("Two."))
    builder.commit("Change")
    with open_repository(builder.folder) as repository:
        found = observe_documents(repository, "odd").constitutions
    assert {c.project: len(c.changes) for c in found} == {"sh*p": 0, "shop": 1}


def test_versions_are_read_where_constitutions_have_them() -> None:
    assert version_of("# C\n\n**Version:** 1.2.3\n") == "1.2.3"
    assert version_of("**Version**: 2.1.1 | **Ratified**: 2025-06-13 | **Last Amended**: 2025-07-16") == "2.1.1"
    assert version_of("Constitution version 1.0.0 (2026-01-27), restated 2026-11-20.") == "1.0.0"
    assert version_of("Modules have a version such as 1.0.0.") is None


def test_a_changed_clause_changes_the_digest_and_a_changed_layout_does_not() -> None:
    assert content_digest("# C\n\n- one  two\n") == content_digest("# C\n\n\n- one two\n")
    assert content_digest("a MUST b") != content_digest("a MAY b")
