"""Applying a plan: what is asked for first, what is written down, and that no surprise leaves anything behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from platformkit_pipeline.control_plane import audit
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.introspection.postgres.connection import connect
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError, PlatformkitError, TargetBusy, TargetUnreachable
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.target import NO_OPTIONS, Declarations, Environment, Target, TargetKind
from platformkit_pipeline.operations.apply_plan import Access, Application, Approval, Limits, Outcome, apply_plan
from platformkit_pipeline.operations.propose_plan import propose_plan
from platformkit_pipeline.operations.scan import scan_database
from platformkit_pipeline.remediation import application
from platformkit_pipeline.remediation.proving.execution import Timeouts
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape
from platformkit_pipeline_tests.conftest import FAST_SETTINGS
from platformkit_pipeline_tests.rules.conftest import WELL_KEPT, findings, run_sql

STAGING = Target(TargetKind.SUPABASE_PROJECT, "shop-staging", Environment.STAGING)
ADA = Approval("ada", reason="SEC-17")
DEFINER = (
    "create function public.close_day() returns void language sql security definer as 'select';"
    "comment on function public.close_day() is 'platformkit:definer closes the day of every tenant';"
    "revoke execute on function public.close_day() from public, anon, authenticated"
)
UNINDEXED = "alter table public.orders add column user_id uuid references auth.users (id) on delete set null"
FINDINGS = {("FUN001", "function public.close_day()"), ("FKY003", "constraint public.orders.orders_user_id_fkey")}
NEVER: tuple[str, Callable[[], Any]] = ("", lambda: None)
SHORT = Limits(Timeouts(lock=0.5, statement=5), build=1)


@dataclass
class Shop:
    """A target with a definer function without search_path and a foreign key without index."""

    dsn: Dsn
    control_plane: Connection
    heard: list[str] = field(default_factory=list)

    def plan(self) -> Plan:
        return propose_plan(self.dsn, target=STAGING, declarations=Declarations(), proven=False)

    def apply(
        self, plan: Plan, approval: Approval = ADA, *, when: tuple[str, Callable[[], Any]] = ("", lambda: None), **more: Any
    ) -> Application:
        """`when` a step begins with a text, something happens."""

        def progress(step: str) -> None:
            self.heard.append(step)
            if when[0] and step.startswith(when[0]):
                when[1]()

        access = Access(self.dsn, with_user(self.dsn, "postgres"), NO_OPTIONS)
        given: dict[str, Any] = {"target": STAGING, "declarations": Declarations(), "access": access, "progress": progress, **more}
        return apply_plan(self.control_plane, plan, approval=approval, **given)

    @property
    def fingerprint(self) -> str:
        return catalog_fingerprint(observe(self.dsn))

    @property
    def log(self) -> list[tuple[str, dict[str, Any]]]:
        rows = self.control_plane.execute(
            "select action, detail from ops.audit_log where action like 'remediation.%' order by seq"
        ).fetchall()
        self.control_plane.rollback()
        return [(action.removeprefix("remediation."), detail) for action, detail in rows]


@pytest.fixture
def shop(shop_database: Dsn, pipeline: Connection) -> Shop:
    run_sql(shop_database, DEFINER)
    run_sql(shop_database, UNINDEXED)
    assert findings(shop_database) == FINDINGS
    return Shop(shop_database, pipeline)


def test_what_was_approved_is_applied_and_taken_down(shop: Shop) -> None:
    plan = shop.plan()
    applied = shop.apply(plan)
    assert applied.outcome is Outcome.APPLIED
    assert findings(shop.dsn) == set()
    assert applied.score_after == applied.predicted_score
    assert (applied.score_before, applied.score_after) == (49.0, outcome_score(shop))
    [(started, what), (ended, outcome)] = shop.log
    assert (started, ended) == ("apply_started", "applied")
    assert (what["approved_by"], what["reason"], what["target"], what["base_fingerprint"]) == (
        "ada",
        "SEC-17",
        "shop-staging",
        plan.base_fingerprint,
    )
    assert {p["rule"] for p in what["patches"]} == {"FUN001", "FKY003"}
    assert outcome["score_after"] == applied.score_after
    assert audit.verify(shop.control_plane).ok
    assert shop.plan().patches == ()


def outcome_score(shop: Shop) -> float:
    """The score of what is there now, by a scan of its own."""
    return scan_database(shop.dsn, target=STAGING, declarations=Declarations()).score.raw_display


def test_the_same_plan_again_is_stale_and_changes_nothing(shop: Shop) -> None:
    plan = shop.plan()
    shop.apply(plan)
    after = shop.fingerprint
    with pytest.raises(ConfigurationError, match="no longer what the plan was made for; nothing was changed"):
        shop.apply(plan)
    assert shop.fingerprint == after
    assert shop.log[-1][0] == "apply_refused"


@pytest.mark.parametrize("moment", ["observing shop-staging", "proving 1/2", "observing shop-staging again"])
def test_a_schema_that_changes_before_the_first_statement_is_refused(shop: Shop, moment: str) -> None:
    plan = shop.plan()
    with pytest.raises(ConfigurationError, match="no longer what the plan was made for"):
        shop.apply(plan, when=(moment, lambda: run_sql(shop.dsn, "alter table public.orders add column if not exists dashboard text")))
    assert findings(shop.dsn) >= FINDINGS
    assert [action for action, _ in shop.log] == ["apply_refused"]


def test_a_surprise_afterwards_is_taken_back(shop: Shop) -> None:
    plan, before = shop.plan(), shop.fingerprint
    meddle = "alter function public.close_day() set search_path = public"
    taken = shop.apply(plan, when=("looking at", lambda: run_sql(shop.dsn, meddle)))
    assert taken.outcome is Outcome.TAKEN_BACK
    assert any("function public.close_day() is not what it became on the shadow" in s for s in taken.surprises)
    assert shop.fingerprint == before
    assert [action for action, _ in shop.log] == ["apply_started", "taken_back"]


def test_what_somebody_else_changes_meanwhile_is_not_undone(shop: Shop) -> None:
    plan = shop.plan()
    applied = shop.apply(plan, when=("applying", lambda: run_sql(shop.dsn, "comment on table public.orders is 'What was sold.'")))
    assert applied.outcome is Outcome.APPLIED
    assert findings(shop.dsn) == set()


@contextmanager
def holding(dsn: Dsn, statement: str) -> Iterator[None]:
    with psycopg.connect(dsn.reveal()) as connection:
        connection.execute(statement.encode())
        yield
        connection.rollback()


def test_a_lock_of_another_session_ends_it_with_nothing_changed(shop: Shop) -> None:
    plan, before = shop.plan(), shop.fingerprint
    with (
        holding(shop.dsn, "select 1 from pg_proc where proname = 'close_day' for update"),
        pytest.raises(TargetBusy, match="nothing was changed"),
    ):
        shop.apply(plan, limits=SHORT)
    assert shop.fingerprint == before
    assert [action for action, _ in shop.log] == ["apply_started", "apply_failed"]


def test_an_index_that_cannot_be_finished_leaves_nothing_behind(shop: Shop) -> None:
    plan, before = shop.plan(), shop.fingerprint
    with psycopg.connect(shop.dsn.reveal()) as writer:
        writer.execute("lock table public.orders in row exclusive mode")  # the build has to wait for this transaction
        taken = shop.apply(plan, when=("taking it back", writer.rollback), limits=SHORT)
    assert taken.outcome is Outcome.TAKEN_BACK
    assert "create index concurrently" in taken.surprises[0]
    assert shop.fingerprint == before


def test_what_cannot_be_taken_back_is_named(shop: Shop) -> None:
    plan = shop.plan()
    with holding(shop.dsn, "lock table public.orders in row exclusive mode"):
        left = shop.apply(plan, limits=SHORT)
    assert left.outcome is Outcome.LEFT_CHANGED
    assert "the undo failed: `drop index concurrently if exists public.orders_user_id_idx`" in left.surprises[-1]
    assert shop.log[-1][0] == "left_changed"


def test_an_edited_plan_is_refused(shop: Shop) -> None:
    plan = shop.plan()
    edited = replace(plan.patches[0], up=("alter function public.close_day() owner to anon",))
    with pytest.raises(ConfigurationError, match="not what this version proposes"):
        shop.apply(replace(plan, patches=(edited, *plan.patches[1:])))
    assert findings(shop.dsn) == FINDINGS


def test_a_plan_without_offers_does_nothing(shop: Shop) -> None:
    assert shop.apply(replace(shop.plan(), patches=())).outcome is Outcome.NOTHING_TO_DO
    assert shop.heard == []


@pytest.mark.parametrize(
    ("target", "approval", "complaint"),
    [
        (replace(STAGING, environment=Environment.PRODUCTION), ADA, "is production: say so with --environment production"),
        (STAGING, replace(ADA, environment=Environment.PRODUCTION), "is staging, not production"),
        (STAGING, replace(ADA, approved_by=" "), "must name who answers"),
        (STAGING, replace(ADA, second_approval="ADA "), "must name another person"),
        (replace(STAGING, name="shop-other"), ADA, "was made for shop-staging, not for shop-other"),
    ],
)
def test_approvals_are_asked_for_before_anything_is_looked_at(shop: Shop, target: Target, approval: Approval, complaint: str) -> None:
    plan = shop.plan()
    with pytest.raises(ConfigurationError, match=complaint):
        shop.apply(plan, approval, target=target)
    assert shop.heard == []


def test_a_login_without_rights_changes_nothing_and_is_told_what_to_give(shop: Shop) -> None:
    plan, before = shop.plan(), shop.fingerprint
    with pytest.raises(ConfigurationError, match="give the owner's login with --dsn-env"):
        shop.apply(plan, access=Access(shop.dsn, with_user(shop.dsn, "authenticator"), NO_OPTIONS))
    assert shop.fingerprint == before


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that a test may kill."""
    server = EmbeddedPostgres(tmp_path / "mortal", settings=FAST_SETTINGS)
    server.ensure()
    yield server
    server.destroy()


