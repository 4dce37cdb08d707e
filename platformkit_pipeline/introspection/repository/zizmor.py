"""Ask zizmor about workflows and actions: offline, with its suppressions switched off, and on copies of the files.

The copies lie in a folder of our own under names of our own, so neither a `zizmor.yml` of the repository nor a file's name
can change what is asked.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformkit_pipeline.introspection.repository.programs import find_program
from platformkit_pipeline.model.repository.workflows import WorkflowWeakness
from platformkit_pipeline.model.result import Severity

TIMEOUT_SECONDS = 60
MAX_ANSWER_BYTES = 64 * 1024 * 1024
_ANSWER = "answer.json"
_PROGRAM = "zizmor"
_WITH_FINDINGS = (0, 10, 11, 12, 13, 14)
_SEVERITY = {"High": Severity.HIGH, "Medium": Severity.MEDIUM, "Low": Severity.LOW, "Informational": Severity.LOW, "Unknown": Severity.LOW}
_COMPLETED = re.compile(r"completed (\S+)")
_LONGEST = 300
_MOST_KEPT = 16


@dataclass(frozen=True, slots=True)
class ZizmorReport:
    """`unavailable`: why nothing is known at all. `unaudited`: files about which nothing is known, with the reason."""

    weaknesses: tuple[WorkflowWeakness, ...] = ()
    unavailable: str = ""
    unaudited: Mapping[str, str] = field(default_factory=dict)


_Asked = tuple[str, int, tuple[tuple[str, str], ...]]
_answered: dict[_Asked, ZizmorReport] = {}
"""Of this process: the trials of a plan's patches ask about the same workflows again and again."""


class _AnswerError(Exception):
    """Why zizmor gave no answer, as the rest of a sentence."""


def ask_zizmor(texts: Mapping[str, str]) -> ZizmorReport:
    """What zizmor says about workflows and actions, by path."""
    if not texts:
        return ZizmorReport()
    program = find_program(_PROGRAM)
    if program is None:
        return ZizmorReport(unavailable="zizmor is not installed; `pip install zizmor` puts it beside this program")
    asked: _Asked = (program, TIMEOUT_SECONDS, tuple(sorted(texts.items())))
    if asked in _answered:
        return _answered[asked]
    report = _asked(program, texts)
    if not report.unavailable:
        _keep(asked, report)
    return report


def _keep(asked: _Asked, report: ZizmorReport) -> None:
    if len(_answered) >= _MOST_KEPT:
        del _answered[next(iter(_answered))]
    _answered[asked] = report


def _asked(program: str, texts: Mapping[str, str]) -> ZizmorReport:
    try:
        with tempfile.TemporaryDirectory(prefix="platformkit-zizmor-") as folder:
            copies = dict(_copies(Path(folder), texts))
            said, completed = _answer(program, Path(folder), tuple(copies))
            weaknesses = tuple(sorted(_weaknesses(said, copies)))
    except _AnswerError as error:
        return ZizmorReport(unavailable=f"zizmor gave no answer: {error}")
    except OSError as error:
        return ZizmorReport(unavailable=f"zizmor could not be run: {error.strerror or type(error).__name__}")
    missing = [path for copy, path in copies.items() if copy not in completed]
    return ZizmorReport(weaknesses, unaudited=dict.fromkeys(missing, "zizmor could not read it"))


def _copies(folder: Path, texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Write the copies; yields the name of each with the path that it stands for."""
    for number, (path, text) in enumerate(sorted(texts.items())):
        is_action = not path.startswith(".github/workflows/")
        name = f"actions/{number:05}/action.yml" if is_action else f".github/workflows/{number:05}.yml"
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
        yield name, path


def _answer(program: str, folder: Path, names: Sequence[str]) -> tuple[list[dict[str, Any]], set[str]]:
    command = [program, "--offline", "--no-config", "--no-ignores", "--no-progress", "--format", "json-v1", "--persona", "regular"]
    command += ["--color", "never", *names]
    # Its own variables could name a token, a configuration or another persona.
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    answered = folder / _ANSWER
    try:
        with answered.open("wb") as file:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise _AnswerError(f"it took longer than {TIMEOUT_SECONDS} seconds") from None
    told = done.stderr.decode(errors="replace")
    if done.returncode not in _WITH_FINDINGS:
        # With a file that it cannot read it gives up on all of them only when there is no other.
        if done.returncode == 3 or "no audit was performed" in told:
            return [], set()
        raise _AnswerError(f"it ended with {done.returncode}")
    if answered.stat().st_size > MAX_ANSWER_BYTES:
        raise _AnswerError(f"it found more than fits in {MAX_ANSWER_BYTES} bytes")
    try:
        answer = json.loads(answered.read_bytes() or b"[]")
    except ValueError:
        raise _AnswerError("its answer is no JSON") from None
    if not isinstance(answer, list) or not all(
        isinstance(said, dict) and {"ident", "determinations", "locations"} <= said.keys() for said in answer
    ):
        raise _AnswerError("its answer has another form than that of zizmor 1.32")
    return answer, set(_COMPLETED.findall(told))


def _weaknesses(said: Sequence[dict[str, Any]], copies: Mapping[str, str]) -> Iterator[WorkflowWeakness]:
    seen: Counter[tuple[str, str, str]] = Counter()
    for finding in sorted(said, key=_order):
        primary = _primary(finding)
        symbolic, concrete = primary["symbolic"], primary["concrete"]
        path = copies[symbolic["key"]["Local"]["verbatim_path"]]
        route = "/".join(str(next(iter(part.values()))) for part in symbolic["route"]["route"])[:_LONGEST]
        place = (path, finding["ident"], route)
        seen[place] += 1
        yield WorkflowWeakness(
            path=path,
            audit=finding["ident"],
            where=route,
            number=seen[place],
            severity=_SEVERITY.get(finding["determinations"]["severity"], Severity.LOW),
            confidence=str(finding["determinations"]["confidence"]).lower(),
            line=int(concrete["location"]["start_point"]["row"]) + 1,
            message=str(finding["desc"])[:_LONGEST],
            note=str(symbolic["annotation"])[:_LONGEST],
            url=str(finding.get("url", ""))[:_LONGEST],
        )


def _primary(finding: Mapping[str, Any]) -> Mapping[str, Any]:
    locations: list[Mapping[str, Any]] = finding["locations"]
    return next((location for location in locations if location["symbolic"]["kind"] == "Primary"), locations[0])


def _order(finding: Mapping[str, Any]) -> tuple[str, str, int]:
    primary = _primary(finding)
    return primary["symbolic"]["key"]["Local"]["verbatim_path"], finding["ident"], primary["concrete"]["location"]["start_point"]["row"]
