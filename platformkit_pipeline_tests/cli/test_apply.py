"""`platformkit apply` as its users start it: on a target of the settings, with a control plane, and into a repository."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.cli.program import platformkit
from platformkit_pipeline_tests.rules.conftest import WELL_KEPT, findings, run_sql

DEFINER = (
    "create function public.close_day() returns void language sql security definer as 'select';"
    "comment on function public.close_day() is 'platformkit:definer closes the day of every tenant';"
    "revoke execute on function public.close_day() from public, anon, authenticated"
)


_HEAD = ("plan_id", "target", "scan_id", "base_fingerprint")


@dataclass
class Shop:
    """A target of the settings with one finding, its plan in a file, and the environment that leads to all of it."""

    dsn: Dsn
    env: dict[str, str]
    plan: Path
    folder: Path

    def apply(self, *arguments: str) -> tuple[int, str, str]:
        ended = platformkit("apply", str(self.plan), *arguments, env=self.env)
        return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture
def shop(supabase_database: Dsn, pipeline_dsn: Dsn, tmp_path: Path) -> Shop:
    run_sql(supabase_database, WELL_KEPT)
    run_sql(supabase_database, DEFINER)
    settings = tmp_path / "platformkit.yaml"
    entry = {"name": "shop-staging", "environment": "staging", "database": {"dsn_env": "SHOP_DATABASE_URL"}}
    settings.write_text(yaml.safe_dump({"projects": [entry, {**entry, "name": "shop-production", "environment": "production"}]}))
    env = {
        "PLATFORMKIT_SETTINGS": str(settings),
        "PLATFORMKIT_HOME": str(tmp_path / "home"),
        "PLATFORMKIT_DATABASE_URL": pipeline_dsn.reveal(),
        "SHOP_DATABASE_URL": supabase_database.reveal(),
        "SHOP_OWNER_URL": with_user(supabase_database, "postgres").reveal(),
    }
    plan = tmp_path / "plan.json"
    ended = platformkit("plan", "--target", "shop-staging", "--format", "json", "--output", str(plan), env=env)
    assert ended.returncode == 0, ended.stderr
    return Shop(supabase_database, env, plan, tmp_path)


def test_what_was_approved_is_applied_and_logged(shop: Shop, pipeline: Connection) -> None:
    code, said, _ = shop.apply("--target", "shop-staging", "--dsn-env", "SHOP_OWNER_URL", "--approved-by", "ada", "--reason", "SEC-17")
    assert code == 0
    assert said.splitlines()[0] == "FUN001 public.close_day()"
    assert said.splitlines()[-1].startswith("applied: 1 patches; score 49 before, ")
    assert said.rstrip().endswith("as predicted")
    assert findings(shop.dsn) == set()
    rows = pipeline.execute(
        "select action, detail ->> 'approved_by', detail ->> 'reason' from ops.audit_log where action like 'remediation.%' order by seq"
    ).fetchall()
    assert rows == [("remediation.apply_started", "ada", "SEC-17"), ("remediation.applied", "ada", "SEC-17")]
    code, _, complaint = shop.apply("--target", "shop-staging", "--approved-by", "ada")
    assert (code, "no longer what the plan was made for" in complaint) == (2, True)


def test_json_says_what_came_of_it(shop: Shop) -> None:
    code, said, _ = shop.apply("--target", "shop-staging", "--approved-by", "ada", "--format", "json")
    document = json.loads(said)
    assert (code, document["outcome"], document["surprises"]) == (0, "applied", [])
    assert document["score"]["after"] == document["score"]["predicted"] > document["score"]["before"]
    assert [p["rule"] for p in document["patches"]] == ["FUN001"]


def test_migrations_for_a_pull_request_are_written_once(shop: Shop) -> None:
    code, said, _ = shop.apply("--emit", str(shop.folder))
    [up] = (shop.folder / "supabase" / "migrations").iterdir()
    [down] = (shop.folder / "supabase" / "rollbacks").iterdir()
    assert (code, said.splitlines()) == (0, [str(up), str(down)])
    assert "-- proof: PROVEN" in up.read_text()
    assert "SHOP_DATABASE_URL" not in up.read_text()
    assert findings(shop.dsn) == {("FUN001", "function public.close_day()")}
    code, said, _ = shop.apply("--emit", str(shop.folder))
    assert (code, said) == (0, "nothing to write\n1 patches have their migration there already\n")


REFUSED = (
    ((), "say where it goes"),
    (("--target", "shop-staging"), "say where it goes"),
    (("--emit", ".", "--target", "shop-staging"), "--emit writes files and applies nothing"),
    (("--target", "shop-production", "--approved-by", "ada"), "was made for shop-staging"),
    (("--target", "shop-stagin", "--approved-by", "ada"), "no project is called 'shop-stagin'"),
    (("--target", "shop-staging", "--approved-by", " "), "must name who answers"),
    (("--target", "shop-staging", "--approved-by", "ada", "--environment", "production"), "is staging, not production"),
    (("--target", "shop-staging", "--approved-by", "ada", "--second-approval", "ada"), "must name another person"),
    (("--target", "shop-staging", "--approved-by", "ada", "--dsn-env", "NOWHERE"), "NOWHERE"),
    (("--emit", "nowhere"), "is no folder"),
)


def test_wrong_input_is_2_and_changes_nothing(shop: Shop, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in shop.env.items():
        monkeypatch.setenv(name, value)
    for arguments, complaint in REFUSED:
        refused = program("apply", str(shop.plan), *arguments)
        assert (refused.code, refused.stdout) == (2, ""), arguments
        assert complaint in refused.stderr, arguments
    assert findings(shop.dsn) == {("FUN001", "function public.close_day()")}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no json", "is no JSON"),
        ("[]", "no plan of this version"),
        ('{"schema_version": 1}', "malformed"),
        (json.dumps({"schema_version": 1, **dict.fromkeys(_HEAD, "x"), "patches": [], "manual_items": []}), "changed"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(program: Program, tmp_path: Path, text: str, complaint: str) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(text)
    ended = program("apply", str(plan), "--emit", str(tmp_path))
    assert (ended.code, ended.stdout) == (2, "")
    assert complaint in ended.stderr
    assert "plan.json" in ended.stderr
    gone = program("apply", str(tmp_path / "gone.json"), "--emit", str(tmp_path))
    assert (gone.code, "cannot be read" in gone.stderr) == (2, True)


def test_without_a_control_plane_nothing_is_applied(shop: Shop) -> None:
    del shop.env["PLATFORMKIT_DATABASE_URL"]
    code, _, complaint = shop.apply("--target", "shop-staging", "--approved-by", "ada")
    assert (code, "no control plane" in complaint) == (3, True)
    assert findings(shop.dsn) == {("FUN001", "function public.close_day()")}
