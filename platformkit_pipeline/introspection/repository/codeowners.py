"""Read CODEOWNERS as GitHub does, and work out which critical files have owners."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.model.repository.codeowners import CODEOWNERS_PLACES, Codeowners, CodeownersFault, PathCoverage
from platformkit_pipeline.model.repository.path_patterns import matches, pattern_fault

CRITICAL = ("/.github/", "/supabase/migrations/", "/spec/", "/.platformkit.yaml")
"""What needs an owner in every repository: what guards the rest, and what changes databases and intentions."""
LIMIT = 3 * 1024 * 1024
"""GitHub does not load a larger file."""
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9._-]+)?\Z|[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_BLANK = re.compile(r"(?<!\\)\s+")
_MOST_ENTRIES = 5_000
_MOST_FAULTS = 50
_MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class _Entry:
    pattern: str
    owners: tuple[str, ...]


def observe_codeowners(files: Files, declared: Iterable[str] = ()) -> Codeowners:
    """The file that counts, and the coverage of critical paths: ours and those that the owners declare."""
    present = [path for path in CODEOWNERS_PLACES if path in files]
    critical = tuple(dict.fromkeys((*CRITICAL, *declared)))
    if not present:
        return Codeowners("", coverage=tuple(_coverage(files, critical, ())))
    path, *others = present
    try:
        text = files.text(path, LIMIT)
    except UnreadableError as error:
        return Codeowners(path, others=tuple(others), unreadable=str(error))
    entries: list[_Entry] = []
    faults: list[CodeownersFault] = []
    for number, line in enumerate(text.split("\n"), 1):
        read = _read(line)
        if isinstance(read, str):
            faults.append(CodeownersFault(number, read))
        elif read is not None:
            entries.append(read)
    if len(entries) > _MOST_ENTRIES:
        return Codeowners(path, others=tuple(others), unreadable=f"has more than {_MOST_ENTRIES} entries")
    return Codeowners(
        path=path,
        entries=len(entries),
        owners=tuple(sorted({owner for entry in entries for owner in entry.owners})),
        faults=tuple(faults[:_MOST_FAULTS]),
        coverage=tuple(_coverage(files, critical, entries)),
        others=tuple(others),
    )


def _read(line: str) -> _Entry | str | None:
    """An entry, why the line is left out, or None for a line that says nothing."""
    text = re.sub(r"(?:^|(?<=\s))#.*", "", line).strip()
    if not text:
        return None
    pattern, *owners = _BLANK.split(text)
    pattern = pattern.replace("\\ ", " ")
    if fault := pattern_fault(pattern):
        return f"the pattern {pattern[:80]} {fault}"
    wrong = [owner for owner in owners if not _OWNER.match(owner)]
    if wrong:
        return f"{wrong[0][:80]} is no owner: expected @user, @organisation/team or an e-mail address"
    return _Entry(pattern, tuple(owners))


def _coverage(files: Files, critical: Iterable[str], entries: Iterable[_Entry]) -> Iterator[PathCoverage]:
    backwards = tuple(entries)[::-1]
    paths = files.paths
    for pattern in critical:
        concerned = [path for path in paths if matches(pattern, path)]
        # The last entry that matches counts, even one without owners.
        owned = {path for path in concerned if next((entry.owners for entry in backwards if matches(entry.pattern, path)), ())}
        unowned = [path for path in concerned if path not in owned]
        yield PathCoverage(pattern, len(concerned), len(unowned), tuple(unowned[:_MOST_EXAMPLES]))
