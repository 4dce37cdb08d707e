"""What breaks a rule is mended by a proven patch that `git am` takes, or comes with steps for a person."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.repository.patch import RepositoryPlan
from platformkit_pipeline.model.result import PatchKind, Result
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.clock import Clock
from platformkit_pipeline.operations.propose_repository_plan import PlanInput, propose_repository_plan, write_repository_plan
from platformkit_pipeline.operations.scan_repository import RepositorySource, scan_repository
from platformkit_pipeline.operations.self_test_repositories import RepositoryBench
from platformkit_pipeline.remediation.repository.advice import ADVICE
from platformkit_pipeline.remediation.repository.remedies import REMEDIES
from platformkit_pipeline.remediation.repository.templates import ACTIONS, Digest
from platformkit_pipeline.rules.registry import Source, find_rule, rules_about_repositories
from platformkit_pipeline.sandbox.sample_repository.builder import START, RepositoryBuilder
from platformkit_pipeline.sandbox.sample_repository.examples import TODAY

TARGET = Target(TargetKind.REPOSITORY, "acme/shop")
DIGESTS = {action: Digest(f"{number:x}" * 40, f"{release}.1.0") for number, (action, release) in enumerate(sorted(ACTIONS.items()), 1)}
TOLD = PlanInput("@acme/shop", DIGESTS)
UNPINNED = """=== file .github/workflows/manual.yml
name: Manual
on: workflow_dispatch
permissions: {}
jobs:
  greet:
    name: Greet
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@v5  # the sources
        with:
          persist-credentials: false
      - run: echo hello
