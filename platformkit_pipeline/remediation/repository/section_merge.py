"""Lines of one section that several documents say differently, put together so that nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from platformkit_pipeline.introspection.repository.document_drift import tokens_of
from platformkit_pipeline.introspection.repository.markdown import LineKind, closing_fence, kinds_of

_MAX_UNITS = 20_000
"""Above it, two versions stand side by side as wholes: comparing takes time that grows with the square."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A line, or a block of code or a comment as a whole: what is kept or left, never torn apart. Conflicts hold alternatives."""

    key: tuple[str, ...]
    lines: tuple[str, ...]
    alternatives: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    """Who says what, where no one can tell which is right."""


def merged_lines(
    main: Sequence[str], speakers: Sequence[str], others: Mapping[str, Sequence[str]], *, commented: bool = True
) -> tuple[str, ...]:
    """`main`, as `speakers` have it, with what the others add, and marks around what contradicts it.

    `commented` tells that marks are comments of Markdown; between `---` lines they are comments of YAML.
    """
    units = list(_units(main))
    merged_with: list[str] = list(speakers)
    for path, lines in others.items():
        units = _with_other(units, tuple(merged_with), list(_units(lines)), path)
        merged_with.append(path)
    rendered = [line for unit in units for line in _rendered(unit, commented)]
    return without_trailing_blanks(rendered)


def note(text: str, *, commented: bool = True) -> str:
    """A mark for a person, that does not show where the document is rendered."""
    safe = text.replace("--", "- -").replace(">", "&gt;").replace("\n", " ")
    return f"<!-- doc-sync: {safe} -->" if commented else f"# doc-sync: {safe}"


def without_trailing_blanks(lines: Sequence[str]) -> tuple[str, ...]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return tuple(lines[:end])


def _units(lines: Sequence[str]) -> Iterator[_Unit]:
    block: list[str] = []
    for line, kind in zip(lines, kinds_of(lines), strict=True):
        if kind is LineKind.TEXT:
            if block:
                yield _block(block)
                block = []
            yield _Unit(tuple(tokens_of(line)), (line,))
        else:
            block.append(line)
    if block:
        yield _block(block)


def _block(lines: list[str]) -> _Unit:
    closing = closing_fence(lines)
    whole = (*without_trailing_blanks(lines), closing) if closing else tuple(lines)
    return _Unit(tuple(tokens_of("\n".join(whole))), whole)


def _with_other(main: list[_Unit], speakers: tuple[str, ...], other: list[_Unit], path: str) -> list[_Unit]:
    if len(main) + len(other) > _MAX_UNITS:
        return [_conflict(main, speakers, other, path)]
    merged: list[_Unit] = []
    matcher = SequenceMatcher(None, [unit.key for unit in main], [unit.key for unit in other], autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        here, there = main[i1:i2], other[j1:j2]
        if tag in ("equal", "delete"):
            merged += here
        elif tag == "insert" or not any(unit.key for unit in here):
            merged += here + there
        elif not any(unit.key for unit in there):
            merged += here
        else:
            merged += _contradicting(here, speakers, there, path)
    return merged


def _contradicting(here: list[_Unit], speakers: tuple[str, ...], there: list[_Unit], path: str) -> list[_Unit]:
    known = next((i for i in range(len(here) - 1, -1, -1) if here[i].alternatives), None)
    if known is None:
        return [_conflict(here, speakers, there, path)]
    said = _lines(there)
    alternatives = list(here[known].alternatives)
    same = next((n for n, (_, lines) in enumerate(alternatives) if tokens_of("\n".join(lines)) == tokens_of("\n".join(said))), None)
    if same is None:
        alternatives.append(((path,), said))
    else:
        alternatives[same] = ((*alternatives[same][0], path), alternatives[same][1])
    return [*here[:known], _Unit(here[known].key, (), tuple(alternatives)), *here[known + 1 :]]


def _conflict(here: list[_Unit], speakers: tuple[str, ...], there: list[_Unit], path: str) -> _Unit:
    return _Unit(("conflict",), (), ((speakers, _lines(here)), ((path,), _lines(there))))


def _lines(units: Sequence[_Unit]) -> tuple[str, ...]:
    return without_trailing_blanks([line for unit in units for line in unit.lines])


def _rendered(unit: _Unit, commented: bool) -> Iterator[str]:
    if not unit.alternatives:
        yield from unit.lines
        return
    for number, (speakers, lines) in enumerate(unit.alternatives):
        says = f"{' and '.join(speakers)} {'say' if len(speakers) > 1 else 'says'}"
        yield note(f"conflict: {says}" if number == 0 else f"or, as {says}", commented=commented)
        yield from lines
    yield note("end of conflict; keep what is right and delete these marks", commented=commented)
