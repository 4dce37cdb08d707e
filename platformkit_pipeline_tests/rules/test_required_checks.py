"""Which checks keep a change out of the default branch: the traps, on copies of the well-kept repository."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from platformkit_pipeline.model.result import Outcome, Result
from platformkit_pipeline.operations.self_test_repositories import RepositoryBench, judged_example
from platformkit_pipeline.rules.registry import find_rule

pytestmark = pytest.mark.usefixtures("without_secret_search")

CI = ".github/workflows/ci.yml"
START = "on:\n  pull_request:\n    branches: [main]\n"
TRIGGERS = f"{START}  push:\n    branches: [main]\n"
LINT = "  lint:\n    name: Lint\n"
NEEDED = "  needed:\n    runs-on: x\n    if: false\n    steps: [{run: x}]\n"


@pytest.fixture(scope="module")
def bench() -> Iterator[RepositoryBench]:
    with RepositoryBench.set_up() as made:
        yield made


def replaced(old: str, new: str, path: str = CI) -> str:
    return f"=== replace {path}\n{old.rstrip()}\n=>\n{new.rstrip()}\n"


def judged(bench: RepositoryBench, code: str, example: str) -> list[Result]:
    """What the rule does not pass."""
    rule = find_rule(code)
    assert rule is not None
    return [r for r in judged_example(bench, rule, example) if r.rule == code and r.is_finding]


def said(bench: RepositoryBench, code: str, example: str) -> tuple[Outcome, str]:
    [result] = judged(bench, code, example)
    return result.outcome, result.message


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (replaced(TRIGGERS, "on: push\n"), "does not run on pull requests"),
        (replaced(START, "on:\n  pull_request:\n    branches: [release]\n"), "not run on pull requests to the default branch"),
        (
            replaced(START, "on:\n  pull_request:\n    branches-ignore: ['m*', 'd*', 't*']\n"),
            "not run on pull requests to the default branch",
        ),
        (replaced(START, "on:\n  pull_request:\n    types: [opened]\n"), "when a pull request is opened and when it is pushed to"),
        (replaced(START, "on:\n  pull_request_target:\n"), "checks out the target"),
        (replaced(LINT, f"{LINT}    continue-on-error: true\n"), "`continue-on-error`"),
        (replaced(LINT, f"{LINT}    if: false\n"), "`if` does not hold"),
        (replaced(LINT, f"{LINT}    if: github.event_name == 'push'\n"), "`if` does not hold"),
        (replaced(LINT, f"{NEEDED}{LINT}    needs: needed\n"), "it needs needed, whose `if`"),
        (replaced(LINT, f"{LINT}    runs: x\n"), "invalid"),
    ],
)
def test_a_job_that_keeps_nothing_out_does_not_count(bench: RepositoryBench, example: str, message: str) -> None:
    outcome, text = said(bench, "CIC001", example)
    assert outcome is Outcome.FAIL
    assert message in text


@pytest.mark.parametrize(
    "example",
    [
        replaced(TRIGGERS, "on: [pull_request]\n"),
        replaced(TRIGGERS, "on: merge_group\n"),
        replaced(TRIGGERS, "true: {pull_request: }\n"),
        replaced(START, "on:\n  pull_request:\n    branches: ['**', '!release/**']\n"),
        replaced(START, "on:\n  pull_request:\n    types: [opened, synchronize, reopened]\n"),
        replaced(START, "on:\n  pull_request:\n    paths-ignore: ['docs/**', '*.md']\n"),
        replaced(START, "on:\n  pull_request:\n    paths: ['src/**', 'tests/**']\n"),
        replaced(LINT, f"{LINT}    if: github.actor != 'dependabot[bot]'\n"),
        replaced(LINT, f"{NEEDED}{LINT}    needs: needed\n    if: always()\n"),
        replaced(LINT, f"{LINT}    continue-on-error: false\n"),
    ],
)
def test_a_job_that_keeps_changes_out_counts(bench: RepositoryBench, example: str) -> None:
    assert judged(bench, "CIC001", example) == []


def test_a_filter_of_paths_that_leaves_code_out_is_told_with_the_code(bench: RepositoryBench) -> None:
    outcome, text = said(bench, "CIC001", replaced(START, "on:\n  pull_request:\n    paths: ['tests/**']\n"))
    assert outcome is Outcome.FAIL
    assert "src/shop/orders.py" in text


def test_filters_of_two_workflows_may_share_the_code(bench: RepositoryBench) -> None:
    other = "=== file .github/workflows/src.yml\non:\n  pull_request:\n    paths: ['src/**']\njobs:\n"
    other += "  l: {runs-on: u, steps: [{run: ruff check src}]}\n"
    assert judged(bench, "CIC001", other + replaced(START, "on:\n  pull_request:\n    paths: ['tests/**']\n")) == []


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (replaced(LINT, f"{LINT}    if: needs.x.outputs.code == 'true'\n"), "known at run time only"),
        (replaced(LINT, f"{LINT}    continue-on-error: ${{{{ inputs.x }}}}\n"), "may have `continue-on-error`"),
        (replaced(START, "on:\n  pull_request:\n    branches: ['a*b*c*d*e*f']\n"), "cannot be decided"),
        (
            f"=== remove {CI}\n=== file {CI}\non: pull_request\njobs:\n  all:\n    uses: acme/ci/.github/workflows/all.yml@v1\n",
            "not in this repository",
        ),
        (
            f"=== remove {CI}\n=== file {CI}\non: pull_request\njobs:\n  l: {{runs-on: u, steps: [{{run: make lint}}]}}\n",
            "there is no Makefile",
        ),
    ],
)
def test_what_cannot_be_seen_is_unknown_and_no_failure(bench: RepositoryBench, example: str, message: str) -> None:
    outcome, text = said(bench, "CIC001", example)
    assert outcome is Outcome.UNKNOWN
    assert message in text


def test_a_declared_command_is_followed_and_counts(bench: RepositoryBench) -> None:
    script = "=== file .ci/run\n#!/bin/sh\nset -e\nruff check src\npytest --cov --cov-fail-under=81\n"
    declared = f"{script}=== file .platformkit.yaml\nchecks:\n  - {{command: .ci/run, reason: the build server runs it, covers: [types]}}\n"
    for code in ("CIC001", "CIC002", "CIC003", "CIC004"):
        assert judged(bench, code, f"=== remove {CI}\n{declared}") == []
    [result] = judged(bench, "CIC001", f"=== remove {CI}\n{script}")
    assert (result.outcome, "what .ci/run runs may be declared under `checks`" in result.message) == (Outcome.FAIL, True)


def test_a_repository_without_a_database_says_so(bench: RepositoryBench) -> None:
    declared = "=== file .platformkit.yaml\nnot_applicable: {CIC008: there is no database, CIC001: we do not like it}\n"
    assert judged(bench, "CIC008", f"=== remove .github/workflows/schema.yml\n{declared}") == []
    assert (
        judged(bench, "CIC001", f"{replaced('ruff check src tests', 'x')}{replaced('ruff format --check src tests', 'x')}{declared}") != []
    )


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ("fail_under = 79.9", "passes from 79.9 % coverage on"),
        ("precision = 2", "no lower bound"),
        ("fail_under = 80.0", ""),
        ("fail_under = 100", ""),
    ],
)
def test_the_bound_of_coverage_is_eighty_per_cent(bench: RepositoryBench, bound: str, message: str) -> None:
    found = judged(bench, "CIC004", replaced("fail_under = 80", bound, ".coveragerc"))
    assert [message in r.message for r in found] == ([True] if message else [])


def test_tests_that_do_not_count_have_no_coverage_to_judge(bench: RepositoryBench) -> None:
    example = replaced("pytest --cov=shop", "pytest --cov=shop | tee log")
    assert judged(bench, "CIC004", example) == []
    assert "without `pipefail`" in said(bench, "CIC003", example)[1]


# ---------------------------------------------------------------- with the settings on GitHub


ALL = ("Lint", "Types", "Tests", "Secrets", "Dependencies", "SBOM", "Migrations", "Database", "Contracts", "Spec")


def required(*contexts: tuple[str, int | None]) -> str:
    listed = ", ".join(f"[{name!r}, {'null' if app is None else app}]" for name, app in contexts)
    return f"=== github\nprotections: {{main: {{checks: [{listed}]}}}}\n"


def required_but(name: str, *more: tuple[str, int | None]) -> str:
    return required(*((context, 15368) for context in ALL if context != name), *more)


SUM = "  sum:\n    name: Sum\n    runs-on: u\n    needs: [lint, types, tests]\n    if: {condition}\n    steps:\n      - run: {script}\n"


def test_a_check_that_another_app_has_to_report_is_not_the_job(bench: RepositoryBench) -> None:
    outcome, text = said(bench, "CIC021", required_but("Lint", ("Lint", 4711)))
    assert outcome is Outcome.FAIL
    assert "reports as Lint" in text
    never = judged(bench, "CIC022", required_but("Lint", ("Lint", 4711)))
    assert [("from the App 4711" in r.message, r.outcome) for r in never] == [(True, Outcome.FAIL)]


@pytest.mark.parametrize(
    ("condition", "script", "counts"),
    [
        ("always()", "'! echo ${{ toJSON(needs.*.result) }} | grep failure'", True),
        ("always()", "echo fine", False),
        ("success()", "'echo ${{ needs.lint.result }}'", False),
    ],
)
def test_a_job_that_sums_up_counts_when_it_runs_always_and_looks(bench: RepositoryBench, condition: str, script: str, counts: bool) -> None:
    sum_up = SUM.format(condition=condition, script=script)
    example = replaced("  lint:\n", f"{sum_up}\n  lint:\n") + required_but("Lint", ("Sum", 15368))
    assert (judged(bench, "CIC021", example) == []) is counts


def test_one_name_of_a_matrix_is_enough(bench: RepositoryBench) -> None:
    matrix = replaced(LINT, "  lint:\n    name: Lint ${{ matrix.v }}\n    strategy: {matrix: {v: [1, 2]}}\n")
    assert judged(bench, "CIC021", matrix + required_but("Lint", ("Lint 2", 15368))) == []
    assert "reports as Lint 1, Lint 2" in said(bench, "CIC021", matrix + required_but(""))[1]


def test_names_that_are_known_at_run_time_only_are_unknown(bench: RepositoryBench) -> None:
    example = replaced("name: Lint\n", "name: Lint ${{ inputs.x }}\n")
    assert said(bench, "CIC021", example + required_but("Lint"))[0] is Outcome.UNKNOWN


def test_a_required_check_proves_nothing_without_merged_pull_requests(bench: RepositoryBench) -> None:
    example = required_but("", ("Ghost", None)) + "pulls: []\n"
    assert said(bench, "CIC022", example)[0] is Outcome.UNKNOWN
    assert said(bench, "CIC022", required_but("", ("Ghost", None)))[0] is Outcome.FAIL


def test_a_job_that_is_required_from_anybody_is_required(bench: RepositoryBench) -> None:
    assert judged(bench, "CIC021", required(*((name, None) for name in ALL))) == []


def test_default_branches_of_other_names_are_known_to_github(bench: RepositoryBench) -> None:
    example = replaced(START, "on:\n  pull_request:\n    branches: [stable]\n") + "=== github\ndefault_branch: stable\n"
    rule = find_rule("CIC021")
    assert rule is not None
    assert {r.rule for r in judged_example(bench, rule, example) if r.outcome is Outcome.FAIL} >= {"CIC020"}
    assert [r for r in judged_example(bench, rule, example) if r.rule == "CIC001" and r.is_finding] == []
