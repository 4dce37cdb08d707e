"""Ask kingfisher about files: its own rules and ours, inline suppressions off, no network, values redacted.

It says where something stands; what stands there is read by whoever asked, who has the file.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from platformkit_pipeline.introspection.repository.programs import find_program
from platformkit_pipeline.locations import home_directory

VERSION = "2.14.0"
TIMEOUT_SECONDS = 180
MAX_FINDINGS = 20_000
RULES = Path(__file__).parent / "secret_rules"
_PROGRAM = "kingfisher"
_FOUND, _CLEAN = 200, 0
_MAX_LINE = 1 << 20
_OPTIONS = (
    *("--redact", "--no-validate", "--no-update-check", "--no-ignore", "-c", "low", "--format", "jsonl", "--no-dedup", "--quiet"),
    *("--git-history", "none", "--no-extract-archives", "--max-file-size", "0"),
)


class KingfisherError(Exception):
    """Why there is no answer, as the rest of a sentence about kingfisher. Never holds what it printed."""


@dataclass(frozen=True, slots=True)
class Hit:
    """`name` of the file, line from 1, first and last byte in it from 0; a hit of many lines ends on another line."""

    name: str
    rule: str
    line: int
    first: int
    last: int


def ask_kingfisher(folder: Path) -> tuple[Hit, ...]:
    """What it finds in the files of a folder of ours. Raises KingfisherError when it is missing, fails or does not answer."""
    program = find_program(_PROGRAM)
    if program is None:
        raise KingfisherError("is not installed; `pip install kingfisher-bin` puts it beside this program")
    with tempfile.TemporaryDirectory(prefix="platformkit-kingfisher-") as place:
        answer = Path(place) / "answer.jsonl"
        command = [program, "scan", str(folder), "--rules-path", str(RULES), *_OPTIONS]
        try:
            with answer.open("wb") as output:
                code = _run(command, Path(place), output)
        except OSError as error:
            raise KingfisherError(f"could not be run: {error.strerror or type(error).__name__}") from None
        if code not in (_FOUND, _CLEAN):
            raise KingfisherError(f"ended with {code}, which says that it failed")
        with answer.open("rb") as lines:
            return _read(lines, found=code == _FOUND)


def rule_cache() -> Path:
    """Where compiled rules are kept: compiling takes seconds. `KF_RULE_CACHE_DIR`, else below PLATFORMKIT_HOME."""
    return Path(os.environ.get("KF_RULE_CACHE_DIR") or home_directory() / "cache" / "kingfisher")


def _run(command: list[str], place: Path, output: IO[bytes]) -> int:
    """Exit code. The environment holds nothing of ours; a proxy that is none keeps it off the network, whatever it tries."""
    nowhere = "http://127.0.0.1:9"
    environment = {
        **{"PATH": os.defpath, "HOME": str(place), "TMPDIR": str(place), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"},
        **{"KF_RULE_CACHE_DIR": str(rule_cache()), "HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "ALL_PROXY": nowhere},
    }
    rule_cache().mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        command,
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise KingfisherError(f"did not answer within {TIMEOUT_SECONDS} seconds") from None
    finally:
        if process.poll() is None:  # whatever ended the waiting: its children end with it
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _read(lines: IO[bytes], *, found: bool) -> tuple[Hit, ...]:
    hits: list[Hit] = []
    complete = False
    for document in _documents(lines):
        if "finding" in document:
            hits.append(_hit(document))
            if len(hits) > MAX_FINDINGS:
                raise KingfisherError(f"found more than {MAX_FINDINGS} places, and no more are read")
        if "audit" in document:
            complete = _is_complete(document["audit"])
    if not complete or (found and not hits):
        raise KingfisherError(f"gave an answer of another form than that of version {VERSION}")
    return tuple(hits)


def _is_complete(audit: Any) -> bool:
    """It has a word for having read only a part."""
    summary = audit.get("summary") if isinstance(audit, dict) else None
    if not isinstance(summary, dict):
        return False
    if any(summary.get(key) for key in ("scan_partial", "scan_failed", "pending")):
        raise KingfisherError("read only a part of the files")
    return bool(summary.get("scan_succeeded"))


def _documents(lines: IO[bytes]) -> Iterator[dict[str, Any]]:
    while line := lines.readline(_MAX_LINE):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except ValueError:
            raise KingfisherError("gave an answer that is no JSON") from None
        if isinstance(document, dict):
            yield document


def _hit(document: dict[str, Any]) -> Hit:
    try:
        finding = document["finding"]
        name = Path(finding["path"]).name
        rule = str(document["rule"]["id"]).rpartition(".")[2]
        return Hit(name, rule, int(finding["line"]), int(finding["column_start"]), int(finding["column_end"]))
    except (KeyError, TypeError, ValueError):
        raise KingfisherError(f"gave an answer of another form than that of version {VERSION}") from None
