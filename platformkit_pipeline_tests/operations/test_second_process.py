"""Work beside: done in a copy where that is safe, here where it is not, and always with the same result."""

from __future__ import annotations

import subprocess
import sys

import pytest

from platformkit_pipeline.operations.second_process import done_beside

PRELUDE = """
import os, signal
from platformkit_pipeline.operations.second_process import done_beside
me = os.getpid()
"""


def run(program: str) -> str:
    """Run by an interpreter of its own: the test runner has threads, beside which no copy is made."""
    done = subprocess.run([sys.executable, "-c", PRELUDE + program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.strip()


def test_a_copy_does_the_work_and_gives_the_result() -> None:
    assert run("with done_beside(lambda: (os.getpid() != me, 'x' * 500_000)) as result: away, text = result()\nprint(away, len(text))") == (
        "True 500000" if (sys.platform == "linux") else "False 500000"
    )


def test_work_that_fails_in_the_copy_is_done_here() -> None:
    program = """
def work():
    if os.getpid() != me:
        raise SystemExit(3)
    return 'here'
with done_beside(work) as result: print(result())
"""
    assert run(program) == "here"


def test_a_copy_that_is_killed_is_nobodys_loss() -> None:
    program = """
def work():
    if os.getpid() != me:
        os.kill(os.getpid(), signal.SIGKILL)
    return 'here'
with done_beside(work) as result: print(result())
"""
    assert run(program) == "here"


def test_nothing_is_left_when_the_result_is_not_asked_for() -> None:
    program = """
import time
try:
    with done_beside(lambda: time.sleep(60)) as result:
        raise KeyError('no')
except KeyError:
    pass
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print('none')
"""
    assert run(program) == "none"


def test_an_error_of_the_work_is_raised_here() -> None:
    with done_beside(lambda: 1 // 0) as result, pytest.raises(ZeroDivisionError):
        result()


def test_where_no_process_can_be_made_the_work_is_done_here() -> None:
    program = """
def refused():
    raise BlockingIOError(11, 'Resource temporarily unavailable')
os.fork = refused
before = len(os.listdir('/dev/fd'))
with done_beside(lambda: 'here') as result: print(result(), len(os.listdir('/dev/fd')) - before)
"""
    assert run(program) == "here 0"


@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda *_: os.waitpid(-1, os.WNOHANG)"])
def test_no_copy_is_made_where_its_end_would_be_told_to_somebody_else(handler: str) -> None:
    program = f"""
signal.signal(signal.SIGCHLD, {handler})
for _ in range(3):
    with done_beside(lambda: os.getpid() == me) as result: print(result(), end=' ')
    with done_beside(lambda: 'unasked'): pass
"""
    assert run(program) == "True True True"
