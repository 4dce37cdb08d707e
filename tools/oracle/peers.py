"""The two peers: where they are installed, how they are asked, and their answers in one form.

- The Supabase CLI (npm package `supabase`) runs splinter's lints: `supabase db advisors`. It is started against a server over
  TCP. The exposed schemas must be set on role authenticator, or nine of its lints answer nothing.
- pgrls (PyPI) imports a parser under the GPL, so it lives in an environment of its own and is only ever started as a program.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
HOME = ROOT / ".oracle"
SUPABASE_VERSION = "3.1.0"
PGRLS_VERSION = "0.57.1"
PGRLS_LOCK = Path(__file__).resolve().parent / "pgrls.txt"

SPLINTER = "splinter"
PGRLS = "pgrls"

_PATIENCE = 300.0


class OracleError(Exception):
    """A peer is missing or did not do its work; the message says which and why."""


@dataclass(frozen=True, slots=True, order=True)
class PeerFinding:
    """One thing that a peer said. `place` is what it names: `schema.relation`, a function, a role, an extension."""

    peer: str
    lint: str
    place: str
    text: str = ""


def install() -> None:
    """Make `.oracle/` hold both peers in the pinned versions; nothing happens when it already does."""
    HOME.mkdir(exist_ok=True)
    stamp = HOME / "stamp"
    wanted = f"supabase {SUPABASE_VERSION}\npgrls {PGRLS_VERSION}\n{PGRLS_LOCK.read_text(encoding='utf-8')}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    stamp.unlink(missing_ok=True)
    npm = shutil.which("npm")
    if npm is None:
        raise OracleError("npm is needed to install the Supabase CLI; install Node.js")
    print(f"installing supabase {SUPABASE_VERSION} and pgrls {PGRLS_VERSION} into {HOME.name}/", file=sys.stderr)
    (HOME / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    # no lock file: npm writes download addresses into it, and where packages come from is the machine's business
    _install(npm, "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", f"supabase@{SUPABASE_VERSION}", cwd=HOME)
    _install(sys.executable, "-m", "venv", "--clear", str(HOME / "pgrls"), cwd=HOME)
    python = str(HOME / "pgrls" / "bin" / "python")
    _install(python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", str(PGRLS_LOCK), cwd=HOME)
    stamp.write_text(wanted, encoding="utf-8")


def _install(*command: str, cwd: Path) -> None:
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=900)
    if ended.returncode:
        raise OracleError(f"{' '.join(command[:3])} failed:\n{(ended.stdout + ended.stderr)[-2000:]}")


def ask_splinter(url: str) -> list[PeerFinding]:
    """What `supabase db advisors` says of the database behind a TCP URL."""
    program = HOME / "node_modules" / ".bin" / "supabase"
    command = [str(program), "db", "advisors", f"--remote={url}", "-o", "json", "--level", "info", "--fail-on", "none", "--agent", "no"]
    ended = _ask(command, {})
    if ended.returncode or ended.stderr.count("failed to"):
        raise OracleError(f"supabase db advisors ended with {ended.returncode}: {(ended.stdout + ended.stderr)[-1000:]}")
    return list(splinter_findings(ended.stdout))


def splinter_findings(output: str) -> Iterator[PeerFinding]:
    """Out of what the CLI prints: a line for people, then one JSON list; `No issues found` instead of an empty one."""
    start = output.find("[")
    if start < 0:
        return
    entries: list[dict[str, Any]]
    entries, _ = json.JSONDecoder().raw_decode(output, start)
    for entry in entries:
        about: dict[str, Any] = entry["metadata"]
        schema, name = about.get("schema"), about.get("name") or about.get("extension_name")
        place = f"{schema}.{name}" if schema and about.get("type") != "extension" else str(name)
        yield PeerFinding(SPLINTER, entry["name"], place, entry["detail"])


def ask_pgrls(url: str, schemas: tuple[str, ...]) -> list[PeerFinding]:
    """What `pgrls lint` says of some schemas of a database."""
    program = HOME / "pgrls" / "bin" / "pgrls"
    ended = _ask([str(program), "lint", "--schemas", ",".join(schemas), "--format", "json"], {"DATABASE_URL": url})
    try:
        return list(pgrls_findings(ended.stdout))
    except (ValueError, KeyError) as error:
        raise OracleError(f"pgrls lint ended with {ended.returncode}: {(ended.stdout + ended.stderr)[-1000:]}") from error


def pgrls_findings(output: str) -> Iterator[PeerFinding]:
    for entry in json.loads(output)["violations"]:
        yield PeerFinding(PGRLS, entry["rule_id"], entry["location"] or "", entry["message"])


def _ask(command: list[str], more: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return subprocess.run(
        command,
        cwd=HOME,
        env={**environment, "LC_ALL": "C.UTF-8", "SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", **more},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=_PATIENCE,
    )
