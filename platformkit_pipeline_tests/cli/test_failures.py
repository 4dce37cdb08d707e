from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from platformkit_pipeline.cli.failures import exit_code_of
from platformkit_pipeline.model.errors import ConfigurationError, TargetUnreachable
from platformkit_pipeline_tests.cli.program import command_line, environment_of


def raising(error: BaseException) -> int:
    def command() -> None:
        raise error

    return exit_code_of(command, ["scan", "--dsn", "postgresql://me:tiger%21@db/shop"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x is wrong"), 2),
        (TargetUnreachable("x is away"), 3),
        (typer.BadParameter("x is odd"), 2),
        (typer.Exit(5), 5),
        (KeyboardInterrupt(), 130),
        (typer.Abort(), 130),
        (RuntimeError("x broke"), 70),
    ],
)
def test_every_kind_of_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert raising(error) == code


def test_an_expected_error_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    raising(TargetUnreachable("shop: connection refused"))
    assert capsys.readouterr() == ("", "error: shop: connection refused\n")


def test_an_unexpected_error_is_one_line_and_how_to_see_more(capsys: pytest.CaptureFixture[str]) -> None:
    raising(RuntimeError("line one\nline two"))
    assert capsys.readouterr().err == (
        "error: unexpected RuntimeError: line one line two\nThis is a fault of platformkit; PLATFORMKIT_DEBUG=1 shows where.\n"
    )


def test_a_traceback_is_shown_on_demand(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_DEBUG", "1")
    assert raising(RuntimeError("x broke")) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("debug", ["0", "1"])
@pytest.mark.parametrize("text", ["tiger!", "tiger%21", "postgresql://me:tiger%21@db/shop", "password=tiger!"])
def test_a_password_that_was_given_appears_in_no_form(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str, debug: str
) -> None:
    monkeypatch.setenv("PLATFORMKIT_DEBUG", debug)
    raising(RuntimeError(f"the server said {text}"))
    assert "tiger" not in capsys.readouterr().err


def test_a_password_of_the_environment_appears_neither(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "host=db user=me password='lion heart'")
    monkeypatch.setenv("PGPASSWORD", "panther")
    raising(RuntimeError("lion heart met panther"))
    assert capsys.readouterr().err.startswith("error: unexpected RuntimeError: *** met ***")


def test_an_interrupted_program_leaves_quietly(tmp_path: Path) -> None:
    """The program waits for a server that accepts the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            command_line("scan", "--dsn-env", "SHOP"),
            env=environment_of({"SHOP": f"postgresql://me:hunter2@127.0.0.1:{port}/shop?connect_timeout=60"}),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        )  # fmt: skip
        connection, _ = listener.accept()
        time.sleep(0.2)  # from connecting to waiting
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
        connection.close()
    assert (process.returncode, out, err) == (130, "", "")


INTERRUPTED_IN_A_FINALIZER = """
import os, signal, sys, time
from platformkit_pipeline.cli.failures import exit_code_of, keep_interrupts

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

def command():
    met = Finalized()
    del met
    time.sleep(30)

keep_interrupts()
sys.exit(exit_code_of(command, []))
"""


def test_an_interrupt_that_meets_a_finalizer_is_not_lost(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IN_A_FINALIZER], capture_output=True, text=True, timeout=25, cwd=tmp_path, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
