"""`relay` and `dead-letters`, as sub-commands of a program."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import typer

from platformkit_pipeline.cli.connector_delivery import dead_letters_app, relay
from platformkit_pipeline.cli.failures import exit_code_of
from platformkit_pipeline.control_plane.connection import Connection
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.event import Event
from platformkit_pipeline.operations.hand_out_events import hand_out
from platformkit_pipeline.sandbox.webhooks import Answer, Webhooks, serve_webhooks
from platformkit_pipeline_tests.cli.conftest import Outcome
from platformkit_pipeline_tests.cli.program import UNMEASURED, environment_of

HOOK = "/hooks/very-secret"
PROGRAM = """
import typer
from platformkit_pipeline.cli.connector_delivery import dead_letters_app, relay
app = typer.Typer()
app.command("relay")(relay)
app.add_typer(dead_letters_app, name="dead-letters")
"""
Command = Callable[..., Outcome]


@pytest.fixture
def webhooks() -> Iterator[Webhooks]:
    with serve_webhooks() as served:
        yield served


@pytest.fixture
def variables(tmp_path: Path, webhooks: Webhooks, pipeline_dsn: Dsn) -> dict[str, str]:
    settings = tmp_path / "platformkit.yaml"
    settings.write_text("notifications: {mattermost: {webhook_env: CHAT_HOOK}}\n")
    return {
        "PLATFORMKIT_SETTINGS": str(settings),
        "CHAT_HOOK": webhooks.address + HOOK,
        "PLATFORMKIT_DATABASE_URL": pipeline_dsn.reveal(),
    }


@pytest.fixture
def command(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    app = typer.Typer()
    app.command("relay")(relay)
    app.add_typer(dead_letters_app, name="dead-letters")

    def call(*arguments: str) -> Outcome:
        code = exit_code_of(lambda: app(args=list(arguments), standalone_mode=False), list(arguments))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


def publish(connection: Connection) -> Event:
    event = Event(str(uuid4()), "target", "shop", "parity.regressed", {"target": "shop"})
    hand_out(connection, ("mattermost",), [event])
    connection.commit()
    return event


def test_once_delivers_what_is_due_and_says_so(command: Command, pipeline: Connection, webhooks: Webhooks) -> None:
    publish(pipeline)
    done = command("relay", "--once")
    assert (done.code, done.stdout) == (0, "mattermost: 1 delivered, 0 postponed, 0 given up\n")
    assert len(webhooks.taken(HOOK)) == 1


def test_what_was_given_up_is_listed_and_sent_again(command: Command, pipeline: Connection, webhooks: Webhooks) -> None:
    event = publish(pipeline)
    webhooks.order(HOOK, Answer(404, body=f"no hook at {HOOK}"))
    done = command("relay", "--once")
    assert (done.code, done.stdout) == (1, "mattermost: 0 delivered, 0 postponed, 1 given up\n")
    listed = command("dead-letters", "list", "--format", "json")
    (letter,) = json.loads(listed.stdout)["dead_letters"]
    assert (letter["id"], letter["destination"], letter["attempts"]) == (event.id, "mattermost", 1)
    assert letter["reason"].startswith("answered 404: no hook at /hooks/***")
    assert event.id in command("dead-letters", "list").stdout
    assert "very-secret" not in listed.stdout + done.stderr
    assert command("dead-letters", "replay", event.id).stdout == "1 put back into the outbox\n"
    assert command("dead-letters", "replay").stdout == "0 put back into the outbox\n"
    assert command("relay", "--once").code == 0
    assert len(webhooks.taken(HOOK)) == 1


def test_wrong_input_is_said_and_changes_nothing(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = command("dead-letters", "replay", "all")
    assert (wrong.code, wrong.stdout) == (2, "")
    assert "is a UUID" in wrong.stderr
    monkeypatch.delenv("CHAT_HOOK")
    unset = command("relay", "--once")
    assert (unset.code, "CHAT_HOOK is not set" in unset.stderr) == (2, True)
    (tmp_path / "none.yaml").write_text("{}\n")
    nowhere = command("relay", "--settings", str(tmp_path / "none.yaml"))
    assert (nowhere.code, "name no destination" in nowhere.stderr) == (2, True)


def test_a_database_of_a_connector_is_reached_by_its_variable(
    command: Command, monkeypatch: pytest.MonkeyPatch, blank_database: Dsn
) -> None:
    monkeypatch.setenv("SHOP_URL", blank_database.reveal())
    done = command("dead-letters", "list", "--dsn-env", "SHOP_URL", "--schema", "delivery")
    assert (done.code, done.stdout) == (3, "")
    assert "delivery.dead_letters" in done.stderr


def test_a_relay_that_is_told_to_end_finishes_what_is_in_hand(variables: dict[str, str], pipeline: Connection, webhooks: Webhooks) -> None:
    publish(pipeline)
    publish(pipeline)
    webhooks.order(HOOK, Answer(delay_seconds=0.5))
    environment = environment_of({**variables, **UNMEASURED})
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM + "app(['relay'])"], env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        while not webhooks.arrived(HOOK) and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert (running.returncode, out, err) == (0, "", "")
    rows = pipeline.execute("select delivered_at is not null from ops.outbox order by position").fetchall()
    assert rows == [(True,), (False,)]


def test_a_payload_that_is_no_object_is_listed_all_the_same(command: Command, pipeline: Connection) -> None:
    pipeline.execute(
        "insert into ops.dead_letters"
        " (id, position, aggregatetype, aggregateid, type, payload, headers, attempts, reason, published_at, died_at)"
        " values (gen_random_uuid(), 1, 'order', '1', 'paid', '[1, 2]', '{}', 1, 'wrong', now(), now())"
    )
    pipeline.commit()
    listed = command("dead-letters", "list", "--format", "json")
    assert [letter["payload"] for letter in json.loads(listed.stdout)["dead_letters"]] == [[1, 2]]