def test_a_target_that_dies_in_the_middle_is_as_it_was_when_it_is_back(mortal: EmbeddedPostgres, pipeline: Connection) -> None:
    dsn = create_database(mortal.dsn(), "shop")
    install_supabase_shape(dsn, grants=GrantRegime.AUTOMATIC)
    run_sql(dsn, WELL_KEPT)
    run_sql(dsn, DEFINER)
    shop = Shop(dsn, pipeline)
    plan, before = shop.plan(), shop.fingerprint
    info = mortal.status()
    assert info is not None
    outcome = shop.apply(plan, when=("applying", lambda: os.kill(info.pid, signal.SIGKILL))).outcome
    assert outcome is Outcome.UNKNOWN
    assert [action for action, _ in shop.log] == ["apply_started", "unknown"]
    mortal.ensure()
    assert shop.fingerprint == before
    assert shop.apply(shop.plan()).outcome is Outcome.APPLIED


def test_a_shadow_that_dies_in_the_middle_of_a_proof_leaves_the_target_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLATFORMKIT_HOME", str(tmp_path))
    plan, before = shop.plan(), shop.fingerprint

    def kill() -> None:
        [file] = (tmp_path / "shadows").rglob("postmaster.pid")
        os.kill(int(file.read_text().split()[0]), signal.SIGKILL)
        (file.parent / "global" / "pg_control").unlink()  # a server that can be started again would be

    with pytest.raises(PlatformkitError):
        shop.apply(plan, when=("proving 1/2", kill))
    assert shop.fingerprint == before
    assert [action for action, _ in shop.log] == ["apply_refused"]
    assert not list((tmp_path / "shadows").rglob("PG_VERSION"))


