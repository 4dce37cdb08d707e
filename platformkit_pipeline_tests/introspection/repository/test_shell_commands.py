"""Commands of a shell script, and whether their failure counts."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from platformkit_pipeline.introspection.repository.shell_commands import Shell, commands_of

ERREXIT = Shell(exit_on_error=True)
STRICT = Shell(exit_on_error=True, pipefail=True)


def counting(script: str, shell: Shell = ERREXIT) -> list[str]:
    """First words of the commands whose failure fails the script."""
    return [command.words[0] for command in commands_of(script, shell) if command.words and not command.tolerated]


@pytest.mark.parametrize(
    ("script", "shell", "expected"),
    [
        ("ruff check .\nmypy src", ERREXIT, ["ruff", "mypy"]),
        ("ruff check .; mypy src", Shell(), ["mypy"]),
        ("set -e\nruff check .; mypy src", Shell(), ["ruff", "mypy"]),
        ("set -euo pipefail\npytest | tee log", Shell(), ["pytest", "tee"]),
        ("set +e\nruff check .\nmypy src", ERREXIT, ["mypy"]),
        ("pytest || true", ERREXIT, []),
        ("pytest | tee log", ERREXIT, ["tee"]),
        ("pytest | tee log", STRICT, ["pytest", "tee"]),
        ("ruff check . && mypy src", ERREXIT, ["ruff", "mypy"]),
        ("ruff check . && mypy src\necho done", ERREXIT, ["mypy", "echo"]),
        ("ruff check . &&\n  mypy src", ERREXIT, ["ruff", "mypy"]),
        ("if ruff check .; then echo fine; fi", ERREXIT, ["echo"]),
        ("! ruff check .", ERREXIT, []),
        ("pytest &\nwait", ERREXIT, ["wait"]),
        ("# ruff check .\nmypy src # pytest", ERREXIT, ["mypy"]),
        ("cat <<EOF\nruff check .\nEOF\nmypy src", ERREXIT, ["cat", "mypy"]),
        ("echo 'ruff; mypy' \"pytest && x\"", ERREXIT, ["echo"]),
        ("pytest \\\n  --cov", ERREXIT, ["pytest"]),
        ("pytest >log 2>&1", ERREXIT, ["pytest"]),
        ("(cd src && pytest)", ERREXIT, ["cd", "pytest"]),
    ],
)
def test_a_command_counts_when_its_failure_fails_the_script(script: str, shell: Shell, expected: list[str]) -> None:
    assert counting(script, shell) == expected


@pytest.mark.parametrize(
    "lines",
    [
        "f\nt",
        "f; t",
        "f && t",
        "f && t; t",
        "t && f",
        "t && f; t",
        "f || t",
        "f | t",
        "t | f",
        "! f",
        "if f; then t; fi",
        "t; f",
        "f & wait",
    ],
)
@pytest.mark.parametrize("flags", ["-e", "", "-eo pipefail"])
def test_bash_agrees_on_whether_a_failing_command_fails_the_script(lines: str, flags: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, *flags.split(), "-c", f"f() {{ false; }}\nt() {{ true; }}\n{lines}"], check=False)
    shell = Shell(exit_on_error="-e" in flags, pipefail="pipefail" in flags)
    fails = any(command.words[0] == "f" and not command.tolerated for command in commands_of(lines, shell))
    assert fails is (done.returncode != 0)


def test_a_command_in_a_branch_need_not_run() -> None:
    found = {c.words[0]: c.conditional for c in commands_of("if [ -f x ]; then\n  pytest\nfi\nmypy src", ERREXIT) if c.words}
    assert found == {"pytest": True, "mypy": False}


def test_words_keep_what_is_quoted_and_computed_together() -> None:
    [command] = commands_of("A=1 \"$(BIN)/ruff\" check 'a b' ${X:-y z}", ERREXIT)
    assert command.words == ("$(BIN)/ruff", "check", "a b", "${X:-y z}")
    assert command.assignments == ("A=1",)


@pytest.mark.parametrize("script", ["'" * 100_001, "$(" * 50_000, "a && " * 50_000, "if " * 50_000, "#" * 1_000_000, "<<EOF\n" * 10_000])
def test_a_hostile_script_is_read_in_bounded_time(script: str) -> None:
    assert len(list(commands_of(script, ERREXIT))) <= 2_000
