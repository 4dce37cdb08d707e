from __future__ import annotations

from importlib import import_module

import pytest
import typer

from platformkit_pipeline import __version__
from platformkit_pipeline.cli.main import COMMANDS, module_of
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.cli.program import platformkit


def test_the_version_is_printed() -> None:
    done = platformkit("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"platformkit {__version__}\n", "")


def test_the_list_of_commands_needs_none_of_them(program: Program) -> None:
    done = program("--help")
    assert done.code == 0
    for name, help_line in COMMANDS.items():
        assert any(line.split() == [name, *help_line.split()] for line in done.stdout.splitlines())


def test_without_a_command_the_program_explains_itself(program: Program) -> None:
    assert program() == program("--help")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(program: Program, name: str) -> None:
    done = program(name, "--help")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: platformkit {name} [OPTIONS]")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_an_app_of_its_module(name: str) -> None:
    assert isinstance(import_module(module_of(name)).app, typer.Typer)


def test_an_unknown_command_is_wrong_input_and_its_neighbour_is_named(program: Program) -> None:
    done = program("scna")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == "error: No such command 'scna'. Did you mean 'scan'?\nTry 'platformkit --help'.\n"


def test_an_unknown_option_is_wrong_input_and_help_is_named(program: Program) -> None:
    done = program("scan", "--nonsense")
    assert done.code == 2
    assert done.stderr.endswith("Try 'platformkit scan --help'.\n")


def test_a_connection_string_in_the_wrong_place_is_not_repeated() -> None:
    done = platformkit("scan", "postgresql://me:hunter2@db/shop")
    assert (done.returncode, done.stdout) == (2, "")
    assert "hunter2" not in done.stderr


def test_an_unknown_log_level_is_wrong_input(program: Program) -> None:
    done = program("--log-level", "loud", "rules")
    assert (done.code, done.stdout) == (2, "")
    assert "log level 'LOUD' is not one of DEBUG, INFO, WARN, ERROR, FATAL" in done.stderr
