"""Spec bundles: what somebody wrote is told from what a template left."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.tasks import Tasks, tasks_of
from platformkit_pipeline.introspection.repository.template_text import is_written, measured
from platformkit_pipeline.model.repository.snapshot import RepositorySnapshot
from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.rules.repository.documents import observe_documents

Judge = Callable[[str, str], list[Result]]
Observe = Callable[[str], RepositorySnapshot]
PROSE = "Shopkeepers take orders, cancel them until they are shipped, and see what is open, by customer and by day. " * 3

TEMPLATE = """# [PROJECT NAME] Constitution
<!-- Example: Spec Constitution, TaskFlow Constitution, etc. -->

## Core Principles

### [PRINCIPLE_1_NAME]
<!-- Example: I. Library-First -->
[PRINCIPLE_1_DESCRIPTION]

## [SECTION_2_NAME]
[SECTION_2_CONTENT]

**Version**: [CONSTITUTION_VERSION] | **Ratified**: [RATIFICATION_DATE]
"""


def failing(results: list[Result]) -> dict[str, str]:
    return {result.object.name: result.message for result in results if result.outcome is Outcome.FAIL}


def test_a_repository_without_any_spec_is_told_once(judge: Judge) -> None:
    results = judge("SPC001", "=== remove spec")
    assert failing(results) == {"spec": "there is no spec bundle: spec/ holds no folder of a project"}


def test_every_folder_and_every_declared_project_needs_the_four_files(judge: Judge) -> None:
    declared = "=== file .platformkit.yaml\nspec:\n  projects: [worker]\n=== file spec/site/prd.md\n# Site\n"
    missing = failing(judge("SPC001", declared))
    assert missing.keys() == {f"spec/worker/{n}.md" for n in ("constitution", "prd", "plan", "tasks")} | {
        f"spec/site/{n}.md" for n in ("constitution", "plan", "tasks")
    }


def test_owners_may_declare_that_a_repository_needs_no_spec(judge: Judge) -> None:
    declared = "=== remove spec\n=== file .platformkit.yaml\nnot_applicable:\n  SPC001: a fork that only carries one patch\n"
    assert [r.outcome for r in judge("SPC001", declared)] == [Outcome.NOT_APPLICABLE]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Requirements\n\n## Users\n\n## Goals\n",
        "Too few words.",
        f"# Requirements\n\n<!-- {PROSE} -->\n",
        f"---\ndescription: {PROSE}\n---\n# Requirements\n",
        TEMPLATE,
        f"{PROSE}\n\nFor [PROJECT_NAME].",
        f'{PROSE}\n\n**Input**: User description: "$ARGUMENTS"',
        f"{PROSE}\n\n- **FR-006**: System MUST authenticate users via [NEEDS CLARIFICATION: auth method not specified]",
        f"{PROSE}\n\n**Language/Version**: [e.g., Python 3.11, Swift 5.9 or NEEDS CLARIFICATION]",
        f"{PROSE}\n\n**Branch**: [###-feature-name]",
        f"{PROSE}\n\nLorem ipsum dolor sit amet.",
        f"{PROSE}\n\nHello {{{{ cookiecutter.project }}}}",
        f"{PROSE}\n\n<your text here>",
        f"{PROSE}\n\n## Goals\n\nTBD\n\n## Users\n\n- Owner: TODO\n",
    ],
)
def test_what_is_empty_or_a_template_is_told(judge: Judge, text: str) -> None:
    assert failing(judge("SPC002", f"=== file spec/shop/prd.md\n{text}")).keys() == {"spec/shop/prd.md"}


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        f"{PROSE}\n\nSee [a plan](plan.md), [RFC 2119], [the ledger][ledger], a footnote[^1].\n\n![a picture](x.png)\n[ledger]: x\n[^1]: y",
        f"{PROSE}\n\n```\necho [PROJECT_NAME] {{{{ x }}}} TODO\n```\n\nand `[PROJECT_NAME]` in a word.",
        f"{PROSE}\n\nWe keep no TODO in the code; a todo list is a task.",
        f"{PROSE}\n\nFiles lie in spec/<project>/, and mail goes to <help@example.com>.",
        f"{PROSE}\n\n- [ ] T001 [P] [US1] Create the table\n- [x] done",
        "\n".join(f"- {PROSE}" for _ in range(12)) + "\n\nOwner: TBD\n",
    ],
)
def test_what_somebody_wrote_is_left_alone(judge: Judge, text: str) -> None:
    assert failing(judge("SPC002", f"=== file spec/shop/prd.md\n{text}")) == {}


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("", Tasks()),
        ("# Tasks\n\nNothing yet.\n", Tasks()),
        ("- [ ] a\n- [x] b\n- [~] c\n  - a detail\n", Tasks(3, 0, None)),
        ("- [ ] a\n- b\n* c\n", Tasks(3, 2, 2)),
        ("1. [X] a\n2) b (done)\n3. c: in progress\n4. **open** d\n5. e ✅\n6. f\n", Tasks(6, 1, 6)),
        ("- write about what is done and open\n", Tasks(1, 1, 1)),
        ("| Task | Status |\n|---|---|\n| a | done |\n| b | |\n", Tasks(2, 1, 4)),
        ("| Task | Owner |\n|---|---|\n| a | Kim |\n", Tasks(1, 1, 3)),
        ("| Role | Name |\n|---|---|\n| Owner | Kim |\n", Tasks()),
        (
            "# Tasks\n\n## Format\n\n- **[P]**: can run in parallel\n\n## Phase 1\n\n- [ ] a\n\n## Notes\n\n- mind the gap\n",
            Tasks(1, 0, None),
        ),
        ("```\n- not a task\n```\n<!--\n- nor this\n-->\n- [ ] a\n", Tasks(1, 0, None)),
        ("- [link](x) to read\n", Tasks(1, 1, 1)),
    ],
)
def test_tasks_and_their_states_are_counted(text: str, tasks: Tasks) -> None:
    assert tasks_of(text) == tasks


def test_no_task_at_all_is_a_finding(judge: Judge) -> None:
    assert failing(judge("SPC003", "=== file spec/shop/tasks.md\n# Tasks\n\nWe will see.\n")) == {
        "spec/shop/tasks.md": "spec/shop/tasks.md holds no task"
    }


def test_unreadable_files_are_unknown(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "shop")
    builder.init()
    builder.write("spec/shop/prd.md", b"\xff\xfe")
    builder.write("spec/shop/plan.md", "x" * (512 * 1024 + 1))
    (builder.folder / "spec/shop/tasks.md").symlink_to("/etc/passwd")
    (builder.folder / "spec/linked").symlink_to("shop")
    builder.commit("Odd")
    with open_repository(builder.folder) as repository:
        bundles = observe_documents(repository, "shop").spec_bundles
    assert [(b.project, b.fault) for b in bundles] == [("linked", "is a symbolic link, which is not followed"), ("shop", None)]
    assert [f.fault is not None for f in bundles[1].files] == [True, True, True]


def test_a_submodule_below_spec_is_unknown(tmp_path: Path) -> None:
    builder = RepositoryBuilder(tmp_path / "shop")
    builder.init()
    first = builder.commit("First")
    command = ["git", "update-index", "--add", "--cacheinfo", f"160000,{first},spec/other"]
    subprocess.run(command, cwd=builder.folder, check=True, capture_output=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *author, "commit", "-qm", "Submodule"], cwd=builder.folder, check=True, capture_output=True)
    with open_repository(builder.folder) as repository:
        (bundle,) = observe_documents(repository, "shop").spec_bundles
    assert (bundle.project, bundle.files, bundle.fault) == ("other", (), "is a submodule")


def test_two_megabytes_of_anything_are_read_in_one_pass() -> None:
    for text in (
        "[" * 2_000_000,
        "# \t" + " " * 2_000_000,
        "- " * 1_000_000,
        "|" * 2_000_000,
        "<!--" * 500_000,
        ("> " * 500 + "x\n") * 2000,
    ):
        measured(text)
        tasks_of(text)
        is_written(text[:10_000])


def test_measures_hold_no_text(observe: Observe) -> None:
    (bundle,) = observe("=== file spec/shop/prd.md\n[PROJECT_NAME] and words\n").spec_bundles
    prd = next(file for file in bundle.files if file.path.endswith("prd.md"))
    assert (prd.words, prd.lines, prd.placeholders, prd.template_lines, prd.first_template_line) == (2, 1, 1, 1, 1)
