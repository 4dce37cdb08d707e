"""Workflows of committed trees: when they run, under which names they report, what they run, and whether GitHub would run them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository import workflows, zizmor
from platformkit_pipeline.introspection.repository.workflow_conditions import condition_holds
from platformkit_pipeline.introspection.repository.zizmor import ask_zizmor
from platformkit_pipeline.model.repository.checks import Holds
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.inventory import inventory_of, snapshot_of
from platformkit_pipeline.model.repository.workflows import Pin, Workflow, WorkflowJob
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline_tests.introspection.repository.observing import observed

pytestmark = pytest.mark.usefixtures("without_secret_search")

FOLDER = ".github/workflows"
HEAD = "on: pull_request\npermissions: {}\njobs:\n"
JOB = "  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: ruff check .\n"


def workflow(builder: RepositoryBuilder, text: str | bytes) -> Workflow:
    [found] = observed(builder, {f"{FOLDER}/ci.yml": text}).workflows
    return found


def job(builder: RepositoryBuilder, text: str) -> WorkflowJob:
    found = workflow(builder, HEAD + text)
    assert found.faults == ()
    [only] = found.jobs
    return only


@pytest.mark.parametrize("on", ["on", '"on"', "'on'", "true"])
def test_on_is_read_as_a_name_though_yaml_takes_it_for_true(builder: RepositoryBuilder, on: str) -> None:
    found = workflow(builder, f"{on}: [push, pull_request]\npermissions: {{}}\njobs:\n{JOB}")
    assert [trigger.event for trigger in found.triggers] == ["pull_request", "push"]


def test_filters_permissions_and_pins_are_read(builder: RepositoryBuilder) -> None:
    sha = "1" * 40
    found = workflow(
        builder,
        "on:\n  pull_request: {branches: [main, 'release/**'], paths-ignore: docs/**}\n  schedule: [{cron: '0 1 * * *'}]\n"
        "permissions: {contents: read}\njobs:\n  a:\n    runs-on: x\n    permissions: write-all\n    steps:\n"
        f"      - uses: a/b@{sha}\n      - uses: a/b@v4.1\n      - uses: a/b@main\n      - uses: ./own\n      - uses: $/own\n"
        f"      - uses: docker://alpine@sha256:{'2' * 64}\n      - uses: docker://alpine:3\n",
    )
    trigger = found.triggers[0]
    assert (trigger.branches, trigger.paths, trigger.paths_ignore) == (("main", "release/**"), None, ("docs/**",))
    assert found.permissions == ("contents: read",)
    [only] = found.jobs
    assert only.permissions == ("write-all",)
    assert [use.pin for use in only.uses] == [Pin.SHA, Pin.TAG, Pin.BRANCH, Pin.LOCAL, Pin.LOCAL, Pin.SHA, Pin.TAG]
    assert [use.line for use in only.uses] == [10, 11, 12, 13, 14, 15, 16]


@pytest.mark.parametrize(
    ("text", "contexts", "known"),
    [
        ("", ("a",), True),
        ("    name: Check it\n", ("Check it",), True),
        ("    strategy: {matrix: {os: [x, y], v: [1, 2]}}\n", ("a (x, 1)", "a (x, 2)", "a (y, 1)", "a (y, 2)"), True),
        ("    strategy: {matrix: {os: [x, y], exclude: [{os: y}]}}\n", ("a (x)",), True),
        ("    strategy: {matrix: {os: [x], include: [{os: z}]}}\n", ("a (x)", "a (z)"), True),
        ("    strategy: {matrix: {include: [{v: 3.10, e: true}]}}\n", ("a (3.1, true)",), True),
        ("    strategy: {matrix: {os: [x], include: [{os: x, more: 1}]}}\n", ("a (x, 1)",), False),
        ("    name: On ${{ matrix.os }}\n    strategy: {matrix: {os: [x, y]}}\n", ("On x", "On y"), True),
        ("    name: On ${{ matrix.t.os }}\n    strategy: {matrix: {t: [{os: x}, {os: y}]}}\n", ("On x", "On y"), True),
        ("    name: By ${{ github.actor }}\n", (), False),
        ("    strategy: {matrix: '${{ fromJSON(needs.x.outputs.m) }}'}\n", (), False),
    ],
)
def test_names_of_checks_are_those_of_the_combinations(
    builder: RepositoryBuilder, text: str, contexts: tuple[str, ...], known: bool
) -> None:
    found = job(builder, f"  a:\n    runs-on: u\n{text}    steps: [{{run: ruff check .}}]\n")
    assert (found.contexts, found.contexts_known) == (contexts, known)


def test_a_called_workflow_of_the_tree_brings_its_jobs(builder: RepositoryBuilder) -> None:
    called = f"on: workflow_call\npermissions: {{}}\njobs:\n{JOB}  b:\n    needs: a\n    runs-on: u\n    steps: [{{run: mypy .}}]\n"
    caller = f"{HEAD}  checks:\n    uses: ./{FOLDER}/called.yml\n"
    found = observed(builder, {f"{FOLDER}/ci.yml": caller, f"{FOLDER}/called.yml": called})
    ci = next(w for w in found.workflows if w.path.endswith("ci.yml"))
    assert [(j.id, j.contexts, j.needs) for j in ci.jobs] == [
        ("checks", (), ()),
        ("checks/a", ("checks / a",), ("checks",)),
        ("checks/b", ("checks / b",), ("checks", "checks/a")),
    ]
    assert [(c.tool, c.through, c.line) for j in ci.jobs for c in j.checks] == [
        ("ruff check", (f"./{FOLDER}/called.yml",), 4),
        ("mypy", (f"./{FOLDER}/called.yml",), 4),
    ]


def test_a_workflow_that_calls_itself_and_one_of_another_repository_are_opaque(builder: RepositoryBuilder) -> None:
    text = f"on: [pull_request, workflow_call]\npermissions: {{}}\njobs:\n  me:\n    uses: ./{FOLDER}/ci.yml\n"
    text += "  other:\n    uses: a/b/.github/workflows/x.yml@v1\n"
    found = workflow(builder, text)
    assert [(j.id, j.opaque, j.contexts_known) for j in found.jobs] == [("me", True, False), ("other", True, False)]


def test_a_local_action_is_followed(builder: RepositoryBuilder) -> None:
    action = "name: x\nruns:\n  using: composite\n  steps:\n    - run: pytest | tee log\n      shell: bash\n"
    files = {
        ".github/actions/test/action.yml": action,
        f"{FOLDER}/ci.yml": HEAD + JOB.replace("run: ruff check .", "uses: ./.github/actions/test"),
    }
    [found] = observed(builder, files).workflows
    [run] = found.jobs[0].checks
    assert (run.tool, run.tolerated, run.through) == ("pytest", "", ("./.github/actions/test",))


def test_steps_of_a_matrix_run_what_their_combinations_say(builder: RepositoryBuilder) -> None:
    text = "  a:\n    runs-on: u\n    strategy: {matrix: {check: [ruff check ., mypy src]}}\n    steps: [{run: '${{ matrix.check }}'}]\n"
    assert {c.tool for c in job(builder, text).checks} == {"ruff check", "mypy"}


def test_folders_and_shells_are_inherited(builder: RepositoryBuilder) -> None:
    text = HEAD.replace("jobs:", "defaults: {run: {shell: bash}}\njobs:") + (
        "  a:\n    runs-on: u\n    defaults: {run: {working-directory: app}}\n"
        "    steps: [{run: npm run lint | tee log}, {run: npm test, working-directory: web}]\n"
    )
    files = {
        f"{FOLDER}/ci.yml": text,
        "app/package.json": '{"scripts": {"lint": "eslint ."}}',
        "app/web/package.json": '{"scripts": {"test": "jest"}}',
    }
    [found] = observed(builder, files).workflows
    assert {(c.tool, c.tolerated) for c in found.jobs[0].checks} == {("eslint", ""), ("jest", "")}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("github.event_name == 'push'", Holds.NO),
        ("${{ github.event_name == 'pull_request' }}", Holds.YES),
        ("github.event_name != 'pull_request' || github.base_ref == 'main'", Holds.YES),
        ("false", Holds.NO),
        ("${{ false }}", Holds.NO),
        (False, Holds.NO),
        (True, Holds.YES),
        (None, Holds.YES),
        ("always()", Holds.YES),
        ("failure()", Holds.NO),
        ("!cancelled()", Holds.YES),
        ("github.ref == 'refs/heads/main'", Holds.NO),
        ("startsWith(github.ref, 'refs/tags/')", Holds.NO),
        ("!startsWith(github.ref, 'refs/tags/v')", Holds.YES),
        ("github.actor != 'dependabot[bot]'", Holds.YES),
        ("github.repository == 'acme/shop' && !github.event.pull_request.draft", Holds.YES),
        ("needs.changes.outputs.code == 'true'", Holds.UNDECIDED),
        ("needs.changes.outputs.code == 'true' && false", Holds.NO),
        ("needs.changes.outputs.code == 'true' || true", Holds.YES),
        ("contains(github.event.pull_request.labels.*.name, 'x')", Holds.UNDECIDED),
        ("github.event.pull_request.head.repo.full_name == github.repository", Holds.UNDECIDED),
        ("(" * 200, Holds.UNDECIDED),
        ("not a == valid (", Holds.UNDECIDED),
    ],
)
def test_conditions_are_decided_for_the_pull_request_of_a_person(condition: object, holds: Holds) -> None:
    assert condition_holds(condition, "pull_request", "main") is holds


@pytest.mark.parametrize(
    ("text", "where", "message", "line"),
    [
        ("a: [", "", "is no YAML", 2),
        ("- a", "", "is no mapping", 1),
        (HEAD + JOB.replace("steps", "step"), "jobs/a", "has step, which is not known there", 4),
        (HEAD + JOB.replace("    runs-on: ubuntu-24.04\n", ""), "jobs/a", "lacks runs-on", 4),
        (f"permissions: {{}}\njobs:\n{JOB}", "", "lacks on", 1),
        ("on: push\n", "", "lacks jobs", 1),
        (HEAD + JOB + JOB, "jobs/a", "stands there twice", 8),
        (HEAD + "  x: &x\n    runs-on: u\n    steps: [{run: a}]\n  y:\n    <<: *x\n", "jobs/y/<<", "merge key", 8),
        (HEAD + JOB + "    needs: b\n", "jobs/a/needs", "names b, and there is no such job", 4),
        (HEAD + JOB + "    needs: b\n  b:\n    needs: a\n    runs-on: u\n    steps: [{run: x}]\n", "jobs/a/needs", "waits for itself", 4),
    ],
)
def test_a_workflow_that_github_would_not_run_is_faulty(builder: RepositoryBuilder, text: str, where: str, message: str, line: int) -> None:
    found = workflow(builder, text)
    assert [(f.where, f.line) for f in found.faults] == [(where, line)]
    assert message in found.faults[0].message


def test_anchors_are_unfolded(builder: RepositoryBuilder) -> None:
    text = HEAD + "  a: &job\n    runs-on: u\n    steps: [{run: mypy .}]\n  b: *job\n"
    found = workflow(builder, text)
    assert found.faults == ()
    assert [(j.id, [c.tool for c in j.checks]) for j in found.jobs] == [("a", ["mypy"]), ("b", ["mypy"])]


def test_what_is_no_readable_workflow_is_told(builder: RepositoryBuilder) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
    )
    files: dict[str, str | bytes] = {
        f"{FOLDER}/bomb.yml": bomb,
        f"{FOLDER}/bytes.yml": b"on: push\nname: \xff\xfe\n",
        f"{FOLDER}/large.yml": "# " + "x" * 3_000_000,
        f"{FOLDER}/sub/nested.yml": HEAD + JOB,
        f"{FOLDER}/notes.md": "x",
        f"{FOLDER}/target.txt": HEAD + JOB,
    }
    builder.write("README.md", "x")
    (builder.folder / FOLDER).mkdir(parents=True)
    (builder.folder / FOLDER / "link.yml").symlink_to("target.txt")
    found = {Path(w.path).name: w for w in observed(builder, files).workflows}
    assert sorted(found) == ["bomb.yml", "bytes.yml", "large.yml", "link.yml"]
    assert "unfolds" in found["bomb.yml"].unreadable
    assert "UTF-8" in found["bytes.yml"].faults[0].message
    assert "too large" in found["large.yml"].unreadable
    assert "symbolic link" in found["link.yml"].unreadable


def test_a_workflow_of_a_megabyte_is_read(builder: RepositoryBuilder) -> None:
    step = "      - run: echo " + "x" * 900 + "\n"
    found = workflow(builder, HEAD + JOB + step * 1_100)
    assert found.faults == ()
    assert [c.tool for c in found.jobs[0].checks] == ["ruff check"]


def test_values_of_variables_and_texts_of_scripts_are_not_kept(builder: RepositoryBuilder) -> None:
    value = "not-a-" + "real-value"
    text = f"on: pull_request\nenv: {{TOKEN: {value}}}\njobs:\n  a:\n    runs-on: u\n    env: {{KEY: {value}}}\n    steps:\n"
    text += f"      - run: deploy {value} && echo ${{{{ secrets.X }}}}\n        env: {{K: {value}}}\n"
    text += f"      - uses: a/b@v1\n        with: {{key: {value}}}\n"
    snapshot = observed(builder, {f"{FOLDER}/ci.yml": text, f"{FOLDER}/bad.yml": f"on: push\njobs: {value}\nname: [{value}]\n"})
    assert snapshot.workflow_weaknesses
    stored = "".join(o.payload for o in inventory_of(snapshot) if o.kind.startswith("workflow"))
    assert "is text and has to be object" in stored
    assert value not in stored


def test_what_was_observed_comes_back_from_the_store(builder: RepositoryBuilder) -> None:
    snapshot = observed(
        builder,
        {f"{FOLDER}/ci.yml": HEAD + JOB, ".github/CODEOWNERS": "* @a\n", ".platformkit.yaml": "checks: [{command: make, reason: x}]\n"},
    )
    assert snapshot.declared_commands
    assert snapshot_of(inventory_of(snapshot), snapshot.unobserved) == snapshot


# ---------------------------------------------------------------- zizmor


INJECTION = HEAD + JOB.replace("ruff check .", 'echo "${{ github.event.issue.title }}"')


def test_zizmors_findings_tell_place_line_and_severity() -> None:
    report = ask_zizmor({f"{FOLDER}/ci.yml": INJECTION})
    [found] = [w for w in report.weaknesses if w.audit == "template-injection"]
    assert (found.path, found.where, found.line, found.severity) == (f"{FOLDER}/ci.yml", "jobs/a/steps/0/run", 7, Severity.HIGH)


def test_comments_and_configuration_cannot_silence_zizmor(builder: RepositoryBuilder) -> None:
    silenced = INJECTION.replace('issue.title }}"', 'issue.title }}" # zizmor: ignore[template-injection]')
    silent = observed(builder, {f"{FOLDER}/ci.yml": silenced, ".github/zizmor.yml": "rules: {template-injection: {disable: true}}\n"})
    assert "template-injection" in {w.audit for w in silent.workflow_weaknesses}


def test_variables_of_the_caller_cannot_change_what_zizmor_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ZIZMOR_PERSONA": "auditor", "ZIZMOR_CONFIG": "/nowhere", "GH_TOKEN": "x", "ZIZMOR_MIN_SEVERITY": "high"}.items():
        monkeypatch.setenv(name, value)
    changed = ask_zizmor({f"{FOLDER}/ci.yml": INJECTION})
    for name in ("ZIZMOR_PERSONA", "ZIZMOR_CONFIG", "GH_TOKEN", "ZIZMOR_MIN_SEVERITY"):
        monkeypatch.delenv(name)
    assert changed == ask_zizmor({f"{FOLDER}/ci.yml": INJECTION})
    assert changed.weaknesses


def test_without_zizmor_nothing_is_known_of_security(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zizmor, "find_program", lambda _: None)
    snapshot = observed(builder, {f"{FOLDER}/ci.yml": INJECTION})
    assert "not installed" in snapshot.why_unobserved(RepositoryFacet.WORKFLOW_SECURITY)
    assert snapshot.observed(RepositoryFacet.WORKFLOWS)


@pytest.mark.parametrize(
    ("script", "why"),
    [("exit 9", "ended with 9"), ("echo '{'; exit 0", "no JSON"), ("echo '[{}]'; exit 0", "another form"), ("sleep 30", "longer than")],
)
def test_a_zizmor_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str) -> None:
    program = tmp_path / "zizmor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(zizmor, "find_program", lambda _: os.fspath(program))
    monkeypatch.setattr(zizmor, "TIMEOUT_SECONDS", 1)
    assert why in ask_zizmor({f"{FOLDER}/ci.yml": INJECTION}).unavailable


def test_a_file_that_zizmor_leaves_out_is_not_taken_for_clean() -> None:
    report = ask_zizmor({f"{FOLDER}/a.yml": "a: [", f"{FOLDER}/b.yml": INJECTION})
    assert dict(report.unaudited) == {f"{FOLDER}/a.yml": "zizmor could not read it"}
    assert {w.path for w in report.weaknesses} == {f"{FOLDER}/b.yml"}
    assert dict(ask_zizmor({f"{FOLDER}/a.yml": "a: ["}).unaudited) == {f"{FOLDER}/a.yml": "zizmor could not read it"}


def test_workflows_beyond_the_limit_are_told_and_not_read(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows, "MAX_BYTES", len(HEAD + JOB) + 10)
    found = observed(builder, {f"{FOLDER}/a.yml": HEAD + JOB, f"{FOLDER}/b.yml": HEAD + JOB}).workflows
    assert [("is not read" in w.unreadable, len(w.jobs)) for w in found] == [(False, 1), (True, 0)]
