"""SQL and PL/pgSQL as tokens, for texts that need not parse: who is compared with which literal, and what is named by AS.

Nothing here knows what a secret is. Every walk over tokens is bounded, so that no text costs more than its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple


class Token(NamedTuple):
    """`start` and `end` enclose the text without its quotes."""

    kind: str
    """word, string, dollar (a string in dollar quotes), comment, or the operator itself."""
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"\s+|(?P<line>--[^\n]*)|(?P<block>/\*)|(?P<escaped>[eE]'(?P<e>[^'\\]*(?:(?:\\.|'')[^'\\]*)*)')|'(?P<string>[^']*(?:''[^']*)*)'"
    r"|(?P<dollar>\$(?:[^\W\d]\w*)?\$)|\"(?P<quoted>[^\"]*(?:\"\"[^\"]*)*)\"|(?P<word>[^\W\d][\w$]*)|(?P<number>\d[\w.]*)"
    r"|(?P<operator>:=|=>|::|<>|!=|\|\||.)",
    re.DOTALL,
)


def tokens_of(text: str) -> Iterator[Token]:
    """Tokens of SQL or PL/pgSQL. Total: what is opened and never closed reaches to the end."""
    position, size = 0, len(text)
    while position < size:
        match = _TOKEN.match(text, position)
        if match is None:  # cannot be: the last branch takes any character
            return
        position = match.end()
        group = match.lastgroup
        if group is None:
            continue
        if group == "block":
            end = text.find("*/", position)
            end = size if end < 0 else end
            yield Token("comment", text[position:end], position, end)
            position = min(end + 2, size)
        elif group == "dollar":
            end = text.find(match["dollar"], position)
            end = size if end < 0 else end
            yield Token("dollar", text[position:end], position, end)
            position = min(end + len(match["dollar"]), size)
        elif group == "escaped":
            yield Token("string", match["e"], *match.span("e"))
        elif group == "line":
            yield Token("comment", match["line"], *match.span())
        elif group == "operator":
            yield Token(match["operator"], match["operator"], *match.span())
        else:
            yield Token("word" if group == "quoted" else group, match[group], *match.span(group))


STRINGS = ("string", "dollar")
COMPARING = frozenset({"=", "<>", "!="})
_NAMING, _LISTING = 80, 400
"""Tokens that are looked at for the name on one side of a comparison, and for the literals on its other side."""
_BOUNDS = frozenset(
    {
        *("and", "or", "not", "when", "then", "else", "if", "elsif", "while", "where", "on", "using", "having", "select", "return"),
        *("check", "is", "in", "like", "ilike", "from", "group", "order", "limit", "union", "end", "loop", "begin", "into", "as"),
    }
)
"""Words that are no part of an operand, outside of parentheses."""
_OF_DIGESTS = frozenset(
    {
        *("md5", "sha224", "sha256", "sha384", "sha512", "digest", "crypt", "hmac", "hashtext", "hashtextextended", "length"),
        *("char_length", "octet_length", "bit_length", "count", "jsonb_typeof", "json_typeof", "pg_typeof", "to_regclass"),
    }
)
"""What these return tells nobody the value that they were given."""
_QUANTIFIERS = frozenset({"any", "all", "some"})


def compared(tokens: Sequence[Token], index: int, telling: Callable[[str], bool]) -> tuple[str, list[Token]] | None:
    """For the operator at `index` (`=`, `<>`, IN, IS DISTINCT FROM): the name of one side if it is `telling`, and the other's literals."""
    operator = tokens[index].text.lower()
    if operator in COMPARING:
        before = index
    elif operator == "in":
        before = index - 1 if _word(tokens, index - 1) == "not" else index
    elif operator == "from" and _word(tokens, index - 1) == "distinct":
        before = index - 1
        while _word(tokens, before - 1) in ("not", "is"):
            before -= 1
    else:
        return None
    start = _backward(tokens, before)
    name = _name(tokens, start, before)
    if name is not None:
        return (name, _literals(tokens, index + 1, _forward(tokens, index + 1, _LISTING))) if telling(name) else None
    name = _name(tokens, index + 1, _forward(tokens, index + 1, _NAMING))
    return (name, _literals(tokens, start, before)) if name is not None and telling(name) else None


