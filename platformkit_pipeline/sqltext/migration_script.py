"""The text of a migration as statements with their lines, whatever else stands between them.

Commands of psql (`\\restrict`, `\\connect`, rows of `COPY ... FROM stdin`) are told apart from syntax errors. A text that the
grammar refuses as a whole is read statement by statement, so that one stray word does not hide the rest.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from postgast import pg_query_pb2 as pg

from platformkit_pipeline.sqltext.parser import Node, SqlSyntaxError, kind, parse_script, unwrap
from platformkit_pipeline.sqltext.tokens import tokens_of

_LEADING = re.compile(rb"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_META = re.compile(r"^[ \t]*(?P<command>\\[a-z!?;.]+)[^\n]*", re.MULTILINE | re.IGNORECASE)
_COPY = re.compile(r"^[ \t]*copy\b[^;]*\bfrom\s+stdin\b[^;]*;[^\n]*\n(?P<rows>.*?)^\\\.[ \t]*$", re.MULTILINE | re.IGNORECASE | re.DOTALL)
_IGNORE = re.compile(r"\A(?:--)?\s*squawk-ignore(?:-file)?\b(?P<rules>[^\n]*)", re.IGNORECASE)
"""Only where a comment begins with it: a sentence that mentions the word switches nothing off."""


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    node: Node
    line: int
    start: int
    """Where its locations count from: the byte of the text that is the first of its chunk."""
    text: str


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class MetaCommand:
    """`command` with its backslash; `COPY` for rows that only psql can send."""

    line: int
    command: str


@dataclass(frozen=True, slots=True)
class Script:
    statements: tuple[ScriptStatement, ...]
    faults: tuple[SyntaxFault, ...]
    meta_commands: tuple[MetaCommand, ...]


def read_script(text: str) -> Script:
    """Statements, faults and psql commands of a text. Total: whatever the text is, each part of it is in one of the three."""
    plain, commands = _without_meta_commands(text)
    try:
        return Script(tuple(_statements(plain, 0, 0)), (), commands)
    except SqlSyntaxError as error:
        whole = error
    found: list[ScriptStatement] = []
    faults: list[SyntaxFault] = []
    for start, chunk in _chunks(plain):
        before = plain.count("\n", 0, start)
        try:
            found += _statements(chunk, before, len(plain[:start].encode()))
        except SqlSyntaxError as error:
            faults.append(SyntaxFault(before + _line_of(chunk, error), str(error)))
    # Each part may be fine where the whole is not: a BEGIN ATOMIC that was never closed.
    return Script(tuple(found), tuple(faults) or (SyntaxFault(_line_of(plain, whole), str(whole)),), commands)


def _statements(text: str, lines_before: int, bytes_before: int) -> Iterator[ScriptStatement]:
    data = text.encode()
    line, counted = lines_before + 1, 0
    for node, start, end in parse_script(text):
        match = _LEADING.match(data, start)
        first = match.end() if match else start
        line += data.count(b"\n", counted, first)
        counted = first
        yield ScriptStatement(node, line, bytes_before, data[first:end].decode(errors="replace"))


def _line_of(text: str, error: SqlSyntaxError) -> int:
    place = len(text) if error.position is None else error.position - 1
    return text.count("\n", 0, min(place, len(text.rstrip()))) + 1


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Parts between semicolons that stand outside of strings and comments, with where they begin."""
    start = 0
    for token in tokens_of(text):
        if token.kind == ";":
            yield start, text[start : token.end]
            start = token.end
    if text[start:].strip():
        yield start, text[start:]


def _without_meta_commands(text: str) -> tuple[str, tuple[MetaCommand, ...]]:
    """The text with blanks in the place of what only psql understands, so that lines and characters stay where they are."""
    if "\\" not in text:
        return text, ()
    found: list[MetaCommand] = []
    hidden = _quoted_spans(text)

    def blank(match: re.Match[str]) -> str:
        nearest = bisect_right(hidden, (match.start(), len(text))) - 1
        if nearest >= 0 and match.start() < hidden[nearest][1]:
            return match[0]
        command = match["command"] if "command" in match.re.groupindex else "COPY"
        found.append(MetaCommand(text.count("\n", 0, match.start()) + 1, command))
        return re.sub(r"[^\n]", " ", match[0])

    plain = _COPY.sub(blank, text)
    hidden = _quoted_spans(plain)
    plain = _META.sub(blank, plain)
    return plain, tuple(sorted(found, key=lambda m: m.line))


def _quoted_spans(text: str) -> list[tuple[int, int]]:
    return [(t.start, t.end) for t in tokens_of(text) if t.kind in ("string", "dollar", "comment") and t.end > t.start]


@dataclass(frozen=True, slots=True)
class Suppression:
    """An inline comment that would switch off rules of squawk."""

    line: int
    rules: tuple[str, ...]
    """Empty: all of them."""


def without_suppressions(text: str) -> tuple[str, tuple[Suppression, ...]]:
    """The text with blanks in the place of every `squawk-ignore` in a comment, and what those would have switched off."""
    if "squawk" not in text.lower():
        return text, ()
    parts: list[str] = []
    found: list[Suppression] = []
    done = 0
    for token in tokens_of(text):
        if token.kind != "comment":
            continue
        match = _IGNORE.match(token.text)
        if match is None:
            continue
        rules = re.split(r"[\s,:]+", match["rules"])
        found.append(Suppression(text.count("\n", 0, token.start) + 1, tuple(r for r in rules if r)))
        start = token.start + 2 if token.text.startswith("--") else token.start
        parts += (text[done:start], re.sub(r"[^\n]", " ", text[start : token.end]))
        done = token.end
    return "".join((*parts, text[done:])), tuple(found)


def runs_outside_a_transaction(script: Script) -> bool:
    """A file of CONCURRENTLY statements, of settings, and of indexes that are attached: whoever applies it must not wrap it."""
    nodes = [s.node for s in script.statements]
    concurrent = [_is_concurrent(node) for node in nodes]
    return any(concurrent) and all(c or _goes_along(node) for c, node in zip(concurrent, nodes, strict=True))


def _goes_along(node: Node) -> bool:
    """Settings, and ATTACH PARTITION of an index that was built before: it takes no time."""
    if kind(node) == "AlterTableStmt":
        return node.objtype == pg.OBJECT_INDEX and all(unwrap(c).subtype == pg.AT_AttachPartition for c in node.cmds)
    return kind(node) == "VariableSetStmt"


def _is_concurrent(node: Node) -> bool:
    match kind(node):
        case "IndexStmt" | "DropStmt":
            return bool(node.concurrent)
        case "ReindexStmt":
            return any(unwrap(option).defname == "concurrently" for option in node.params)
        case "AlterTableStmt":
            return any(getattr(unwrap(c), "def").partition_cmd.concurrent for c in node.cmds)
        case _:
            return False