"""
PINNED = f"actions/checkout@{DIGESTS['actions/checkout'].commit} # v5.1.0"
MIGRATION = "=== file supabase/migrations/20260101000000_orders.sql\ncreate table public.orders (id bigint primary key);\n"
OWN_EXAMPLE = (
    *("CIC001", "CIC003", "CIC004", "CIC005", "CIC006", "CIC007", "CIC012", "CIC024", "CIC025", "CIC031"),
    *("DOC001", "DOC002", "SEC005", "SPC001", "SPC003", "VER002", "VER005"),
)
"""Rules whose own violating example is mended by a patch, without a browser."""
FURTHER = {
    "a job that calls its checkout by a tag": ("CIC030", UNPINNED),
    "a checkout that leaves credentials behind": (
        "CIC031",
        UNPINNED.replace("actions/checkout@v5  # the sources", PINNED).replace(
            "          persist-credentials: false\n", "          path: here\n"
        ),
    ),
    "a checkout without any input": (
        "CIC031",
        UNPINNED.replace("actions/checkout@v5  # the sources", PINNED).replace("        with:\n          persist-credentials: false\n", ""),
    ),
    "migrations that nobody checks": (
        "CIC008",
        MIGRATION + "=== replace .github/workflows/schema.yml\nplatformkit lint-migrations\n=>\necho nothing",
    ),
    "contract tests that nobody runs": (
        "CIC011",
        "=== file tests/contracts/test_orders.py\ndef test_orders() -> None:\n    assert True\n"
        "=== replace .github/workflows/contracts.yml\nschemathesis run\n=>\necho nothing",
    ),
    "no CODEOWNERS line counts": ("CIC024", "=== file .github/CODEOWNERS\n# nobody yet\n"),
    "a whole folder without an owner": ("CIC025", "=== file .github/CODEOWNERS\n* @acme/shop\n/spec/\n"),
    "no configuration of hooks": ("SEC005", "=== remove .pre-commit-config.yaml"),
    "a project without a spec": ("SPC001", "=== file .platformkit.yaml\nspec: {projects: [shop, api]}"),
    "a version with changes that nobody released": (
        "VER003",
        "=== replace pyproject.toml\n1.2.0\n=>\n1.3.0\n"
        "=== replace CHANGELOG.md\n## [1.2.0]\n=>\n## [Unreleased]\n\n### Added\n\n- Orders can be split.\n\n## [1.2.0]",
    ),
    "a pre-release without a section for it": ("VER003", "=== replace pyproject.toml\n1.2.0\n=>\n1.3.0.dev1"),
    "the oldest tag without an entry": ("VER005", "=== commit before\n=== tag v0.9.0"),
    "tests without a bound": ("CIC004", "=== remove .coveragerc"),
}


@pytest.fixture(scope="module")
def bench() -> Iterator[RepositoryBench]:
    with RepositoryBench.set_up() as made:
        yield made


@contextmanager
def played(bench: RepositoryBench, example: str) -> Iterator[Path]:
    with bench.played(example) as (path, _):
        yield path


def clock_of(day: date) -> Clock:
    return Clock(lambda: datetime(day.year, day.month, day.day, tzinfo=UTC), lambda: 0.0, lambda: "0" * 32)


def plan_of(path: Path, cache: Path, told: PlanInput = TOLD, *, proven: bool = True, today: date = TODAY) -> RepositoryPlan:
    return propose_repository_plan(path, target=TARGET, told=told, proven=proven, clock=clock_of(today), cache=cache)


def findings(path: Path, cache: Path) -> dict[tuple[str, str], Result]:
    report = scan_repository(RepositorySource(path), target=TARGET, clock=clock_of(TODAY), cache=cache)
    return {(r.rule, r.object.canonical): r for r in report.findings}


def git_am(path: Path, patches: list[Path]) -> None:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "core.hooksPath=/dev/null"]
    subprocess.run(["git", *who, "am", "--quiet", *map(str, patches)], cwd=path, check=True, capture_output=True)


def assert_mended(path: Path, tmp_path: Path, code: str) -> RepositoryPlan:
    """Proven, taken by `git am`, gone, nothing new but what is declared, and nothing left to do."""
    cache = tmp_path / "cache"
    before = findings(path, cache)
    broken = {key for key in before if key[0] == code}
    assert broken
    plan = plan_of(path, cache)
    mine = [patch for patch in plan.patches if patch.rule == code]
    assert [(p.title, p.proof and p.proof.objections) for p in mine if p.status is not ProofStatus.PROVEN] == []
    assert {(p.rule, p.object.canonical) for p in mine} == broken
    files = [file for file in write_repository_plan(plan, tmp_path / "plan") if f"-{code}-" in file.name]
    assert files
    git_am(path, files)
    after = findings(path, cache)
    assert [key for key in after if key[0] == code] == []
    assert {rule for rule, name in after.keys() - before.keys()} <= ({"SPC002"} if code == "SPC001" else set())
    again = plan_of(path, cache, proven=False)
    assert [p.title for p in again.patches if p.rule == code] == []
    return plan


ALWAYS = frozenset({"CIC003", "CIC025", "DOC002", "SEC005", "SPC003", "VER005"})
ALWAYS_FURTHER = frozenset(
    {
        "a checkout that leaves credentials behind",
        "no CODEOWNERS line counts",
        "a project without a spec",
        "a version with changes that nobody released",
    }
)
"""One of each kind in every run; all others too, together, in the repository that breaks much, and alone by `make test-exhaustive`."""


def in_every_run(cases: Iterable[str], always: frozenset[str]) -> list[ParameterSet]:
    return [pytest.param(case, marks=[] if case in always else pytest.mark.exhaustive) for case in cases]


@pytest.mark.parametrize("code", in_every_run(OWN_EXAMPLE, ALWAYS))
def test_the_example_that_breaks_a_rule_is_mended_by_its_patch(bench: RepositoryBench, tmp_path: Path, code: str) -> None:
    rule = find_rule(code)
    assert rule is not None
    with played(bench, rule.violating) as path:
        assert_mended(path, tmp_path, code)


@pytest.mark.parametrize("case", in_every_run(FURTHER, ALWAYS_FURTHER))
def test_further_cases_are_mended_by_a_patch(bench: RepositoryBench, tmp_path: Path, case: str) -> None:
    code, example = FURTHER[case]
    with played(bench, example) as path:
        assert_mended(path, tmp_path, code)


NEEDS_A_BROWSER = ("DGM001", "DGM002")
PERSONS = sorted(
    r.code
    for r in rules_about_repositories()
    if r.source is Source.CLONE and r.code not in OWN_EXAMPLE and r.code not in NEEDS_A_BROWSER and r.code != "DGM003"
)


@pytest.mark.parametrize("code", PERSONS)
def test_what_no_patch_mends_has_a_reason_and_steps(bench: RepositoryBench, tmp_path: Path, code: str) -> None:
    rule = find_rule(code)
    assert rule is not None
    with bench.played(rule.violating) as (path, example):
        plan = plan_of(path, tmp_path, proven=False, today=example.today)
    items = [item for item in plan.manual_items if item.rule == code]
    assert items
    assert [p.title for p in plan.patches if p.rule == code] == []
    for item in items:
        assert item.reason
        assert item.steps
        assert all(step.strip() and "{name}" not in step and "{message}" not in step for step in item.steps)


def test_every_rule_about_repositories_has_a_remedy_or_advice() -> None:
    assert {rule.code for rule in rules_about_repositories()} == REMEDIES.keys()


def test_rules_announce_a_patch_where_there_may_be_one() -> None:
    announced = {rule.code for rule in rules_about_repositories() if rule.patch is PatchKind.FILE}
    assert announced == REMEDIES.keys() - ADVICE.keys()


def test_nothing_is_made_up_where_nobody_told_the_owner_or_the_commits(bench: RepositoryBench, tmp_path: Path) -> None:
    example = "=== remove .github/CODEOWNERS\n=== replace .github/workflows/ci.yml\nmypy src\n=>\necho nothing\n" + UNPINNED
    with played(bench, example) as path:
        plan = plan_of(path, tmp_path, PlanInput(), proven=False)
    assert plan.patches == ()
    reasons = {item.rule: (item.reason, " ".join(item.steps)) for item in plan.manual_items}
    assert reasons["CIC024"][0] == "who owns the files is nowhere said"
    assert reasons["CIC002"][0].startswith("the commits of the actions that the workflow uses are not known")
    assert "run: mypy src" in reasons["CIC002"][1]
    assert "0" * 40 in reasons["CIC002"][1]
    assert reasons["CIC030"][0] == "no commit is known for v5 of actions/checkout, and none is made up"


def test_a_commit_that_the_repository_uses_elsewhere_serves_for_the_same_release(bench: RepositoryBench, tmp_path: Path) -> None:
    with played(bench, UNPINNED.replace("checkout@v5", "checkout@v4")) as path:
        plan = plan_of(path, tmp_path, PlanInput(), proven=False)
    assert [p.title for p in plan.patches] == ["Pin actions/checkout in job greet of .github/workflows/manual.yml"]
    assert "+      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2" in plan.patches[0].diff


@pytest.mark.parametrize(
    "later",
    ["run: git push origin HEAD", "run: git -c a=b fetch --tags", "uses: ./.github/actions/release", f"uses: stranger/commit@{'d' * 40}"],
)
def test_credentials_stay_where_a_later_step_may_need_them(bench: RepositoryBench, tmp_path: Path, later: str) -> None:
    text = UNPINNED.replace("actions/checkout@v5  # the sources", PINNED).replace(
        "        with:\n          persist-credentials: false\n", ""
    )
    with played(bench, text.replace("run: echo hello", later)) as path:
        plan = plan_of(path, tmp_path, proven=False)
    reasons = [item.reason for item in plan.manual_items if dict(item.object.detail).get("audit") == "artipacked"]
    assert reasons == ["a later step may speak with the repository by what the checkout leaves behind"]


@pytest.mark.parametrize("needs", ["gh release create v1", "curl -H ${{ github.token }} https://example.com", "git push"])
def test_a_workflow_that_may_write_is_not_restricted(bench: RepositoryBench, tmp_path: Path, needs: str) -> None:
    text = UNPINNED.replace("permissions: {}\n", "").replace("    permissions:\n      contents: read\n", "")
    with played(bench, text.replace("echo hello", needs)) as path:
        plan = plan_of(path, tmp_path, proven=False)
    assert [p.title for p in plan.patches if "read and no more" in p.title] == []


def test_files_that_have_owners_keep_them(bench: RepositoryBench, tmp_path: Path) -> None:
    owners = "=== file .github/CODEOWNERS\n* @acme/shop\n/.github/workflows/\n/.github/workflows/ci.yml @acme/ci\n"
    with played(bench, owners) as path:
        plan = assert_mended(path, tmp_path, "CIC025")
    assert "ci.yml @acme/shop" not in plan.patches[0].diff


def test_line_endings_stay_as_they_are(bench: RepositoryBench, tmp_path: Path) -> None:
    example = "=== replace CHANGELOG.md\n## [1.2.0]\n=>\n## [Unreleased]\n\n### Added\n\n- Splitting.\n\n## [1.2.0]"
    with played(bench, example) as path:
        builder = RepositoryBuilder(path, start=START + timedelta(days=12))
        builder.write("CHANGELOG.md", (path / "CHANGELOG.md").read_bytes().replace(b"\n", b"\r\n"))
        builder.write("pyproject.toml", (path / "pyproject.toml").read_text().replace("1.2.0", "1.3.0"))
        builder.commit("Windows")
        plan = plan_of(path, tmp_path)
    (patch,) = [p for p in plan.patches if p.rule == "VER003"]
    assert patch.status is ProofStatus.PROVEN
    added = [line for line in patch.diff.split("\n") if line.startswith("+") and not line.startswith("+++")]
    assert len(added) == 2
    assert all(line.endswith("\r") for line in added)
    assert [line for line in patch.diff.split("\n") if line.startswith("-") and not line.startswith("---")] == []


def test_a_constitution_that_was_there_is_not_replaced_by_a_template(bench: RepositoryBench, tmp_path: Path) -> None:
    with played(bench, "=== remove spec/shop/constitution.md") as path:
        plan = plan_of(path, tmp_path)
    (patch,) = [p for p in plan.patches if p.rule == "SPC001"]
    assert not patch.offered
    assert patch.proof is not None
    assert [f.detail.partition(":")[2].strip()[:6] for f in patch.proof.objections] == ["AMD001"]


MUCH = f"""=== remove .github/CODEOWNERS
=== remove .pre-commit-config.yaml
=== remove spec/shop/plan.md
=== remove GEMINI.md
=== remove CHANGELOG.md
=== remove .coveragerc
=== remove .github/workflows/security.yml
=== remove .github/workflows/schema.yml
{MIGRATION}=== file spec/shop/tasks.md
# Tasks

- Totals rounded once
- Orders cancelled
=== file .github/workflows/manual.yml
name: Manual
on: workflow_dispatch
jobs:
  greet:
    name: Greet
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@v5
      - run: echo hello
"""


def test_a_repository_that_breaks_much_is_mended_by_rounds_of_patches(bench: RepositoryBench, tmp_path: Path) -> None:
    """All patches that fit hold together; those that touch the same lines follow in the next rounds."""
    with played(bench, MUCH) as path:
        plan = plan_of(path, tmp_path / "cache")
        assert plan.withheld == ()
        assert plan.together is not None
        assert plan.together.status is ProofStatus.PROVEN
        assert {p.rule for p in plan.offered} >= {"CIC004", "CIC005", "CIC008", "CIC024", "CIC030", "CIC031", "SEC005", "SPC001", "VER002"}
        assert plan.manual_items == ()
        rounds = 0
        while plan.patches:
            rounds += 1
            assert rounds < 5
            git_am(path, [file for file in write_repository_plan(plan, tmp_path / f"plan{rounds}") if file.suffix == ".patch"])
            plan = plan_of(path, tmp_path / "cache", proven=False)
        assert {item.rule for item in plan.manual_items} == {"SPC002"}
