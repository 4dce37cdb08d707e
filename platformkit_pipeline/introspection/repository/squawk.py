"""Ask squawk about migrations: with its suppressions switched off, in few runs, and on copies of the texts.

The copies lie in a folder of our own, so neither a `.squawk.toml` of the repository nor a file's name can change what is asked.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from platformkit_pipeline.introspection.repository.programs import ProgramFailed, answer_of, find_program
from platformkit_pipeline.model.migration import SquawkFinding, SquawkReport

TIMEOUT_SECONDS = 120
BATCH = 500
"""Files per run: squawk takes microseconds per file, a process milliseconds; the list must fit on a command line."""
INCLUDED = ("ban-disable-trigger", "ban-alter-system-options")
"""Opt-in rules that are asked for as well: a trigger that is off keeps no audit log, and a server's settings are no project's."""
_PROGRAM = "squawk"
_BUILT_IN = re.compile(r"\bpg_catalog\.(?=now\(\))", re.IGNORECASE)
_OK = (0, 1)
_CONFIGURATION = "none.toml"


class _AnswerError(Exception):
    """Why squawk gave no answer, as the rest of a sentence."""


def ask_squawk(texts: Mapping[str, str], *, outside_transactions: frozenset[str] = frozenset(), server_major: int = 15) -> SquawkReport:
    """What squawk says about `texts` (by path), from which the caller has taken suppressing comments.

    Files named in `outside_transactions` are not taken to be run in one transaction each. A squawk that is missing or does
    not answer is told in `unavailable`: nothing is known then.
    """
    if not texts:
        return SquawkReport()
    program = find_squawk()
    if program is None:
        return SquawkReport(unavailable="it is not installed; `pip install squawk-cli` puts it beside this program")
    findings: list[SquawkFinding] = []
    try:
        with tempfile.TemporaryDirectory(prefix="platformkit-squawk-") as folder:
            (Path(folder) / _CONFIGURATION).write_text("", encoding="utf-8")
            for together in (True, False):
                paths = [path for path in texts if (path not in outside_transactions) is together]
                for start in range(0, len(paths), BATCH):
                    batch = {path: texts[path] for path in paths[start : start + BATCH]}
                    findings += _asked(program, Path(folder), batch, together, server_major)
    except _AnswerError as error:
        return SquawkReport(unavailable=str(error))
    except OSError as error:
        return SquawkReport(unavailable=f"it could not be run: {error.strerror or type(error).__name__}")
    return SquawkReport(tuple(sorted(set(findings), key=lambda f: (f.path, f.line, f.column, f.rule, f.message))))


def find_squawk() -> str | None:
    """The program that was installed with this one, else the one on PATH."""
    return find_program(_PROGRAM)


def _asked(program: str, folder: Path, batch: Mapping[str, str], together: bool, server_major: int) -> Iterator[SquawkFinding]:
    names = {f"{number:05}.sql": path for number, path in enumerate(batch)}
    for name, path in names.items():
        # squawk takes pg_catalog.now() for a volatile function of somebody's; blanks leave lines and columns where they are
        (folder / name).write_text(_BUILT_IN.sub(lambda m: " " * len(m[0]), batch[path]), encoding="utf-8", newline="")
    command = [program, "--config", _CONFIGURATION, "--reporter", "json", "--pg-version", str(server_major)]
    command += ["--assume-in-transaction"] if together else ["--no-assume-in-transaction"]
    for rule in INCLUDED:
        command += ["--include", rule]
    for said in _answer([*command, *names], folder):
        path = names[str(said["file"])]
        yield SquawkFinding(path, int(said["line"]) + 1, int(said["column"]), said["rule_name"], said["message"], said["help"] or "")


def _answer(command: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    try:
        printed = answer_of(command, folder, codes=_OK, timeout=TIMEOUT_SECONDS)
    except ProgramFailed as failed:
        raise _AnswerError(f"it {failed}") from None
    try:
        answer = json.loads(printed or b"[]")
    except ValueError:
        raise _AnswerError("its answer is no JSON") from None
    if not isinstance(answer, list) or not all(isinstance(said, dict) and {"file", "line", "rule_name"} <= said.keys() for said in answer):
        raise _AnswerError("its answer has another form than that of squawk 2.70")
    return answer