def aliased(tokens: Sequence[Token], index: int) -> list[Token]:
    """Literals that an item of a SELECT list can have as its value, when `tokens[index]` is the alias of that item."""
    if _word(tokens, index - 1) != "as":
        # `select '...' api_key`: without AS only where nothing else can be meant
        end = _without_casts(tokens, max(0, index - _NAMING), index)
        follows = tokens[index + 1].text.lower() if index + 1 < len(tokens) else ";"
        plain = end > 0 and tokens[end - 1].kind in STRINGS and follows in (",", ";", ")", "from", "into", "where", "union", "limit")
        return [tokens[end - 1]] if plain and _before_value(tokens, end - 1) in ("select", ",", "distinct", "(") else []
    start = _start_of_item(tokens, index - 1)
    if _word(tokens, start - 2) == "cast" and tokens[start - 1].kind == "(":
        return []
    return _values(tokens, start, index - 1)


def past_casts(tokens: Sequence[Token], place: int) -> int:
    """Behind `::text`, `::character varying(20)`, `::text[]` at that place; the place itself when none stands there."""
    while place < len(tokens) and tokens[place].kind == "::":
        place += 3 if _word(tokens, place + 1) in ("character", "double") else 2
        while place < len(tokens) and tokens[place].kind in (".", "(", "["):
            place += 2 if tokens[place].kind != "(" else 3
    return place


def _word(tokens: Sequence[Token], place: int) -> str:
    return tokens[place].text.lower() if 0 <= place < len(tokens) and tokens[place].kind == "word" else ""


def _walk_back(tokens: Sequence[Token], end: int, stops_at: Callable[[int], bool]) -> int:
    """The place behind the last token before `end` at which `stops_at` holds or a parenthesis opens that is not closed."""
    depth, least = 0, max(0, end - _NAMING)
    for place in range(end - 1, least - 1, -1):
        kind = tokens[place].kind
        if kind in (")", "]"):
            depth += 1
        elif kind in ("(", "["):
            if depth == 0:
                return place + 1
            depth -= 1
        elif depth == 0 and stops_at(place):
            return place + 1
    return least


def _backward(tokens: Sequence[Token], end: int) -> int:
    """Where the operand begins that ends before `end`."""
    return _walk_back(tokens, end, lambda place: _ends_operand(tokens[place]))


def _forward(tokens: Sequence[Token], start: int, most: int) -> int:
    """Where the operand ends that begins at `start`."""
    depth, last = 0, min(len(tokens), start + most)
    for place in range(start, last):
        kind = tokens[place].kind
        if kind in ("(", "["):
            depth += 1
        elif kind in (")", "]"):
            if depth == 0:
                return place
            depth -= 1
        elif depth == 0 and _ends_operand(tokens[place]):
            return place
    return last


def _ends_operand(token: Token) -> bool:
    return token.kind in (",", ";", ":=") or token.kind in COMPARING or (token.kind == "word" and token.text.lower() in _BOUNDS)


def _opening(tokens: Sequence[Token], close: int, least: int) -> int:
    """The parenthesis that `tokens[close]` closes; -1 when it stands before `least`."""
    depth = 0
    for place in range(close, least - 1, -1):
        kind = tokens[place].kind
        if kind in (")", "]"):
            depth += 1
        elif kind in ("(", "["):
            depth -= 1
            if depth == 0:
                return place
    return -1


def _without_casts(tokens: Sequence[Token], start: int, end: int) -> int:
    """The end of an operand without `::text`, `COLLATE "C"` and, in a sub-select, `AS name` behind it."""
    depth = 0
    for place in range(end - 1, start, -1):
        kind, word = tokens[place].kind, _word(tokens, place)
        if kind in (")", "]"):
            depth += 1
        elif kind in ("(", "["):
            depth -= 1
            if depth < 0:
                return end
        elif depth == 0 and (kind == "::" or word in ("collate", "as")):
            end = place
        elif kind not in ("word", "number", ".", "::", ","):
            return end
    return end


