"""`platformkit demo` as a newcomer starts it: twice, in an empty home, with plans that do on a copy what their proofs say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from platformkit_pipeline.control_plane.connection import session
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint, object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.demo_repository import PLANTED
from platformkit_pipeline.operations.local_platform import control_plane_logins
from platformkit_pipeline.operations.prepare_demo import demo_home
from platformkit_pipeline.operations.summarise_demo import summarise_demo
from platformkit_pipeline.remediation.application import apply_groups, groups_of, undo_groups
from platformkit_pipeline.remediation.plan import build_plan
from platformkit_pipeline.remediation.proving.execution import Timeouts
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Scope, rules_for
from platformkit_pipeline.sandbox.databases import drop_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, SampleProject, planted_faults
from platformkit_pipeline.sandbox.supabase import OBSERVER_ROLE, copy_supabase_database
from platformkit_pipeline_tests.cli.program import UNMEASURED, platformkit

pytestmark = pytest.mark.timeout(360)  # the whole platform is made and its plans are proven, perhaps on a machine with other work

LENIENT = {"PYTHONWARNINGS": "default"}
"""Libraries of a Dagster process warn about themselves; that ends no run."""

TIMEOUTS = Timeouts(lock=5, statement=60)
FAULTY = [p for p in SAMPLE_PROJECTS if p.name != "shop-production"]


@dataclass(frozen=True)
class Demonstrated:
    """The home of a demo that was run once, and what it printed. Its server has been stopped again."""

    home: Path
    ended: CompletedProcess[str]

    @property
    def server(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(demo_home(self.home) / "postgres")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstrated]:
    """Once for all tests here: it proves the plans of the sample platform, which is most of the work. The second run is measured."""
    home = tmp_path_factory.mktemp("demo")
    ended = platformkit("demo", env={"PLATFORMKIT_HOME": str(home), **LENIENT, **UNMEASURED}, patience_seconds=340)
    demonstrated = Demonstrated(home, ended)
    yield demonstrated
    demonstrated.server.destroy()


def test_the_first_run_finds_what_was_planted(first: Demonstrated) -> None:
    faults = {project.name: [f for f in planted_faults(project.name) if not f.awaits_counters] for project in SAMPLE_PROJECTS}
    total = sum(map(len, faults.values()))
    ended = first.ended
    assert ended.returncode == 0, ended.stderr
    assert f"{total} of {total} planted faults found, exactly what was planted" in ended.stdout
    assert f"{total} new findings" in ended.stdout
    for project in SAMPLE_PROJECTS:
        assert project.name in ended.stdout
        for rule, group in groupby(faults[project.name], key=lambda fault: fault.rule):
            assert all(fault.object in ended.stdout for fault in list(group)[:5]), rule
    assert "shop-production: no fault was planted, none was found" in ended.stdout
    assert f"acme/shop (repository): {len(PLANTED)} of {len(PLANTED)} planted faults found" in ended.stdout
    waiting = sorted({f.rule for f in planted_faults("shop-production")})
    assert f"Could not be measured yet: {', '.join(waiting)}." in ended.stdout
    assert list(first.home.glob("demo/plans/*/saas-multitenant/migrations/*_rls001_public_feature_requests.sql"))


@pytest.fixture
def stored(first: Demonstrated) -> Iterator[dict[str, Plan | None]]:
    """The plans in the control plane of the demo, whose server runs meanwhile."""
    with control_plane_logins(demo_home(first.home), {}) as logins:
        with session(logins.pipeline) as connection:
            plans = {summary.name: summary.plan for summary in summarise_demo(connection)}
        yield plans


@pytest.mark.parametrize("project", FAULTY, ids=lambda p: p.name)
def test_the_whole_plan_is_proven_applies_scores_as_predicted_and_goes_back(
    first: Demonstrated, stored: dict[str, Plan | None], project: SampleProject
) -> None:
    proven = stored[project.name]
    assert proven is not None
    assert len(proven.patches) >= 40
    assert proven.withheld == ()
    assert proven.proof is not None
    assert (proven.proof.proof.status, proven.proof.unfaithful) == (ProofStatus.PROVEN, ())

    admin, name = first.server.dsn(), f"{project.database}_to_mend"
    copied = copy_supabase_database(admin, name, template=project.database, exposed_schemas=project.exposed_schemas, copy_files=True)
    rules, observer = rules_for(Scope.PROJECT), with_user(copied, OBSERVER_ROLE)
    target = Target(TargetKind.SUPABASE_PROJECT, project.name, project.environment)

    def judged() -> tuple[tuple[Result, ...], Plan]:
        seen = observe(observer)
        results = evaluate(seen, project.declarations, rules)
        return results, build_plan(target, "scan", catalog_fingerprint(seen), results, seen, project.declarations)

    before, plan = judged()
    assert [p.digest for p in plan.patches] == [p.digest for p in proven.patches]
    base = object_fingerprints(observe(copied))
    groups = groups_of(proven.patches)
    apply_groups(with_user(copied, "postgres"), groups, TIMEOUTS, 60)
    after, second = judged()
    assert compliance_score(after).raw_display == proven.proof.score_after
    mended = {(p.rule, p.object.canonical) for p in proven.patches}
    was_failing, failing = ({(r.rule, r.object.canonical) for r in results if r.is_finding} for results in (before, after))
    successors = {code for p in proven.patches for code in p.effects.successors}
    assert not failing & mended
    assert {rule for rule, _ in failing - was_failing} <= successors
    assert not {(p.rule, p.object.canonical) for p in second.patches} & mended
    undo_groups(with_user(copied, "postgres"), groups, TIMEOUTS, 60)
    assert object_fingerprints(observe(copied)) == base
    drop_database(admin, name)


@pytest.mark.exhaustive
def test_a_second_run_finds_and_writes_nothing_new(first: Demonstrated) -> None:
    home = first.home
    second = platformkit("demo", "--plans", str(home / "again"), env={"PLATFORMKIT_HOME": str(home), **LENIENT})
    assert second.returncode == 0, second.stderr
    assert "; 0 inventory rows written, 0 new findings;" in second.stdout
    assert re.search(r"^acme/shop \(repository\): .*, 0 inventory rows written, 0 new findings$", second.stdout, re.MULTILINE)
    assert (home / "again" / "clinic-messy" / "MANUAL.md").is_file()


def test_a_folder_for_plans_that_holds_something_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    ended = platformkit("demo", "--plans", str(tmp_path), env={"PLATFORMKIT_HOME": str(tmp_path / "home")})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert not (tmp_path / "home").exists()


def test_a_folder_for_plans_that_cannot_be_made_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = platformkit("demo", "--plans", str(tmp_path / "file" / "plans"), env={"PLATFORMKIT_HOME": str(tmp_path / "home")})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "cannot be made" in ended.stderr
    assert not (tmp_path / "home").exists()


def test_a_control_plane_of_your_own_is_never_filled_with_samples(tmp_path: Path) -> None:
    databases = {
        "PLATFORMKIT_DATABASE_URL": "postgresql://platformkit_pipeline@127.0.0.1:1/ops",
        "PLATFORMKIT_DAGSTER_DATABASE_URL": "postgresql+psycopg2://dagster@127.0.0.1:1/dagster",
    }
    ended = platformkit("demo", env={"PLATFORMKIT_HOME": str(tmp_path), **databases})
    assert ended.returncode == 2
    assert "unset PLATFORMKIT_DATABASE_URL" in ended.stderr
