"""A protection is switched off on a live project, and nobody touches anything: people know, a plan is proven, and the gate is shut."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import yaml

from platformkit_pipeline.control_plane.connection import Connection, connect
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.operations.local_platform import dagster_url
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_user
from platformkit_pipeline.sandbox.webhooks import Webhooks, serve_webhooks
from platformkit_pipeline_tests.cli.program import command_line, environment_of, platformkit

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(600)]

SHOP = "shop-production"
WEB = "https://dagster.example.com"
_MINUTES_SECONDS = 180.0
"""From the change to the shut gate."""
_VERDICTS = """
select g.verdict from ops.gate_decisions g join ops.targets t using (target_id)
 where t.name = %s and g.gate = 'deploy' order by g.decided_at
"""
_PROOFS = """
select p.proof from ops.remediation_patches p join ops.targets t using (target_id)
 where t.name = %s and p.rule = 'RLS001' and p.kind = 'sql' order by p.created_at desc limit 1
"""


@dataclass
class Live:
    """A served platform with one project in production, as CI and people see it."""

    project: Dsn
    control_plane: Connection
    webhooks: Webhooks
    environment: Mapping[str, str]
    settings: Path
    log: Path
    seconds: dict[str, float] = field(default_factory=dict)

    def rows(self, query: str) -> list[str]:
        found = [str(row[0]) for row in self.control_plane.execute(query.encode(), (SHOP,)).fetchall()]
        self.control_plane.rollback()
        return found

    def alter(self, statement: str) -> None:
        with psycopg.connect(self.project.reveal(), autocommit=True) as connection:
            connection.execute("set role postgres")
            connection.execute(statement.encode())

    def messages(self) -> list[str]:
        return [post.document["text"] for post in self.webhooks.taken("/mattermost")]

    def until(self, what: str, holds: Callable[[], bool], *, since: float, seconds: float = _MINUTES_SECONDS) -> None:
        while not holds():
            if time.monotonic() - since > seconds:
                pytest.fail(f"in vain within {seconds:.0f} s: {what}; {self.rows(_VERDICTS)}, {self.messages()}, {self.log}")
            time.sleep(0.5)
        self.seconds[what] = round(time.monotonic() - since, 1)


@pytest.fixture
def live(admin_dsn: Dsn, control_plane_template: str, well_kept: Dsn, tmp_path: Path) -> Iterator[Live]:
    control_plane = create_database(admin_dsn, "autopilot_control_plane", template=control_plane_template)
    storage = create_database(admin_dsn, "autopilot_storage")
    pipeline = with_user(control_plane, "platformkit_pipeline")
    with serve_webhooks() as webhooks, connect(pipeline) as connection:
        settings = tmp_path / "platformkit.yaml"
        hooks = {"mattermost": {"webhook_env": "MATTERMOST_HOOK"}, "n8n": {"webhook_env": "N8N_HOOK"}, "web_url": WEB}
        project = {"name": SHOP, "environment": "production", "owners": ["team:shop"], "database": {"dsn_env": "SHOP_URL"}}
        settings.write_text(yaml.safe_dump({"projects": [project], "notifications": hooks}), encoding="utf-8")
        environment = environment_of(
            {
                "PYTHONWARNINGS": "ignore",  # of the served program, not of ours
                "PLATFORMKIT_HOME": str(tmp_path / "home"),
                "PLATFORMKIT_SETTINGS": str(settings),
                "PLATFORMKIT_DATABASE_URL": pipeline.reveal(),
                "PLATFORMKIT_DAGSTER_DATABASE_URL": dagster_url(storage),
                "SHOP_URL": well_kept.reveal(),
                "MATTERMOST_HOOK": f"{webhooks.address}/mattermost",
                "N8N_HOOK": f"{webhooks.address}/n8n",
            }
        )
        log = tmp_path / "up.log"
        with log.open("w") as kept:
            process = subprocess.Popen(command_line("up", "--settings", str(settings), "--port", "0"), env=environment, stderr=kept)
        try:
            yield Live(well_kept, connection, webhooks, environment, settings, log)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
    for name in ("autopilot_control_plane", "autopilot_storage"):
        drop_database(admin_dsn, name)


def test_a_protection_that_is_switched_off_is_told_planned_and_shuts_the_gate_until_it_is_mended(live: Live, tmp_path: Path) -> None:
    live.until("first scan, gate open", lambda: live.rows(_VERDICTS)[-1:] == ["yes"], since=time.monotonic())
    assert live.messages() == []

    changed = time.monotonic()
    live.alter("alter table public.orders disable row level security")
    live.until("gate shut", lambda: live.rows(_VERDICTS)[-1:] == ["no"], since=changed)
    live.until("message at Mattermost", lambda: live.messages() != [], since=changed)
    live.until("plan proven", lambda: live.rows(_PROOFS) == ["proven"], since=changed)
    [message] = live.messages()
    for said in ("RLS001", "public.orders", "shop", WEB):
        assert said in message.replace("\\", "")

    plan = tmp_path / "plan.json"
    planned = platformkit("plan", "--target", SHOP, "--format", "json", "--output", str(plan), env=live.environment)
    assert planned.returncode == 0, planned.stderr
    arguments = ("--target", SHOP, "--approved-by", "ada", "--reason", "SEC-17", "--environment", "production")
    applied = platformkit("apply", str(plan), *arguments, env=live.environment)
    assert applied.returncode == 0, applied.stderr

    mended = time.monotonic()
    live.until("gate open again", lambda: live.rows(_VERDICTS)[-1:] == ["yes"], since=mended)
    live.until("recovery at Mattermost", lambda: len(live.messages()) > 1, since=mended)
    assert len(live.messages()) == 2
    assert [post.document["type"] for post in live.webhooks.taken("/n8n")] == ["finding.critical", "finding.critical.settled"]
    print(json.dumps(live.seconds))