def _bare(tokens: Sequence[Token], start: int, end: int) -> tuple[int, int]:
    """The operand without casts, and without parentheses and SELECT around it."""
    while start < end:
        end = _without_casts(tokens, start, end)
        if tokens[start].kind == "(" and tokens[end - 1].kind == ")" and _opening(tokens, end - 1, start) == start:
            start, end = start + 1, end - 1
        elif _word(tokens, start) == "select":
            start += 1
        else:
            break
    return start, end


def _name(tokens: Sequence[Token], start: int, end: int) -> str | None:
    """Under which name an operand's value is known: `t.api_key`, `x ->> 'x-api-key'`, `current_setting('app.api_key', true)`."""
    argument = False
    while True:
        start, end = _bare(tokens, start, end)
        if start >= end:
            return None
        last = tokens[end - 1]
        if last.kind == "word":
            return last.text
        if last.kind in STRINGS:
            of_path = end - 2 > start and tokens[end - 2].kind == ">"
            return last.text.strip("{}").rsplit(",", 1)[-1] if of_path or (argument and end - start == 1) else None
        if last.kind == "]":
            return tokens[end - 2].text if tokens[end - 2].kind in STRINGS else None
        opening = _opening(tokens, end - 1, start) if last.kind == ")" else -1
        function = _word(tokens, opening - 1) if opening > start else ""
        if not function or function in _OF_DIGESTS:
            return None
        start, end, argument = opening + 1, _first_of_list(tokens, opening + 1, end - 1), True


def _first_of_list(tokens: Sequence[Token], start: int, end: int) -> int:
    """Where the first item of a list ends."""
    depth = 0
    for place in range(start, end):
        kind = tokens[place].kind
        depth += (kind in ("(", "[")) - (kind in (")", "]"))
        if kind == "," and depth == 0:
            return place
    return end


def _literals(tokens: Sequence[Token], start: int, end: int) -> list[Token]:
    """`'a'::text`, `('a', 'b')`, `any (array['a'::text, 'b'])`: the literals, when the operand is nothing else."""
    if _word(tokens, start) in _QUANTIFIERS:
        start += 1
    start, end = _bare(tokens, start, end)
    if _word(tokens, start) == "array" and end - start > 2 and tokens[end - 1].kind == "]":
        start, end = start + 2, end - 1
    found: list[Token] = []
    while start < end:
        stop = _first_of_list(tokens, start, end)
        first, last = _bare(tokens, start, stop)
        if last - first == 1 and tokens[first].kind in STRINGS:
            found.append(tokens[first])
        start = stop + 1
    return found


def _start_of_item(tokens: Sequence[Token], end: int) -> int:
    """Where the item of a list, or of what a keyword begins, starts that ends before `end`."""
    keywords = ("select", "returning", "distinct", "from", "join")
    return _walk_back(tokens, end, lambda place: tokens[place].kind in (",", ";") or _word(tokens, place) in keywords)


_CHOOSING = frozenset({"coalesce", "nullif", "concat", "greatest", "least", "then", "else", "select", "distinct"})
"""Words before a parenthesis behind which the value of the whole is still to be found."""
_BEFORE_VALUE = frozenset({"", "(", ",", "|", "||", "then", "else", "select", "distinct", "returning"})
_AFTER_VALUE = frozenset({"", ")", ",", "||", "when", "else", "end", "from", "where", "limit"})


def _before_value(tokens: Sequence[Token], place: int) -> str:
    return tokens[place - 1].text.lower() if place > 0 else ""


def _values(tokens: Sequence[Token], start: int, end: int) -> list[Token]:
    """Literals in `tokens[start:end]` that the whole can be: alone, a branch of CASE, an argument of coalesce, a part of `||`."""
    found: list[Token] = []
    transparent: list[bool] = []
    for place in range(start, end):
        token = tokens[place]
        if token.kind in ("(", "["):
            word = _word(tokens, place - 1) if place > start else ""
            transparent.append(token.kind == "(" and (not word or word in _CHOOSING))
        elif token.kind in (")", "]"):
            if transparent:
                transparent.pop()
        elif token.kind in STRINGS and all(transparent):
            after = past_casts(tokens, place + 1)
            before = _before_value(tokens, place) if place > start else ""
            if before in _BEFORE_VALUE and (tokens[after].text.lower() if after < end else "") in _AFTER_VALUE:
                found.append(token)
    return found