def test_another_database_than_the_one_that_was_looked_at_is_never_changed(shop: Shop, admin_dsn: Dsn) -> None:
    plan, other = shop.plan(), create_database(admin_dsn, "shop_production")
    try:
        with pytest.raises(ConfigurationError, match="leads to another database than the one that was observed"):
            shop.apply(plan, access=Access(shop.dsn, with_user(other, "postgres"), NO_OPTIONS))
    finally:
        drop_database(admin_dsn, "shop_production")
    assert [action for action, _ in shop.log] == ["apply_refused"]


def test_an_owner_who_cannot_log_in_is_found_out_before_anything_begins(shop: Shop) -> None:
    with pytest.raises(TargetUnreachable):
        shop.apply(shop.plan(), access=Access(shop.dsn, with_user(shop.dsn, "nobody_there"), NO_OPTIONS))
    assert [action for action, _ in shop.log] == ["apply_refused"]


def interrupt() -> None:
    raise KeyboardInterrupt


def test_an_interrupted_application_is_taken_back_and_told(shop: Shop) -> None:
    plan, before = shop.plan(), shop.fingerprint
    taken = shop.apply(plan, when=("looking at", interrupt))
    assert (taken.outcome, taken.surprises) == (Outcome.TAKEN_BACK, ("interrupted by the user",))
    assert shop.fingerprint == before
    assert [action for action, _ in shop.log] == ["apply_started", "taken_back"]


def test_an_index_build_that_is_interrupted_is_taken_back(shop: Shop) -> None:
    plan, before = shop.plan(), shop.fingerprint
    with psycopg.connect(shop.dsn.reveal()) as writer:
        writer.execute("lock table public.orders in row exclusive mode")  # the build has to wait for this transaction

        def when_it_waits() -> None:
            with psycopg.connect(shop.dsn.reveal(), autocommit=True) as watcher:
                while not watcher.execute("select from pg_locks where not granted").fetchall():
                    time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)

        watching = threading.Thread(target=when_it_waits)
        watching.start()
        taken = shop.apply(plan, when=("taking it back", writer.rollback))
        watching.join()
    assert (taken.outcome, taken.surprises) == (Outcome.TAKEN_BACK, ("interrupted by the user",))
    assert shop.fingerprint == before


def test_what_became_of_the_target_is_told_without_a_control_plane(shop: Shop) -> None:
    applied = shop.apply(shop.plan(), when=("looking at", shop.control_plane.close))
    assert applied.outcome is Outcome.APPLIED
    assert "the audit log has no entry of the outcome (applied)" in applied.surprises[0]
    assert findings(shop.dsn) == set()


def test_a_patch_leaves_no_settings_in_the_session_that_a_pooler_hands_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[Any] = []

    class Pooled:
        """What a transaction pooler gives the next client: the same session."""

        def __enter__(self) -> psycopg.Connection:
            self.session = connect(with_user(shop.dsn, "postgres"))
            return self.session

        def __exit__(self, *_: object) -> None:
            left.append(self.session.execute("select current_setting('search_path'), current_setting('lock_timeout')").fetchone())
            self.session.close()

    plan = shop.plan()
    monkeypatch.setattr(application, "connect", lambda _: Pooled())
    groups = application.groups_of([p for p in plan.patches if p.transactional])
    application.apply_groups(shop.dsn, groups, Timeouts(), 1)
    [(path, lock_timeout)] = left
    assert lock_timeout == "0"
    assert "pg_catalog" not in path
